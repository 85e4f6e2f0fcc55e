"""Logs: events, fields, and everything that must not be in them."""

import json
import logging
import subprocess
import sys

from datafetch.cli.console import ConsoleFormatter
from datafetch.logs import EventLogger, JsonFormatter, bound_logger
from tests.processes import ROOT


def _record(**extra: object) -> logging.LogRecord:
    logger = EventLogger(logging.getLogger("datafetch.t"), {"job": "bookmarks", "runId": "r1"})
    _, kwargs = logger.process("page_read", {"extra": extra})
    record = logging.LogRecord("datafetch", logging.INFO, "f", 1, "page_read", (), None)
    fields = kwargs["extra"]
    assert isinstance(fields, dict)
    vars(record).update(fields)
    return record


def test_a_json_line_has_the_event_and_its_fields():
    """One JSON line per event with run id and job; fields of the call are added to the bound ones."""
    line = json.loads(JsonFormatter().format(_record(url="https://a.example/?token=x", count=3)))
    assert line["event"] == "page_read"
    assert (line["job"], line["runId"], line["count"]) == ("bookmarks", "r1", 3)
    assert line["url"] == "https://a.example/"
    assert line["level"] == "info"
    assert line["time"].endswith("Z")


def test_a_json_line_has_no_raw_control_character():
    """What steers terminals beyond ASCII is escaped; letters stay, and readers get what there was."""
    evil = "Zoë \x9b2J \u202e \u2028 \x7f"
    line = JsonFormatter().format(_record(title=evil))
    assert line.isprintable()
    assert "Zoë" in line
    assert json.loads(line)["title"] == evil


def test_nested_fields_are_redacted_too():
    """A secret inside a list or mapping is found as well."""
    line = json.loads(JsonFormatter().format(_record(urls=[{"u": "https://a.example/p?x=1"}])))
    assert line["urls"] == [{"u": "https://a.example/p"}]


def test_a_traceback_is_redacted():
    """An unexpected error's traceback shows no query string."""
    record = _record()
    try:
        int("https://a.example/p?token=abcdef")
    except ValueError:
        record.exc_info = sys.exc_info()
    for text in (JsonFormatter().format(record), ConsoleFormatter().format(record)):
        assert "ValueError" in text
        assert "abcdef" not in text


UNSHOWABLE = """
import logging
from datafetch.cli.console import configure_logging
from datafetch.logs import bound_logger

class Unshowable:
    def __str__(self):
        raise RuntimeError("a bug")

configure_logging("json", 0)
bound_logger().info("lost", extra={"value": Unshowable()})
try:
    raise ValueError("seen")
except ValueError:
    bound_logger().exception("unexpected_error")
"""


def test_a_line_that_cannot_be_written_is_no_traceback():
    """A line of the log that could not be made was "--- Logging error ---" and a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", UNSHOWABLE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["unexpected_error"]


def test_bound_loggers_share_one_name():
    """All records go through one logger, so that one setting rules them."""
    assert bound_logger(job="x").logger.name == "datafetch"
