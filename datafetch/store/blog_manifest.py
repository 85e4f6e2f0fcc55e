"""Makes the manifest of the blog's pictures where there is none: its readers demand that it is there."""

from contextlib import suppress

from datafetch.errors import ObjectNotFound, PreconditionFailed
from datafetch.store.base import IfAbsent, ObjectStore
from datafetch.store.keys import Keys

_NO_PICTURES = b"[]"


def make_blog_manifest(store: ObjectStore, keys: Keys) -> None:
    """Store an empty list as the blog's manifest, unless one is there: that is somebody else's.

    The readers load it beside the manifests of logos and previews, so each run of their jobs calls
    this, also one that writes no manifest: stores of earlier releases lack it. It costs one request.

    Raises:
        StoreError: the store failed.
        LeaseLost: this run may not write any more.
    """
    key = keys.blog_manifest()
    try:
        store.head(key)
    except ObjectNotFound:
        with suppress(PreconditionFailed):  # somebody else was faster: theirs stays
            store.put(key, _NO_PICTURES, condition=IfAbsent())
