"""A job's past runs as they are stored."""

import json
from functools import partial

import pytest

from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.history import (
    FailedRunItem,
    RunPlace,
    history_entry,
    history_record,
    unnoticed_entry,
    with_run,
)
from datafetch.store.keys import Keys
from tests.stores import MemoryStore
from tests.support import FakeClock

KEYS = Keys("-test")
JOB = JobName.BOOKMARKS


def _entry(run_id: str = "run-1") -> dict[str, object]:
    result = RunResult(Operation.BOOKMARKS, RunStatus.SUCCEEDED, run_id, items_processed=7)
    return history_entry(result, JOB, 5)


def _runs(store):
    return [run["runId"] for run in json.loads(store.get(KEYS.history(JOB)).body)]


def _append(store, *run_ids: str) -> None:
    """Runs that all began before the first of them ended."""
    records = [history_record(store, KEYS, JOB, FakeClock()) for _ in run_ids]
    for record in records:
        record.load()
    for record, run_id in zip(records, run_ids, strict=True):
        record.change(partial(with_run, entry=_entry(run_id)))


def test_history_is_newest_first_and_bounded():
    """At most 200 runs are kept, the newest first; the oldest go."""
    old: list[object] = [{"runId": f"old-{number}"} for number in range(200)]
    runs = with_run(old, _entry())
    assert runs == [_entry(), *old[:199]]
    assert len(with_run(old[:199], _entry())) == 200


def test_a_run_is_stored_with_its_metrics():
    """Result, JobMetrics and the requests of each upstream can be looked up afterwards."""
    result = RunResult(
        Operation.BOOKMARKS,
        RunStatus.PARTIAL,
        "run-1",
        items_processed=7,
        items_failed=2,
        duration_s=1.23456,
        error="2 of 7 items failed",
        notes=("x",),
        upstreams={"karakeep": {"200": 3}},
    )
    began = RunPlace(3, "web1", 17)
    failed = [FailedRunItem("https://a.example/x", "404")]
    entry = history_entry(result, JOB, 5, began=began, failed=failed)
    told = {name: value for name, value in result.to_json().items() if name != "dryRun"}
    assert entry == {
        **told,
        "jobType": "bookmarks",
        "errors": 3,
        "exitCode": 0,
        "startedAt": 3,
        "host": "web1",
        "pid": 17,
        "failedItems": [{"item": "https://a.example/x", "reason": "404"}],
        "timestamp": 5,
        "notes": ["x"],
        "upstreams": {"karakeep": {"200": 3}},
    }
    assert (entry["runId"], entry["duration"], entry["itemsProcessed"]) == ("run-1", 1.235, 7)


def test_a_stored_run_has_the_fields_that_its_readers_know():
    """A dry run leaves no history, so that its entries do not say of each run that it was none."""
    assert "dryRun" not in _entry()


def test_a_run_without_an_error_counts_its_items_only():
    """`errors` is the items that failed, and one more for what ended the run."""
    assert _entry()["errors"] == 0


@pytest.mark.parametrize("body", [b'{"a": 1}', b"{"])
def test_a_corrupt_history_is_kept_aside(body):
    """A broken history does not lose the run that ended just now."""
    store = MemoryStore()
    store.put(KEYS.history(JOB), body)
    _append(store, "run-1")
    assert _runs(store) == ["run-1"]
    assert [store.objects[key] for key in store.objects if ".corrupt-" in key] == [body]


def test_runs_of_other_versions_stay_as_they_are():
    """What an entry of the history is, only the version that wrote it knows."""
    store = MemoryStore()
    store.put(KEYS.history(JOB), b'["old",{"x":1.5},null]')
    _append(store, "run-1")
    assert json.loads(store.objects[KEYS.history(JOB)])[1:] == ["old", {"x": 1.5}, None]


def test_a_run_that_ended_meanwhile_is_not_lost():
    """The history was read when the run began; who wrote since then stays in it."""
    store = MemoryStore()
    _append(store, "run-2", "run-1")
    assert _runs(store) == ["run-1", "run-2"]


def test_a_run_keeps_only_the_first_of_its_failures():
    """2,000 failed items do not fill the history: 20 are named, and the counts tell of the rest."""
    result = RunResult(Operation.LOGOS, RunStatus.FAILED, "run-1", items_failed=2000)
    failed = [FailedRunItem(f"{number}.example", "x" * 5000) for number in range(2000)]
    entry = history_entry(result, JobName.LOGOS, 5, failed=failed)
    assert [one["item"] for one in entry["failedItems"]] == [f"{n}.example" for n in range(20)]
    assert max(len(one["reason"]) for one in entry["failedItems"]) == 200
    assert entry["itemsFailed"] == 2000


def test_failed_items_hold_no_secrets():
    """What a URL or an error has of credentials is masked before it is cut and stored."""
    failed = [FailedRunItem("https://a.example/?api_key=hunter2hunter2", "token=hunter2hunter2")]
    result = RunResult(Operation.LOGOS, RunStatus.FAILED, "run-1")
    assert "hunter2" not in json.dumps(history_entry(result, JobName.LOGOS, 5, failed=failed))


def test_the_history_is_bounded_in_bytes():
    """Runs with long notes push out the oldest ones; the newest always stays, however long."""
    old: list[object] = [{"runId": f"old-{number}", "x": "x" * 99_000} for number in range(50)]
    runs = with_run(old, _entry())
    assert runs == [_entry(), *old[:10]]
    huge = {**_entry("huge"), "x": "x" * 2_000_000}
    assert with_run(old, huge) == [huge]


def test_many_notes_are_cut():
    """A run that says too much keeps its first notes."""
    result = RunResult(Operation.LOGOS, RunStatus.FAILED, "run-1", notes=("n" * 9000,) * 90)
    notes = history_entry(result, JobName.LOGOS, 5)["notes"]
    assert (len(notes), max(map(len, notes))) == (50, 2000)


def test_a_killed_run_keeps_when_and_where_it_began():
    """The next run tells of it: when it began, on which machine, in which process."""
    entry = unnoticed_entry("run-0", JOB, "ended without notice", 9, RunPlace(4, "web1", 17))
    told = (entry["startedAt"], entry["host"], entry["pid"], entry["status"], entry["exitCode"])
    assert told == (4, "web1", 17, "failed", 1)
