"""The lease in a store on a server: probed once, healed, refused, and never wrongly said to change hands."""

import json
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import LeaseHeld, NotSupported, PreconditionFailed, StoreError, UnsafeStore
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.base import Condition, ObjectStore
from datafetch.store.keys import Keys
from tests.stores import FaultyStore, MemoryStore, ServerMemory
from tests.support import FakeClock

KEYS = Keys("-test")
LOCK = "json/datafetch/locks/bookmarks-test.json"


@pytest.fixture
def clock() -> FakeClock:
    """Told the time."""
    return FakeClock()


def _leases(store: ObjectStore, clock: FakeClock, folder: Path) -> StoreLeases:
    """The leases as a process of its own has them."""
    return StoreLeases(store, KEYS, clock, lambda _job: 300.0, folder)


def _stored(store: MemoryStore) -> Any:
    return json.loads(store.objects[LOCK])


def _left_from_before_the_probe(store: ServerMemory, clock: FakeClock, folder: Path) -> None:
    """Put a lock there as an earlier version left it: never given back, without `conditional`."""
    _leases(store, clock, folder).acquire("bookmarks", "run-1")
    body = _stored(store)
    del body["conditional"]
    store.objects[LOCK] = json.dumps(body | {"token": 7}).encode()
    store.puts.clear()
    clock.advance(24 * 3600 + 301)  # this server does not tell how old a lock is


def test_a_lock_from_before_the_probe_is_healed(clock: FakeClock, tmp_path: Path) -> None:
    """Ceph 16 takes an ETag only without its quotes: the second run was locked out for ever."""
    store = ServerMemory("unquoted")
    _left_from_before_the_probe(store, clock, tmp_path)
    leases = _leases(store, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-2")
    assert (grant.token, store.probes) == (8, 1)
    known = {"form": "unquoted", "endpoint": "https://s3.example.com"}
    assert _stored(store)["conditional"] == known
    grant = leases.renew(grant)
    assert (_stored(store)["conditional"], _stored(store)["owner"]) == (known, grant.owner)
    leases.release(grant)
    assert (_stored(store)["conditional"], _stored(store)["owner"]) == (known, None)


def test_a_later_run_writes_the_lock_and_nothing_else(clock: FakeClock, tmp_path: Path) -> None:
    """A probe happens once for each lock object, not for each run."""
    store = ServerMemory("unquoted")
    first = _leases(store, clock, tmp_path)
    first.release(first.acquire("bookmarks", "run-1"))
    store.puts.clear()
    second = _leases(store, clock, tmp_path)
    assert second.acquire("bookmarks", "run-2").token == 2
    assert [key for key, _ in store.puts] == [LOCK]
    assert _stored(store)["conditional"]["form"] == "unquoted"


def test_a_taken_lease_is_no_time_to_probe(clock: FakeClock, tmp_path: Path) -> None:
    """Who is locked out writes nothing at all."""
    store = ServerMemory("unquoted")
    _leases(store, clock, tmp_path).acquire("bookmarks", "run-1")
    store.puts.clear()
    with pytest.raises(LeaseHeld, match="run-1"):
        _leases(store, clock, tmp_path).acquire("bookmarks", "run-2")
    assert store.puts == []


def test_a_server_that_has_changed_its_mind_is_probed_again(
    clock: FakeClock, tmp_path: Path
) -> None:
    """An update of the server, which wants its ETags in another form now, locked everybody out."""
    store = ServerMemory("quoted")
    leases = _leases(store, clock, tmp_path)
    leases.release(leases.acquire("bookmarks", "run-1"))
    store.dialect = "unquoted"
    assert _leases(store, clock, tmp_path).acquire("bookmarks", "run-2").token == 2
    assert store.probes == 2
    assert _stored(store)["conditional"]["form"] == "unquoted"


class _Stubborn(ServerMemory):
    """A server that keeps conditions everywhere but at the lock, whose writes it refuses."""

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        """Refuse, or do as servers do."""
        if key == LOCK:
            self.puts.append((key, condition))
            raise PreconditionFailed(f"{key}: 412", key=key)
        return super().put_once(key, body, condition)


@pytest.mark.parametrize("state", ["unchanged", "absent"])
def test_a_lock_that_did_not_change_is_never_said_to_change_hands(
    clock: FakeClock, tmp_path: Path, state: str
) -> None:
    """A refused write to a lock that is as it was is the server's fault: exit 1 and a hint, after one more probe."""
    store = _Stubborn()
    if state == "unchanged":
        other = ServerMemory()
        _left_from_before_the_probe(other, clock, tmp_path)
        store.objects.update(other.objects)
    before = dict(store.objects)
    told = rf"refuses to write {LOCK} on the condition that it is {state}, though it is"
    with pytest.raises(StoreError, match=told) as caught:
        _leases(store, clock, tmp_path).acquire("bookmarks", "run-2")
    assert caught.value.exit_code == 1
    assert "DATAFETCH_LOCK=file" in caught.value.hint
    assert store.probes == 2
    assert [key for key, _ in store.puts].count(LOCK) == 2
    assert store.objects == before


def test_a_server_that_has_forgotten_conditions_is_refused(
    clock: FakeClock, tmp_path: Path
) -> None:
    """A lock object that says `quoted` and a server that answers 501: probed again, then exit 78."""
    store = ServerMemory("quoted")
    leases = _leases(store, clock, tmp_path)
    leases.release(leases.acquire("bookmarks", "run-1"))
    before = dict(store.objects)
    store.dialect = "unsupported"
    with pytest.raises(UnsafeStore):
        _leases(store, clock, tmp_path).acquire("bookmarks", "run-2")
    assert store.objects == before


class _Unfit(MemoryStore):
    """A folder on a file system that lacks what writing needs."""

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        """Refuse."""
        raise NotSupported("no locks there", key=key, hint="Use a local disk.")


def test_what_a_folder_lacks_is_told_as_it_is(clock: FakeClock, tmp_path: Path) -> None:
    """A file system without locks has its own hint: it is not taken for a server without conditions."""
    with pytest.raises(NotSupported, match="no locks there") as caught:
        _leases(_Unfit(), clock, tmp_path).acquire("bookmarks", "run-1")
    assert caught.value.hint == "Use a local disk."


def test_a_run_is_prepared_only_on_a_server_that_is_trusted(
    clock: FakeClock, tmp_path: Path
) -> None:
    """Reading for a run begins when it may write: not on a store that is refused."""
    told: list[str] = []
    with pytest.raises(UnsafeStore):
        _leases(ServerMemory("ignoring"), clock, tmp_path).acquire(
            "bookmarks", "run-1", lambda: told.append("free")
        )
    assert told == []


@pytest.mark.parametrize("renewed", [True, False])
def test_a_renewal_whose_answer_was_lost_is_ours(
    clock: FakeClock, tmp_path: Path, renewed: bool
) -> None:
    """A conditional PUT was stored, its answer lost, and the lease was taken for lost: our own grant is in it."""
    store = MemoryStore()
    faulty = FaultyStore(store)
    leases = _leases(faulty, clock, tmp_path)
    grant = leases.acquire("bookmarks", "run-1")
    faulty.fault = lambda call, _: "gone" if call.method == "put" else None
    clock.advance(1)
    with pytest.raises(StoreError):
        leases.renew(grant)
    faulty.fault = None
    clock.advance(1)
    if renewed:
        grant = leases.renew(grant)
        assert _stored(store)["expiresAt"] == 1_795_507_200_000 + 2_000 + 300_000
    leases.release(grant)
    assert _stored(store)["owner"] is None
    assert _leases(store, clock, tmp_path).acquire("bookmarks", "run-2").token == 2
