"""The dead letters of one job: items that failed and wait to be tried again."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, to_ms
from datafetch.errors import DatafetchError
from datafetch.models.stored_times import EndMs, NearestMs
from datafetch.models.text import one_line
from datafetch.ops.failures import FailedItem, short_reason
from datafetch.ops.record import Record
from datafetch.redaction import redact
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.upstream_errors import BreakerOpen

BACKOFF_S = (3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
"""Seconds to wait after the first, second, third, and every further failure."""

LIMIT = 5000
"""Letters that are kept for a job; see `bounded`."""

_TRIES = 4
"""Attempts to store the letters while somebody drops some of them."""

_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One item that failed, as it is stored; times are epoch milliseconds.

    Attributes:
        attempts: how often the item was tried in vain; 0 while the breaker of its host was open.
        next_attempt_at: when the item may be tried again; None when it should not be.
        error_type: the class of the last error.
        error: the message of the last error, cut short.
        permanent: whether trying again is pointless until something changes.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    id: str
    job: str
    item: str
    attempts: int
    first_failed_at: NearestMs
    last_failed_at: NearestMs
    next_attempt_at: EndMs
    error_type: str
    error: str
    permanent: bool

    @property
    def order(self) -> tuple[bool, int, str]:
        """The key that sorts letters; the first ones are dropped when there are too many."""
        return not self.permanent, self.last_failed_at, self.id


Letters = dict[str, DeadLetter]
"""Dead letters by their ids."""

LETTERS: TypeAdapter[Letters] = TypeAdapter(Letters)
"""Reads and writes the stored object."""


def letter_id(job: str, item: str) -> str:
    """The id of an item's letter: the same in each run, and short enough to type."""
    return hashlib.sha256(f"{job}\n{item}".encode()).hexdigest()[:12]


def after_failure(
    known: DeadLetter | None,
    *,
    job: str,
    item: str,
    error: DatafetchError,
    now_ms: int,
    by_next_run: bool = False,
) -> DeadLetter:
    """The dead letter of an item that failed just now.

    After a `permanent` error (404, 410, refused) there is no next attempt; after any other
    the waits are 1 h, 4 h, 24 h, and then 7 d for ever; none when it is tried `by_next_run`.
    """
    attempts = 1 if known is None else known.attempts + 1
    wait_s = 0 if by_next_run else BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1]
    return DeadLetter(
        id=letter_id(job, item),
        job=job,
        item=item,
        attempts=attempts,
        first_failed_at=now_ms if known is None else known.first_failed_at,
        last_failed_at=now_ms,
        next_attempt_at=None if error.permanent else now_ms + wait_s * 1000,
        error_type=type(error).__name__,
        # Redacted before it is cut: half a secret is not known as one.
        error=one_line(redact(str(error)), _ERROR_LENGTH),
        permanent=error.permanent,
    )


def not_tried(
    known: DeadLetter | None, *, job: str, item: str, error: BreakerOpen, now_ms: int
) -> DeadLetter:
    """The dead letter of an item that was not tried, because its host's breaker is open.

    It may be tried as soon as the breaker lets a request through, unless it had to wait longer
    anyway. What is known of its own failures stays: this was none.
    """
    free_at = now_ms if error.until is None else max(now_ms, to_ms(error.until))
    if known is not None:
        if known.next_attempt_at is None:
            return known
        return replace(known, next_attempt_at=max(known.next_attempt_at, free_at))
    letter = after_failure(None, job=job, item=item, error=error, now_ms=now_ms)
    return replace(letter, attempts=0, next_attempt_at=free_at)


def bounded(letters: Letters, limit: int = LIMIT) -> Letters:
    """At most `limit` of the letters: the oldest permanent ones go first, then the oldest."""
    if len(letters) <= limit:
        return letters
    kept = sorted(letters.values(), key=lambda letter: letter.order)[len(letters) - limit :]
    return {letter.id: letter for letter in kept}


def merged(base: Letters, ours: Letters, stored: Letters) -> Letters:
    """The stored letters, with what a run has changed in them.

    A letter that somebody has dropped since the run began stays dropped, even when its item has
    failed again in this run. The item's next failure makes a new letter.

    Args:
        base: the letters when the run began.
        ours: what the run has made of them.
        stored: what is stored now.
    """
    kept = {name: letter for name, letter in stored.items() if name not in base or name in ours}
    changed = {
        name: letter
        for name, letter in ours.items()
        if letter != base.get(name) and (name in stored or name not in base)
    }
    return {**kept, **changed}


class DeadLetters:
    """The dead letters of one job during one run: read once, changed in memory, saved once.

    Not thread-safe: a job records what became of its items on one thread.

    Attributes:
        letters: by their ids.
    """

    def __init__(self, job: str, clock: Clock, record: Record[Letters]) -> None:
        self._job = job
        self._clock = clock
        self._record = record
        self._failed_now: set[str] = set()
        self._base = dict(record.value)
        self.letters = dict(record.value)

    @classmethod
    def load(cls, store: ObjectStore, keys: Keys, job: str, clock: Clock) -> "DeadLetters":
        """Read the stored letters; an object that cannot be read counts as empty.

        Raises:
            StoreError: the store did not answer.
        """
        record = Record(store, keys, clock, keys.dead_letters(job), LETTERS, empty={})
        record.load()
        return cls(job, clock, record)

    @classmethod
    def unread(cls, store: ObjectStore, keys: Keys, job: str, clock: Clock) -> "DeadLetters":
        """No letters, for work that neither looks at those of its job nor saves any."""
        return cls(
            job, clock, Record(store, keys, clock, keys.dead_letters(job), LETTERS, empty={})
        )

    @property
    def broken(self) -> str:
        """See `Record.broken`."""
        return self._record.broken

    def get(self, item: str) -> DeadLetter | None:
        """The letter of an item; None when it has none."""
        return self.letters.get(letter_id(self._job, item))

    def waiting(self, item: str) -> bool:
        """Whether the item failed before and is not due to be tried again."""
        letter = self.get(item)
        if letter is None:
            return False
        return letter.next_attempt_at is None or letter.next_attempt_at > to_ms(self._clock.now())

    def due(self, item: str) -> bool:
        """Whether the item failed before and its time has come."""
        letter = self.get(item)
        return letter is not None and not self.waiting(item)

    def failed(
        self, item: str, error: DatafetchError, *, counts: bool = False, by_next_run: bool = False
    ) -> bool:
        """Record that the item failed; returns whether it had no letter before.

        Args:
            item: its name.
            error: why it failed. With `BreakerOpen` it was not tried, and its attempts stay as
                they are (see `not_tried`).
            counts: whether an open breaker counts as a failure, because the item was tried in
                other ways.
            by_next_run: whether the next run tries it again, however soon that comes.
        """
        known, now_ms = self.get(item), to_ms(self._clock.now())
        if isinstance(error, BreakerOpen) and not counts:
            letter = not_tried(known, job=self._job, item=item, error=error, now_ms=now_ms)
        else:
            letter = after_failure(
                known,
                job=self._job,
                item=item,
                error=error,
                now_ms=now_ms,
                by_next_run=by_next_run,
            )
            self._failed_now.add(letter.id)
        self.letters[letter.id] = letter
        return known is None

    @property
    def too_many(self) -> int:
        """How many letters are going to be dropped when they are stored; see `bounded`."""
        return max(0, len(self.letters) - LIMIT)

    def untried(self) -> list[DeadLetter]:
        """The letters of items that this run did not ask for.

        They were not due, not among the items of this run, or behind an open breaker.
        """
        # A copy: work that did not stop in time may still be adding to them.
        letters = list(self.letters.values())
        return [letter for letter in letters if letter.id not in self._failed_now]

    def failed_item(self, item: str, error: DatafetchError, *, name: str = "") -> FailedItem:
        """What users are told of an item whose failure was recorded; `name` is what they type."""
        letter = self.get(item)
        retry_at = None if letter is None else letter.next_attempt_at
        return FailedItem(name or item, short_reason(error), retry_at)

    def succeeded(self, item: str) -> None:
        """Drop the letter of an item that succeeded, or that no longer exists."""
        if self.letters:
            self.letters.pop(letter_id(self._job, item), None)

    def keep_only(self, items: Collection[str]) -> None:
        """Drop the letters of all items but these: the others no longer exist."""
        for letter in list(self.letters.values()):
            if letter.item not in items:
                self.succeeded(letter.item)

    def save(self, *, tries: int = _TRIES) -> None:
        """Store the letters if they changed; an object that cannot be read is kept aside first.

        What somebody has dropped meanwhile stays dropped; see `merged`.

        Raises:
            PreconditionFailed: others have written since, before each of `tries` attempts.
            StoreError: it could not be written.
        """
        # A copy: work that did not stop in time may still be adding to them.
        ours = dict(self.letters)
        if ours == self._base and not self._record.is_corrupt:
            return
        base = self._base
        self._record.change(lambda stored: bounded(merged(base, ours, stored)), tries=tries)
        self._base = dict(self._record.value)
        self.letters = dict(self._base)
