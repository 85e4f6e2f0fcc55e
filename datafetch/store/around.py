"""The base of stores that wrap another store, read from it, and change only how it is written."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from datafetch.store.base import ObjectInfo, ObjectStore, OpenedObject, StoredObject


class StoreAround:
    """Reads from another store; subclasses add `put` and `delete`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._store!r})"

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

    def url(self, key: str) -> str:
        """See `ObjectStore.url`."""
        return self._store.url(key)

    def close(self) -> None:
        """See `ObjectStore.close`."""
        self._store.close()
