"""The store that asks the lease before each write."""

from collections.abc import Callable

import pytest

from datafetch.errors import LeaseLost
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import FencedStore
from tests.stores import MemoryStore, as_file

WRITES: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put("key", b"new"),
    "put a file": lambda store: store.put("key", as_file(b"new")),
    "delete": lambda store: store.delete("key"),
}


class Lease:
    """A lease that can end."""

    alive = True
    asked = 0

    def check(self) -> None:
        self.asked += 1
        if not self.alive:
            raise LeaseLost


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_asks_the_lease_first(write) -> None:
    """A process that slept past its lease writes nothing when it wakes, whatever it writes with."""
    inner, lease = MemoryStore(), Lease()
    inner.put("key", b"old")
    store = FencedStore(inner, lease)
    lease.alive = False
    with pytest.raises(LeaseLost):
        write(store)
    assert inner.objects == {"key": b"old"}
    lease.alive = True
    write(store)
    assert inner.objects in ({"key": b"new"}, {})
    assert lease.asked == 2


def test_reading_needs_no_lease() -> None:
    """What is only looked at is not asked for."""
    inner, lease = MemoryStore(), Lease()
    inner.put("key", b"old")
    lease.alive = False
    store = FencedStore(inner, lease)
    assert store.get("key").body == b"old"
    assert store.head("key").size == 3
    assert [info.key for info in store.list("")] == ["key"]
    with store.open("key") as opened:
        assert b"".join(opened.chunks()) == b"old"
    assert lease.asked == 0


def test_a_second_lease_is_asked_too() -> None:
    """Who writes into another job's dataset needs both leases alive."""
    inner, own, other = MemoryStore(), Lease(), Lease()
    store = FencedStore(FencedStore(inner, own), other)
    for lost in (own, other):
        lost.alive = False
        with pytest.raises(LeaseLost):
            store.put("key", b"x")
        lost.alive = True
    assert not inner.objects
