"""Stores that refuse every write: for dry runs, builds and web addresses."""

from typing import NoReturn

from datafetch.errors import StoreDenied
from datafetch.store.around import StoreAround
from datafetch.store.base import JSON_TYPE, Condition, FilePart

_HINT = "This command only reads; a job without --dry-run writes."


class RefusesWrites:
    """The writing half of a store that only reads."""

    def put(
        self,
        key: str,
        body: bytes | FilePart,  # noqa: ARG002 - refused whatever it is
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

    def delete(self, key: str) -> None:
        """Refuse.

        Raises:
            StoreDenied: always.
        """
        _refuse(key)


class ReadOnlyStore(RefusesWrites, StoreAround):
    """Wraps another store and refuses every write; `close` closes the other store."""


def _refuse(key: str) -> NoReturn:
    raise StoreDenied(
        f"{key} was not written: the store is open for reading only", key=key, hint=_HINT
    )
