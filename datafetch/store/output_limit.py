"""How many bytes one run may write, so that a hostile or broken source cannot fill the store."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from datafetch.errors import OutputRefused
from datafetch.store.around import StoreAround
from datafetch.store.base import JSON_TYPE, LARGEST_OBJECT, Condition, FilePart, ObjectStore

_MB = 1_000_000


def check_object(key: str, size: int) -> int:
    """Check that an object that is to be written could be read again; returns its `size` in bytes.

    Raises:
        OutputRefused: it has more bytes than `LARGEST_OBJECT`.
    """
    if size > LARGEST_OBJECT:
        raise OutputRefused(
            f"{key} would have {size / _MB:,.1f} MB, and the largest object that is read has "
            f"{LARGEST_OBJECT / _MB:,.1f}",
            key=key,
            hint="This limit protects who reads it and cannot be set: look for items of very much "
            "text where the data comes from, or fetch fewer. What is stored stays as it is.",
        )
    return size


class OutputLimit:
    """Counts the bytes that a run writes, and refuses what would pass the limit. Thread-safe."""

    def __init__(self, megabytes: int) -> None:
        """`megabytes`: the limit, in millions of bytes."""
        self._megabytes = megabytes
        self._written = 0
        self._approved = 0
        self._guard = threading.Lock()

    @property
    def written(self) -> int:
        """Bytes that were counted so far."""
        return self._written

    def check(self, planned: int) -> None:
        """Raise if so many bytes more would pass the limit; nothing is counted.

        Raises:
            OutputRefused: they would.
        """
        with self._guard:
            self._refuse_past(self._written + planned)

    @contextmanager
    def approved(self, planned: int) -> Iterator[None]:
        """Check the sum of what the block writes, and refuse none of its writes.

        So a publish is not refused half-way for what it writes beside the sum: its journal and
        its state, or equal objects once more. All of it is counted.

        Raises:
            OutputRefused: so many bytes would pass the limit; the block is not entered.
        """
        self.check(planned)
        with self._guard:
            self._approved += 1
        try:
            yield
        finally:
            with self._guard:
                self._approved -= 1

    def spend(self, size: int) -> None:
        """Count so many bytes, which are written next.

        Raises:
            OutputRefused: the limit would be passed, and no block of `approved` is being run; they
                are not counted.
        """
        with self._guard:
            total = self._written + size
            if not self._approved:
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
