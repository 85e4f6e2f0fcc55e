"""The dead letters for the status page: read with each new overview, else at most every two seconds."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datafetch.clock import Clock
from datafetch.errors import StoreError
from datafetch.models.run import JobName
from datafetch.ops.letter_box import Found, read_letters
from datafetch.ops.letter_choice import Group, groups
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

_FRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """The letters of each job, grouped by host and error, and why some cannot be read."""

    groups: Mapping[JobName, Sequence[Group]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class LetterShelf:
    """Reads the letters of all jobs when somebody asks, and keeps them for a while. Thread-safe."""

    def __init__(self, store: ObjectStore, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._guard = threading.Lock()
        self._found: Found | None = None
        self._shelf = Shelf()
        self._read_at: float | None = None
        self._number: int | None = None

    def last(self) -> Shelf:
        """The letters that were read last; none before the first. It asks the store nothing."""
        return self._shelf

    def read(self, number: int) -> Shelf:
        """The letters; those that were read before, with a sentence, when the store does not answer.

        `number` is that of the snapshot beside which they are shown: with another one they are
        read anew, so that the page does not show letters of which the overview knows no more.
        """
        with self._guard:
            now = self._clock.monotonic()
            is_new = self._read_at is not None and now - self._read_at < _FRESH_S
            if is_new and number == self._number:
                return self._shelf
            self._number = number
            try:
                found = read_letters(self._store, self._keys, list(JobName))
            except StoreError as error:
                self._read_at = self._clock.monotonic()
                self._found = None
                said = f"the dead letters cannot be read: {error}"
                self._shelf = Shelf(self._shelf.groups, (said,))
                return self._shelf
            self._read_at = self._clock.monotonic()
            if found != self._found:  # to group 5,000 letters takes longer than to compare them
                by_job = {job: [one for one in found.letters if one.job == job] for job in JobName}
                grouped = {job: groups(them) for job, them in by_job.items() if them}
                self._found, self._shelf = found, Shelf(grouped, found.problems)
            return self._shelf
