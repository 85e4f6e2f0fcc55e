"""How one write on a condition is made: a conflict is waited for, a refusal is read back.

Every store whose answers can be lost sends its writes through here, and nobody above a store
tries a write again.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress

from datafetch.clock import Clock
from datafetch.errors import ObjectNotFound, PreconditionFailed, StoreConflict
from datafetch.store.base import StoredObject
from datafetch.store.streams import Window

_CONFLICT_WAITS_S = (0.1, 0.2, 0.4)
"""A 409 passes as soon as the other write has ended (S3: "retry the upload")."""


def put_conditionally(
    send: Callable[[], str], get: Callable[[str], StoredObject], clock: Clock, body: Window
) -> str:
    """Send a write until it is stored or refused; returns the ETag.

    A client that retries a conditional PUT whose answer was lost meets its own success as a
    412. So a 412 is believed only after the object was read back and compared. Equal bytes
    that somebody else wrote count as success too: the object is as the caller wants it.
    Objects that must tell their writers apart (leases, slots, journals) carry run and token.

    Args:
        send: makes one attempt, from the first byte of the body on, and returns the ETag.
        get: reads an object.
        clock: waits between the attempts.
        body: what is sent.

    Raises:
        PreconditionFailed: the condition does not hold, and the object is another one or none.
        StoreConflict: other writes were under way at each of the four attempts.
        StoreError: the store failed; after a 412 it is then not known whether the write succeeded.
    """
    for wait_s in _CONFLICT_WAITS_S:
        with suppress(StoreConflict):
            return _sent(send, get, body)
        clock.sleep(wait_s)
    return _sent(send, get, body)


def _sent(send: Callable[[], str], get: Callable[[str], StoredObject], body: Window) -> str:
    """Make one attempt; one that is refused is a success when the stored bytes are those sent."""
    try:
        return send()
    except PreconditionFailed as failed:
        try:
            stored = get(failed.key)
        except ObjectNotFound:
            raise failed from None
        size, digest = len(stored.body), hashlib.sha256(stored.body).hexdigest()
        if size != body.size or digest != body.sha256():
            raise
        return stored.etag
