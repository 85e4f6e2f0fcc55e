"""Categories, sums, and what stays."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.github.model import WEEK_S, Day, Week
from datafetch.github.rules.stats import (
    Lines,
    RepositoryWeeks,
    activity,
    category,
    same_but_time,
    settle,
    stored_lines,
    stored_part,
    stored_weekly,
    sum_lines,
    summary,
    weekly_activity,
)


def week(day: str, added: int = 0, deleted: int = 0, commits: int = 1) -> Week:
    """A week by the date of its Sunday."""
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    return Week(start, added, deleted, commits)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("o/my-web-app", "frontend"),
        ("o/website", "other"),
        ("o/ui", "frontend"),
        ("o/build", "other"),
        ("o/ReactThing", "frontend"),
        ("o/NextJS-site", "frontend"),
        ("o/rest_api", "backend"),
        ("o/rapid", "other"),
        ("o/orders.service", "backend"),
        ("o/MLPipeline", "dataEngineer"),
        ("o/emails", "other"),
        ("o/ai-notes", "dataEngineer"),
        ("web-owner/tools", "other"),
        ("o/web-api", "frontend"),
    ],
)
def test_categories_go_by_whole_words(name: str, kind: str) -> None:
    """`ai` is a word of `ai-notes`, not of `emails`; the owner's name says nothing."""
    assert category(name) == kind


repositories = st.lists(
    st.builds(
        RepositoryWeeks,
        st.sampled_from(["o/web", "o/api", "o/data", "o/misc", "p/other-ui"]),
        st.lists(
            st.builds(
                Week,
                st.integers(2600, 2660).map(lambda n: 259200 + n * WEEK_S),
                *[st.integers(0, 500)] * 3,
            ),
            unique_by=lambda week: week.start,
        ),
    ),
    max_size=8,
)
WINDOW = (date(2019, 11, 25), date(2020, 11, 24))


@given(repositories)
def test_sums_agree_with_each_other(everyone: list[RepositoryWeeks]) -> None:
    """Categories add up to the totals, and weeks to all time; plain loops say the same."""
    lines = sum_lines(everyone, None)
    weekly = weekly_activity(everyone)
    added = sum(w.added for one in everyone for w in one.weeks)
    assert lines.added == added == sum(row["linesAdded"] for row in weekly)
    assert sum(kind["linesRemoved"] for kind in lines.categories.values()) == lines.removed
    assert sum(kind["repoCount"] for kind in lines.categories.values()) == len(everyone)
    assert [row["weekStartDate"] for row in weekly] == sorted(
        {w.day.isoformat() for one in everyone for w in one.weeks}
    )


@given(repositories)
def test_the_window_counts_weeks_that_begin_in_it(everyone: list[RepositoryWeeks]) -> None:
    """Trailing-year sums are those of its weeks, and of repositories that did something there."""
    lines = sum_lines(everyone, WINDOW)
    inside = [[w for w in one.weeks if WINDOW[0] <= w.day <= WINDOW[1]] for one in everyone]
    assert lines.removed == sum(w.deleted for weeks in inside for w in weeks)
    assert lines.repositories == sum(
        any(w.added or w.deleted or w.commits for w in weeks) for weeks in inside
    )


def test_a_week_around_the_leap_day_and_the_clock_change_begins_on_its_sunday() -> None:
    """Weeks are UTC: neither 29 February nor summer time moves them."""
    weeks = [week("2024-02-25", 3), week("2026-03-08", 5), week("2026-11-01", 7)]
    rows = weekly_activity([RepositoryWeeks("o/r", weeks)])
    assert [row["weekStartDate"] for row in rows] == ["2024-02-25", "2026-03-08", "2026-11-01"]


def test_the_summary_has_the_contract_s_fields() -> None:
    """The site reads these names."""
    lines = sum_lines([RepositoryWeeks("o/web", [week("2026-01-04", 9, 4)])], None)
    value = summary(lines, contributions=12, updated="11/24/2026, 12:00:05 AM PST")
    nothing = {"linesAdded": 0, "linesRemoved": 0, "netChange": 0, "repoCount": 0}
    assert value == {
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
    assert stored_lines(value) == lines
    assert same_but_time({**value, "lastUpdatedAtPacific": "x"}, value)
    assert not same_but_time({**value, "totalContributions": 1}, value)


def test_the_activity_has_the_contract_s_fields() -> None:
    """The calendar of the trailing year, and totals without days for all time."""
    days = [Day(date(2026, 11, 23), 0, 0), Day(date(2026, 11, 24), 3, 4)]
    value = activity(
        days, trailing=Lines(5, 2), all_time=Lines(9, 3, complete=False), all_time_contributions=70
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
    assert stored_part(value, "cumulativeAllTimeData") == Lines(9, 3, complete=False)


GOOD = Lines(100, 50)


@pytest.mark.parametrize(
    ("new", "all_read", "stays"),
    [
        (Lines(120, 60), False, False),
        (Lines(90, 60), False, True),
        (Lines(120, 40), False, True),
        (Lines(90, 40), True, False),
        (Lines(200, 90, complete=False), True, True),
        (Lines(0, 0), True, True),
    ],
)
def test_sums_never_get_worse(new: Lines, all_read: bool, stays: bool) -> None:
    """A run cut short by 202s or the rate limit overwrote a complete year with less, or zeros."""
    assert (settle(new, GOOD, all_read=all_read) is GOOD) == stays


def test_incomplete_is_replaced_by_incomplete() -> None:
    """Data that never was complete still moves on."""
    new = Lines(10, 5, complete=False)
    assert settle(new, Lines(5, 5, complete=False), all_read=False) is new
    assert settle(new, None, all_read=False) is new


def test_a_repository_without_answer_and_csv_makes_the_data_incomplete() -> None:
    """`dataComplete` is false only then."""
    known, unknown = RepositoryWeeks("o/a", ()), RepositoryWeeks("o/b", (), known=False)
    assert sum_lines([known], WINDOW).complete
    assert not sum_lines([known, unknown], WINDOW).complete


@pytest.mark.parametrize("value", [None, [], {}, "text", {"totalLinesAdded": "x"}, [{"a": 1}]])
def test_what_is_stored_but_no_aggregate_counts_as_nothing(value: Any) -> None:
    """Old or broken objects never crash a run."""
    assert stored_lines(value) is None
    assert stored_part(value, "trailingYearData") is None
    assert stored_weekly(value, complete=True) in (None, Lines())
