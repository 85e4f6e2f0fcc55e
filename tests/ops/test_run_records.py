"""What is read when a run begins and written when it ends, and what a failing store leaves of it."""

import json
from dataclasses import replace

import pytest

from datafetch.errors import ObjectNotFound, PreconditionFailed, StoreUnavailable
from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.lease import Grant, HeldLease, Predecessor
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


def _begun(
    store: FaultyStore, run_id: str, lease: HeldLease | None = None
) -> tuple[RunRecords, DeadLetters]:
    records = _records(store)
    records.ask()
    return records, records.begin(run_id, lease)


class _NoBackend:
    """Leases that are not asked for anything here."""

    def acquire(self, job: str, run_id: str, when_free: object = None) -> Grant:
        raise NotImplementedError

    def renew(self, grant: Grant) -> Grant:
        raise NotImplementedError

    def release(self, grant: Grant) -> None:
        raise NotImplementedError


def _lease(clock: FakeClock, took_from: Predecessor | None = None) -> HeldLease:
    """The lease of 300 s of a run that took over from another one, or from nobody."""
    grant = Grant("logos", "run-2", "a", 2, 0, 300.0, clock.monotonic(), took_from=took_from)
    return HeldLease(_NoBackend(), grant, clock, lambda _lost: None)


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
    """Who lost the lease writes over neither state nor dead letters, and is in the history once."""
    late, letters = _begun(store, "run-0")
    letters.failed("a.example", TransientError("down"))
    records, letters = _begun(store, "run-1")
    letters.failed("b.example", TransientError("down"))
    records.end(RESULT, full_sync=True)
    with pytest.raises(PreconditionFailed):
        late.end(RunResult(Operation.LOGOS, RunStatus.CANCELLED, "run-0"), full_sync=False)
    assert _stored(store, STATE)["id"] == "run-1"
    assert [one["item"] for one in _stored(store, LETTERS).values()] == ["b.example"]
    assert [run["runId"] for run in _stored(store, HISTORY)] == ["run-1", "run-0"]


def test_letters_that_were_dropped_during_a_run_stay_dropped(store: FaultyStore) -> None:
    """The end of the run failed, or brought them back, when somebody had dropped some meanwhile."""
    records, letters = _begun(store, "run-0")
    letters.failed("a.example", TransientError("down"))
    letters.failed("b.example", TransientError("down"))
    records.end(RESULT, full_sync=True)
    records, letters = _begun(store, "run-1")
    letters.failed("a.example", TransientError("down"))
    letters.failed("c.example", TransientError("down"))
    others = DeadLetters.load(store, KEYS, JobName.LOGOS, FakeClock())
    others.succeeded("a.example")
    others.save()
    records.end(RESULT, full_sync=True)
    items = {one["item"] for one in _stored(store, LETTERS).values()}
    assert items == {"b.example", "c.example"}


def test_a_run_that_wakes_past_its_lease_leaves_nothing_behind(store: FaultyStore) -> None:
    """Its history entry and dead letters were stored while another run was under way, which then failed."""
    clock = FakeClock()
    late, letters = _begun(store, "run-0", _lease(clock))
    letters.failed("a.example", TransientError("down"))
    other, others = _begun(store, "run-1")
    others.failed("b.example", TransientError("down"))
    before = {info.key: info.etag for info in store.inner.list("")}
    clock.advance(300)
    with pytest.raises(PreconditionFailed):
        late.end(RunResult(Operation.LOGOS, RunStatus.CANCELLED, "run-0"), full_sync=False)
    assert {info.key: info.etag for info in store.inner.list("")} == before
    other.end(RESULT, full_sync=True)
    assert [one["item"] for one in _stored(store, LETTERS).values()] == ["b.example"]


def test_a_late_run_that_nobody_followed_says_how_it_ended(store: FaultyStore) -> None:
    """The lease ran out and nobody took it: the records are this run's, and their condition holds."""
    clock = FakeClock()
    late, letters = _begun(store, "run-0", _lease(clock))
    letters.failed("a.example", TransientError("down"))
    clock.advance(300)
    late.end(RunResult(Operation.LOGOS, RunStatus.CANCELLED, "run-0"), full_sync=False)
    assert _stored(store, STATE)["status"] == "cancelled"
    assert [run["runId"] for run in _stored(store, HISTORY)] == ["run-0"]
    assert len(_stored(store, LETTERS)) == 1


GONE = Predecessor("run-1", "vm", 8877, is_gone=True)


@pytest.mark.parametrize(
    ("took_from", "said"),
    [
        (GONE, "process 8877 on vm was gone (it began at 08:00 UTC)"),
        (replace(GONE, is_gone=False), "process 8877 on vm was gone, or too slow to keep its lock"),
        (replace(GONE, run_id="run-0"), "process 8877 on vm did not store how"),
        (None, "process 8877 on vm did not store how"),
    ],
    ids=["gone", "expired", "another", "free"],
)
def test_a_run_that_was_killed_is_seen(
    store: FaultyStore, took_from: Predecessor | None, said: str
) -> None:
    """A run that was killed left a job "running", and no trace in the history."""
    _begun(store, "run-1")
    dead = _stored(store, STATE) | {"host": "vm", "pid": 8877, "retryCount": 1}
    store.inner.put(STATE, json.dumps(dead).encode())
    records, _ = _begun(store, "run-2", _lease(FakeClock(), took_from))
    (entry,) = _stored(store, HISTORY)
    assert (entry["runId"], entry["operation"], entry["status"]) == ("run-1", "logos", "failed")
    assert (entry["success"], entry["errors"], entry["jobType"]) == (False, 1, "logos")
    assert entry["error"].startswith(f"ended without notice; {said}")
    (note,) = records.notes()
    assert note == f"took over from run run-1, which {entry['error']}"
    state = _stored(store, STATE)
    assert (state["id"], state["status"]) == ("run-2", "running")
    assert (state["error"], state["retryCount"]) == (entry["error"], 2)
    records.end(replace(RESULT, run_id="run-2"), full_sync=True)
    assert [run["runId"] for run in _stored(store, HISTORY)] == ["run-2", "run-1"]
    assert (_stored(store, STATE)["error"], _stored(store, STATE)["retryCount"]) == (None, 0)
    assert _begun(store, "run-3")[0].notes() == ()


@pytest.mark.parametrize("key", [HISTORY, STATE])
def test_whoever_dies_while_it_tells_of_the_dead_tells_of_nobody_twice(
    store: FaultyStore, key: str
) -> None:
    """A run that is killed between history and state: the next one finds one entry, and adds none."""
    _begun(store, "run-1")
    store.fault = _failing(("put", key))
    with pytest.raises(StoreUnavailable):
        _begun(store, "run-2")
    store.fault = None
    _begun(store, "run-3")
    assert [run["runId"] for run in _stored(store, HISTORY)] == ["run-1"]


def test_a_first_run_takes_over_from_nobody(store: FaultyStore) -> None:
    """An ended run costs the next one no request: the state alone is written when it begins."""
    records, _ = _begun(store, "run-1")
    records.end(RESULT, full_sync=True)
    before = len(store.keys("put"))
    assert _begun(store, "run-2", _lease(FakeClock(), GONE))[0].notes() == ()
    assert store.keys("put")[before:] == [STATE]
