"""Reads single objects of the bookmarks; one that cannot be read is kept aside, once."""

import json
from typing import Any

from datafetch.clock import to_iso
from datafetch.errors import ObjectNotFound
from datafetch.job import JobContext
from datafetch.ops.lease import Fence
from datafetch.store.base import StoredObject


class ObjectReader:
    """Reads on behalf of one run."""

    def __init__(self, context: JobContext, fence: Fence) -> None:
        self._context = context
        self._store = context.store
        self._fence = fence

    def get(self, key: str) -> StoredObject | None:
        """The object, None when it is not there.

        Raises:
            StoreError: the store did not answer.
        """
        try:
            return self._store.get(key)
        except ObjectNotFound:
            return None

    def keep_aside(self, found: StoredObject) -> None:
        """Copy an object that cannot be read to a name of its own, and say so.

        The same bytes are kept once: a run that fails again and again leaves one copy.

        Raises:
            StoreError: the store did not answer.
            LeaseLost: this run may not write any more.
        """
        key = found.info.key
        aside = self._kept(found)
        new = aside is None
        if aside is None:
            time = to_iso(self._context.clock.now()).replace(":", "-")
            aside = self._context.keys.corrupt(key, time)
        self._context.log.warning("object_corrupt", extra={"key": key, "kept_as": aside})
        if new and not self._context.options.dry_run:
            self._fence.check()
            self._store.put(aside, found.body)

    def _kept(self, found: StoredObject) -> str | None:
        """Where the same bytes are kept already."""
        for info in self._store.list(self._context.keys.corrupt(found.info.key, "")):
            if info.size != len(found.body):
                continue
            if info.etag == found.etag or self._store.get(info.key).body == found.body:
                return info.key
        return None


def parsed(found: StoredObject | None, kind: type) -> Any:
    """The object's JSON when it is of the kind, else None."""
    if found is None:
        return None
    try:
        value = json.loads(found.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, kind) else None
