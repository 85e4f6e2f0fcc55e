"""The dead letters as the page shows them: by job, host and error, some of each, purely."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datafetch.models.run import JobName
from datafetch.ops.dead_letters import DeadLetter
from datafetch.ops.letter_choice import Group
from datafetch.ops.letter_words import counted, is_due, letter_history, next_try
from datafetch.web.page.texts import clean

_MOST_GROUPS = 12
_MOST_LETTERS = 5
_LONGEST = 400
_KEY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """A letter: its id, its item, and how often and when it was tried."""

    id: str
    item: str
    told: str


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """Letters of one host and error.

    Attributes:
        key: names the group in a form.
        count: how many letters it has, in words.
        upcoming: when the first of them is tried again.
        more: how many letters are not shown.
    """

    key: str
    host: str
    reason: str
    count: str
    upcoming: str
    letters: tuple[ShownLetter, ...]
    more: int


@dataclass(frozen=True, slots=True)
class JobLetters:
    """The letters of a job; `more_groups` and `more` count what is not shown of them."""

    job: str
    count: str
    groups: tuple[ShownGroup, ...]
    more_groups: int
    more: int


@dataclass(frozen=True, slots=True)
class LetterList:
    """All letters; the sentence is empty when there are none."""

    sentence: str = ""
    jobs: tuple[JobLetters, ...] = ()


def letter_list(groups: Mapping[JobName, Sequence[Group]], now: float) -> LetterList:
    """What is shown of the letters; `now` is in epoch seconds."""
    letters = [letter for them in groups.values() for group in them for letter in group.letters]
    if not letters:
        return LetterList()
    hosts = {group.host for them in groups.values() for group in them}
    due = sum(is_due(letter, now) for letter in letters)
    for_good = sum(letter.next_attempt_at is None for letter in letters)
    said = f"{counted(len(letters), 'dead letter')} of {counted(len(hosts), 'host')}"
    said += f", {due:,} due now" if due else ""
    said += f", {for_good:,} not tried again by a run" if for_good else ""
    return LetterList(
        said, tuple(_of_job(job, groups[job], now) for job in JobName if groups.get(job))
    )


def group_key(job: JobName, group: Group) -> str:
    """A name for a group of letters that tells nothing of them, for the form that retries it."""
    text = f"{job.value}\n{group.host}\n{group.reason}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_KEY_LENGTH]


def _of_job(job: JobName, groups: Sequence[Group], now: float) -> JobLetters:
    shown = groups[:_MOST_GROUPS]
    hidden = groups[_MOST_GROUPS:]
    return JobLetters(
        job=job.value,
        count=counted(sum(len(group.letters) for group in groups), "dead letter"),
        groups=tuple(_group(job, group, now) for group in shown),
        more_groups=len(hidden),
        more=sum(len(group.letters) for group in hidden),
    )


def _group(job: JobName, group: Group, now: float) -> ShownGroup:
    count = len(group.letters)
    return ShownGroup(
        key=group_key(job, group),
        host=clean(group.host, _LONGEST),
        reason=clean(group.reason, _LONGEST),
        count=counted(count, "item"),
        upcoming=next_try(group.next_attempt_at, now),
        letters=tuple(
            _letter(letter, group.next_attempt_at, now) for letter in group.letters[:_MOST_LETTERS]
        ),
        more=max(0, count - _MOST_LETTERS),
    )


def _letter(letter: DeadLetter, told: int | None, now: float) -> ShownLetter:
    return ShownLetter(letter.id, clean(letter.item, _LONGEST), letter_history(letter, told, now))
