"""The lease of a run under way: renewed by its thread, checked before each write, given back."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from datafetch.errors import ConfigurationError, DatafetchError, LeaseLost, StoreUnavailable
from datafetch.ops.lease import Grant, HeldLease
from tests.support import START, FakeClock

GRANT = Grant("logos", "run-1", "a", 1, 0, ttl_s=300.0, granted_at=START)
BRIEF = replace(GRANT, ttl_s=0.03)


@dataclass
class Backend:
    """Leases that are renewed as `answer` says, and all that was asked."""

    answer: Callable[[Grant], Grant] = lambda grant: grant
    renewed: list[Grant] = field(default_factory=list)
    released: list[Grant] = field(default_factory=list)

    def acquire(self, job: str, run_id: str, when_free: object = None) -> Grant:
        raise NotImplementedError

    def renew(self, grant: Grant) -> Grant:
        self.renewed.append(grant)
        return self.answer(grant)

    def release(self, grant: Grant) -> None:
        self.released.append(grant)


def _renewed_until_lost(backend: Backend, clock: FakeClock) -> tuple[HeldLease, LeaseLost]:
    told: list[LeaseLost] = []
    event = threading.Event()

    def lost(error: LeaseLost) -> None:
        told.append(error)
        event.set()

    lease = HeldLease(backend, BRIEF, clock, lost)
    lease.start()
    assert event.wait(20)
    return lease, told[0]


def test_a_lease_is_not_renewed_past_the_time_limit_of_its_run() -> None:
    """A run that hung beyond its time kept its lock, and every other run out, for ever."""
    clock, backend = FakeClock(), Backend()

    def renewed(grant: Grant) -> Grant:
        if len(backend.renewed) == 3:
            clock.advance(60)
        return replace(grant, granted_at=clock.monotonic())

    backend.answer = renewed
    grant = replace(BRIEF, job="overdue")
    HeldLease(backend, grant, clock, lambda _lost: None, renew_until=START + 60).start()
    (thread,) = [found for found in threading.enumerate() if found.name == "lease-overdue"]
    thread.join(20)
    assert (thread.is_alive(), len(backend.renewed)) == (False, 3)


def test_a_run_that_slept_past_its_lease_may_not_write() -> None:
    """A process stopped past its lease woke and went on writing content."""
    clock = FakeClock()
    lease = HeldLease(Backend(), GRANT, clock, lambda _lost: None)
    clock.advance(299.9)
    lease.check()
    clock.advance(0.1)
    with pytest.raises(LeaseLost, match="the lock of logos ran out after 300 s"):
        lease.check()
    clock.advance(-100)
    with pytest.raises(LeaseLost, match="ran out"):
        lease.check()


def test_a_lost_lease_stops_the_run() -> None:
    """When another run took over, the run is told at once; the backend still lets go of what it holds."""

    def taken(_grant: Grant) -> Grant:
        raise LeaseLost("another run took it")

    backend = Backend(taken)
    lease, told = _renewed_until_lost(backend, FakeClock())
    assert str(told) == "another run took it"
    with pytest.raises(LeaseLost, match="another run took it"):
        lease.check()
    lease.release()
    assert backend.released == [BRIEF]


@pytest.mark.parametrize("error", [StoreUnavailable("down"), ConfigurationError(["no locks"])])
def test_a_renewal_that_fails_costs_the_lease_only_when_its_time_is_over(
    error: DatafetchError,
) -> None:
    """It is made again until the lease would have ended, also where this machine's locks failed."""
    clock = FakeClock()

    def failing(_grant: Grant) -> Grant:
        if len(backend.renewed) == 3:
            clock.advance(1)
        raise error

    backend = Backend(failing)
    _, told = _renewed_until_lost(backend, clock)
    assert str(told) == f"the lock of logos could not be renewed in time: {error}"
    assert "DATAFETCH_LOCK_TTL_MS" in told.hint
    assert len(backend.renewed) == 3


def test_a_process_that_ends_is_not_held_up() -> None:
    """The thread that renews a lease keeps no process alive that has nothing else to do."""
    lease = HeldLease(Backend(), GRANT, FakeClock(), lambda _lost: None)
    before = {*threading.enumerate()}
    lease.start()
    keeping = {*threading.enumerate()} - before
    lease.release()
    assert {(thread.name, thread.daemon) for thread in keeping} == {
        ("lease-logos", True),
        ("lease-end-logos", True),
    }


def test_a_renewal_that_hangs_does_not_hide_that_the_lease_is_over() -> None:
    """While the store hung the run went on for minutes without a lease; it is told at once, and once."""
    clock, hangs, goes_on = FakeClock(), threading.Event(), threading.Event()
    told: list[LeaseLost] = []
    event = threading.Event()

    def hanging(grant: Grant) -> Grant:
        hangs.set()
        assert goes_on.wait(20)
        raise StoreUnavailable("down")

    def lost(error: LeaseLost) -> None:
        told.append(error)
        event.set()

    lease = HeldLease(Backend(hanging), BRIEF, clock, lost)
    lease.start()
    assert hangs.wait(20)
    assert lease.holds()
    clock.advance(1)
    assert event.wait(20)
    assert not lease.holds()
    goes_on.set()
    lease.release()
    assert [str(error) for error in told] == [
        "the lock of logos ran out after 0.03 s without being renewed"
    ]


def test_an_ended_run_still_holds_its_lease_while_it_writes_its_records() -> None:
    """The job may not write any more; what the manager writes last depends on the lease alone."""
    clock = FakeClock()
    lease = HeldLease(Backend(), GRANT, clock, lambda _lost: None)
    lease.retire()
    assert lease.holds()
    clock.advance(300)
    assert not lease.holds()


def test_a_renewed_lease_counts_from_its_renewal() -> None:
    """The lease was 5 minutes, the job took 20; the run went on, since its thread renewed it."""
    clock, renewed = FakeClock(), threading.Event()

    def renew(grant: Grant) -> Grant:
        clock.advance(0.02)
        if len(backend.renewed) == 5:
            renewed.set()
        return replace(grant, granted_at=clock.monotonic(), version=f"v{len(backend.renewed)}")

    backend = Backend(renew)
    lease = HeldLease(backend, BRIEF, clock, lambda _lost: None)
    lease.start()
    assert renewed.wait(20)
    lease.release()
    with pytest.raises(LeaseLost, match="has ended"):
        lease.check()
    assert [grant.version for grant in backend.renewed[:3]] == ["", "v1", "v2"]
    assert [grant.version for grant in backend.released] == [f"v{len(backend.renewed)}"]


def test_what_is_left_of_an_ended_run_writes_nothing() -> None:
    """A thread that was left behind after a stop is refused; the lease is still given back."""
    backend = Backend()
    lease = HeldLease(backend, GRANT, FakeClock(), lambda _lost: None)
    lease.retire()
    with pytest.raises(LeaseLost, match="the run of logos has ended"):
        lease.check()
    lease.release()
    assert backend.released == [GRANT]
