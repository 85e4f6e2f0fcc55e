"""The blog's manifest is there, and stays as its owner wrote it."""

from datafetch.store.base import IfAbsent
from datafetch.store.blog_manifest import make_blog_manifest
from datafetch.store.keys import Keys
from tests.stores import Call, FaultyStore, MemoryStore

KEY = "json/image-data/blog/manifest-test.json"


def test_it_is_made_empty_where_there_is_none() -> None:
    """Readers that load it beside the other manifests find an array."""
    store = FaultyStore(MemoryStore())
    make_blog_manifest(store, Keys("-test"))
    assert store.inner.get(KEY).body == b"[]"


def test_one_that_is_there_costs_one_request_and_stays() -> None:
    """It is somebody else's."""
    store = FaultyStore(MemoryStore())
    store.inner.put(KEY, b'["x"]')
    make_blog_manifest(store, Keys("-test"))
    assert store.calls == [Call("head", KEY)]
    assert store.inner.get(KEY).body == b'["x"]'


def test_whoever_is_faster_wins() -> None:
    """A manifest that comes between look and write is not written over."""
    memory = MemoryStore()

    def before(call: Call) -> None:
        if call.method == "put":
            memory.put(KEY, b"[1]", condition=IfAbsent())

    store = FaultyStore(memory, before=before)
    make_blog_manifest(store, Keys("-test"))
    assert memory.get(KEY).body == b"[1]"
