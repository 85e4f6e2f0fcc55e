"""Sums the weeks of all repositories up, and decides when stored sums stay."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from datafetch.github.model import Day, Week

CATEGORIES: Mapping[str, frozenset[str]] = {
    "frontend": frozenset(
        {"frontend", "ui", "web", "react", "vue", "angular", "svelte", "nextjs", "client"}
    ),
    "backend": frozenset(
        {"backend", "api", "server", "service", "microservice", "node", "express", "fastapi"}
    ),
    "dataEngineer": frozenset(
        {"data", "etl", "pipeline", "analytics", "ml", "ai", "spark", "airflow", "kafka"}
    ),
}
OTHER = "other"

_SEPARATORS = re.compile(r"[-_.]+")
_CASE_CHANGES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(name: str) -> frozenset[str]:
    """The words of a repository's name, in lower case.

    `myWebApp`, `my-web-app` and `my_web.app` have the same words; `website` is one. What stands
    between two separators counts as a word too, so that `NextJS` is `nextjs` as well.
    """
    parts = [part for part in _SEPARATORS.split(name) if part]
    found = (word for part in parts for word in (part, *_CASE_CHANGES.split(part)))
    return frozenset(word.lower() for word in found)


def category(full_name: str) -> str:
    """The kind of work in a repository, by whole words of its name; the first kind that fits."""
    found = words(full_name.rpartition("/")[2])
    return next((kind for kind, known in CATEGORIES.items() if found & known), OTHER)


@dataclass(frozen=True, slots=True)
class RepositoryWeeks:
    """What counts of one repository: its weeks, and whether it counts without any."""

    full_name: str
    weeks: Sequence[Week]
    known: bool = True
    """Whether there is an answer or a CSV; one without makes the data incomplete."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Sums of lines over repositories; `categories` are the contract's objects."""

    added: int = 0
    removed: int = 0
    repositories: int = 0
    complete: bool = True
    categories: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def in_window(weeks: Iterable[Week], first: date, last: date) -> tuple[Week, ...]:
    """The weeks that begin in the window; weeks cannot be cut, so each belongs where it begins."""
    return tuple(week for week in weeks if first <= week.day <= last)


def sum_lines(repositories: Iterable[RepositoryWeeks], window: tuple[date, date] | None) -> Lines:
    """Lines of all repositories, by category, in the window or of all time.

    In a window a repository counts when something happened there; over all time each does.
    """
    sums = {kind: [0, 0, 0] for kind in (*CATEGORIES, OTHER)}
    complete = True
    for repository in repositories:
        complete = complete and repository.known
        weeks = repository.weeks if window is None else in_window(repository.weeks, *window)
        if window is not None and all(week.idle for week in weeks):
            continue
        total = sums[category(repository.full_name)]
        total[0] += sum(week.added for week in weeks)
        total[1] += sum(week.deleted for week in weeks)
        total[2] += 1
    return Lines(
        added=sum(added for added, _, _ in sums.values()),
        removed=sum(removed for _, removed, _ in sums.values()),
        repositories=sum(count for _, _, count in sums.values()),
        complete=complete,
        categories={
            kind: {
                "linesAdded": added,
                "linesRemoved": removed,
                "netChange": added - removed,
                "repoCount": count,
            }
            for kind, (added, removed, count) in sums.items()
        },
    )


def weekly_activity(repositories: Iterable[RepositoryWeeks]) -> list[dict[str, Any]]:
    """Lines of each week over all repositories, by date."""
    sums: dict[date, list[int]] = {}
    for repository in repositories:
        for week in repository.weeks:
            total = sums.setdefault(week.day, [0, 0])
            total[0] += week.added
            total[1] += week.deleted
    return [
        {"weekStartDate": day.isoformat(), "linesAdded": added, "linesRemoved": removed}
        for day, (added, removed) in sorted(sums.items())
    ]


def settle(new: Lines, stored: Lines | None, *, all_read: bool) -> Lines:
    """The new sums, or the stored ones where those would get worse.

    Complete is not replaced by incomplete, something not by nothing, and sums fall only when
    every repository was read.
    """
    if stored is None:
        return new
    if stored.complete and not new.complete:
        return stored
    if (stored.added or stored.removed) and not (new.added or new.removed):
        return stored
    fell = new.added < stored.added or new.removed < stored.removed
    return stored if fell and not all_read else new


def summary(lines: Lines, *, contributions: int, updated: str) -> dict[str, Any]:
    """The stored summary object; `updated` is the time as the site shows it."""
    return {
        "lastUpdatedAtPacific": updated,
        "totalContributions": contributions,
        "totalLinesAdded": lines.added,
        "totalLinesRemoved": lines.removed,
        "netLinesOfCode": lines.added - lines.removed,
        "dataComplete": lines.complete,
        "totalRepositoriesContributedTo": lines.repositories,
        "linesOfCodeByCategory": {kind: dict(sums) for kind, sums in lines.categories.items()},
    }


def same_but_time(new: Mapping[str, Any], stored: Any) -> bool:
    """Whether two summaries say the same, whenever they were made."""
    if not isinstance(stored, Mapping):
        return False
    ignored = {"lastUpdatedAtPacific": None}
    return {**new, **ignored} == {**stored, **ignored}


def activity(
    days: Sequence[Day],
    *,
    trailing: Lines,
    all_time: Lines,
    all_time_contributions: int,
) -> dict[str, Any]:
    """The stored activity object: the calendar of the trailing year and the totals of all time."""
    return {
        "trailingYearData": {
            "source": "api",
            "data": [
                {"date": day.date.isoformat(), "count": day.count, "level": day.level}
                for day in days
            ],
            "totalContributions": sum(day.count for day in days),
            **_line_fields(trailing),
        },
        "cumulativeAllTimeData": {
            "source": "api",
            "data": [],
            "totalContributions": all_time_contributions,
            **_line_fields(all_time),
        },
    }


def stored_lines(value: Any) -> Lines | None:
    """The sums of a stored summary, None when it is not one."""
    try:
        return Lines(
            added=int(value["totalLinesAdded"]),
            removed=int(value["totalLinesRemoved"]),
            repositories=int(value["totalRepositoriesContributedTo"]),
            complete=bool(value["dataComplete"]),
            categories={
                str(kind): {str(name): int(number) for name, number in sums.items()}
                for kind, sums in value["linesOfCodeByCategory"].items()
            },
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def stored_part(value: Any, part: str) -> Lines | None:
    """The sums of one part of a stored activity object, None when it is not one."""
    try:
        data = value[part]
        return Lines(
            added=int(data["linesAdded"]),
            removed=int(data["linesRemoved"]),
            complete=bool(data["dataComplete"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def stored_contributions(activity_data: Any) -> int | None:
    """All-time contributions of a stored activity object, None when it is not one."""
    try:
        return int(activity_data["cumulativeAllTimeData"]["totalContributions"])
    except (KeyError, TypeError, ValueError):
        return None


def stored_weekly(value: Any, *, complete: bool) -> Lines | None:
    """The sums of a stored weekly aggregate, None when it is not one.

    It does not say itself whether it is complete: the summary of all time that was stored
    with it does.
    """
    try:
        return Lines(
            added=sum(int(week["linesAdded"]) for week in value),
            removed=sum(int(week["linesRemoved"]) for week in value),
            complete=complete,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _line_fields(lines: Lines) -> dict[str, int | bool]:
    return {
        "linesAdded": lines.added,
        "linesRemoved": lines.removed,
        "dataComplete": lines.complete,
    }
