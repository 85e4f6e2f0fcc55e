"""Sums up the weeks of all repositories, and decides when the stored sums are kept."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from datafetch.github.model import Week

CATEGORIES: Mapping[str, frozenset[str]] = {
    kind: frozenset(known.split())
    for kind, known in {
        "frontend": "frontend ui web website webapp react vue angular svelte nextjs client",
        "backend": "backend api server service microservice node nodejs express fastapi",
        "dataEngineer": "data database etl pipeline analytics ml ai spark airflow kafka",
    }.items()
}
"""The words of each category; a name with words of several belongs to the first of them."""

OTHER = "other"

_SEPARATORS = re.compile(r"[-_.]+")
_CASE_CHANGES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])")
"""Where a word begins by its case; the `s` of `userAPIs` belongs to `APIs`."""


def words(name: str) -> frozenset[str]:
    """The words of a repository's name, in lower case, those that end in `s` also without it.

    `myWebApp`, `my-web-app` and `my_web.app` all have the words `my`, `web` and `app`; `website`
    is a single word. What stands between two separators also counts as one word: `myWebApp` has
    `mywebapp` too, and `NextJS` gives `nextjs`.
    A plural counts as its singular too: `services` gives `service`.
    """
    parts = [part for part in _SEPARATORS.split(name) if part]
    found = {word.lower() for part in parts for word in (part, *_CASE_CHANGES.split(part))}
    return frozenset(found | {word.removesuffix("s") for word in found})


def category(full_name: str) -> str:
    """The first of the `CATEGORIES` with a word of the repository's name; else `OTHER`."""
    found = words(full_name.rpartition("/")[2])
    return next((kind for kind, known in CATEGORIES.items() if found & known), OTHER)


@dataclass(frozen=True, slots=True)
class RepositoryWeeks:
    """One repository to sum up.

    Attributes:
        weeks: its weeks of lines; may be empty.
        known: whether GitHub has answered or a CSV is stored; else the sums are incomplete.
        whole: False when the owner has work in it that `weeks` lacks, as GitHub has no statistics.
        private: whether the public cannot see it; a repository that is gone counts as it last was.
    """

    full_name: str
    weeks: Sequence[Week]
    known: bool = True
    whole: bool = True
    private: bool = True


@dataclass(frozen=True, slots=True)
class CategoryLines:
    """Sums of lines over the repositories of one category, as they are stored."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    lines_added: int
    lines_removed: int
    net_change: int
    repo_count: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Sums of lines over repositories.

    Attributes:
        repositories: how many repositories were summed up.
        complete: whether each of them is `known`.
        categories: the same sums for each category.
    """

    added: int = 0
    removed: int = 0
    repositories: int = 0
    complete: bool = True
    categories: Mapping[str, CategoryLines] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OlderCommits:
    """The owner's commits before the trailing year and their lines, as they are stored.

    `per_repo` stays empty, as it would name private repositories.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    total_commits: int
    total_lines_added: int
    total_lines_removed: int
    public_commits: int
    private_commits: int
    per_repo: Annotated[Mapping[str, int], BeforeValidator(lambda _stored: {})] = field(
        default_factory=dict
    )


def in_window(weeks: Iterable[Week], first: date, last: date) -> tuple[Week, ...]:
    """The weeks that begin between these two days, both included.

    The last one counts as a whole, even if it ends later: its lines are not known by day.
    """
    return tuple(week for week in weeks if first <= week.day <= last)


def sum_lines(repositories: Iterable[RepositoryWeeks], window: tuple[date, date] | None) -> Lines:
    """Sum up the lines of all repositories, by category, between two days or of all time.

    Of all time every repository counts; between two days those with weeks that are not idle.
    """
    members: dict[str, list[Sequence[Week]]] = {kind: [] for kind in (*CATEGORIES, OTHER)}
    complete = True
    for repository in repositories:
        complete = complete and repository.known
        weeks = repository.weeks if window is None else in_window(repository.weeks, *window)
        if window is None or not all(week.idle for week in weeks):
            members[category(repository.full_name)].append(weeks)
    categories = {kind: _sum_category(found) for kind, found in members.items()}
    return Lines(
        added=sum(lines.lines_added for lines in categories.values()),
        removed=sum(lines.lines_removed for lines in categories.values()),
        repositories=sum(lines.repo_count for lines in categories.values()),
        complete=complete,
        categories=categories,
    )


def _sum_category(repositories: Sequence[Sequence[Week]]) -> CategoryLines:
    added = sum(week.added for weeks in repositories for week in weeks)
    removed = sum(week.deleted for weeks in repositories for week in weeks)
    return CategoryLines(added, removed, added - removed, len(repositories))


def settle(new: Lines, stored: Lines | None, *, all_read: bool) -> Lines:
    """The new sums, or the stored ones where the new ones would be worse.

    They would be worse when they are incomplete and the stored ones are not, when they are zero
    and the stored ones are not, and when they are lower though not every repository was read.
    """
    if stored is None:
        return new
    if stored.complete and not new.complete:
        return stored
    if (stored.added or stored.removed) and not (new.added or new.removed):
        return stored
    fell = new.added < stored.added or new.removed < stored.removed
    return stored if fell and not all_read else new


def older_commits(
    repositories: Sequence[RepositoryWeeks], first: date, *, all_named: bool
) -> OlderCommits | None:
    """Sum up the weeks that begin before the trailing year, whose first day is `first`.

    Together with the lines of the trailing year they are those of all time. A repository is
    public when GitHub last said so, else private: one of which only a CSV is left is seen by
    nobody any more. Returns None when the sums are not known: GitHub did not name every repository
    (`all_named`), one has neither an answer nor a CSV, or GitHub has no statistics of one and no
    CSV has them. What GitHub hides from the token does not count, here as in the other sums.
    """
    if not all_named or not all(summed.known and summed.whole for summed in repositories):
        return None
    older = [
        (summed.private, week)
        for summed in repositories
        for week in summed.weeks
        if week.day < first
    ]
    return OlderCommits(
        total_commits=sum(week.commits for _, week in older),
        total_lines_added=sum(week.added for _, week in older),
        total_lines_removed=sum(week.deleted for _, week in older),
        public_commits=sum(week.commits for private, week in older if not private),
        private_commits=sum(week.commits for private, week in older if private),
    )


def settle_older(
    new: OlderCommits | None, stored: OlderCommits | None, *, all_read: bool
) -> OlderCommits | None:
    """The new sums, or the stored ones where the new ones would be worse, as with `settle`.

    Sums that are not known now stay as they were last known; None when they never were.
    """
    if new is None or stored is None:
        return new or stored
    if stored.total_commits and not new.total_commits:
        return stored
    fell = (
        new.total_commits < stored.total_commits
        or new.total_lines_added < stored.total_lines_added
        or new.total_lines_removed < stored.total_lines_removed
    )
    return stored if fell and not all_read else new
