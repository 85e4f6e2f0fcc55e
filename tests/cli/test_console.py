"""The log's lines for people, and what a quiet run keeps back."""

import logging
import re
import sys

import pytest

from datafetch.cli.console import ConsoleFormatter, KeptBack


def record(event: str, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    """A record of the moment 2026-11-26 15:32:34 UTC."""
    made = logging.makeLogRecord({"msg": event, "levelno": level, **fields})
    made.levelname = logging.getLevelName(level)
    made.created = 1_795_707_154.9
    return made


def test_a_line_is_time_job_level_and_sentence():
    """A warning is a sentence of its job, with one form of time and no ids of machines."""
    line = ConsoleFormatter().format(
        record("breaker_opened", logging.WARNING, job="logos", runId="r1", host="h", failures=3)
    )
    assert line == (
        "2026-11-26 15:32:34Z logos: warning: h failed 3 times in a row and is left alone for a while"
    )
    line = ConsoleFormatter().format(
        record("run_started", job="logos", runId="r1", environment="test", store="s3://b", pid=7)
    )
    assert line == "2026-11-26 15:32:34Z logos: started"


def test_verbose_adds_the_event_and_every_field():
    """With `-v` the event's name can be looked for, and nothing that JSON lines have is missing."""
    formatter = ConsoleFormatter(verbose=True)
    line = formatter.format(record("run_started", job="logos", runId="r1", store="s3://b"))
    assert line.endswith("started  [run_started runId=r1 store=s3://b]")
    line = formatter.format(record("merge_put_off", job="opengraph", runId="r1", reason="x", n=1))
    assert line.endswith("[merge_put_off n=1]")
    about = {"method": "GET", "host": "h", "path": "/p", "status": 200, "ms": 132}
    assert formatter.format(record("request", logging.DEBUG, **about)) == (
        "2026-11-26 15:32:34Z GET h/p 200 132 ms"
    )


def test_lines_are_continued_at_words():
    """A line longer than the terminal goes on below, indented; addresses stay whole, to be copied."""
    address = "https://a.example/" + "long-" * 20
    event = record("logo_failed", logging.WARNING, domain="a.example", error=f"at {address} no way")
    lines = ConsoleFormatter(width=80).format(event).splitlines()
    assert len(lines) > 1
    assert f"    {address}" in lines
    assert all(line.startswith("    ") for line in lines[1:])
    assert "\n" not in ConsoleFormatter().format(event)


def test_colours_are_for_time_and_level_only():
    """The words are the same with colours and without."""
    event = record("logo_failed", logging.ERROR, job="logos", domain="error: h", error="x")
    coloured = ConsoleFormatter(colours=True).format(event)
    assert coloured.startswith(
        "\x1b[2m2026-11-26 15:32:34Z\x1b[0m logos: \x1b[31merror:\x1b[0m error"
    )
    assert re.sub(r"\x1b\[\d+m", "", coloured) == ConsoleFormatter().format(event)


def raise_error(text: str) -> None:
    """Fail as a library does, with the words of others."""
    raise ValueError(text)


def test_foreign_text_steers_no_terminal():
    """Commands, C1 and turned text in fields and tracebacks are seen as escapes."""
    try:
        raise_error("a\x9b2J\u202eb\x1b[2J")
    except ValueError:
        event = record(
            "logo_failed", domain="a\nb\x1b[2J", error="\x85\u2028", exc_info=sys.exc_info()
        )
    text = ConsoleFormatter(verbose=True).format(event)
    assert all(line.isprintable() for line in text.split("\n"))
    assert r"a\nb\x1b[2J: \x85\u2028" in text
    assert r"ValueError: a\x9b2J\u202eb\x1b[2J" in text


class Lines(logging.Handler):
    """What was written."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.events.append(record.getMessage())


@pytest.fixture
def lines() -> Lines:
    """Where kept warnings go."""
    return Lines()


@pytest.mark.parametrize(("show", "seen"), [(True, ["a", "b"]), (False, [])])
def test_warnings_wait_for_how_the_run_ends(lines, show, seen):
    """Nobody is told of warnings of a run that ended well, everybody of those before a failure."""
    kept = KeptBack(lines)
    for event in ("a", "b"):
        kept.handle(record(event, logging.WARNING))
    assert lines.events == []
    kept.end(show=show)
    kept.end(show=True)
    assert lines.events == seen


def test_an_error_is_written_at_once_after_what_led_to_it(lines):
    """A process that dies after an error has told of it."""
    kept = KeptBack(lines)
    kept.handle(record("before", logging.WARNING))
    kept.handle(record("wrong", logging.ERROR))
    assert lines.events == ["before", "wrong"]


def test_of_very_many_warnings_the_newest_are_kept(lines):
    """A run with a warning for each of a million items does not fill the memory, and says so."""
    kept = KeptBack(lines)
    for number in range(1_005):
        kept.handle(record(str(number), logging.WARNING))
    kept.end(show=True)
    assert lines.events[:2] == ["warnings_left_out", "5"]
    assert len(lines.events) == 1_001


def test_a_line_end_in_an_error_forges_no_line_of_the_log():
    """The message of an error, in a traceback, is others' words: none of its lines begins where ours do."""
    try:
        raise_error("sorry\n2026-11-26 forged\r\u20282026-11-26 forged\x852026-11-26 forged")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    event = record("unexpected_error", logging.ERROR, exc_info=caught, exc_text=None)
    first, *others = ConsoleFormatter(verbose=True).format(event).split("\n")
    assert "ValueError: sorry 2026-11-26 forged" in first
    assert any("2026-11-26 forged" in line for line in others)
    assert all(line.startswith("    ") and line.isprintable() for line in others)
