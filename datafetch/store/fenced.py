"""A store that writes only while the lease of its run is alive."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    ObjectInfo,
    ObjectStore,
    OpenedObject,
    StoredObject,
)


class Fence(Protocol):
    """Says whether a run still may write."""

    def check(self) -> None:
        """Called before each write.

        Raises:
            LeaseLost: the lease ended, or was taken over.
            Cancelled: the run was asked to stop and must leave things as they are.
        """
        ...


class FencedStore:
    """Another store, of which each write asks the fence first; closing it closes the other.

    A process that slept past its lease writes nothing when it wakes. Every job gets such a
    store, so that none of its writes can forget to ask.
    """

    def __init__(self, store: ObjectStore, fence: Fence) -> None:
        self._store = store
        self._fence = fence

    def __repr__(self) -> str:
        return f"FencedStore({self._store!r})"

    @property
    def name(self) -> str:
        """See `ObjectStore.name`."""
        return self._store.name

    @property
    def identity(self) -> str:
        """See `ObjectStore.identity`."""
        return self._store.identity

    def get(self, key: str) -> StoredObject:
        """See `ObjectStore.get`."""
        return self._store.get(key)

    def open(self, key: str) -> AbstractContextManager[OpenedObject]:
        """See `ObjectStore.open`."""
        return self._store.open(key)

    def head(self, key: str) -> ObjectInfo:
        """See `ObjectStore.head`."""
        return self._store.head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        return self._store.list(prefix)

    def put(
        self,
        key: str,
        body: bytes,
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
        return self._store.put(
            key,
            body,
            content_type=content_type,
            cache_control=cache_control,
            condition=condition,
        )

    def put_stream(
        self,
        key: str,
        body: BinaryIO,
        *,
        size: int,
        content_type: str,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        """See `ObjectStore.put_stream`.

        Raises:
            LeaseLost, Cancelled: as `Fence.check`; nothing was sent.
        """
        self._fence.check()
        return self._store.put_stream(
            key,
            body,
            size=size,
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
        self._store.delete(key)

    def url(self, key: str) -> str:
        """See `ObjectStore.url`."""
        return self._store.url(key)

    def close(self) -> None:
        """See `ObjectStore.close`."""
        self._store.close()
