"""The aggregates as the site reads them: how they are made of sums, and read back when stored."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AliasPath, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.github.model import Day
from datafetch.github.rules.stats import CategoryLines, Lines, OlderCommits, RepositoryWeeks

T = TypeVar("T")

_CAMEL = ConfigDict(alias_generator=to_camel)

_SITE_TIME = re.compile(r"\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d [AP]M P[SD]T")
"""The time as the site shows it; earlier versions wrote it with single digits."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One of the two summaries: of the trailing year, or of all time.

    `last_updated_at_pacific` is the time as the site shows it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    last_updated_at_pacific: str
    total_contributions: int
    total_lines_added: int
    total_lines_removed: int
    net_lines_of_code: int
    data_complete: bool
    total_repositories_contributed_to: int
    lines_of_code_by_category: Mapping[str, CategoryLines]


@dataclass(frozen=True, slots=True)
class ActivityPart:
    """The trailing year with its days, or all time without days.

    `all_commits_older_than_year` is only in the trailing year, and absent when it is not known.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    source: Literal["api"]
    data: Sequence[Day]
    total_contributions: int
    lines_added: int
    lines_removed: int
    data_complete: bool
    all_commits_older_than_year: OlderCommits | None = None


@dataclass(frozen=True, slots=True)
class ActivityData:
    """The calendar of the trailing year, and the totals of all time."""

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    trailing_year_data: ActivityPart
    cumulative_all_time_data: ActivityPart


@dataclass(frozen=True, slots=True)
class WeekLines:
    """Lines of one week over all repositories."""

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    week_start_date: date
    lines_added: int
    lines_removed: int


Published = Summary | ActivityData | tuple[WeekLines, ...]

_PUBLISHED: TypeAdapter[Published] = TypeAdapter(Published)


def to_json(value: Published) -> object:
    """The JSON of an aggregate, with the names that the site reads."""
    json: object = _PUBLISHED.dump_python(value, mode="json", by_alias=True, exclude_none=True)
    return json


# --------------------------------------------------------------------- making


def summary(lines: Lines, *, contributions: int, updated: str) -> Summary:
    """The summary of these lines; `updated` is the time as the site shows it."""
    return Summary(
        last_updated_at_pacific=updated,
        total_contributions=contributions,
        total_lines_added=lines.added,
        total_lines_removed=lines.removed,
        net_lines_of_code=lines.added - lines.removed,
        data_complete=lines.complete,
        total_repositories_contributed_to=lines.repositories,
        lines_of_code_by_category=lines.categories,
    )


def activity(
    days: Sequence[Day],
    *,
    trailing: Lines,
    all_time: Lines,
    all_time_contributions: int,
    older: OlderCommits | None = None,
) -> ActivityData:
    """The activity: the trailing year with its days and what is older, and all time."""
    year = _part(days, sum(day.count for day in days), trailing)
    return ActivityData(
        replace(year, all_commits_older_than_year=older),
        _part((), all_time_contributions, all_time),
    )


def _part(days: Sequence[Day], contributions: int, lines: Lines) -> ActivityPart:
    return ActivityPart(
        "api", days, contributions, lines.added, lines.removed, data_complete=lines.complete
    )


def weekly_activity(repositories: Iterable[RepositoryWeeks]) -> tuple[WeekLines, ...]:
    """Lines of each week over all repositories, by date."""
    sums: dict[date, tuple[int, int]] = {}
    for repository in repositories:
        for week in repository.weeks:
            added, removed = sums.get(week.day, (0, 0))
            sums[week.day] = (added + week.added, removed + week.deleted)
    return tuple(WeekLines(day, *lines) for day, lines in sorted(sums.items()))


# -------------------------------------------------------------------- reading
#
# Another program, or an older version, may have written what is stored. So each function reads
# only the fields that it needs, and an aggregate without them counts as not stored.


@dataclass(frozen=True, slots=True)
class _SummaryTime:
    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    last_updated_at_pacific: str


@dataclass(frozen=True, slots=True)
class _SummaryLines:
    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    total_lines_added: int
    total_lines_removed: int
    total_repositories_contributed_to: int
    data_complete: bool
    lines_of_code_by_category: dict[str, CategoryLines]


@dataclass(frozen=True, slots=True)
class _PartLines:
    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    lines_added: int
    lines_removed: int
    data_complete: bool


@dataclass(frozen=True, slots=True)
class _Trailing:
    lines: Annotated[_PartLines, Field(validation_alias="trailingYearData")]


@dataclass(frozen=True, slots=True)
class _AllTime:
    lines: Annotated[_PartLines, Field(validation_alias="cumulativeAllTimeData")]


@dataclass(frozen=True, slots=True)
class _AllTimeTotal:
    contributions: Annotated[
        int, Field(validation_alias=AliasPath("cumulativeAllTimeData", "totalContributions"))
    ]


@dataclass(frozen=True, slots=True)
class _TrailingTotal:
    contributions: Annotated[
        int, Field(validation_alias=AliasPath("trailingYearData", "totalContributions"))
    ]


@dataclass(frozen=True, slots=True)
class _Older:
    commits: Annotated[
        OlderCommits,
        Field(validation_alias=AliasPath("trailingYearData", "allCommitsOlderThanYear")),
    ]


_SUMMARY_TIME = TypeAdapter(_SummaryTime)
_SUMMARY_LINES = TypeAdapter(_SummaryLines)
_TRAILING = TypeAdapter(_Trailing)
_ALL_TIME = TypeAdapter(_AllTime)
_ALL_TIME_TOTAL = TypeAdapter(_AllTimeTotal)
_TRAILING_TOTAL = TypeAdapter(_TrailingTotal)
_OLDER = TypeAdapter(_Older)
_WEEKLY = TypeAdapter(tuple[WeekLines, ...])


def _read(adapter: TypeAdapter[T], stored: object) -> T | None:
    try:
        return adapter.validate_python(stored)
    except ValidationError:
        return None


def same_but_time(new: Summary, stored: object) -> bool:
    """Whether a stored summary equals the new one, apart from a well-formed time."""
    time = _read(_SUMMARY_TIME, stored)
    if time is None or not _SITE_TIME.fullmatch(time.last_updated_at_pacific):
        return False
    return to_json(replace(new, last_updated_at_pacific=time.last_updated_at_pacific)) == stored


def stored_lines(stored: object) -> Lines | None:
    """The lines of a stored summary; None when they cannot be read."""
    found = _read(_SUMMARY_LINES, stored)
    if found is None:
        return None
    return Lines(
        added=found.total_lines_added,
        removed=found.total_lines_removed,
        repositories=found.total_repositories_contributed_to,
        complete=found.data_complete,
        categories=found.lines_of_code_by_category,
    )


def stored_trailing(stored: object) -> Lines | None:
    """The lines of the trailing year in a stored activity; None when they cannot be read."""
    found = _read(_TRAILING, stored)
    return _lines(found.lines) if found else None


def stored_all_time(stored: object) -> Lines | None:
    """The lines of all time in a stored activity; None when they cannot be read."""
    found = _read(_ALL_TIME, stored)
    return _lines(found.lines) if found else None


def _lines(part: _PartLines) -> Lines:
    return Lines(part.lines_added, part.lines_removed, complete=part.data_complete)


def stored_contributions(stored: object) -> int | None:
    """The contributions of all time in a stored activity; None when they cannot be read."""
    found = _read(_ALL_TIME_TOTAL, stored)
    return found.contributions if found else None


def stored_trailing_contributions(stored: object) -> int | None:
    """The contributions of the trailing year in a stored activity; None when they cannot be read."""
    found = _read(_TRAILING_TOTAL, stored)
    return found.contributions if found else None


def stored_older(stored: object) -> OlderCommits | None:
    """The commits before the trailing year in a stored activity; None when there are none."""
    found = _read(_OLDER, stored)
    return found.commits if found else None


def stored_weekly(stored: object, *, complete: bool) -> Lines | None:
    """The lines of a stored weekly aggregate; None when they cannot be read.

    `complete` is given, because only the summary of all time, stored with it, says so.
    """
    weeks = _read(_WEEKLY, stored)
    if weeks is None:
        return None
    return Lines(
        added=sum(week.lines_added for week in weeks),
        removed=sum(week.lines_removed for week in weeks),
        complete=complete,
    )
