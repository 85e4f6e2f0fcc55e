"""Checks the shape of the GitHub aggregates, and that the sums of one run agree.

Numbers of lines are not compared between objects: when a run could not read everything, each
object keeps the better of its old and new sums. Numbers of contributions must be equal.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, TypeAdapter

from datafetch.build.rules.stored import Count, StoredModel, read_as, unusable
from datafetch.errors import Inconsistent
from datafetch.github.rules.stats import CATEGORIES, OTHER


def _plain_date(text: str) -> str:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("it is not written like 2026-11-24")
    return text


_Date = Annotated[str, AfterValidator(_plain_date)]


class _Day(StoredModel):
    """One square of the contribution calendar."""

    date: _Date
    count: Count
    level: Annotated[Count, Field(le=4)]


class _ActivityPart(StoredModel):
    """The trailing year with its days, or all time without days."""

    source: str
    data: list[_Day]
    total_contributions: Count
    lines_added: Count
    lines_removed: Count
    data_complete: bool


class _Activity(StoredModel):
    """The calendar of the trailing year, and the totals of all time."""

    trailing_year_data: _ActivityPart
    cumulative_all_time_data: _ActivityPart


class _CategoryLines(StoredModel):
    """Lines of the repositories of one category."""

    lines_added: Count
    lines_removed: Count
    net_change: int
    repo_count: Count


class _Summary(StoredModel):
    """One of the two summaries: of the trailing year, or of all time."""

    last_updated_at_pacific: str
    total_contributions: Count
    total_lines_added: Count
    total_lines_removed: Count
    net_lines_of_code: int
    data_complete: bool
    total_repositories_contributed_to: Count
    lines_of_code_by_category: dict[str, _CategoryLines]


class _WeekLines(StoredModel):
    """Lines of one week over all repositories."""

    week_start_date: _Date
    lines_added: Count
    lines_removed: Count


_ACTIVITY = TypeAdapter(_Activity)
_SUMMARY = TypeAdapter(_Summary)
_WEEKLY = TypeAdapter(list[_WeekLines])


class Contributions(NamedTuple):
    """How many contributions the activity counts."""

    trailing: int
    all_time: int


def read_activity(key: str, body: bytes) -> Contributions:
    """Read the activity, check its calendar, and return its totals.

    Raises:
        CorruptObject: it is not an activity.
        Inconsistent: its calendar is empty, out of order, or has another sum.
    """
    activity = read_as(_ACTIVITY, key, body)
    trailing, all_time = activity.trailing_year_data, activity.cumulative_all_time_data
    if not trailing.data:
        raise Inconsistent(f"{key} has an empty calendar")
    _check_order(key, (day.date for day in trailing.data))
    if sum(day.count for day in trailing.data) != trailing.total_contributions:
        raise Inconsistent(f"{key} counts other contributions than its calendar")
    return Contributions(trailing.total_contributions, all_time.total_contributions)


def check_summary(key: str, body: bytes, contributions: int) -> int:
    """Check a summary against the contributions; return its lines, added and removed together.

    Raises:
        CorruptObject: it is not a summary.
        Inconsistent: it belongs to another activity, or contradicts itself.
    """
    summary = read_as(_SUMMARY, key, body)
    added, removed = summary.total_lines_added, summary.total_lines_removed
    _check_net(key, "netLinesOfCode", summary.net_lines_of_code, added - removed)
    for kind in (*CATEGORIES, OTHER):
        lines = summary.lines_of_code_by_category.get(kind)
        if lines is None:
            raise unusable(key, f"linesOfCodeByCategory.{kind}: Field required")
        wanted = lines.lines_added - lines.lines_removed
        _check_net(key, f"{kind}.netChange", lines.net_change, wanted)
    if summary.total_contributions != contributions:
        raise Inconsistent(
            f"{key} counts {summary.total_contributions} contributions, "
            f"the activity {contributions}"
        )
    return added + removed


def check_weekly(key: str, body: bytes, lines: int) -> None:
    """Refuse a weekly aggregate that is empty although the summary of all time counts `lines`.

    Raises:
        CorruptObject: it is not a weekly aggregate.
        Inconsistent: it is empty, or its weeks are not in order.
    """
    weeks = read_as(_WEEKLY, key, body)
    _check_order(key, (week.week_start_date for week in weeks))
    if lines and not weeks:
        raise Inconsistent(f"{key} is empty, while the summary of all time counts lines")


def _check_net(key: str, name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise Inconsistent(f"{key} has a `{name}` that is not the difference of its lines")


def _check_order(key: str, days: Iterable[str]) -> None:
    before = ""
    for day in days:
        if day <= before:
            raise Inconsistent(f"{key} is not by date, or has one twice: {day}")
        before = day
