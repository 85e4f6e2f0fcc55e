"""`datafetch status` as a process: exit codes, its document, and what it says while things go wrong."""

import json
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bookmarks.world import link
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake
from tests.processes import clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}


@dataclass(frozen=True)
class SilentServer:
    """A server that takes connections and never answers."""

    listener: socket.socket

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    @contextmanager
    def next_caller(self) -> Iterator[None]:
        """Wait until somebody calls; the block keeps the connection open."""
        caller, _ = self.listener.accept()
        with caller:
            yield


@pytest.fixture
def silent_server() -> Iterator[SilentServer]:
    """A server of that kind."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.settimeout(60)
        yield SilentServer(listener)


def told(folder: Path, **variables: str) -> dict[str, Any]:
    """The document of `status --json`."""
    done = datafetch("status", "--json", cwd=folder, **{**STORE, **variables})
    found = json.loads(done.out)
    assert isinstance(found, dict)
    assert (done.code, done.err) == (0 if found["status"] == "ok" else 1, "")
    return found


def job_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    """One job of the document."""
    return next(job for job in document["jobs"] if job["job"] == name)


def test_nothing_ever_ran(tmp_path):
    """A store without any object is told of, and the exit code is 1: silence is a fault."""
    done = datafetch("status", cwd=tmp_path, **STORE)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("logos: stale, no run of it is known; cron's log has the rest")
    assert "not configured here, so neither due nor stale: bookmarks, github" in done.out
    assert done.out.endswith("type datafetch run-due\n     datafetch doctor\n")


def test_a_run_makes_it_good_and_looking_writes_nothing(tmp_path):
    """Exit 0 after a run; no file of the store is touched."""
    assert datafetch("logos", "--quiet", cwd=tmp_path, **STORE).code == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    done = datafetch("status", cwd=tmp_path, **STORE)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("logos is fresh; next run at ")
    assert told(tmp_path)["status"] == "ok"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_quiet_speaks_only_of_what_is_wrong(tmp_path):
    """A cron mails when there is something to be read."""
    assert datafetch("status", "--quiet", cwd=tmp_path, **STORE).out.startswith("logos: stale")
    assert datafetch("logos", "--quiet", cwd=tmp_path, **STORE).code == 0
    done = datafetch("status", "--quiet", cwd=tmp_path, **STORE)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_failing_job_is_told_with_what_to_type(tmp_path, silent_server):
    """The error, since when, how often; and that a job without settings is left out."""
    settings = {
        "BOOKMARKS_API_URL": "http://127.0.0.1:9",
        "BOOKMARKS_LIST_ID": "list",
        "BOOKMARK_BEARER_TOKEN": "hunter2hunter2",
    }
    for _ in range(2):
        done = datafetch(
            "bookmarks", cwd=tmp_path, DATAFETCH_RETRY_MAX_SECONDS="0", **settings, **STORE
        )
        assert done.code == 1
    found = job_of(told(tmp_path, **settings), "bookmarks")
    assert (found["status"], found["isFailing"], found["failures"]) == ("failing", True, 2)
    assert found["failingSince"] <= found["lastRun"]["startedAt"]
    done = datafetch("status", cwd=tmp_path, **settings, **STORE)
    assert done.code == 1
    assert done.out.startswith("bookmarks: failing since ")
    assert ", 2 runs; never a good one; also logos is stale\n" in done.out
    assert "datafetch history bookmarks\n" in done.out
    assert "hunter2" not in done.out


def test_a_job_on_pause_is_not_stale(tmp_path):
    """It is shown as such, with what ends it."""
    datafetch("pause", "logos", "--reason", "a move", cwd=tmp_path, **STORE)
    done = datafetch("status", cwd=tmp_path, **STORE)
    assert done.code == 0
    assert done.out.startswith("Nothing is wrong, and no job is scheduled; on pause: logos\n")
    assert "on pause until it is resumed: a move\n" in done.out
    assert done.out.endswith("type datafetch resume logos\n")
    assert job_of(told(tmp_path), "logos")["pause"] == {"until": None, "reason": "a move"}


def killed_run(folder: Path, server: SilentServer, how: int) -> int:
    """Starts a bookmark run against a server that says nothing, and ends it so; its process.

    When it asks the server, it has written that it runs.
    """
    process = subprocess.Popen(
        command_line("bookmarks"),
        cwd=folder,
        env=clean_environment(**settings_at(server), **STORE),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with server.next_caller():
        process.send_signal(how)
        process.wait()
    return process.pid


def settings_at(server: SilentServer) -> dict[str, str]:
    """The settings of the bookmark job."""
    return {
        "BOOKMARKS_API_URL": server.url,
        "BOOKMARKS_LIST_ID": "list",
        "BOOKMARK_BEARER_TOKEN": "hunter2hunter2",
    }


def test_a_killed_run_is_shown_as_dead_and_then_stands_in_the_history(tmp_path, silent_server):
    """`running` does not stand for ever (FAILURES 6): status sees it, the next run writes it down."""
    datafetch("pause", "logos", cwd=tmp_path, **STORE)
    pid = killed_run(tmp_path, silent_server, signal.SIGKILL)
    settings = settings_at(silent_server)
    found = job_of(told(tmp_path, **settings), "bookmarks")
    assert (found["status"], found["diedRun"] is not None) == ("failing", True)
    assert (found["lock"]["pid"], found["lock"]["isDead"]) == (pid, True)
    text = datafetch("status", cwd=tmp_path, **settings, **STORE).out
    assert f"ended without notice: process {pid} on " in text
    assert "which is dead" in text
    done = datafetch("bookmarks", "--timeout", "1", cwd=tmp_path, **settings, **STORE)
    assert done.code == 1
    runs = datafetch("history", "bookmarks", "--json", cwd=tmp_path, **STORE).results
    assert [run["status"] for run in runs] == ["cancelled", "failed"]
    assert "ended without notice" in runs[1]["error"]
    assert (runs[1]["pid"], runs[1]["runId"]) == (pid, found["diedRun"])
    assert (runs[0]["exitCode"], runs[0]["success"]) == (1, False)
    assert job_of(told(tmp_path, **settings), "bookmarks")["failures"] == 2


def test_a_run_that_a_signal_ended_is_not_failing(tmp_path, silent_server):
    """Somebody stopped it; it has its entry."""
    killed_run(tmp_path, silent_server, signal.SIGTERM)
    (run,) = datafetch("history", "--json", cwd=tmp_path, **STORE).results
    assert (run["status"], run["exitCode"]) == ("cancelled", 143)
    found = job_of(told(tmp_path, **settings_at(silent_server)), "bookmarks")
    assert (found["isFailing"], found["lock"]) == (False, None)


def test_the_age_of_the_data_moves_with_each_good_look(tmp_path):
    """A run that changes nothing has fetched all the same (FAILURES 50); one that fails has not."""
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        settings = {
            "BOOKMARKS_API_URL": server.url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
            "DATAFETCH_ALLOW_HOSTS": "127.0.0.1",
        }
        ages = []
        for status in ("succeeded", "unchanged", "failed"):
            if status == "failed":
                settings["BOOKMARK_BEARER_TOKEN"] = "another-token"
            (run,) = datafetch("bookmarks", "--json", cwd=tmp_path, **settings, **STORE).results
            assert run["status"] == status
            found = job_of(told(tmp_path, **settings), "bookmarks")
            assert found["lastRun"]["status"] == status
            ages.append(found["dataFrom"])
    assert ages[0] < ages[1] == ages[2]
    assert found["lastSuccessAt"] >= ages[1]


def test_a_store_that_cannot_be_reached_is_one_sentence(tmp_path, s3_fake):
    """Exit 1, and a document with the error for programs."""
    s3: S3Fake = s3_fake
    place = {**s3.environment, "S3_SERVER_URL": "http://127.0.0.1:9", "DATAFETCH_ENV": "test"}
    done = datafetch("status", cwd=tmp_path, **place)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("datafetch: ")
    assert "Traceback" not in done.err
    done = datafetch("status", "--json", cwd=tmp_path, **place)
    found = json.loads(done.out)
    assert (done.code, found["status"], found["jobs"]) == (1, "unknown", [])
    assert found["error"]


def test_a_store_that_hangs_is_given_up(tmp_path, s3_fake, silent_server):
    """Who looks waits for some seconds, not for minutes."""
    s3: S3Fake = s3_fake
    place = {**s3.environment, "S3_SERVER_URL": silent_server.url, "DATAFETCH_ENV": "test"}
    done = datafetch("status", "--json", cwd=tmp_path, **place)
    assert (done.code, json.loads(done.out)["status"]) == (1, "unknown")


def test_a_bucket_is_only_read(tmp_path, s3_fake):
    """No object is put, whatever is found; a lock's age goes by the server's clock."""
    s3: S3Fake = s3_fake
    place = {**s3.environment, "DATAFETCH_ENV": "test"}
    assert datafetch("logos", "--quiet", cwd=tmp_path, **place).code == 0
    before = s3.etags("")
    found = told(tmp_path, **place, DATAFETCH_STORE="")
    assert (found["status"], job_of(found, "logos")["status"]) == ("ok", "fresh")
    assert s3.etags("") == before


def test_wrong_settings_are_told_to_programs_too(tmp_path):
    """78, with the document that every program expects."""
    done = datafetch("status", "--json", cwd=tmp_path, S3_BOOKMARKS_CRON="never", **STORE)
    assert (done.code, json.loads(done.out)["status"]) == (78, "unknown")
    assert "S3_BOOKMARKS_CRON" in done.err


@pytest.mark.parametrize("value", ["0", "0.5", "3601", "soon"])
def test_a_watch_that_is_too_fast_is_refused(tmp_path, value):
    """The store is not hammered."""
    done = datafetch("status", "--watch", value, cwd=tmp_path, **STORE)
    assert done.code == 2
    assert "is no time between two looks" in done.err


def test_watching_in_a_pipe_prints_again_and_again(tmp_path):
    """Each look below an empty line, until Ctrl-C: 130."""
    process = subprocess.Popen(
        command_line("status", "--watch", "1"),
        cwd=tmp_path,
        env=clean_environment(**STORE),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while sum(line.startswith("logos: stale") for line in lines) < 2:
        lines.append(process.stdout.readline())
        assert lines[-1]
    assert lines[lines.index(lines[0], 1) - 1] == "\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "")


def test_watching_on_a_terminal_has_a_screen_of_its_own(tmp_path):
    """It is drawn in place, and gone after Ctrl-C."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line("status", "--watch"),
        cwd=tmp_path,
        env=clean_environment(TERM="xterm-256color", COLUMNS="80", LINES="40", **STORE),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    raw = b""
    while b"Ctrl-C ends it" not in raw:
        raw += os.read(ours, 65_536)
    process.send_signal(signal.SIGINT)
    try:
        while piece := os.read(ours, 65_536):
            raw += piece
    except OSError:  # EIO: nobody has the terminal open any more
        pass
    os.close(ours)
    assert process.wait() == 130
    text = raw.decode()
    assert "logos: stale, no run of it is known" in text
    assert "again each 5 s; Ctrl-C ends it" in text
    assert text.index("\x1b[?1049h") < text.index("\x1b[?1049l")
    assert "Traceback" not in text
