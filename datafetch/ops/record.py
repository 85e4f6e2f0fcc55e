"""Keeps a stored object that cannot be read aside, under a name of its own."""

from datafetch.clock import Clock, to_ms
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


def keep_aside(store: ObjectStore, keys: Keys, key: str, clock: Clock) -> str:
    """Copy an object that cannot be read to its `.corrupt-{time}` name; returns its ETag.

    Raises:
        StoreError: the store did not answer.
    """
    bad = store.get(key)
    store.put(keys.corrupt(key, str(to_ms(clock.now()))), bad.body, content_type="text/plain")
    return bad.etag
