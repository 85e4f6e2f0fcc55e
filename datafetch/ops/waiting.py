"""Counts the dead letters of a job, and says which hosts each is about."""

from collections.abc import Iterable
from dataclasses import dataclass

from datafetch.models.json import JsonObject
from datafetch.models.text import one_line
from datafetch.ops.dead_letters import DeadLetter
from datafetch.ops.letter_choice import failed_host
from datafetch.redaction import redact
from datafetch.urls import host_name

_LONGEST = 300
_NOT_THERE = "Missing"
"""The class of the errors with which an upstream says that the item is gone (404, 410)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The dead letters of a job, counted; times are epoch milliseconds.

    Attributes:
        total: all of them.
        due: those that the next run takes.
        waiting: those whose time has not come.
        permanent: those that no run takes by itself.
        gone: the permanent ones whose upstream says that the item is gone (404, 410).
        next_attempt_at: when the first of those that wait is due.
        newest_item, newest_error, newest_at: of the letter that failed last; empty without any.
    """

    total: int = 0
    due: int = 0
    waiting: int = 0
    permanent: int = 0
    gone: int = 0
    next_attempt_at: int | None = None
    newest_item: str = ""
    newest_error: str = ""
    newest_at: int | None = None

    def to_json(self) -> JsonObject:
        """The counts as `status --json` shows them."""
        newest = {"item": self.newest_item, "error": self.newest_error, "at": self.newest_at}
        return {
            "total": self.total,
            "due": self.due,
            "waiting": self.waiting,
            "permanent": self.permanent,
            "nextAttemptAt": self.next_attempt_at,
            "newestError": newest if self.newest_at is not None else None,
        }


def waiting_of(letters: Iterable[DeadLetter], now_ms: int) -> Waiting:
    """The letters of a job, counted; `now_ms` is in epoch milliseconds."""
    known = list(letters)
    if not known:
        return Waiting()
    times = [letter.next_attempt_at for letter in known if letter.next_attempt_at is not None]
    later = [time for time in times if time > now_ms]
    newest = max(known, key=lambda letter: letter.last_failed_at)
    return Waiting(
        total=len(known),
        due=len(times) - len(later),
        waiting=len(later),
        permanent=len(known) - len(times),
        gone=sum(
            letter.next_attempt_at is None and letter.error_type == _NOT_THERE for letter in known
        ),
        next_attempt_at=min(later, default=None),
        newest_item=one_line(redact(newest.item), _LONGEST),
        newest_error=one_line(redact(newest.error), _LONGEST),
        newest_at=newest.last_failed_at,
    )


def hosts_of(letter: DeadLetter) -> frozenset[str]:
    """The hosts that a letter is about: that of its item, and the one that its error begins with."""
    item = letter.item if "://" in letter.item else f"https://{letter.item}"
    return frozenset({host_name(item), failed_host(letter)} - {""})
