"""The store that asks the lease before each write."""

import io
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from datafetch.errors import LeaseLost
from datafetch.store.base import FilePart, ObjectStore
from datafetch.store.fenced import FencedStore
from datafetch.store.local import LocalStore
from tests.contract.support import open_s3
from tests.fakes import faults
from tests.fakes.s3 import S3Fake
from tests.stores import MemoryStore, as_file

KEY = "json/bookmarks/heartbeat-test.json"

WRITES: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put(KEY, b"new"),
    "put a file": lambda store: store.put(KEY, as_file(b"new")),
    "delete": lambda store: store.delete(KEY),
}


class Lease:
    """A lease that can end: `ends_after` so many checks."""

    alive = True
    asked = 0
    ends_after: int | None = None

    def check(self) -> None:
        if self.asked == self.ends_after:
            self.alive = False
        self.asked += 1
        if not self.alive:
            raise LeaseLost


class EndsMeanwhile:
    """A lease that is over as soon as something has happened."""

    def __init__(self, has_happened: Callable[[], bool]) -> None:
        self._has_happened = has_happened

    def check(self) -> None:
        if self._has_happened():
            raise LeaseLost


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_asks_the_lease_first(write) -> None:
    """A process that slept past its lease writes nothing when it wakes, whatever it writes with."""
    inner, lease = MemoryStore(), Lease()
    inner.put(KEY, b"old")
    store = FencedStore(inner, lease)
    lease.alive = False
    with pytest.raises(LeaseLost):
        write(store)
    assert inner.objects == {KEY: b"old"}
    lease.alive = True
    write(store)
    assert inner.objects in ({KEY: b"new"}, {})
    assert lease.asked == 2


def test_reading_needs_no_lease() -> None:
    """What is only looked at is not asked for."""
    inner, lease = MemoryStore(), Lease()
    inner.put(KEY, b"old")
    lease.alive = False
    store = FencedStore(inner, lease)
    assert store.get(KEY).body == b"old"
    assert store.head(KEY).size == 3
    assert [info.key for info in store.list("")] == [KEY]
    with store.open(KEY) as opened:
        assert b"".join(opened.chunks()) == b"old"
    assert lease.asked == 0


def test_a_second_lease_is_asked_too() -> None:
    """Who writes into another job's dataset needs both leases alive."""
    inner, own, other = MemoryStore(), Lease(), Lease()
    store = FencedStore(FencedStore(inner, own), other)
    for lost in (own, other):
        lost.alive = False
        with pytest.raises(LeaseLost):
            store.put(KEY, b"x")
        lost.alive = True
    assert not inner.objects


def _inner(
    kind: str, request: pytest.FixtureRequest, folder: Path, holding: ExitStack
) -> ObjectStore:
    if kind == "folder":
        return LocalStore(folder / "store")
    return holding.enter_context(closing(open_s3(request.getfixturevalue("s3_fake"))))


@pytest.mark.parametrize("kind", ["folder", "bucket"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_lease_that_ends_after_the_check_is_noticed(
    write: Callable[[ObjectStore], object],
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """A process that was stopped between the check and the write stored up to three objects when it woke."""
    with ExitStack() as holding:
        inner = _inner(kind, request, tmp_path, holding)
        inner.put(KEY, b"old")
        lease = Lease()
        lease.ends_after = 1
        with pytest.raises(LeaseLost):
            write(FencedStore(inner, lease))
        assert lease.asked == 2
        assert [info.key for info in inner.list("")] == [KEY]
        assert inner.get(KEY).body == b"old"


def test_a_write_that_is_sent_again_asks_again(s3_fake: S3Fake) -> None:
    """The connection had died while the process was stopped: the client sent the write anew, unasked."""
    with closing(open_s3(s3_fake)) as inner:
        lease = EndsMeanwhile(lambda: len(s3_fake.requests()) > before)
        s3_fake.app.inject(faults.dropped(), times=1)
        before = len(s3_fake.requests())
        with pytest.raises(LeaseLost):
            FencedStore(inner, lease).put(KEY, b"new")
        assert [method for method, _ in s3_fake.requests()[before:]] == ["PUT"]


class StoppedFile(io.BytesIO):
    """A file during whose sending, after the second piece, the process is stopped for long."""

    was_stopped = False

    def read(self, size: int | None = -1) -> bytes:
        if (
            size is not None and 0 < size < 500_000
        ):  # not the reading of the whole, for its signature
            self.was_stopped = self.was_stopped or self.tell() >= 2 * size
        return super().read(size)


def test_a_write_that_was_half_sent_is_not_finished_late(s3_fake: S3Fake) -> None:
    """A process that was stopped in the middle of sending wakes with the lease over: the rest is not sent."""
    with closing(open_s3(s3_fake)) as inner:
        inner.put(KEY, b"old")
        file = StoppedFile(bytes(1_000_000))
        store = FencedStore(inner, EndsMeanwhile(lambda: file.was_stopped))
        with pytest.raises(LeaseLost):
            store.put(KEY, FilePart(file, 1_000_000))
        assert inner.get(KEY).body == b"old"


def test_a_merge_needs_both_leases_to_the_last(tmp_path: Path) -> None:
    """Who writes another job's data under its lease stops when either of the two ends."""
    for ends in (0, 1):
        mine, theirs = Lease(), Lease()
        (mine, theirs)[ends].ends_after = 1
        store = FencedStore(FencedStore(LocalStore(tmp_path / "store"), mine), theirs)
        with pytest.raises(LeaseLost):
            store.put(KEY, b"new")
    assert [*LocalStore(tmp_path / "store").list("")] == []
