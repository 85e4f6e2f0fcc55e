"""Makes one write: sends it again after a conflict, and reads the object back after a refusal.

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
"""Seconds to wait before each further attempt after a 409, so that the other write can end.

Amazon S3 API reference, "PutObject", If-Match: after a 409 "retry the upload".
"""


def put_conditionally(
    send: Callable[[], str], get: Callable[[str], StoredObject], clock: Clock, body: Window
) -> str:
    """Send a write until it is stored or refused; returns the ETag.

    When the answer to a conditional PUT is lost, the client sends it again and gets a 412, since
    the first one was stored. So after a 412 the object is read back, and counts as written when
    its bytes are those sent. Even if somebody else wrote them, they are what the caller wants.
    Leases, states and journals, for which it matters who wrote them, hold the id of their run.

    Args:
        send: makes one attempt, from the first byte of the body on, and returns the ETag.
        get: reads an object.
        clock: waits between the attempts.
        body: what is sent.

    Raises:
        PreconditionFailed: the condition does not hold, and the stored bytes are not those sent.
        StoreConflict: other writes were under way at each of the four attempts.
        StoreError: the store failed; after a 412 it is then not known whether the write succeeded.
    """
    for wait_s in _CONFLICT_WAITS_S:
        with suppress(StoreConflict):
            return _sent(send, get, body)
        clock.sleep(wait_s)
    return _sent(send, get, body)


def _sent(send: Callable[[], str], get: Callable[[str], StoredObject], body: Window) -> str:
    """Make one attempt; a refused one is a success when the stored bytes are those sent."""
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
