"""How one write on a condition is made: a conflict is waited for, a refusal is read back.

Every store whose answers can be lost sends its writes through here, and nobody above a store
tries one again.
"""

import hashlib
from collections.abc import Callable

from datafetch.clock import Clock
from datafetch.errors import ObjectNotFound, PreconditionFailed, StoreConflict
from datafetch.store.base import StoredObject

_CONFLICT_WAITS_S = (0.1, 0.2, 0.4)
"""A 409 passes as soon as the other write has ended (S3: "retry the upload")."""


def put_conditionally(
    send: Callable[[], str],
    get: Callable[[str], StoredObject],
    clock: Clock,
    *,
    size: int,
    sha256: Callable[[], str],
) -> str:
    """Send a write until it is stored or refused; returns the ETag.

    A client that retries a conditional PUT whose answer was lost meets its own success as a
    412. So a 412 is believed only after the object was read back and compared. Equal bytes
    from somebody else count as success too, and may: the object is as the caller wants it.
    Objects that must tell their writers apart (leases, slots, journals) carry run and token.

    Args:
        send: makes one attempt, from the first byte on, and returns the ETag.
        get: reads an object.
        clock: waits between the attempts.
        size: how many bytes are sent.
        sha256: gives the SHA-256 of what is sent, in hex; only called when the sizes agree.

    Raises:
        PreconditionFailed: the condition does not hold, and the object is another one or none.
        StoreConflict: other writes were under way until the last attempt.
        StoreError: the store failed; after a 412 it is then not known whether the write succeeded.
    """
    for wait_s in (*_CONFLICT_WAITS_S, None):
        try:
            return send()
        except StoreConflict:
            if wait_s is None:
                raise
            clock.sleep(wait_s)
        except PreconditionFailed as failed:
            return _etag_of_own_write(get, failed, size=size, sha256=sha256)
    raise AssertionError("unreachable")


def _etag_of_own_write(
    get: Callable[[str], StoredObject],
    failed: PreconditionFailed,
    *,
    size: int,
    sha256: Callable[[], str],
) -> str:
    """The ETag of the object that refused the write, when it holds the very bytes that were sent."""
    try:
        found = get(failed.key)
    except ObjectNotFound:
        raise failed from None
    if len(found.body) != size or hashlib.sha256(found.body).hexdigest() != sha256():
        raise failed
    return found.etag
