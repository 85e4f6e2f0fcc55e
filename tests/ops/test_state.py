"""A job's state: what a run that begins or ends makes of it, and how it is stored."""

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.state import JobState, SlotRun, begin, end, state_record
from datafetch.store.keys import Keys
from tests.stores import MemoryStore
from tests.support import FakeClock

KEYS = Keys("-test")
JOB = JobName.BOOKMARKS
KEY = "json/datafetch/jobs/bookmarks-test.json"
STORED = {
    "id": "run-1",
    "type": "bookmarks",
    "status": "completed",
    "startedAt": 1000,
    "completedAt": 2000,
    "error": None,
    "retryCount": 0,
    "host": "web-1",
    "pid": 7,
    "lastSyncAt": 2000,
    "lastSuccessfulSyncAt": 2000,
    "lastFullSyncAt": 1500,
    "totalItemsSynced": 30,
    "slots": {"2026-11-01T08-00Z": {"runId": "r", "state": "done"}},
}


def _stored(value: object) -> JobState | None:
    store = MemoryStore()
    store.put(KEY, json.dumps(value).encode())
    return state_record(store, KEYS, JOB, FakeClock()).load()


def _ended(state: JobState, status: RunStatus, **fields: str | int) -> JobState:
    result = RunResult(Operation.BOOKMARKS, status, "run-2", items_processed=40, **fields)  # type: ignore[arg-type]
    return end(state, result, full_sync=False, now_ms=4000)


def test_the_state_is_stored_as_the_contract_writes_it() -> None:
    """Every field of the contract is read, and written back by its name."""
    store = MemoryStore()
    store.put(KEY, json.dumps(STORED).encode())
    record = state_record(store, KEYS, JOB, FakeClock())
    state = record.load()
    record.save(state)
    assert json.loads(store.objects[KEY]) == STORED


@pytest.mark.parametrize(
    ("missing", "empty"),
    [
        ("completedAt", None),
        ("error", None),
        ("retryCount", 0),
        ("host", ""),
        ("pid", 0),
        ("lastSyncAt", None),
        ("lastSuccessfulSyncAt", None),
        ("lastFullSyncAt", None),
        ("totalItemsSynced", 0),
        ("slots", {}),
    ],
)
def test_a_state_of_an_older_version_is_read(missing: str, empty: object) -> None:
    """A field that was added later may be missing, and says nothing then."""
    older = {name: value for name, value in STORED.items() if name != missing}
    assert _stored(older) == _stored(STORED | {missing: empty})


def test_a_running_job_says_who_runs_it() -> None:
    """A spawn error left the "running" mark set for ever: the state names host and process."""
    state = begin(None, job=JOB, run_id="run-1", now_ms=3000)
    assert (state.id, state.type, state.status) == ("run-1", "bookmarks", "running")
    assert (state.host, state.pid, state.started_at) == (socket.gethostname(), os.getpid(), 3000)


def test_a_run_that_begins_keeps_what_is_remembered() -> None:
    """Freshness and the slots of scheduled runs outlive the next start; the last end does not."""
    known = _stored(STORED | {"error": "down"})
    state = begin(known, job=JOB, run_id="run-2", now_ms=3000)
    assert (state.last_sync_at, state.last_successful_sync_at, state.last_full_sync_at) == (
        *(2000, 2000, 1500),
    )
    assert state.total_items_synced == 30
    assert state.slots == {"2026-11-01T08-00Z": SlotRun("r", "done")}
    assert (state.completed_at, state.error) == (None, None)


@pytest.mark.parametrize(
    ("status", "stored"),
    [
        (RunStatus.SUCCEEDED, "completed"),
        (RunStatus.UNCHANGED, "completed"),
        (RunStatus.PARTIAL, "completed"),
        (RunStatus.FAILED, "failed"),
        (RunStatus.CANCELLED, "cancelled"),
    ],
)
def test_freshness_moves_on_success_only(status: RunStatus, stored: str) -> None:
    """An upstream failure never counts as success."""
    begun = begin(_stored(STORED), job=JOB, run_id="run-2", now_ms=3000)
    state = _ended(begun, status)
    fresh = stored == "completed"
    assert (state.status, state.completed_at, state.last_sync_at) == (stored, 4000, 4000)
    assert state.last_successful_sync_at == (4000 if fresh else 2000)
    assert state.total_items_synced == (40 if fresh else 30)
    assert state.last_full_sync_at == 1500


def test_a_full_sync_is_dated() -> None:
    """The next full reading is due by the time of the last one that succeeded."""
    begun = begin(None, job=JOB, run_id="run-2", now_ms=3000)
    result = RunResult(Operation.BOOKMARKS, RunStatus.SUCCEEDED, "run-2")
    assert end(begun, result, full_sync=True, now_ms=4000).last_full_sync_at == 4000
    failed = RunResult(Operation.BOOKMARKS, RunStatus.FAILED, "run-2", error="down")
    assert end(begun, failed, full_sync=True, now_ms=4000).last_full_sync_at is None
    assert end(begun, failed, full_sync=True, now_ms=4000).error == "down"


ENDS = {
    "failed": (RunStatus.FAILED, 1),
    "partial": (RunStatus.PARTIAL, 0),
    "time limit": (RunStatus.CANCELLED, 1),
    "signal": (RunStatus.CANCELLED, 143),
}


@given(st.lists(st.sampled_from(sorted(ENDS))))
def test_failures_in_a_row_are_counted(runs: list[str]) -> None:
    """`retryCount` says how many runs failed since one worked; a signal neither adds nor heals."""
    state: JobState | None = None
    in_a_row = 0
    for how in runs:
        begun = begin(state, job=JOB, run_id="run", now_ms=3000)
        assert begun.retry_count == in_a_row
        status, code = ENDS[how]
        state = _ended(begun, status, exit_code=code)
        in_a_row = {"partial": 0, "signal": in_a_row}.get(how, in_a_row + 1)
        assert state.retry_count == in_a_row


@pytest.mark.parametrize("body", [b"[1, 2]", b'{"id": "run-1"}', b"{"])
def test_a_corrupt_state_is_kept_aside(body: bytes) -> None:
    """A state that cannot be read does not stop the job, and is not lost either."""
    store = MemoryStore()
    store.put(KEY, body)
    record = state_record(store, KEYS, JOB, FakeClock())
    assert record.load() is None
    record.save(begin(None, job=JOB, run_id="run-1", now_ms=3000))
    assert [store.objects[key] for key in store.objects if ".corrupt-" in key] == [body]
    assert json.loads(store.objects[KEY])["status"] == "running"
