"""Past runs as they are read from any version's entries, folded, filtered and drawn."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.history import FailedRunItem, RunPlace, history_entry
from datafetch.ops.past_runs import (
    BARS,
    PLAIN_BARS,
    chosen,
    read_run,
    read_runs,
    sparkline,
    streaks,
    with_id,
)
from tests.ops.overviews import run

JOB = JobName.BOOKMARKS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=10,
)
FIELDS: tuple[str, ...] = (
    "runId",
    "status",
    "timestamp",
    "startedAt",
    "duration",
    "itemsProcessed",
    "error",
)
FIELDS += ("notes", "failedItems", "upstreams", "host", "pid", "exitCode", "success")


def test_what_is_stored_is_read_again():
    """An entry of this version loses nothing that is shown."""
    result = RunResult(
        Operation.LOGOS,
        RunStatus.PARTIAL,
        "run-1",
        items_processed=9,
        items_changed=3,
        items_skipped=2,
        items_failed=1,
        duration_s=1.5,
        change_detected=True,
        last_fetched_at=4,
        error="1 of 9 items failed",
        notes=("a note",),
        upstreams={"google": {"requests": 9, "bytes": 100}},
    )
    failed = [FailedRunItem("a.example", "404")]
    entry = history_entry(result, JobName.LOGOS, 7, began=RunPlace(5, "web1", 17), failed=failed)
    read = read_run(json.loads(json.dumps(entry)), JobName.LOGOS)
    assert read is not None
    told = read.to_json()
    assert {name: told[name] for name in entry} == entry
    assert (told["job"], read.is_success, read.is_failure) == ("logos", True, False)


@given(VALUES | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, VALUES)))
def test_no_entry_breaks_the_reading(entry):
    """Whatever other versions or hands have written, an entry is read or left out."""
    read = read_run(entry, JOB)
    assert read is None or json.loads(json.dumps(read.to_json()))["runId"]


@pytest.mark.parametrize(
    "entry",
    [
        *("text", None, [], {}),
        {"runId": "x", "status": "failed"},
        {"runId": "x", "status": "exploded", "timestamp": 5},
        {"runId": "", "status": "failed", "timestamp": 5},
        {"runId": "x", "status": "failed", "timestamp": 10**30},
    ],
)
def test_an_entry_that_tells_of_no_run_is_left_out(entry):
    """Without an id, a status and a time that can be told there is nothing to show."""
    assert read_run(entry, JOB) is None


def test_wrong_fields_count_as_not_there():
    """A run is shown with what can be read of it."""
    entry = {
        "runId": "x",
        "status": "failed",
        "timestamp": 5,
        "duration": "long",
        "notes": [1, "a"],
    }
    read = read_run({**entry, "upstreams": {"a": 3}, "failedItems": [{"item": 4}]}, JOB)
    assert read is not None
    assert (read.duration_s, read.notes, read.upstreams, read.failed_items) == (0.0, ("a",), {}, ())


def test_runs_are_shown_the_newest_first():
    """Whatever order they are stored in."""
    entries = [{"runId": f"r{at}", "status": "failed", "timestamp": at} for at in (5, 9, 7)]
    assert [one.run_id for one in read_runs([*entries, "old"], JOB)] == ["r9", "r7", "r5"]


@pytest.mark.parametrize(
    ("status", "code", "error", "fails", "signalled"),
    [
        (RunStatus.FAILED, 1, "", True, False),
        (RunStatus.CANCELLED, 143, "stopped by SIGTERM", False, True),
        (RunStatus.CANCELLED, 1, "stopped after 3600 s", True, False),
        (RunStatus.CANCELLED, None, "stopped by SIGTERM", False, True),
        (RunStatus.CANCELLED, None, "stopped after 3600 s", True, False),
        (RunStatus.PARTIAL, 0, "", False, False),
    ],
)
def test_a_signal_alone_is_no_failure(status, code, error, fails, signalled):
    """A time limit is one; entries of earlier versions are told apart by their error."""
    known = run(status=status, exit_code=code, error=error)
    assert (known.is_failure, known.by_signal) == (fails, signalled)


def test_filters_choose():
    """By status and by the time of the end."""
    runs = [
        run(hours_ago=hours, status=status)
        for hours, status in (
            (1, RunStatus.FAILED),
            (2, RunStatus.SUCCEEDED),
            (3, RunStatus.FAILED),
        )
    ]
    assert chosen(runs) == runs
    assert chosen(runs, statuses=[RunStatus.FAILED]) == [runs[0], runs[2]]
    assert chosen(runs, since_ms=runs[1].ended_at) == runs[:2]


def test_a_run_is_found_by_the_beginning_of_its_id_or_of_its_last_part():
    """What `history` shows of an id is enough; a whole id means one run only."""
    first, second = run(run_id="20261124T080000Z-1a2b3c4d"), run(run_id="20261124T080000Z-1a2b")
    assert with_id([first, second], "1a2b3c") == [first]
    assert with_id([first, second], "20261124T08") == [first, second]
    assert with_id([first, second], second.run_id) == [second]
    assert with_id([first, second], "ffff") == []


def test_runs_that_tell_nothing_new_are_one():
    """40 runs without changes between two that changed something are one line of the table."""
    same = [run(hours_ago=hours, status=RunStatus.UNCHANGED) for hours in range(2, 42)]
    runs = [run(hours_ago=1), *same, run(hours_ago=50)]
    found = streaks(runs)
    assert [(one.newest, one.oldest, one.count) for one in found] == [
        (runs[0], runs[0], 1),
        (same[0], same[-1], 40),
        (runs[-1], runs[-1], 1),
    ]


def test_failures_of_one_kind_are_one():
    """Another error, or a failed item among runs without changes, stands apart."""
    down = [run(hours_ago=h, status=RunStatus.FAILED, error="down") for h in (1, 2, 3)]
    full = [run(hours_ago=h, status=RunStatus.FAILED, error="disk full") for h in (4, 5)]
    assert [one.count for one in streaks([*down, *full])] == [3, 1, 1]
    quiet = [run(hours_ago=h, status=RunStatus.UNCHANGED) for h in (1, 2, 3)]
    spoiled = [run(hours_ago=h, status=RunStatus.UNCHANGED, failed=1) for h in (4, 5, 6)]
    assert [one.count for one in streaks([*quiet, *spoiled])] == [3, 1, 1, 1]


@given(st.lists(st.sampled_from([RunStatus.UNCHANGED, RunStatus.FAILED, RunStatus.SUCCEEDED])))
def test_no_run_is_lost_in_folding(statuses):
    """The lines together stand for all runs, in their order."""
    runs = [run(hours_ago=place, status=status) for place, status in enumerate(statuses)]
    found = streaks(runs)
    assert sum(one.count for one in found) == len(runs)
    assert [one.newest for one in found] == [
        runs[sum(one.count for one in found[:place])] for place in range(len(found))
    ]


@pytest.mark.parametrize(
    ("durations", "line"),
    [([], ""), ([1.0], "▁"), ([2, 2], "▁▁"), ([0, 5, 10], "▁▃▇"), ([10, 0, 2.5], "▇▁▂")],
)
def test_a_sparkline_shows_how_durations_compare(durations, line):
    """The shortest is the lowest bar, the longest the highest."""
    assert sparkline(durations) == line


@given(st.lists(st.floats(min_value=0, max_value=1e9), max_size=50))
def test_each_duration_has_its_bar(durations):
    """Also where the output knows ASCII only."""
    line = sparkline(durations, PLAIN_BARS)
    assert len(line) == len(durations)
    assert line.isascii()
    assert len(BARS) == len(PLAIN_BARS)
