"""Writes a stored object again as it is, so that headers and access that were changed reach it."""

from datafetch.errors import ObjectNotFound, PreconditionFailed
from datafetch.store.base import IMAGE_CACHE, FilePart, IfMatch, ObjectStore
from datafetch.store.keys import IMAGES_PREFIX
from datafetch.store.paths import content_type_of


def write_again(store: ObjectStore, key: str) -> str | None:
    """Read an object and write the same bytes in its place, if nobody else has written it meanwhile.

    It is not copied by the server (CopyObject): that has no condition on what it replaces, and not
    every server takes new headers with it. At most `CHUNK` bytes of it are in memory.

    Returns:
        The new ETag; None when the object is gone, or somebody else has just written it: then it
        has today's headers.

    Raises:
        StoreError: the store failed; the object is as it was.
        LeaseLost: this run may not write any more.
    """
    try:
        with store.open(key) as found:
            return store.put(
                key,
                FilePart(found.file, found.info.size),
                content_type=content_type_of(key),
                cache_control=IMAGE_CACHE if key.startswith(IMAGES_PREFIX) else None,
                condition=IfMatch(found.etag),
            )
    except (ObjectNotFound, PreconditionFailed):
        return None
