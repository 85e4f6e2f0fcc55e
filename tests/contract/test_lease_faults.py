"""One suite for every kind of leases whose service fails, refuses, forgets, or loses an answer."""

from contextlib import suppress

import pytest

from datafetch.clock import SystemClock
from datafetch.errors import LeaseHeld, LeaseLost, StoreConflict, StoreError
from datafetch.factory import Parts
from datafetch.ops.lease import HeldLease
from tests.contract.lease_kinds import JOB, LeaseKind, conflict, is_lock_write
from tests.fakes.base import FakeServer
from tests.fakes.faults import reply

over_a_network = pytest.mark.parametrize("kind", ["s3", "dynamodb", "redis"], indirect=True)
calls = pytest.mark.parametrize("call", ["acquire", "renew", "release"])


def _is_locked_out(parts: Parts) -> bool:
    """Whether a run of somebody else cannot take the lease; one that took it has given it back."""
    try:
        grant = parts.leases.acquire(JOB, "run-of-another")
    except LeaseHeld:
        return True
    parts.leases.release(grant)
    return False


@over_a_network
@calls
def test_an_answer_that_was_lost_costs_nobody_the_lease(kind: LeaseKind, call: str) -> None:
    """A write of the lease was stored, its answer lost, and the one who asked again was refused: the lease is his."""
    assert kind.loses_answer is not None
    with kind.opened() as parts, kind.opened("another") as other:
        leases = parts.leases
        leases.release(leases.acquire(JOB, "run-0"))
        if call == "acquire":
            kind.loses_answer()
        grant = leases.acquire(JOB, "run-1")
        assert _is_locked_out(other)
        if call == "renew":
            kind.loses_answer()
            with suppress(StoreError):  # the lease's thread asks again
                leases.renew(grant)
        grant = leases.renew(grant)
        assert _is_locked_out(other)
        if call == "release":
            kind.loses_answer()
        leases.release(grant)
        assert not _is_locked_out(other)
        assert leases.acquire(JOB, "run-2").token > grant.token + 1


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        *(("s3", call) for call in ("acquire", "renew", "release")),
        # DynamoDB refuses to give a lease back only when it is another run's, or given back.
        *(("dynamodb", call) for call in ("acquire", "renew")),
    ],
    indirect=["kind"],
)
def test_a_refusal_without_a_reason_costs_nobody_the_lease(kind: LeaseKind, call: str) -> None:
    """412 though nobody else wrote, as after a write that was sent twice: who has the lease keeps it, and only he."""
    assert kind.refuses_once is not None
    with kind.opened() as parts, kind.opened("another") as other:
        leases = parts.leases
        leases.release(leases.acquire(JOB, "run-0"))
        if call == "acquire":
            kind.refuses_once()
        grant = leases.acquire(JOB, "run-1")
        if call == "renew":
            kind.refuses_once()
        grant = leases.renew(grant)
        assert _is_locked_out(other)
        if call == "release":
            kind.refuses_once()
        leases.release(grant)
        assert not _is_locked_out(other)


@pytest.mark.parametrize("kind", ["s3"], indirect=True)
@calls
def test_a_conflict_is_no_refusal(kind: LeaseKind, moto_server: FakeServer, call: str) -> None:
    """409 once: another write was under way, and the next attempt is stored."""
    with kind.opened() as parts, kind.opened("another") as other:
        leases = parts.leases
        leases.release(leases.acquire(JOB, "run-0"))
        rule = None
        for step in ("acquire", "renew", "release"):
            if step == call:
                rule = moto_server.app.inject(reply(*conflict()), is_lock_write, times=1)
            if step == "acquire":
                grant = leases.acquire(JOB, "run-1")
            elif step == "renew":
                grant = leases.renew(grant)
                assert _is_locked_out(other)
            else:
                leases.release(grant)
        assert rule is not None
        assert rule.hits == 1
        assert not _is_locked_out(other)


@pytest.mark.parametrize("kind", ["s3"], indirect=True)
def test_conflicts_without_end_lock_out_and_take_nothing_away(
    kind: LeaseKind, moto_server: FakeServer
) -> None:
    """409 again and again: who asks for the lease does without it for now, who has it keeps it."""
    with kind.opened() as parts, kind.opened("another") as other:
        leases = parts.leases
        grant = leases.acquire(JOB, "run-1")
        moto_server.app.inject(reply(*conflict()), is_lock_write)
        with pytest.raises(StoreConflict):
            leases.renew(grant)
        moto_server.app.heal()
        leases.release(leases.renew(grant))
        moto_server.app.inject(reply(*conflict()), is_lock_write)
        with pytest.raises(LeaseHeld, match="being taken by another run right now"):
            other.leases.acquire(JOB, "run-2")
        moto_server.app.heal()
        assert other.leases.acquire(JOB, "run-2").token == grant.token + 1


def test_a_service_that_fails_for_a_while_takes_no_lease_away(kind: LeaseKind) -> None:
    """Renewals failed: the lease lives to its end, nobody else has it meanwhile, and the next renewal goes on."""
    with kind.opened() as parts, kind.opened("another") as other:
        lost: list[LeaseLost] = []
        grant = parts.leases.acquire(JOB, "run-1")
        lease = HeldLease(parts.leases, grant, SystemClock(), lost.append)
        with kind.broken():
            with pytest.raises(StoreError):
                parts.leases.renew(grant)
            with pytest.raises((StoreError, LeaseHeld)):
                other.leases.acquire(JOB, "run-2")
            lease.check()
        assert _is_locked_out(other)
        renewed = parts.leases.renew(grant)
        assert renewed.token == grant.token
        assert renewed.granted_at > grant.granted_at
        assert _is_locked_out(other)
        parts.leases.release(renewed)
        assert other.leases.acquire(JOB, "run-2").token > grant.token
        assert lost == []


@pytest.mark.parametrize("kind", ["redis"], indirect=True)
def test_a_redis_that_forgot_everything_gives_no_lease_twice(kind: LeaseKind) -> None:
    """Flushed while a run has the lease: nobody else gets it, the run keeps it, and no token comes again."""
    assert kind.forgets is not None
    with kind.opened() as parts, kind.opened("another") as other:
        grant = parts.leases.acquire(JOB, "run-1")
        kind.forgets()
        assert _is_locked_out(other)
        grant = parts.leases.renew(grant)
        assert _is_locked_out(other)
        kind.forgets()
        grant = parts.leases.renew(grant)
        assert _is_locked_out(other)
        parts.leases.release(grant)
        kind.forgets()
        taken = other.leases.acquire(JOB, "run-2")
        assert taken.token > grant.token
        other.leases.release(taken)


@pytest.mark.parametrize("kind", ["redis"], indirect=True)
def test_whoever_took_the_lease_from_a_redis_that_forgot_it_has_it_alone(kind: LeaseKind) -> None:
    """Flushed, and the lease's time over: a second run takes it, and the first one may not come back."""
    assert kind.forgets is not None
    with kind.opened() as parts, kind.opened("another") as other:
        grant = parts.leases.acquire(JOB, "run-1")
        kind.forgets()
        kind.let_pass(305)
        taken = other.leases.acquire(JOB, "run-2")
        assert taken.token > grant.token
        with pytest.raises(LeaseLost):
            parts.leases.renew(grant)
        parts.leases.release(grant)
        assert other.leases.renew(taken).token == taken.token
