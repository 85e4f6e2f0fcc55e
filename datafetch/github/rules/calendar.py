"""The windows of time to ask GitHub for, the sums of their calendars, and the shrink guard."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from datafetch.errors import GuardRefused
from datafetch.github.model import UNEXPECTED_HINT, Day, TimeWindow
from datafetch.upstream_errors import Malformed

_DAYS_OFF = 2
"""So many days may be missing: GitHub's days are in the profile's time zone and ours in UTC, so the
calendar may begin and end one day off."""


def trailing_year(now: datetime) -> TimeWindow:
    """The year that ends now: it begins on the day after this date a year ago, in UTC.

    GitHub gives at most a year at once, so on a 29 February it begins on 1 March.
    """
    today = now.astimezone(UTC).date()
    try:
        last_year = today.replace(year=today.year - 1)
    except ValueError:
        last_year = date(today.year - 1, 2, 28)
    return TimeWindow(_midnight(last_year + timedelta(days=1)), now.astimezone(UTC))


def year_window(year: int, now: datetime) -> TimeWindow:
    """A calendar year in UTC; the present year ends now."""
    end = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    return TimeWindow(_midnight(date(year, 1, 1)), min(end, now.astimezone(UTC)))


def trailing_days(days: Iterable[Day], window: TimeWindow) -> tuple[Day, ...]:
    """The days of the trailing year, by date.

    GitHub answers whole weeks, so days outside the year are dropped, and each date is kept once.

    Raises:
        Malformed: more than `_DAYS_OFF` days are missing, so that this calendar must not replace
            a whole one.
    """
    first, last = window.start.date(), window.end.date()
    by_date = {day.date: day for day in days if first <= day.date <= last}
    if len(by_date) < (last - first).days + 1 - _DAYS_OFF:
        raise Malformed("GitHub's calendar lacks days of the trailing year", hint=UNEXPECTED_HINT)
    return tuple(by_date[day] for day in sorted(by_date))


def all_time_total(
    years: Sequence[int], counted: Mapping[int, int], remembered: Mapping[int, int]
) -> tuple[int, bool]:
    """Contributions of all years that are known, and whether each year is.

    `counted` has the years that GitHub answered this time; any other counts as `remembered`.
    """
    known = {**remembered, **counted}
    return sum(known.get(year, 0) for year in years), all(year in known for year in years)


def check_shrink(total: int, stored: int | None, *, ratio: float, allowed: bool) -> None:
    """Refuse a history that lost more contributions than the guard lets pass.

    A token that may no longer see private repositories loses their contributions silently.

    Raises:
        GuardRefused: it lost more than the ratio.
    """
    if allowed or not stored:
        return
    if total < stored * (1 - ratio):
        raise GuardRefused(
            f"GitHub counts {total} contributions of all time where {stored} are stored",
            hint=(
                "A token that may no longer see private repositories looks like this: check it, and"
                " GITHUB_REPO_OWNER. If the number is right, run `datafetch github --allow-shrink`."
            ),
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
