"""The store for dry runs and builds: it refuses every write."""

from collections.abc import Callable

import pytest

from datafetch.errors import StoreDenied
from datafetch.store.base import ObjectStore
from datafetch.store.readonly import ReadOnlyStore
from tests.stores import MemoryStore, as_file

WRITES: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put("json/x.json", b"new"),
    "put a file": lambda store: store.put("json/x.json", as_file(b"new")),
    "delete": lambda store: store.delete("json/x.json"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_refused_write_names_the_key(write: Callable[[ObjectStore], object]) -> None:
    """Who writes through a store for reading learns what would have been written, and how to."""
    inner = MemoryStore()
    inner.put("json/x.json", b"old")
    with pytest.raises(StoreDenied) as caught:
        write(ReadOnlyStore(inner))
    assert caught.value.key == "json/x.json"
    assert "json/x.json" in str(caught.value)
    assert "--dry-run" in caught.value.hint
    assert inner.objects == {"json/x.json": b"old"}
