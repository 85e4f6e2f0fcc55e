"""After a refused conditional write: was it our own, whose answer was lost?"""

import hashlib
from collections.abc import Callable

from datafetch.errors import ObjectNotFound, PreconditionFailed
from datafetch.store.base import StoredObject


def etag_of_own_write(
    get: Callable[[str], StoredObject],
    failed: PreconditionFailed,
    *,
    size: int,
    sha256: Callable[[], str],
) -> str:
    """The ETag of the object that refused the write, when it holds the very bytes that were sent.

    A client that retries a conditional PUT whose answer was lost meets its own success as a
    412. So a 412 is only believed after the object was read back and compared. Equal bytes
    from somebody else count as success too, and may: the object is as the caller wants it.
    Objects that must tell their writers apart (leases, slots, journals) carry run and token.

    Args:
        get: reads an object.
        failed: the refusal; names the key.
        size: how many bytes were sent.
        sha256: gives the SHA-256 of what was sent, in hex; only called when the sizes agree.

    Raises:
        PreconditionFailed: `failed`, when it is another object or none.
        StoreError: the store does not say; whether the write succeeded is not known.
    """
    try:
        found = get(failed.key)
    except ObjectNotFound:
        raise failed from None
    if len(found.body) != size or hashlib.sha256(found.body).hexdigest() != sha256():
        raise failed
    return found.etag
