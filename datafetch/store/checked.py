"""A store whose conditions we look after ourselves, since its server does not.

What is stored is compared first and written then. File locks keep the writers of this machine
from doing so at the same time; a writer on another machine would not be noticed between the two.
So this is checked, not atomic, and for one machine only.
"""

import hashlib

from datafetch.errors import LeaseHeld, ObjectNotFound, PreconditionFailed, StoreUnavailable
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.around import StoreAround
from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    FilePart,
    IfAbsent,
    IfMatch,
    ServerStore,
)


class CheckedStore(StoreAround):
    """Wraps another store and, if it is told to, checks conditions itself; `close` closes the other.

    Attributes:
        server: the other store.
        checks: whether a condition is compared with the stored object (one request more) and the
            write is then sent without it. When False, conditions are left to the server.
    """

    def __init__(self, store: ServerStore, machine: RuntimeFolder, *, wait_s: float = 60.0) -> None:
        """A write waits `wait_s` at most for others to the same object; `machine` has the locks."""
        super().__init__(store)
        self.server = store
        self._machine = machine
        self._wait_s = wait_s
        self.checks = False

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        """See `ObjectStore.put`."""

        def put(condition: Condition) -> str:
            return self._store.put(
                key,
                body,
                content_type=content_type,
                cache_control=cache_control,
                condition=condition,
            )

        if not self.checks or condition is None:
            return put(condition)
        try:
            with self._machine.lock(self._lock_name(key), self._wait_s):
                self._check(key, condition)
                return put(None)
        except LeaseHeld as held:
            raise StoreUnavailable(
                f"{key}: another process has been writing for {self._wait_s:g} s",
                key=key,
                hint="Wait for the other datafetch of this machine to end (ps aux), and try again.",
            ) from held

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        self._store.delete(key)

    def _lock_name(self, key: str) -> str:
        """One of 256 locks of the store, so that the folder does not fill up."""
        store, name = (
            hashlib.sha256(text.encode()).hexdigest() for text in (self._store.identity, key)
        )
        return f"write-{store[:16]}-{name[:2]}.lock"

    def _check(self, key: str, condition: IfMatch | IfAbsent) -> None:
        etag = self._etag(key)
        if isinstance(condition, IfAbsent):
            if etag is not None:
                raise PreconditionFailed(f"{key} is there already", key=key)
        elif etag != condition.etag:
            raise PreconditionFailed(f"{key} is not as it was when it was read", key=key)

    def _etag(self, key: str) -> str | None:
        try:
            return self._store.head(key).etag
        except ObjectNotFound:
            return None
