"""A job's past runs as they are stored."""

import json

import pytest

from datafetch.errors import PreconditionFailed
from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.history import LIMIT, History, history_entry
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import FakeClock

KEYS = Keys("-test")
JOB = JobName.BOOKMARKS


def _entry(run_id: str = "run-1") -> dict[str, object]:
    result = RunResult(Operation.BOOKMARKS, RunStatus.SUCCEEDED, run_id, items_processed=7)
    return history_entry(result, JOB, 5)


def _runs(store):
    return [run["runId"] for run in json.loads(store.get(KEYS.history(JOB)).body)]


def _loaded(store) -> History:
    history = History(store, KEYS, JOB, FakeClock())
    history.load()
    return history


def test_history_is_newest_first_and_bounded(tmp_path):
    """Past runs with result and metrics, at most 200."""
    store = LocalStore(tmp_path)
    old = [{"runId": f"old-{number}"} for number in range(LIMIT)]
    store.put(KEYS.history(JOB), json.dumps(old).encode())
    _loaded(store).append(_entry())
    runs = json.loads(store.get(KEYS.history(JOB)).body)
    assert len(runs) == LIMIT
    assert [run["runId"] for run in runs[:2]] == ["run-1", "old-0"]
    assert {"jobType", "duration", "itemsProcessed", "errors", "timestamp"} <= set(runs[0])


def test_a_corrupt_history_is_kept_aside(tmp_path):
    """A broken history does not lose the run that ended just now."""
    store = LocalStore(tmp_path)
    store.put(KEYS.history(JOB), b'{"a": 1}')
    _loaded(store).append(_entry())
    assert len(json.loads(store.get(KEYS.history(JOB)).body)) == 1
    assert [info.key for info in store.list(KEYS.history(JOB)) if ".corrupt-" in info.key]


def test_a_run_that_ended_meanwhile_is_not_lost():
    """The history was read when the run began; who wrote since then stays in it."""
    store = MemoryStore()
    early, late = _loaded(store), _loaded(store)
    late.append(_entry("run-2"))
    early.append(_entry("run-1"))
    assert _runs(store) == ["run-1", "run-2"]


def test_it_costs_a_read_and_a_write():
    """Reading at the start and writing at the end is all that the store is asked for."""
    store = FaultyStore(MemoryStore())
    _loaded(store).append(_entry())
    assert [call.method for call in store.calls] == ["get", "put"]


def test_who_is_always_outrun_says_so():
    """A store on which every write meets another one is an error, not an endless loop."""
    store = FaultyStore(MemoryStore())
    history = _loaded(store)

    def outrun(call: Call) -> None:
        if call.method == "put":
            store.inner.put(call.key, b"[%d]" % store.count())

    store.before = outrun
    with pytest.raises(PreconditionFailed):
        history.append(_entry())


def test_a_history_that_was_mended_meanwhile_is_kept():
    """What could not be read at the start may be whole at the end."""
    store = MemoryStore()
    store.put(KEYS.history(JOB), b"{broken")
    history = _loaded(store)
    store.put(KEYS.history(JOB), b'[{"runId": "other"}]')
    history.append(_entry())
    assert _runs(store) == ["run-1", "other"]
    assert not [key for key in store.objects if ".corrupt-" in key]
