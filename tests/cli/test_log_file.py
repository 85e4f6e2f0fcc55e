"""`--log-file`: the whole log in a file, also of a run that prints nothing."""

import logging
import os

import pytest

from datafetch.cli.console import _LogFile
from tests.processes import datafetch


def test_a_quiet_run_leaves_its_log_in_the_file(tmp_path):
    """Cron has nothing to mail, and what the run did can be read; the next run adds to it."""
    arguments = ("logos", "--quiet", "--log-format", "console", "--log-file", "datafetch.log")
    done = datafetch(*arguments, cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    first = (tmp_path / "datafetch.log").read_text()
    assert " logos: started  [" in first
    assert "no domains are known" in first
    assert datafetch(*arguments, cwd=tmp_path).code == 0
    assert (tmp_path / "datafetch.log").read_text().startswith(first)
    assert (tmp_path / "datafetch.log").read_text().count(" logos: started  [") == 2


def test_the_log_is_shown_as_well(tmp_path):
    """Without --quiet the file and stderr have the same events."""
    done = datafetch("logos", "--log-format", "json", "--log-file", "x.log", cwd=tmp_path)
    assert done.err == (tmp_path / "x.log").read_text()


@pytest.mark.parametrize("path", ["no/such/folder.log", "."])
def test_a_file_that_cannot_be_is_wrong_usage(tmp_path, path):
    """It is said at once, and nothing runs."""
    done = datafetch("logos", "--log-file", path, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "--log-file" in done.err
    assert [file for file in tmp_path.iterdir() if file.name != "runtime"] == []


def test_a_pipe_that_nobody_reads_is_wrong_usage(tmp_path):
    """The command does not wait for a reader, for ever and before any limit of time holds."""
    os.mkfifo(tmp_path / "pipe")
    done = datafetch("logos", "--log-file", "pipe", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "pipe cannot be written: No such device or address" in done.err


def test_a_log_that_is_moved_away_begins_anew(tmp_path):
    """Logrotate moves the file of a run that goes on; what comes later stands under the old name."""
    handler = _LogFile(tmp_path / "a.log", encoding="utf-8")
    record = logging.makeLogRecord({"msg": "first"})
    handler.emit(record)
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    record.msg = "second"
    handler.emit(record)
    handler.close()
    assert (tmp_path / "a.log.1").read_text() == "first\n"
    assert (tmp_path / "a.log").read_text() == "second\n"


def test_a_log_that_cannot_begin_anew_goes_on_where_it_was(tmp_path):
    """A file that is moved out of a folder in which none can be made costs neither lines nor the run."""
    (tmp_path / "logs").mkdir()
    handler = _LogFile(tmp_path / "logs" / "a.log", encoding="utf-8")
    record = logging.makeLogRecord({"msg": "first"})
    handler.emit(record)
    (tmp_path / "logs").rename(tmp_path / "moved")
    for record.msg in ("second", "third"):
        handler.emit(record)
    (tmp_path / "logs").mkdir()
    record.msg = "fourth"
    handler.emit(record)
    handler.close()
    assert (tmp_path / "moved" / "a.log").read_text() == "first\nsecond\nthird\n"
    assert (tmp_path / "logs" / "a.log").read_text() == "fourth\n"
