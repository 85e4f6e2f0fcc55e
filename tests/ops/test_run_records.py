"""What is read when a run begins and written when it ends, and what a failing store leaves of it."""

import json

import pytest

from datafetch.errors import ObjectNotFound, PreconditionFailed, StoreUnavailable
from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.run_records import RunRecords
from datafetch.store.keys import Keys
from datafetch.upstream_errors import TransientError
from tests.stores import FaultyStore, MemoryStore
from tests.support import FakeClock

KEYS = Keys("-test")
JOB = JobName.LOGOS
STATE, LETTERS, HISTORY = KEYS.job_state(JOB), KEYS.dead_letters(JOB), KEYS.history(JOB)
RESULT = RunResult(Operation.LOGOS, RunStatus.SUCCEEDED, "run-1", items_processed=7)


@pytest.fixture
def store() -> FaultyStore:
    """An empty store that can be made to fail."""
    return FaultyStore(MemoryStore())


def _records(store: FaultyStore) -> RunRecords:
    return RunRecords(store, KEYS, JOB, FakeClock())


def _begun(store: FaultyStore, run_id: str) -> tuple[RunRecords, DeadLetters]:
    records = _records(store)
    records.ask()
    return records, records.begin(run_id)


def _stored(store: FaultyStore, key: str):
    return json.loads(store.inner.get(key).body)


def _failing(*requests: tuple[str, str]):
    return lambda call, _number: "fail" if (call.method, call.key) in requests else None


@pytest.mark.parametrize("key", [STATE, LETTERS, HISTORY])
def test_nothing_is_written_unless_all_was_read(store: FaultyStore, key: str) -> None:
    """A store that gives one record and not another left a job "running" that never ran."""
    store.fault = _failing(("get", key))
    records = _records(store)
    records.ask()
    with pytest.raises(StoreUnavailable):
        records.begin("run-1")
    assert store.keys("put") == []


@pytest.mark.parametrize("key", [STATE, LETTERS, HISTORY])
def test_a_record_that_cannot_be_read_is_told(store: FaultyStore, key: str) -> None:
    """What a job remembered is gone, and a copy kept: its user reads both in the result."""
    store.inner.put(key, b"{broken")
    records, _ = _begun(store, "run-1")
    (said,) = records.notes()
    assert said.startswith(f"{key} could not be read (")
    assert f"{key}.corrupt-" in said
    records.end(RESULT, full_sync=False)
    again, _ = _begun(store, "run-2")
    assert again.notes() == ()


def test_what_was_asked_for_last_counts(store: FaultyStore) -> None:
    """The lease went to another run and came back: what was read before that is not used."""
    records = _records(store)
    records.ask(lambda: store.inner.get("not there"))
    other, letters = _begun(store, "run-0")
    letters.failed("a.example", TransientError("down"))
    other.end(RESULT, full_sync=True)
    records.ask()
    assert records.begin("run-1").get("a.example") is not None


def test_what_else_is_read_then_fails_the_beginning(store: FaultyStore) -> None:
    """No error of what is read beside the taking of a lease is lost."""
    records = _records(store)
    records.ask(lambda: store.inner.get("not there"))
    with pytest.raises(ObjectNotFound):
        records.begin("run-1")
    assert store.keys("put") == []


def test_a_run_costs_its_records_a_read_and_a_write(store: FaultyStore) -> None:
    """The state is written when it begins and when it ends, the others once at most."""
    records, letters = _begun(store, "run-1")
    letters.failed("a.example", TransientError("down"))
    records.end(RESULT, full_sync=True)
    assert sorted(store.keys("get")) == sorted([STATE, LETTERS, HISTORY])
    assert sorted(store.keys("put")) == sorted([STATE, STATE, LETTERS, HISTORY])
    assert _stored(store, STATE)["status"] == "completed"
    assert [run["runId"] for run in _stored(store, HISTORY)] == ["run-1"]


def test_the_states_error_is_the_one_that_is_told(store: FaultyStore) -> None:
    """Dead letters of another run must not hide that this one's end is not stored."""
    records, letters = _begun(store, "run-1")
    letters.failed("a.example", TransientError("down"))
    store.inner.put(LETTERS, b"{}")
    store.fault = _failing(("put", STATE))
    with pytest.raises(StoreUnavailable):
        records.end(RESULT, full_sync=True)


def test_a_superseded_run_leaves_the_others_records(store: FaultyStore) -> None:
    """Who lost the lease writes over neither state nor dead letters; the history has both runs."""
    late, letters = _begun(store, "run-0")
    letters.failed("a.example", TransientError("down"))
    records, letters = _begun(store, "run-1")
    letters.failed("b.example", TransientError("down"))
    records.end(RESULT, full_sync=True)
    with pytest.raises(PreconditionFailed):
        late.end(RunResult(Operation.LOGOS, RunStatus.CANCELLED, "run-0"), full_sync=False)
    assert _stored(store, STATE)["id"] == "run-1"
    assert [one["item"] for one in _stored(store, LETTERS).values()] == ["b.example"]
    assert sorted(run["runId"] for run in _stored(store, HISTORY)) == ["run-0", "run-1"]
