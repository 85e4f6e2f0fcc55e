"""A job's state as it is stored."""

import json

from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.state import StateBook
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.support import FakeClock

KEYS = Keys("-test")
JOB = JobName.BOOKMARKS


def _result(status: RunStatus = RunStatus.SUCCEEDED, **fields: object) -> RunResult:
    return RunResult(Operation.BOOKMARKS, status, "run-1", items_processed=7, **fields)  # type: ignore[arg-type]


def _state(store):
    return json.loads(store.get(KEYS.job_state(JOB)).body)


def _book(store, clock=None) -> StateBook:
    book = StateBook(store, KEYS, JOB, clock or FakeClock())
    book.load()
    return book


def test_a_running_job_says_who_runs_it(tmp_path):
    """A spawn error left the "running" mark set for ever: the state names host and process."""
    store = LocalStore(tmp_path)
    _book(store).start("run-1")
    state = _state(store)
    assert (state["id"], state["type"], state["status"]) == ("run-1", "bookmarks", "running")
    assert state["pid"] > 0
    assert state["host"]


def test_freshness_moves_on_success_only(tmp_path):
    """An upstream failure never counts as success."""
    store, clock = LocalStore(tmp_path), FakeClock()
    book = _book(store, clock)
    book.start("run-1")
    book.finish(_result(), full_sync=True)
    good = _state(store)
    clock.advance(60)
    book = _book(store, clock)
    book.start("run-2")
    book.finish(_result(RunStatus.FAILED, error="down"), full_sync=False)
    bad = _state(store)
    assert bad["lastSyncAt"] == good["lastSyncAt"] + 60_000
    assert bad["lastSuccessfulSyncAt"] == good["lastSuccessfulSyncAt"]
    assert bad["lastFullSyncAt"] == good["lastFullSyncAt"]
    assert (bad["status"], bad["error"], bad["retryCount"]) == ("failed", "down", 1)
    assert bad["totalItemsSynced"] == 7


def test_slots_are_kept(tmp_path):
    """What scheduled runs remember is not lost by a run in between."""
    store, clock = LocalStore(tmp_path), FakeClock()
    book = _book(store, clock)
    book.start("run-1")
    state = _state(store) | {"slots": {"2026-11-01T08-00Z": {"runId": "r", "state": "done"}}}
    store.put(KEYS.job_state(JOB), json.dumps(state).encode())
    _book(store, clock).start("run-2")
    assert _state(store)["slots"] == state["slots"]


def test_a_corrupt_state_is_kept_aside(tmp_path):
    """A state that cannot be read does not stop the job, and is not lost either."""
    store = LocalStore(tmp_path)
    store.put(KEYS.job_state(JOB), b"[1, 2]")
    _book(store).start("run-1")
    aside = [info.key for info in store.list(KEYS.job_state(JOB)) if ".corrupt-" in info.key]
    assert len(aside) == 1
    assert _state(store)["status"] == "running"
