"""How many bytes one run may write, so that a hostile or broken source cannot fill the store."""

import threading

from datafetch.errors import OutputRefused
from datafetch.store.around import StoreAround
from datafetch.store.base import JSON_TYPE, Condition, FilePart, ObjectStore

_MB = 1_000_000


class OutputLimit:
    """Counts the bytes that a run writes, and refuses what would pass the limit. Thread-safe."""

    def __init__(self, megabytes: int) -> None:
        """`megabytes`: the limit, in millions of bytes."""
        self._megabytes = megabytes
        self._written = 0
        self._guard = threading.Lock()

    def check(self, planned: int) -> None:
        """Raise if so many bytes more would pass the limit; nothing is counted.

        Raises:
            OutputRefused: they would.
        """
        with self._guard:
            self._refuse_past(self._written + planned)

    def spend(self, size: int) -> None:
        """Count so many bytes, which are written next.

        Raises:
            OutputRefused: the limit would be passed; they are not counted.
        """
        with self._guard:
            total = self._written + size
            self._refuse_past(total)
            self._written = total

    def _refuse_past(self, total: int) -> None:
        if total <= self._megabytes * _MB:
            return
        raise OutputRefused(
            f"this run would write {total / _MB:,.1f} MB or more, and DATAFETCH_MAX_OUTPUT_MB "
            f"allows {self._megabytes:,}"
        )


class LimitedStore(StoreAround):
    """Wraps another store, and counts the bytes of each write before it is made.

    A publish asks for the sum of its writes before the first of them (`Publisher.publish`). This
    store is for what is written one by one, such as pictures, of which nobody knows the sum before.
    """

    def __init__(self, store: ObjectStore, limit: OutputLimit) -> None:
        super().__init__(store)
        self._limit = limit

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
            OutputRefused: the run would write more than it may; nothing was sent.
        """
        self._limit.spend(len(body) if isinstance(body, bytes) else body.size)
        return self._store.put(
            key, body, content_type=content_type, cache_control=cache_control, condition=condition
        )

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        self._store.delete(key)
