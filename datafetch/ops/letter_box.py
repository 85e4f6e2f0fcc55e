"""The stored dead letters of several jobs, read to be shown, and dropped on request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from datafetch.clock import Clock
from datafetch.models.run import JobName
from datafetch.ops.dead_letters import LETTERS, DeadLetter, Letters
from datafetch.ops.record import Record, seen
from datafetch.runtime.engine import beside
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

_TRIES = 4
"""Attempts to drop letters while runs store theirs."""


@dataclass(frozen=True, slots=True)
class Found:
    """The letters of some jobs, and a sentence for each job whose letters cannot be read."""

    letters: tuple[DeadLetter, ...]
    problems: tuple[str, ...]


def read_letters(store: ObjectStore, keys: Keys, jobs: Sequence[JobName]) -> Found:
    """Read the letters of the jobs, side by side; nothing is written or kept aside.

    Raises:
        StoreError: the store did not answer.
    """
    empty: Letters = {}
    asked = [
        (job, beside(partial(seen, store, keys.dead_letters(job), LETTERS, empty=empty)))
        for job in dict.fromkeys(jobs)
    ]
    letters: list[DeadLetter] = []
    problems = []
    for job, answer in asked:
        found = answer()
        # The key of the object says the job; a letter that names another job is left out.
        letters += [letter for letter in found.value.values() if letter.job == job]
        if found.problem:
            problems.append(f"{keys.dead_letters(job)} cannot be read ({found.problem})")
    return Found(tuple(letters), tuple(problems))


def drop_letters(
    store: ObjectStore, keys: Keys, clock: Clock, letters: Iterable[DeadLetter]
) -> None:
    """Remove these letters from the store; a run that is under way keeps them away, too.

    Raises:
        PreconditionFailed: runs have stored their letters before each attempt.
        StoreError: the store did not answer; letters of some jobs may be gone, others not.
    """
    ids: dict[str, set[str]] = {}
    for letter in letters:
        ids.setdefault(letter.job, set()).add(letter.id)
    for job, gone in ids.items():
        record: Record[Letters] = Record(
            store, keys, clock, keys.dead_letters(job), LETTERS, empty={}
        )
        record.load()
        record.change(partial(_without, gone=frozenset(gone)), tries=_TRIES)


def _without(stored: Letters, gone: frozenset[str]) -> Letters:
    return {name: letter for name, letter in stored.items() if name not in gone}
