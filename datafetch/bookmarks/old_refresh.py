"""Notices that the system before datafetch refreshes the same bookmarks at the same time.

It did so under a lock, an object of its own. Nothing of it asks for our lease or writes on a
condition, so that the two undo each other's work.
"""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from datafetch.bookmarks.copies import ObjectReader, parsed
from datafetch.clock import log_time
from datafetch.job import AnyContext

_MS = 1000


class _OldLock(BaseModel):
    """What matters of a lock: it holds for `ttlMs` milliseconds after it was written.

    The old system wrote 300,000 by default, and 1,800,000 in its last versions. An object whose
    `ttlMs` is more than a day is not taken for a lock.
    """

    ttl_ms: Annotated[int, Field(gt=0, le=86_400_000, alias="ttlMs")]


def tell_of_old_refresh(context: AnyContext) -> None:
    """Say it to the user, when the old system holds its lock on these bookmarks.

    Nothing is said of a lock whose time is over, since whoever wrote it has died, nor of an
    object that is not a lock. The run goes on in any case. This costs one request.

    Raises:
        StoreError: the store did not answer.
    """
    key = context.keys.bookmarks_old_lock()
    found = ObjectReader(context).get(key)
    if found is None or found.age_s is None or found.info.last_modified is None:
        return
    try:
        holds_s = _OldLock.model_validate(parsed(found)).ttl_ms / _MS
    except ValidationError:
        return
    if found.age_s < holds_s:
        until = log_time(found.info.last_modified.timestamp() + holds_s)
        context.remarks.say(
            f"the old system is refreshing these bookmarks, too: its lock {key} holds until "
            f"{until}. It does not know of this run, and each undoes the other's work: switch off "
            "its scheduler and whatever calls it (`datafetch guide migrate`), then run this again"
        )
