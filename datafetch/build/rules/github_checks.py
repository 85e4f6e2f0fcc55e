"""Checks the shape of the GitHub aggregates, and that the sums of one run agree.

Lines are not compared between objects: each keeps its own better ones when a run could not
read everything, so they may rightly differ. Contributions may not.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple, NoReturn

from datafetch.build.rules.checks import is_count, parse
from datafetch.errors import CorruptObject, Inconsistent
from datafetch.github.rules.stats import CATEGORIES, OTHER

GITHUB_HINT = "Run `datafetch github`, which makes the aggregates anew, and try again."

_LEVELS = range(5)
_DATE_LENGTH = len("2026-11-24")
_SUMS = ("totalContributions", "linesAdded", "linesRemoved")
_SUMMARY_SUMS = (
    "totalContributions",
    "totalLinesAdded",
    "totalLinesRemoved",
    "totalRepositoriesContributedTo",
)
_CATEGORY_SUMS = ("linesAdded", "linesRemoved", "repoCount")


class Contributions(NamedTuple):
    """Contributions that the activity counts."""

    trailing: int
    all_time: int


def read_activity(key: str, body: bytes) -> Contributions:
    """The totals of the activity, when its shape is right and its calendar is not empty.

    Raises:
        CorruptObject: it is not an activity.
        Inconsistent: it contradicts itself.
    """
    value = _object(key, parse(key, body, GITHUB_HINT), "it")
    parts = [
        _object(key, value.get(name), name)
        for name in ("trailingYearData", "cumulativeAllTimeData")
    ]
    for part in parts:
        _check_counts(key, part, _SUMS)
        if not isinstance(part.get("source"), str):
            _corrupt(key, "`source` is not a text")
        if not isinstance(part.get("dataComplete"), bool):
            _corrupt(key, "`dataComplete` is neither true nor false")
        if not isinstance(part.get("data"), list):
            _corrupt(key, "`data` is not a list")
    trailing, all_time = parts
    days = trailing["data"]
    if not days:
        _differ(f"{key} has an empty calendar")
    for day in days:
        if not isinstance(day, dict) or not _is_day(day):
            _corrupt(key, "a day of the calendar is not one")
    _check_order(key, (day["date"] for day in days))
    if sum(day["count"] for day in days) != trailing["totalContributions"]:
        _differ(f"{key} counts other contributions than its calendar")
    return Contributions(trailing["totalContributions"], all_time["totalContributions"])


def check_summary(key: str, body: bytes, contributions: int) -> int:
    """The lines of a summary, added and removed, when it has its shape and these contributions.

    Raises:
        CorruptObject: it is not a summary.
        Inconsistent: it is one of another activity, or contradicts itself.
    """
    value = _object(key, parse(key, body, GITHUB_HINT), "it")
    _check_counts(key, value, _SUMMARY_SUMS)
    if not isinstance(value.get("lastUpdatedAtPacific"), str):
        _corrupt(key, "`lastUpdatedAtPacific` is not a text")
    if not isinstance(value.get("dataComplete"), bool):
        _corrupt(key, "`dataComplete` is neither true nor false")
    categories = _object(key, value.get("linesOfCodeByCategory"), "linesOfCodeByCategory")
    for kind in (*CATEGORIES, OTHER):
        sums = _object(key, categories.get(kind), kind)
        _check_counts(key, sums, _CATEGORY_SUMS)
        _check_net(key, sums, "netChange", sums["linesAdded"] - sums["linesRemoved"])
    added, removed = value["totalLinesAdded"], value["totalLinesRemoved"]
    _check_net(key, value, "netLinesOfCode", added - removed)
    if value["totalContributions"] != contributions:
        _differ(
            f"{key} counts {value['totalContributions']} contributions, "
            f"the activity {contributions}"
        )
    return int(added + removed)


def check_weekly(key: str, body: bytes, lines: int) -> None:
    """Refuse a weekly aggregate that is none, or empty while there are lines of all time.

    Raises:
        CorruptObject: it is not a weekly aggregate.
        Inconsistent: it is empty, or its weeks are not in order.
    """
    weeks = parse(key, body, GITHUB_HINT)
    if not isinstance(weeks, list):
        _corrupt(key, "it is not a list")
    for week in weeks:
        if not isinstance(week, dict) or not _is_date(week.get("weekStartDate")):
            _corrupt(key, "a week is not one")
        _check_counts(key, week, ("linesAdded", "linesRemoved"))
    _check_order(key, (week["weekStartDate"] for week in weeks))
    if lines and not weeks:
        _differ(f"{key} is empty, while the summary of all time counts lines")


def _object(key: str, value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _corrupt(key, f"{name} is not an object")
    return value


def _check_counts(key: str, value: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if not is_count(value.get(name)):
            _corrupt(key, f"`{name}` is not a number")


def _check_net(key: str, value: Mapping[str, Any], name: str, wanted: int) -> None:
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        _corrupt(key, f"`{name}` is not a number")
    if found != wanted:
        _differ(f"{key} has a `{name}` that is not the difference of its lines")


def _check_order(key: str, days: Iterable[str]) -> None:
    before = ""
    for day in days:
        if day <= before:
            _differ(f"{key} is not by date, or has one twice: {day}")
        before = day


def _is_day(day: Mapping[str, Any]) -> bool:
    counted = is_count(day.get("count")) and is_count(day.get("level"))
    return counted and day["level"] in _LEVELS and _is_date(day.get("date"))


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != _DATE_LENGTH:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _corrupt(key: str, reason: str) -> NoReturn:
    raise CorruptObject(f"{key} cannot be used: {reason}", key=key, hint=GITHUB_HINT)


def _differ(message: str) -> NoReturn:
    raise Inconsistent(message, hint=GITHUB_HINT)
