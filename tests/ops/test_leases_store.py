"""The lease in the store: taken once, renewed, lost, taken over, released."""

import json
import subprocess
import sys
import threading

import pytest

from datafetch.errors import LeaseHeld, LeaseLost
from datafetch.ops.lease import HeldLease
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.stores import Call, FaultyStore
from tests.support import FakeClock

KEYS = Keys("-test")
TTL_S = 300.0


@pytest.fixture
def clock():
    """Told the time."""
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    """A folder whose ages go by the same clock."""
    return LocalStore(tmp_path / "store", clock)


def _leases(store, clock, tmp_path):
    return StoreLeases(store, KEYS, clock, lambda _job: TTL_S, tmp_path / "locks")


def _stored(store):
    return json.loads(store.get(KEYS.lock("bookmarks")).body)


def test_a_lease_is_given_once(store, clock, tmp_path):
    """The conditional header never reached the PUT: every instance "had" the lock."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    with pytest.raises(LeaseHeld, match="run-1"):
        leases.acquire("bookmarks", "run-2")


def test_what_is_read_beside_the_taking_is_read_while_nobody_has_the_lease(store, clock, tmp_path):
    """Reading begins when the lease was seen free, anew when it changed hands since, never while it is held."""
    other = _leases(store, clock, tmp_path / "other")
    told: list[int] = []

    def somebody_is_faster(call: Call) -> None:
        if (call.method, len(told)) == ("put", 1):
            other.release(other.acquire("bookmarks", "run-0"))

    mine = _leases(FaultyStore(store, before=somebody_is_faster), clock, tmp_path)
    mine.acquire("bookmarks", "run-1", lambda: told.append(_token(store)))
    assert told == [0, 1]
    with pytest.raises(LeaseHeld):
        mine.acquire("bookmarks", "run-2", lambda: told.append(_token(store)))
    assert told == [0, 1]


def _token(store):
    """The fencing token of who had the lease last."""
    return _stored(store)["token"] if [*store.list("json/")] else 0


def test_of_many_takers_one_wins(store, clock, tmp_path):
    """Takers at the same moment: exactly one has the lease, the others are told."""
    outcomes: list[str] = []
    gate = threading.Barrier(6)

    def take(number: int) -> None:
        leases = StoreLeases(store, KEYS, clock, lambda _job: TTL_S, tmp_path / f"m{number}")
        gate.wait()
        try:
            leases.acquire("bookmarks", f"run-{number}")
            outcomes.append("had")
        except LeaseHeld:
            outcomes.append("held")

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["had", *["held"] * 5]


def test_the_object_is_the_contracts(store, clock, tmp_path):
    """Who holds the lock can be read by people and by other runs."""
    grant = _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    body = _stored(store)
    assert set(body) == {
        *("owner", "host", "pid", "runId", "acquiredAt", "expiresAt", "ttlMs", "token"),
    }
    assert (body["runId"], body["ttlMs"], body["token"]) == ("run-1", 300_000, 1)
    assert body["owner"] == grant.holder.owner


def test_release_keeps_the_token_and_deletes_nothing(store, clock, tmp_path):
    """Released is `owner: null`; the fencing token only grows."""
    leases = _leases(store, clock, tmp_path)
    leases.release(leases.acquire("bookmarks", "run-1"))
    assert _stored(store)["owner"] is None
    assert leases.acquire("bookmarks", "run-2").holder.token == 2


def test_an_expired_lease_is_taken_over_on_its_etag(store, clock, tmp_path):
    """An expired lock was deleted, then created: two takers deleted each other's new lock."""
    leases = _leases(store, clock, tmp_path)
    old = leases.acquire("bookmarks", "run-1")
    clock.advance(TTL_S + 1)
    new = leases.acquire("bookmarks", "run-2")
    assert new.holder.token == 2
    with pytest.raises(LeaseLost):
        leases.renew(old)
    leases.release(old)
    assert _stored(store)["runId"] == "run-2"


def test_a_renewed_lease_is_not_expired(store, clock, tmp_path):
    """The lease was 5 minutes, the job took 20; a second instance started in the middle."""
    leases = _leases(store, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1")
    for _ in range(5):
        clock.advance(TTL_S * 0.8)
        grant = leases.renew(grant)
        with pytest.raises(LeaseHeld):
            leases.acquire("bookmarks", "run-2")


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_at_once(store, clock, tmp_path):
    """A spawn error left the "running" mark set for ever: a dead run is recognised."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    store.put(KEYS.lock("bookmarks"), json.dumps(_stored(store) | {"pid": ended.pid}).encode())
    assert leases.acquire("bookmarks", "run-2").holder.token == 2


def test_a_dead_process_of_another_machine_is_not_ours_to_judge(store, clock, tmp_path):
    """A process number means nothing on another host: its lease runs out by itself."""
    leases = _leases(store, clock, tmp_path)
    leases.acquire("bookmarks", "run-1")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    foreign = _stored(store) | {"pid": ended.pid, "host": "elsewhere"}
    store.put(KEYS.lock("bookmarks"), json.dumps(foreign).encode())
    with pytest.raises(LeaseHeld, match="elsewhere"):
        leases.acquire("bookmarks", "run-2")


def test_an_unreadable_lock_holds_nobody_back(store, clock, tmp_path):
    """A corrupt lock object is replaced on its own ETag, and the token still grows."""
    store.put(KEYS.lock("bookmarks"), b"{broken")
    grant = _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    assert grant.holder.token > 1_000_000


def test_a_run_that_slept_past_its_lease_may_not_write(store, clock, tmp_path):
    """A process stopped past its lease woke and went on writing content."""
    leases = _leases(store, clock, tmp_path)
    lease = HeldLease(leases, leases.acquire("bookmarks", "run-1"), clock, lambda _lost: None)
    lease.check()
    clock.advance(TTL_S)
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_lost_lease_stops_the_run(store, clock, tmp_path):
    """When another run took over, renewal says so at once and nothing is released for it."""
    leases = StoreLeases(store, KEYS, clock, lambda _job: 0.03, tmp_path / "locks")
    grant = leases.acquire("bookmarks", "run-1")
    clock.advance(1)
    leases.acquire("bookmarks", "run-2")
    told = threading.Event()
    lease = HeldLease(leases, grant, clock, lambda _lost: told.set())
    lease.start()
    assert told.wait(10)
    lease.release()
    assert _stored(store)["runId"] == "run-2"


def test_what_is_left_of_an_ended_run_writes_nothing(store, clock, tmp_path):
    """A thread that was left behind after a stop meets a closed fence; the lease is still given back."""
    leases = _leases(store, clock, tmp_path)
    lease = HeldLease(leases, leases.acquire("bookmarks", "run-1"), clock, lambda _lost: None)
    lease.retire()
    with pytest.raises(LeaseLost, match="has ended"):
        lease.check()
    lease.release()
    assert _stored(store)["owner"] is None
