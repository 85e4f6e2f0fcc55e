"""What stores around another store have in common: they read from it."""

from datafetch.store.around import StoreAround
from datafetch.store.base import ObjectInfo
from tests.stores import EPOCH, MemoryStore, etag_of


class Closing(MemoryStore):
    """A store that notes that it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_everything_that_reads_is_the_other_stores() -> None:
    """A dry run and a fenced job see what is stored, under the same name and URLs."""
    inner = Closing()
    inner.put("a/key", b"body")
    store = StoreAround(inner)
    info = ObjectInfo("a/key", etag_of(b"body"), 4, EPOCH)
    assert (store.name, store.identity) == ("memory:", "memory:")
    assert store.get("a/key").body == b"body"
    assert store.head("a/key") == info
    assert list(store.list("a/")) == [info]
    with store.open("a/key") as opened:
        assert b"".join(opened.chunks()) == b"body"
    assert store.url("a/key") == "/a/key"
    assert "MemoryStore" in repr(store) or "Closing" in repr(store)
    store.close()
    assert inner.closed
