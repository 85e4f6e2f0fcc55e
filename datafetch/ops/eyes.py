"""Reads stored objects only to show them: nothing is logged, kept aside or written."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from pydantic import TypeAdapter

from datafetch.clock import to_ms
from datafetch.errors import ObjectNotFound, StoreDenied
from datafetch.models.text import one_line
from datafetch.ops.freshness import Holder
from datafetch.ops.leases.lock_object import is_dead_here, lock_in
from datafetch.ops.record import seen
from datafetch.ops.state import JobState
from datafetch.store.base import ObjectStore, ServerStore

T = TypeVar("T")

STATE: TypeAdapter[JobState | None] = TypeAdapter(JobState | None)
"""Reads the state of a job, or of a share of one."""

_LARGEST_LOCK = 64 * 1024
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Eyes:
    """Reads objects; `notes` says which of them could not be read."""

    store: ObjectStore
    notes: list[str] = field(default_factory=list)

    def see(self, key: str, adapter: TypeAdapter[T], empty: T) -> T:
        """The value of a stored object; `empty` when there is none, or it cannot be read."""
        found = seen(self.store, key, adapter, empty=empty)
        if found.problem:
            self.notes.append(
                f"{key} cannot be read ({found.problem}); the next run keeps it aside and begins anew"
            )
        return found.value

    def see_lock(self, key: str, now: float) -> Holder | None:
        """Who has the lock; None while it is free.

        In a folder the age of the lock's file is measured by this machine's clock, since only a
        write would tell the clock of the folder's file system.
        """
        try:
            if isinstance(self.store, ServerStore):
                stored = self.store.get(key)
                body, age_s, written = stored.body, stored.age_s, stored.info.last_modified
            else:
                with self.store.open(key) as opened:
                    body, age_s = opened.file.read(_LARGEST_LOCK + 1), None
                    written = opened.info.last_modified
        except ObjectNotFound:
            return None
        lock = lock_in(body)
        if lock is None:
            self.notes.append(f"{key} cannot be read; the next run takes the lock anew")
            return None
        if lock.owner is None:
            return None
        if age_s is None and written is not None:
            age_s = max(0.0, now - written.timestamp())
        free_at = lock.expires_at if age_s is None else to_ms(now - age_s) + lock.ttl_ms
        return Holder(
            host=one_line(lock.host, _LONGEST_NAME),
            pid=lock.pid,
            run_id=one_line(lock.run_id, _LONGEST_NAME),
            since=lock.acquired_at,
            free_at=free_at,
            is_dead=is_dead_here(lock),
            is_over=free_at < to_ms(now),
        )

    def listed(self, prefix: str) -> list[tuple[str, datetime | None]]:
        """Key and time of each object under a prefix; none, with a note, if listing is not allowed."""
        try:
            return [(info.key, info.last_modified) for info in self.store.list(prefix)]
        except StoreDenied:
            self.notes.append(f"{prefix} may not be listed with these credentials")
            return []

    def written_at(self, key: str) -> int | None:
        """When an object was written, epoch milliseconds; None when that is not known."""
        try:
            written = self.store.head(key).last_modified
        except ObjectNotFound:
            return None
        return None if written is None else to_ms(written.timestamp())
