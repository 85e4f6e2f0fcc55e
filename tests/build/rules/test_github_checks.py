"""What a build refuses of the GitHub aggregates."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from datafetch.build.rules.github_checks import check_summary, check_weekly, read_activity
from datafetch.errors import CorruptObject, Inconsistent

Json = dict[str, Any]
Edit = Callable[[Any], Any]

_PART: Json = {"source": "api", "linesAdded": 5, "linesRemoved": 2, "dataComplete": True}
ACTIVITY: Json = {
    "trailingYearData": {
        **_PART,
        "data": [
            {"date": "2026-01-01", "count": 3, "level": 1},
            {"date": "2026-01-02", "count": 0, "level": 0},
        ],
        "totalContributions": 3,
    },
    "cumulativeAllTimeData": {**_PART, "data": [], "totalContributions": 40},
}
_NO_LINES: Json = {"linesAdded": 0, "linesRemoved": 0, "netChange": 0, "repoCount": 0}
SUMMARY: Json = {
    "lastUpdatedAtPacific": "11/24/2026, 12:00:05 AM PST",
    "totalContributions": 3,
    "totalLinesAdded": 2,
    "totalLinesRemoved": 5,
    "netLinesOfCode": -3,
    "dataComplete": False,
    "totalRepositoriesContributedTo": 1,
    "linesOfCodeByCategory": {
        "frontend": {"linesAdded": 2, "linesRemoved": 5, "netChange": -3, "repoCount": 1},
        "backend": _NO_LINES,
        "dataEngineer": _NO_LINES,
        "other": _NO_LINES,
    },
}
WEEKLY: list[Json] = [
    {"weekStartDate": "2026-01-04", "linesAdded": 1, "linesRemoved": 2},
    {"weekStartDate": "2026-01-11", "linesAdded": 1, "linesRemoved": 3},
]


def edited(value: Any, edit: Edit) -> bytes:
    """A copy as it is stored after somebody changed it."""
    changed = copy.deepcopy(value)
    edit(changed)
    return json.dumps(changed).encode()


def same(value: Any) -> bytes:
    """As it is stored."""
    return json.dumps(value).encode()


def test_objects_of_the_contract_pass() -> None:
    """The contract's shapes are taken, also with more lines removed than added."""
    assert read_activity("activity", same(ACTIVITY)) == (3, 40)
    assert check_summary("summary", same(SUMMARY), 3) == 7
    check_weekly("weekly", same(WEEKLY), 7)
    check_weekly("weekly", b"[]", 0)


def trailing(**fields: Any) -> Edit:
    """Change the trailing year."""
    return lambda v: v["trailingYearData"].update(fields)


def day(**fields: Any) -> Edit:
    """Change a day of the calendar."""
    return lambda v: v["trailingYearData"]["data"][1].update(fields)


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.pop("cumulativeAllTimeData"),
        lambda v: v.update(trailingYearData=[]),
        lambda v: v["cumulativeAllTimeData"].pop("totalContributions"),
        trailing(source=None),
        trailing(dataComplete=1),
        trailing(data={}),
        trailing(linesAdded=-1),
        trailing(linesRemoved=1.5),
        trailing(totalContributions=True),
        day(level=5),
        day(level=-1),
        day(count="3"),
        day(date="2026-02-30"),
        day(date="20260102"),
        day(date=None),
        day(date="2026-01-02T00:00:00"),
    ],
)
def test_an_activity_of_another_shape_is_corrupt(edit: Edit) -> None:
    """Every field that the site reads is there and of its type."""
    with pytest.raises(CorruptObject, match=r"activity cannot be used: [a-z]+.*: "):
        read_activity("activity", edited(ACTIVITY, edit))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (trailing(data=[]), "empty calendar"),
        (trailing(totalContributions=4), "other contributions"),
        (day(date="2026-01-01"), "twice"),
        (day(date="2025-12-31"), "by date"),
    ],
)
def test_an_activity_that_contradicts_itself_is_refused(edit: Edit, reason: str) -> None:
    """A calendar has days, each once and by date, and its counts add up."""
    with pytest.raises(Inconsistent, match=reason):
        read_activity("activity", edited(ACTIVITY, edit))


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.pop("lastUpdatedAtPacific"),
        lambda v: v.update(dataComplete=None),
        lambda v: v.update(totalLinesAdded=None),
        lambda v: v.update(netLinesOfCode="0"),
        lambda v: v.update(linesOfCodeByCategory=[]),
        lambda v: v["linesOfCodeByCategory"].pop("dataEngineer"),
        lambda v: v["linesOfCodeByCategory"]["other"].pop("repoCount"),
        lambda v: v["linesOfCodeByCategory"]["other"].pop("netChange"),
    ],
)
def test_a_summary_of_another_shape_is_corrupt(edit: Edit) -> None:
    """Totals and all four categories are there and of their types."""
    with pytest.raises(CorruptObject, match=r"summary cannot be used: [a-zA-Z.]+: "):
        check_summary("summary", edited(SUMMARY, edit), 3)


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.update(totalContributions=4),
        lambda v: v.update(netLinesOfCode=3),
        lambda v: v["linesOfCodeByCategory"]["frontend"].update(netChange=3),
    ],
)
def test_a_summary_that_disagrees_is_refused(edit: Edit) -> None:
    """Contributions are the activity's; what is left is what was added less what was removed."""
    with pytest.raises(Inconsistent, match="summary"):
        check_summary("summary", edited(SUMMARY, edit), 3)


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.insert(0, []),
        lambda v: v[0].update(weekStartDate="first"),
        lambda v: v[0].pop("linesAdded"),
        lambda v: v[0].update(linesRemoved=-1),
    ],
)
def test_a_weekly_aggregate_of_another_shape_is_corrupt(edit: Edit) -> None:
    """Each week has its date and its lines."""
    with pytest.raises(CorruptObject, match="weekly"):
        check_weekly("weekly", edited(WEEKLY, edit), 7)


@pytest.mark.parametrize("edit", [lambda v: v.clear(), lambda v: v.reverse()])
def test_a_weekly_aggregate_that_lost_its_weeks_is_refused(edit: Edit) -> None:
    """An empty aggregate was written every night for half a year; and weeks are by date."""
    with pytest.raises(Inconsistent, match="weekly"):
        check_weekly("weekly", edited(WEEKLY, edit), 7)
