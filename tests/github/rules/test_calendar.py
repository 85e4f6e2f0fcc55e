"""Windows, and sums of calendars."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import GuardRefused
from datafetch.github.model import Day, TimeWindow
from datafetch.github.rules.calendar import (
    all_time_total,
    check_shrink,
    trailing_days,
    trailing_year,
    year_window,
)
from datafetch.upstream_errors import Malformed

moments = st.integers(1_199_145_600, 2_840_140_800).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(moments)
def test_the_trailing_year_is_never_more_than_a_year(now: datetime) -> None:
    """GitHub refuses a calendar over more than a year, leap years included."""
    window = trailing_year(now)
    days = (window.end.date() - window.start.date()).days + 1
    assert days in (365, 366)
    leap_day = any(
        (window.start.date() + timedelta(days=n)).timetuple()[1:3] == (2, 29) for n in range(days)
    )
    assert (days == 366) == leap_day


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2024, 2, 29, 12, tzinfo=UTC), date(2023, 3, 1)),
        (datetime(2025, 2, 28, 12, tzinfo=UTC), date(2024, 2, 29)),
        (datetime(2025, 3, 1, 12, tzinfo=UTC), date(2024, 3, 2)),
        (datetime(2026, 11, 24, 8, tzinfo=UTC), date(2025, 11, 25)),
    ],
)
def test_the_trailing_year_begins_a_day_after_this_date(now: datetime, first: date) -> None:
    """The year has each date once, around a leap day too."""
    assert trailing_year(now).start == datetime.combine(first, datetime.min.time(), UTC)


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    """Summer time of the caller's zone does not shift the window."""
    pacific = datetime.fromisoformat("2026-11-01T01:30:00-07:00")
    assert trailing_year(pacific) == trailing_year(datetime(2026, 11, 1, 8, 30, tzinfo=UTC))


def test_the_present_year_ends_now() -> None:
    """No window reaches into the future."""
    now = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    assert year_window(2026, now) == TimeWindow(datetime(2026, 1, 1, tzinfo=UTC), now)
    assert year_window(2024, now).end == datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC)


@given(moments, st.integers(0, 366 * 86400), st.integers(1, 40))
def test_halves_cover_the_window(start: datetime, seconds: int, least: int) -> None:
    """No second is lost between two halves, no day is in both, and halving ends."""
    window = TimeWindow(start, start + timedelta(seconds=seconds))
    halves = window.halves(least)
    if halves is None:
        assert seconds <= least * 86400
        return
    first, second = halves
    assert (first.start, second.end) == (window.start, window.end)
    assert second.start - first.end == timedelta(seconds=1)
    assert first.end.date() < second.start.date()


NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
YEAR = [Day(date(2025, 11, 25) + timedelta(days=n), n % 3, 1) for n in range(365)]


def test_a_calendar_in_weeks_and_parts_is_cut_to_the_window() -> None:
    """Days before and after the window do not count, and those of two parts count once."""
    before, after = Day(date(2025, 11, 24), 9, 4), Day(date(2026, 11, 25), 9, 4)
    parts = [before, *YEAR[180:], after, *YEAR[:200]]
    assert trailing_days(parts, trailing_year(NOW)) == tuple(YEAR)


def test_a_calendar_in_another_zone_may_be_a_day_off() -> None:
    """The profile's today may be yesterday in UTC, or the other way about."""
    assert trailing_days(YEAR[1:-1], trailing_year(NOW)) == tuple(YEAR[1:-1])


@pytest.mark.parametrize("days", [[], YEAR[:362], YEAR[:100] + YEAR[103:]])
def test_a_calendar_with_days_missing_is_an_error(days: list[Day]) -> None:
    """Empty never replaces non-empty, and a year never gives way to a part of it."""
    with pytest.raises(Malformed):
        trailing_days(days, trailing_year(NOW))


def test_a_year_that_was_not_read_counts_as_before() -> None:
    """All-time totals do not drop when one year is missing from an answer."""
    assert all_time_total([2026, 2025], {2026: 5}, {2025: 7, 2026: 1}) == (12, True)
    assert all_time_total([2026, 2025], {2026: 5}, {}) == (5, False)
    assert all_time_total([2026, 2025], {2026: 5, 2025: 0}, {2025: 7}) == (5, True)
    assert all_time_total([2026, 2025, 2024], {2026: 5}, {2025: 7}) == (12, False)


def test_a_history_that_shrank_is_refused() -> None:
    """A token that lost the sight of private repositories does not cut the totals."""
    check_shrink(80, 100, ratio=0.2, allowed=False)
    check_shrink(10, 100, ratio=0.2, allowed=True)
    check_shrink(10, None, ratio=0.2, allowed=False)
    check_shrink(0, 0, ratio=0.2, allowed=False)
    with pytest.raises(GuardRefused):
        check_shrink(79, 100, ratio=0.2, allowed=False)
