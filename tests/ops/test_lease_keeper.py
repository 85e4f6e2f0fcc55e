"""Leases of a run: taken at once or waited for, given back, and what becomes of a run that lost one."""

import json
from pathlib import Path
from typing import NoReturn

import pytest

from datafetch.cli.events import RESULT_EVENTS
from datafetch.clock import CancelToken
from datafetch.errors import Cancelled, ConfigurationError, LeaseHeld, LeaseLost
from datafetch.logs import bound_logger
from datafetch.models.run import JobName
from datafetch.ops.lease import Grant
from datafetch.ops.lease_keeper import LeaseKeeper
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.keys import Keys
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import FakeClock

JOB = JobName.BOOKMARKS
KEYS = Keys("-test")


@pytest.fixture
def clock() -> FakeClock:
    """Told the time."""
    return FakeClock()


@pytest.fixture
def store() -> FaultyStore:
    """An empty store that can be made to fail."""
    return FaultyStore(MemoryStore())


@pytest.fixture
def leases(store: FaultyStore, clock: FakeClock, tmp_path: Path) -> StoreLeases:
    """The leases in it, each of 300 s."""
    return StoreLeases(store, KEYS, clock, lambda _job: 300.0, tmp_path / "locks")


@pytest.fixture
def keeper(leases: StoreLeases, clock: FakeClock) -> LeaseKeeper:
    """The keeper of one run."""
    return LeaseKeeper(leases, clock, CancelToken(), "run-1", bound_logger())


def test_a_lease_that_is_taken_is_given_back(keeper: LeaseKeeper, leases: StoreLeases) -> None:
    """The next run need not wait for the lease's end."""
    lease = keeper.take(JOB)
    with pytest.raises(LeaseHeld, match="run-1"):
        leases.acquire(JOB, "run-2")
    assert keeper.give_back(lease) == ""
    assert leases.acquire(JOB, "run-2").token == 2


def test_a_run_waits_for_a_lease_as_long_as_it_was_told(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Without waiting, two crontab lines of one job at one minute meant that one of them did nothing."""
    caplog.set_level("INFO")
    held = leases.acquire(JOB, "run-2")
    polls: list[float] = []

    def poll(seconds: float) -> None:
        polls.append(seconds)
        clock.advance(seconds)
        if len(polls) == 3:
            leases.release(held)

    clock.sleep = poll  # type: ignore[method-assign]
    keeper.give_back(keeper.take(JOB, wait_s=60.0))
    assert polls == [2.0, 2.0, 2.0]
    told = [(record.message, vars(record)) for record in caplog.records]
    assert [event for event, _ in told] == ["lease_awaited", "lease_free"]
    assert "run-2" in told[0][1]["error"]
    assert (told[0][1]["wait_s"], told[1][1]["waited_s"]) == (60.0, 6.0)


def test_a_brief_run_is_waited_for(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock
) -> None:
    """A weekly job must not miss its week because a visitor's logo is stored at that moment."""
    held = leases.acquire(JOB, "run-2-brief")

    def poll(seconds: float) -> None:
        clock.advance(seconds)
        leases.release(held)

    clock.sleep = poll  # type: ignore[method-assign]
    keeper.give_back(keeper.take(JOB))


def test_who_adds_something_to_a_dataset_is_waited_for(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock
) -> None:
    """Nor because a share of the same job lays in what it has found."""
    share = LeaseKeeper(leases, clock, CancelToken(), "run-2", bound_logger())
    polls: list[float] = []
    merging = share.wait_for(JOB, 0.0)
    merging.__enter__()

    def poll(seconds: float) -> None:
        clock.advance(seconds)
        polls.append(seconds)
        if sum(polls) > 50.0:
            merging.__exit__(None, None, None)

    clock.sleep = poll  # type: ignore[method-assign]
    keeper.give_back(keeper.take(JOB))
    assert polls == [0.25] * 40 + [2.0] * 21


@pytest.mark.parametrize(("other", "seconds"), [("run-2-brief", 10), ("run-2-merge", 60)])
def test_a_brief_run_that_is_not_brief_is_not_waited_for_long(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock, other: str, seconds: int
) -> None:
    """One that hangs is as any other: then who did not want to wait does nothing."""
    leases.acquire(JOB, other)
    with pytest.raises(LeaseHeld, match=f"waited {seconds} s"):
        keeper.take(JOB)
    assert sum(clock.slept) == seconds


def test_who_waited_in_vain_says_how_long_and_for_whom(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock
) -> None:
    """The message of a run that waited an hour was that of one which did not wait."""
    leases.acquire(JOB, "run-2")
    with pytest.raises(LeaseHeld, match=r"\(run run-2\); waited 5 s for it to end") as caught:
        keeper.take(JOB, wait_s=5.0)
    assert (clock.slept, caught.value.exit_code) == ([2.0, 2.0, 1.0], 75)
    assert caught.value.holder is not None
    assert "--wait SECONDS" in caught.value.hint


def test_a_stop_ends_the_wait_for_a_lease(leases: StoreLeases, clock: FakeClock) -> None:
    """A run that waits for another's lock obeys signals, and takes no lock afterwards."""
    cancel = CancelToken()
    keeper = LeaseKeeper(leases, clock, cancel, "run-1", bound_logger())
    held = leases.acquire(JOB, "run-2")

    def stopped(seconds: float) -> None:
        clock.advance(seconds)
        leases.release(held)
        cancel.cancel(Cancelled("stop"))

    clock.sleep = stopped  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        keeper.take(JOB, wait_s=60.0)
    assert leases.acquire(JOB, "run-3").token == 2


@pytest.mark.parametrize("other", ["run-2", "run-2-brief", "run-2-merge"])
def test_without_a_wait_a_lease_is_asked_for_once(
    leases: StoreLeases, clock: FakeClock, other: str
) -> None:
    """A share that was asked to stop may still save what it has, if that is possible at once."""
    cancel = CancelToken()
    cancel.cancel(Cancelled("stop"))
    keeper = LeaseKeeper(leases, clock, cancel, "run-1", bound_logger())
    held = leases.acquire(JOB, other)
    with pytest.raises(LeaseHeld), keeper.wait_for(JOB, 0.0):
        pass
    assert clock.slept == []
    leases.release(held)
    with keeper.wait_for(JOB, 0.0) as fence:
        fence.check()
    with pytest.raises(Cancelled), keeper.wait_for(JOB, 1.0):
        pass


def test_a_run_that_is_left_renews_none_of_its_leases(
    leases: StoreLeases, clock: FakeClock
) -> None:
    """A thread of a run that never ends kept other machines out as long as the process lived."""
    keeper = LeaseKeeper(leases, clock, CancelToken(), "run-1", bound_logger())
    own = keeper.take(JOB)
    with keeper.wait_for(JobName.LOGOS, 0.0) as other:
        said = keeper.leave(own)
        assert "locked out until 08:05 UTC at the latest" in said
        for lease in (own, other):
            with pytest.raises(LeaseLost, match="what is left of it is late"):
                lease.check()


def test_a_lease_that_cannot_be_given_back_fails_no_run(
    keeper: LeaseKeeper, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    """All is written by then: a store that does not answer any more is only logged."""
    lease = keeper.take(JOB)
    store.fault = lambda _call, _number: "fail"
    said = keeper.give_back(lease)
    assert [record.message for record in caplog.records] == ["lease_not_released"]
    assert "the lock of bookmarks could not be given back (no answer for " in said
    assert "other machines are locked out until 08:05 UTC at the latest" in said


def test_another_jobs_lease_that_cannot_be_given_back_is_logged_by_another_name(
    keeper: LeaseKeeper, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The run's result does not tell of it, so no output that has the results may leave it out."""
    with keeper.wait_for(JOB, 5):
        store.fault = lambda _call, _number: "fail"
    assert [record.message for record in caplog.records] == ["other_lease_not_released"]
    assert "other_lease_not_released" not in RESULT_EVENTS


def test_a_machine_whose_locks_fail_at_the_end_fails_no_run(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What was published was called a failure of the settings, since giving the lease back needs a lock."""

    class Refusing(StoreLeases):
        def release(self, grant: Grant) -> NoReturn:
            raise ConfigurationError([f"{grant.job}: no locks"])

    leases = Refusing(MemoryStore(), KEYS, clock, lambda _job: 300.0)
    keeper = LeaseKeeper(leases, clock, CancelToken(), "run-1", bound_logger())
    keeper.give_back(keeper.take(JOB))
    assert [record.message for record in caplog.records] == ["lease_not_released"]


def test_a_lease_that_was_taken_over_is_logged(
    keeper: LeaseKeeper, leases: StoreLeases, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Who had it, and whether that process is known to be gone; a lease that was free says nothing."""
    grant = leases.acquire(JOB, "run-0")
    lock = json.loads(store.inner.get(KEYS.lock(JOB)).body)
    gone = lock | {"host": "elsewhere", "pid": 8877, "expiresAt": 0}
    store.inner.put(KEYS.lock(JOB), json.dumps(gone).encode())
    keeper.give_back(keeper.take(JOB))
    (logged,) = [vars(record) for record in caplog.records]
    assert (logged["msg"], logged["lock"]) == ("lease_taken_over", "bookmarks")
    assert (logged["host"], logged["pid"], logged["holder"]) == ("elsewhere", 8877, grant.run_id)
    assert logged["gone"] is False
    keeper.give_back(keeper.take(JOB))
    assert len(caplog.records) == 1


def test_another_jobs_lease_is_waited_for(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock, store: FaultyStore
) -> None:
    """Whoever merges into another job's dataset asks every 2 s until its run has ended."""
    other = leases.acquire(JOB, "run-2")

    def end_the_other(_call: Call) -> None:
        if len(clock.slept) == 3:
            store.before = None
            leases.release(other)

    store.before = end_the_other
    with keeper.wait_for(JOB, 60) as fence:
        fence.check()
    assert clock.slept == [2, 2, 2]
    assert leases.acquire(JOB, "run-3").token == 3


def test_waiting_for_a_lease_ends(
    keeper: LeaseKeeper, leases: StoreLeases, clock: FakeClock
) -> None:
    """A lease that does not come free in the time that was given is held; no second is added."""
    leases.acquire(JOB, "run-2")
    with pytest.raises(LeaseHeld, match="run-2"), keeper.wait_for(JOB, 5):
        raise AssertionError
    assert clock.slept == [2, 2, 1]


def test_the_lease_is_given_back_when_the_block_fails(
    keeper: LeaseKeeper, leases: StoreLeases
) -> None:
    """A merge that fails does not keep the other job out."""
    with pytest.raises(ValueError), keeper.wait_for(JOB, 5):
        raise ValueError
    assert leases.acquire(JOB, "run-2").token == 2


def test_a_lost_lease_stops_the_run(
    store: FaultyStore, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The renewal that finds another run's lock asks every part of the run to stop."""
    cancel = CancelToken()
    leases = StoreLeases(store, KEYS, clock, lambda _job: 0.03, tmp_path / "locks")
    keeper = LeaseKeeper(leases, clock, cancel, "run-1", bound_logger())
    lease = keeper.take(JOB)
    store.inner.put(KEYS.lock(JOB), b"{}")
    assert cancel.wait(20)
    assert "another run took the lock of bookmarks" in str(cancel.reason)
    assert "BOOKMARKS_LOCK_TTL_MS" in cancel.reason.hint
    assert [record.message for record in caplog.records] == ["lease_lost"]
    keeper.give_back(lease)
    assert store.inner.get(KEYS.lock(JOB)).body == b"{}"
