"""What the log says of a run: events have names that alerts rely on."""

import logging

import pytest

from datafetch.errors import LeaseHeld, LeaseHolder
from datafetch.logs import bound_logger
from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.ops.run_log import RunLog

HOLDER = LeaseHolder("web-1", 7, "run-0", 1_795_507_200.0, 1_795_507_500.0)


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="datafetch")


def _result(code: int = 0, **fields: object) -> RunResult:
    return RunResult(Operation.LOGOS, RunStatus.FAILED, "run-1", exit_code=code, **fields)  # type: ignore[arg-type]


def test_a_run_begins_and_ends_in_the_log(caplog):
    """Each note has a line of its own, the result is one line, and its level is that of its code."""
    log = RunLog(bound_logger(), dry_run=False)
    log.started(environment="test", store="s3://b")
    log.finished(_result(1, notes=("one", "two"), error="down", hint="Wait."))
    names = [(record.message, record.levelname) for record in caplog.records]
    assert names == [
        ("run_started", "INFO"),
        ("run_note", "INFO"),
        ("run_note", "INFO"),
        ("run_finished", "ERROR"),
    ]
    first, *_, last = (vars(record) for record in caplog.records)
    assert (first["environment"], first["store"]) == ("test", "s3://b")
    assert (last["error"], last["hint"]) == ("down", "Wait.")
    assert "dryRun" not in first
    assert "dryRun" not in last


def test_a_dry_run_is_told_from_others(caplog):
    """Whoever counts runs in a log can leave out those that did nothing."""
    log = RunLog(bound_logger(), dry_run=True)
    log.started(environment="test", store="s3://b")
    log.finished(_result(dry_run=True))
    assert [vars(record)["dryRun"] for record in caplog.records] == [True, True]


def test_a_run_that_was_locked_out_is_one_line(caplog):
    """Who holds the lock, since when and until when at most, as fields that programs read."""
    log = RunLog(bound_logger(), dry_run=False)
    log.locked(LeaseHeld("held", hint="Wait.", holder=HOLDER))
    log.finished(_result(75))
    (line,) = caplog.records
    assert (line.message, line.levelname) == ("locked", "WARNING")
    fields = vars(line)
    assert (fields["host"], fields["pid"], fields["holder"]) == ("web-1", 7, "run-0")
    assert fields["since"] == "2026-11-24T08:00:00.000Z"
    assert fields["until"] == "2026-11-24T08:05:00.000Z"
    assert (fields["error"], fields["hint"]) == ("held", "Wait.")


def test_a_lock_of_which_little_is_known_is_told_all_the_same(caplog):
    """Without a holder, or an end, the line has no such fields."""
    log = RunLog(bound_logger(), dry_run=False)
    log.locked(LeaseHeld("held"))
    log.locked(LeaseHeld("held", holder=LeaseHolder("web-1", 7, "run-0", 1.0, None)))
    bare, endless = (vars(record) for record in caplog.records)
    assert "host" not in bare
    assert "run it again" in bare["hint"]
    assert (endless["host"], "until" in endless) == ("web-1", False)


def test_a_warning_of_what_is_in_the_notes_is_one_line(caplog):
    """A wrong clock was told twice in each log: by its warning, and by the note of the result."""
    log = RunLog(bound_logger(), dry_run=False)
    log.warn_of("clock_skew", "the clock is wrong", host="s3.example.com")
    log.finished(_result(notes=("the clock is wrong", "other")))
    names = [record.message for record in caplog.records]
    assert names == ["clock_skew", "run_note", "run_finished"]
    first = caplog.records[0]
    assert (first.levelname, vars(first)["note"]) == ("WARNING", "the clock is wrong")
    assert vars(first)["host"] == "s3.example.com"
