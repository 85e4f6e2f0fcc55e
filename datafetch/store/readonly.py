"""A store that refuses to be written: for dry runs and builds."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, NoReturn

from datafetch.errors import StoreDenied
from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    ObjectInfo,
    ObjectStore,
    OpenedObject,
    StoredObject,
)

_HINT = "This command only reads; a job without --dry-run writes."


class ReadOnlyStore:
    """Another store, of which only the reading half works; closing it closes the other."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"ReadOnlyStore({self._store!r})"

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
        body: bytes,  # noqa: ARG002 - refused whatever it is
        *,
        content_type: str = JSON_TYPE,  # noqa: ARG002
        cache_control: str | None = None,  # noqa: ARG002
        condition: Condition = None,  # noqa: ARG002
    ) -> str:
        """Refuse.

        Raises:
            StoreDenied: always.
        """
        _refuse(key)

    def put_stream(
        self,
        key: str,
        body: BinaryIO,  # noqa: ARG002 - refused whatever it is
        *,
        size: int,  # noqa: ARG002
        content_type: str,  # noqa: ARG002
        cache_control: str | None = None,  # noqa: ARG002
        condition: Condition = None,  # noqa: ARG002
    ) -> str:
        """Refuse.

        Raises:
            StoreDenied: always.
        """
        _refuse(key)

    def delete(self, key: str) -> None:
        """Refuse.

        Raises:
            StoreDenied: always.
        """
        _refuse(key)

    def url(self, key: str) -> str:
        """See `ObjectStore.url`."""
        return self._store.url(key)

    def close(self) -> None:
        """See `ObjectStore.close`."""
        self._store.close()


def _refuse(key: str) -> NoReturn:
    raise StoreDenied(
        f"{key} was not written: the store is open for reading only", key=key, hint=_HINT
    )
