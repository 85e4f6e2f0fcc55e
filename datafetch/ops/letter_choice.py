"""Which dead letters somebody means, and how they are grouped for people: by host and error. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datafetch.errors import DatafetchError
from datafetch.models.run import JobName
from datafetch.models.text import one_line
from datafetch.ops.dead_letters import DeadLetter
from datafetch.urls import host_name

_LONGEST_REASON = 120
_NOT_ASKED = "not asked, since its host fails"
_NO_HOST, _GITHUB = "no host", "GitHub"
_REFUSED = re.compile(r"([^\s/]{1,253}) failed \d{1,9} times", re.ASCII)
"""How the error of an open breaker begins, which names the host without its scheme."""


class NoSuchLetter(DatafetchError):
    """No dead letter has this id, or several have."""

    hint = "`datafetch dead-letters list` shows the ids."


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters somebody means; a letter has to fit all fields that are set.

    Attributes:
        jobs: only these jobs' letters; none for all jobs.
        ids: only the letters whose ids begin so; none for all letters.
        older_than_s: only those whose item began to fail so many seconds ago, or earlier.
        everything: whether it was said that all letters are meant.
    """

    jobs: Sequence[JobName] = ()
    ids: Sequence[str] = ()
    older_than_s: float | None = None
    everything: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was named."""
        return not (self.jobs or self.ids or self.older_than_s is not None or self.everything)


@dataclass(frozen=True, slots=True)
class Group:
    """The letters of a job that are about one host and tell the same error, the newest first."""

    host: str
    reason: str
    letters: tuple[DeadLetter, ...]

    @property
    def next_attempt_at(self) -> int | None:
        """When the first of them is tried again, in epoch milliseconds; None when none is."""
        times = [one.next_attempt_at for one in self.letters if one.next_attempt_at is not None]
        return min(times, default=None)


def chosen(letters: Iterable[DeadLetter], choice: Choice, now_ms: int) -> list[DeadLetter]:
    """The letters that are meant, the one that failed last first.

    Args:
        letters: of all jobs that the choice may mean.
        choice: what was named.
        now_ms: epoch milliseconds.

    Raises:
        NoSuchLetter: an id that was named belongs to no letter, or to several.
    """
    known = [one for one in letters if not choice.jobs or one.job in choice.jobs]
    if choice.ids:
        named = {_named(known, begin).id for begin in choice.ids}
        known = [one for one in known if one.id in named]
    if choice.older_than_s is not None:
        latest = now_ms - round(choice.older_than_s * 1000)
        known = [one for one in known if one.first_failed_at <= latest]
    return sorted(known, key=lambda one: (-one.last_failed_at, one.id))


def _named(letters: Sequence[DeadLetter], begin: str) -> DeadLetter:
    found = [one for one in letters if one.id.startswith(begin)]
    exact = [one for one in found if one.id == begin] or found
    if not exact:
        raise NoSuchLetter(f"there is no dead letter {begin}")
    if len(exact) > 1:
        names = ", ".join(one.id for one in exact[:5])
        raise NoSuchLetter(f"{len(exact)} dead letters begin with {begin}: {names}")
    return exact[0]


def groups(letters: Iterable[DeadLetter]) -> list[Group]:
    """The letters of one job by host and error: the largest group first."""
    found: defaultdict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        found[main_host(letter), reason_of(letter)].append(letter)
    made = [
        Group(host, reason, tuple(sorted(them, key=lambda one: (-one.last_failed_at, one.id))))
        for (host, reason), them in found.items()
    ]
    return sorted(made, key=lambda group: (-len(group.letters), group.host, group.reason))


def main_host(letter: DeadLetter) -> str:
    """The host that failed: the one that the error begins with, else that of the item.

    So when one service fails, all domains whose logos it did not give are about that service.
    """
    if host := failed_host(letter):
        return host
    item = letter.item
    if letter.job == JobName.LOGOS and "://" not in item:
        item = f"https://{item}"
    if "://" in item and (host := host_name(item)):
        return host
    return _GITHUB if letter.job == JobName.GITHUB else _NO_HOST


def failed_host(letter: DeadLetter) -> str:
    """The host that the error begins with, alone or in a URL; empty when it begins with none."""
    if refused := _REFUSED.match(letter.error):
        return refused[1]
    asked = letter.error.partition(" ")[0].rstrip(":")
    return host_name(asked) if "://" in asked else ""


def reason_of(letter: DeadLetter) -> str:
    """The error of a letter in few words, without the URL that it begins with."""
    if letter.error_type == "BreakerOpen":  # its text counts seconds
        return _NOT_ASKED
    first, _, rest = letter.error.partition(": ")
    said = rest if "://" in first and rest else letter.error
    return f"{letter.error_type}: {one_line(said, _LONGEST_REASON)}"


def items_by_job(letters: Iterable[DeadLetter]) -> dict[JobName, tuple[str, ...]]:
    """The items that each job has to try again, as `RunOptions.only` takes them, in the jobs' order."""
    found: dict[JobName, dict[str, None]] = {job: {} for job in JobName}
    for letter in letters:
        found[JobName(letter.job)][letter.item] = None
    return {job: tuple(items) for job, items in found.items() if items}
