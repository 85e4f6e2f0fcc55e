"""The dead-letter queue of one job: what failed and waits to be tried again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datafetch.clock import Clock, to_ms
from datafetch.errors import CorruptObject, DatafetchError
from datafetch.store.base import IfAbsent, IfMatch, ObjectStore, encode_json, read_json
from datafetch.store.keys import Keys

BACKOFF_S = (3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
"""Waits after the first, second, third, and every further failure."""

LIMIT = 5000
_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One item that failed; times are epoch milliseconds."""

    id: str
    job: str
    item: str
    attempts: int
    first_failed_at: int
    last_failed_at: int
    next_attempt_at: int | None
    error_type: str
    error: str
    permanent: bool

    def to_json(self) -> dict[str, Any]:
        """The object that is stored and listed."""
        return {
            "id": self.id,
            "job": self.job,
            "item": self.item,
            "attempts": self.attempts,
            "firstFailedAt": self.first_failed_at,
            "lastFailedAt": self.last_failed_at,
            "nextAttemptAt": self.next_attempt_at,
            "errorType": self.error_type,
            "error": self.error,
            "permanent": self.permanent,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "DeadLetter":
        """Read it back.

        Raises:
            KeyError, TypeError, ValueError: it is not a dead letter.
        """
        due = value["nextAttemptAt"]
        return cls(
            id=str(value["id"]),
            job=str(value["job"]),
            item=str(value["item"]),
            attempts=int(value["attempts"]),
            first_failed_at=int(value["firstFailedAt"]),
            last_failed_at=int(value["lastFailedAt"]),
            next_attempt_at=None if due is None else int(due),
            error_type=str(value["errorType"]),
            error=str(value["error"]),
            permanent=bool(value["permanent"]),
        )


def letter_id(job: str, item: str) -> str:
    """A short stable id for an item of a job."""
    return hashlib.sha256(f"{job}\n{item}".encode()).hexdigest()[:12]


def after_failure(
    known: DeadLetter | None, *, job: str, item: str, error: DatafetchError, now_ms: int
) -> DeadLetter:
    """The dead letter of an item that failed just now; pure.

    `permanent` errors (404, 410, refused) have no next attempt until somebody retries
    them; all others back off 1 h, 4 h, 24 h, 7 d and never give up on their own.
    """
    attempts = 1 if known is None else known.attempts + 1
    wait_s = BACKOFF_S[min(attempts, len(BACKOFF_S)) - 1]
    return DeadLetter(
        id=letter_id(job, item),
        job=job,
        item=item,
        attempts=attempts,
        first_failed_at=now_ms if known is None else known.first_failed_at,
        last_failed_at=now_ms,
        next_attempt_at=None if error.permanent else now_ms + wait_s * 1000,
        error_type=type(error).__name__,
        error=str(error)[:_ERROR_LENGTH],
        permanent=error.permanent,
    )


@dataclass
class DeadLetters:
    """The queue of one job during one run: read once, changed in memory, saved once.

    Jobs call `failed` and `succeeded`; `due` says whether a known letter may be tried again.
    Not thread-safe: jobs record outcomes on the thread that collects them.
    """

    job: str
    clock: Clock
    letters: dict[str, DeadLetter] = field(default_factory=dict)
    etag: str | None = None
    dirty: bool = False
    corrupt: bool = False

    @classmethod
    def load(cls, store: ObjectStore, keys: Keys, job: str, clock: Clock) -> "DeadLetters":
        """The stored queue; one that cannot be read starts empty and is kept aside on save.

        Raises:
            StoreError: the store did not answer.
        """
        queue = cls(job=job, clock=clock)
        key = keys.dead_letters(job)
        try:
            found = read_json(store, key)
        except CorruptObject:
            queue.corrupt = True
            return queue
        if found is None:
            return queue
        value, queue.etag = found
        try:
            queue.letters = {str(k): DeadLetter.from_json(v) for k, v in value.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            queue.corrupt = True
        return queue

    def get(self, item: str) -> DeadLetter | None:
        """The letter of an item, if it has one."""
        return self.letters.get(letter_id(self.job, item))

    def waiting(self, item: str) -> bool:
        """Whether the item failed before and its next attempt is not due yet."""
        letter = self.get(item)
        if letter is None:
            return False
        due = letter.next_attempt_at
        return due is None or due > to_ms(self.clock.now())

    def failed(self, item: str, error: DatafetchError) -> bool:
        """Record a failure; says whether it is new, that is, was no dead letter before."""
        known = self.get(item)
        letter = after_failure(
            known, job=self.job, item=item, error=error, now_ms=to_ms(self.clock.now())
        )
        self.letters[letter.id] = letter
        self.dirty = True
        return known is None

    def succeeded(self, item: str) -> None:
        """The item is well again, or gone: its letter is dropped."""
        if self.letters and self.letters.pop(letter_id(self.job, item), None) is not None:
            self.dirty = True

    def save(self, store: ObjectStore, keys: Keys, aside: str) -> None:
        """Write the queue when it changed; the oldest letters over the limit are dropped.

        `aside` is a time for the name under which an unreadable queue is kept.

        Raises:
            StoreError: it could not be written.
        """
        key = keys.dead_letters(self.job)
        if self.corrupt:
            store.put(keys.corrupt(key, aside), store.get(key).body)
        if not (self.dirty or self.corrupt):
            return
        newest = sorted(self.letters.values(), key=lambda letter: letter.last_failed_at)[-LIMIT:]
        body = encode_json({letter.id: letter.to_json() for letter in newest})
        if self.corrupt:
            store.put(key, body)
        else:
            store.put(key, body, condition=IfMatch(self.etag) if self.etag else IfAbsent())
        self.dirty = self.corrupt = False
