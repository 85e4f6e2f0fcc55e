"""A store that writes only while the lease of its run is alive."""

from typing import Protocol

from datafetch.store.around import StoreAround
from datafetch.store.base import JSON_TYPE, Condition, FilePart, ObjectStore
from datafetch.store.last_look import looked_at_again


class Fence(Protocol):
    """Knows whether a run still may write."""

    def check(self) -> None:
        """Raise unless the run may still write; called before each write.

        Raises:
            LeaseLost: the lease ended, or was taken over.
            Cancelled: the run was asked to stop, and writes nothing any more.
        """
        ...


class FencedStore(StoreAround):
    """Wraps another store, and asks the fence before each write; `close` closes the other store.

    The fence is asked before the write begins, and by the store itself before each attempt to send
    it (`last_look`). So a process that slept past its lease writes nothing when it wakes. Every job gets such a
    store, so that no write can leave out the check.
    """

    def __init__(self, store: ObjectStore, fence: Fence) -> None:
        super().__init__(store)
        self._fence = fence

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        """See `ObjectStore.put`.

        Raises:
            LeaseLost, Cancelled: as `Fence.check`; nothing was sent.
        """
        self._fence.check()
        with looked_at_again(self._fence.check):
            return self._store.put(
                key,
                body,
                content_type=content_type,
                cache_control=cache_control,
                condition=condition,
            )

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`.

        Raises:
            LeaseLost, Cancelled: as `Fence.check`; nothing was removed.
        """
        self._fence.check()
        with looked_at_again(self._fence.check):
            self._store.delete(key)
