"""One JSON object of the store: read, changed, and written if nobody else has written it since.

An object that cannot be read counts as empty; it is copied aside before it is written over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from datafetch.clock import Clock, to_iso
from datafetch.errors import ObjectNotFound, PreconditionFailed
from datafetch.logs import bound_logger
from datafetch.models.json import read_json
from datafetch.models.json_bounds import check_density
from datafetch.models.problems import first_problem
from datafetch.models.text import one_line
from datafetch.store.base import IfAbsent, IfMatch, ObjectStore, StoredObject, encode_json
from datafetch.store.keys import Keys

T = TypeVar("T")

_log = bound_logger()

_LONGEST_PROBLEM = 200


class Record(Generic[T]):
    """One stored object during one run.

    Attributes:
        value: what was read or written last; `empty` when there is no such object, or when it
            cannot be read.
        broken: what to tell users of a stored object that could not be read; empty when it could.
    """

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        key: str,
        adapter: TypeAdapter[T],
        *,
        empty: T,
    ) -> None:
        """`adapter` reads and writes the object's JSON. The store is not asked yet."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._key = key
        self._adapter = adapter
        self._empty = empty
        self._etag: str | None = None
        self._unreadable: StoredObject | None = None
        self.value = empty
        self.broken = ""

    @property
    def is_corrupt(self) -> bool:
        """Whether the stored object cannot be read."""
        return self._unreadable is not None

    @property
    def is_stored(self) -> bool:
        """Whether the object existed when it was read or written last."""
        return self._etag is not None

    def load(self) -> T:
        """Read the stored object, and return its value.

        Raises:
            StoreError: the store did not answer.
        """
        self.value, self._etag, self._unreadable = self._empty, None, None
        try:
            found = self._store.get(self._key)
        except ObjectNotFound:
            return self.value
        self._etag = found.etag
        try:
            self.value = _read(found.body, self._adapter)
        except ValueError as error:
            problem = _problem(error)
            _log.warning("object_corrupt", extra={"key": self._key, "error": problem})
            self._unreadable = found
            self.broken = (
                f"{self._key} could not be read ({problem}): it begins "
                f"anew, and what was there is kept as {self._key}.corrupt-…"
            )
        return self.value

    def save(self, value: T) -> None:
        """Write the value if the stored object is still the one that was read or written last.

        Raises:
            PreconditionFailed: somebody else has written since.
            StoreError: it could not be written.
        """
        if self._unreadable is not None:
            keep_aside(self._store, self._keys, self._clock, self._unreadable)
        body = encode_json(self._adapter.dump_python(value, mode="json", by_alias=True))
        condition = IfMatch(self._etag) if self._etag is not None else IfAbsent()
        self._etag = self._store.put(self._key, body, condition=condition)
        self.value, self._unreadable = value, None

    def change(self, edit: Callable[[T], T], *, tries: int = 2) -> None:
        """Write what `edit` makes of the value, unless it leaves the value as it is.

        When somebody else has written since, their value is read and edited instead. An object
        that could not be read is read once more first: somebody may have repaired it.

        Raises:
            PreconditionFailed: somebody else was faster each of `tries` times.
            StoreError: the store did not answer, or the object could not be written.
        """
        for tries_left in reversed(range(tries)):
            if self.is_corrupt:
                self.load()
            value = edit(self.value)
            if value == self.value and not self.is_corrupt:
                return
            try:
                self.save(value)
            except PreconditionFailed:
                if tries_left == 0:
                    raise
                self.load()
            else:
                return


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A stored object that was read only to be shown.

    Attributes:
        value: its value; the empty one when there is no object, or it cannot be read.
        problem: why it cannot be read; empty when it can.
    """

    value: T
    problem: str = ""


def seen(store: ObjectStore, key: str, adapter: TypeAdapter[T], *, empty: T) -> Seen[T]:
    """Read a stored object as `Record.load` does, to show it: nothing is logged or kept aside.

    Raises:
        StoreError: the store did not answer.
    """
    try:
        return Seen(_read(store.get(key).body, adapter))
    except ObjectNotFound:
        return Seen(empty)
    except ValueError as error:
        return Seen(empty, _problem(error))


def _read(body: bytes, adapter: TypeAdapter[T]) -> T:
    check_density(body)
    if b"NaN" in body or b"Infinity" in body:  # pydantic takes them for numbers
        read_json(body)
    return adapter.validate_json(body)


def _problem(error: ValueError) -> str:
    said = first_problem(error) if isinstance(error, ValidationError) else str(error)
    return one_line(said, _LONGEST_PROBLEM)


def keep_aside(store: ObjectStore, keys: Keys, clock: Clock, found: StoredObject) -> str:
    """Copy an unreadable object to its key with `.corrupt-{time}` appended; return that key.

    If the same bytes were copied before, that copy's key is returned and nothing is written.

    Raises:
        PreconditionFailed: another run keeps other bytes aside at this very millisecond.
        StoreError: the store did not answer.
    """
    key = found.info.key
    for kept in store.list(keys.corrupt(key, "")):
        if kept.size == len(found.body) and store.get(kept.key).body == found.body:
            return kept.key
    aside = keys.corrupt(key, to_iso(clock.now()).replace(":", "-"))
    # Records are written outside the fence, so their copies write over nothing, either.
    store.put(aside, found.body, content_type="application/octet-stream", condition=IfAbsent())
    return aside
