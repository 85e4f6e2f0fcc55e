"""The aggregates by the names that the site reads, and what is read back of them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from datafetch.github.model import Day, Week
from datafetch.github.rules.published import (
    activity,
    same_but_time,
    stored_all_time,
    stored_contributions,
    stored_lines,
    stored_older,
    stored_trailing,
    stored_trailing_contributions,
    stored_weekly,
    summary,
    to_json,
    weekly_activity,
)
from datafetch.github.rules.stats import Lines, OlderCommits, RepositoryWeeks, sum_lines


def week(day: str, added: int = 0, deleted: int = 0, commits: int = 1) -> Week:
    """A week by the date of its Sunday."""
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    return Week(start, added, deleted, commits)


def test_a_week_around_the_leap_day_and_the_clock_change_begins_on_its_sunday() -> None:
    """Weeks are UTC: neither 29 February nor summer time moves them."""
    weeks = [week("2024-02-25", 3), week("2026-03-08", 5), week("2026-11-01", 7)]
    rows = weekly_activity([RepositoryWeeks("o/r", weeks)])
    assert to_json(rows) == [
        {"weekStartDate": "2024-02-25", "linesAdded": 3, "linesRemoved": 0},
        {"weekStartDate": "2026-03-08", "linesAdded": 5, "linesRemoved": 0},
        {"weekStartDate": "2026-11-01", "linesAdded": 7, "linesRemoved": 0},
    ]


def test_the_summary_has_the_contract_s_fields() -> None:
    """The site reads these names."""
    lines = sum_lines([RepositoryWeeks("o/web", [week("2026-01-04", 9, 4)])], None)
    value = summary(lines, contributions=12, updated="11/24/2026, 12:00:05 AM PST")
    nothing = {"linesAdded": 0, "linesRemoved": 0, "netChange": 0, "repoCount": 0}
    assert to_json(value) == {
        "lastUpdatedAtPacific": "11/24/2026, 12:00:05 AM PST",
        "totalContributions": 12,
        "totalLinesAdded": 9,
        "totalLinesRemoved": 4,
        "netLinesOfCode": 5,
        "dataComplete": True,
        "totalRepositoriesContributedTo": 1,
        "linesOfCodeByCategory": {
            "frontend": {"linesAdded": 9, "linesRemoved": 4, "netChange": 5, "repoCount": 1},
            "backend": nothing,
            "dataEngineer": nothing,
            "other": nothing,
        },
    }
    assert stored_lines(to_json(value)) == lines


def test_a_summary_that_was_made_at_another_time_is_the_same() -> None:
    """The time of a run is no news: the object is written only when a figure moves."""
    value = summary(Lines(9, 4), contributions=12, updated="11/24/2026, 12:00:05 AM PST")
    assert same_but_time(replace(value, last_updated_at_pacific="x"), to_json(value))
    assert not same_but_time(replace(value, total_contributions=1), to_json(value))
    assert not same_but_time(value, {"lastUpdatedAtPacific": "x"})


def test_a_time_without_its_two_digits_is_written_again() -> None:
    """Earlier versions wrote `4/3/2025, 5:16:45 AM`: the next run writes the padded form once."""
    value = summary(Lines(9, 4), contributions=12, updated="04/03/2025, 05:16:45 AM PDT")
    stored: Any = to_json(value)
    assert same_but_time(value, stored)
    assert not same_but_time(value, {**stored, "lastUpdatedAtPacific": "4/3/2025, 5:16:45 AM PDT"})


def test_the_activity_has_the_contract_s_fields() -> None:
    """The calendar of the trailing year, and totals without days for all time."""
    days = [Day(date(2026, 11, 23), 0, 0), Day(date(2026, 11, 24), 3, 4)]
    value: Any = to_json(
        activity(
            days,
            trailing=Lines(5, 2),
            all_time=Lines(9, 3, complete=False),
            all_time_contributions=70,
        )
    )
    assert value["trailingYearData"] == {
        "source": "api",
        "data": [
            {"date": "2026-11-23", "count": 0, "level": 0},
            {"date": "2026-11-24", "count": 3, "level": 4},
        ],
        "totalContributions": 3,
        "linesAdded": 5,
        "linesRemoved": 2,
        "dataComplete": True,
    }
    assert value["cumulativeAllTimeData"] == {
        "source": "api",
        "data": [],
        "totalContributions": 70,
        "linesAdded": 9,
        "linesRemoved": 3,
        "dataComplete": False,
    }
    assert stored_trailing(value) == Lines(5, 2)
    assert stored_all_time(value) == Lines(9, 3, complete=False)
    assert stored_contributions(value) == 70
    assert stored_trailing_contributions(value) == 3


@pytest.mark.parametrize("value", [None, [], {}, "text", {"totalLinesAdded": "x"}, [{"a": 1}]])
def test_what_is_stored_but_no_aggregate_counts_as_nothing(value: Any) -> None:
    """Old or broken objects never crash a run."""
    assert stored_lines(value) is None
    assert stored_trailing(value) is None
    assert stored_all_time(value) is None
    assert stored_contributions(value) is None
    assert stored_trailing_contributions(value) is None
    assert stored_weekly(value, complete=True) in (None, Lines())
    assert not same_but_time(summary(Lines(), contributions=0, updated=""), value)


def test_what_is_older_is_in_the_trailing_year_only_and_absent_when_unknown() -> None:
    """The site reads these names; private names that a predecessor stored are dropped."""
    older = OlderCommits(9, 50, 20, 5, 4)
    value: Any = to_json(
        activity((), trailing=Lines(), all_time=Lines(), all_time_contributions=0, older=older)
    )
    field = {
        "totalCommits": 9,
        "totalLinesAdded": 50,
        "totalLinesRemoved": 20,
        "publicCommits": 5,
        "privateCommits": 4,
        "perRepo": {},
    }
    assert value["trailingYearData"]["allCommitsOlderThanYear"] == field
    assert "allCommitsOlderThanYear" not in value["cumulativeAllTimeData"]
    assert stored_older(value) == older
    value["trailingYearData"]["allCommitsOlderThanYear"] = field | {
        "perRepo": {"o/secret": {"a": 1}}
    }
    assert stored_older(value) == older
    assert stored_older({"trailingYearData": {"allCommitsOlderThanYear": {}}}) is None
    unknown: Any = to_json(
        activity((), trailing=Lines(), all_time=Lines(), all_time_contributions=0)
    )
    assert "allCommitsOlderThanYear" not in unknown["trailingYearData"]


def test_a_part_is_read_where_the_other_is_broken() -> None:
    """An object of an older system may lack figures: those that it has still guard the new ones."""
    value = {"trailingYearData": {}, "cumulativeAllTimeData": {"totalContributions": 7}}
    assert stored_contributions(value) == 7
    assert stored_all_time(value) is None
    lines = {"linesAdded": 2, "linesRemoved": 1, "dataComplete": True, "more": []}
    assert stored_trailing({"trailingYearData": lines}) == Lines(2, 1)


def test_fields_of_others_make_a_summary_another_one() -> None:
    """What we do not write does not stay in what we wrote."""
    value = summary(Lines(9, 4), contributions=12, updated="x")
    stored: Any = to_json(value)
    assert not same_but_time(value, {**stored, "more": 1})
