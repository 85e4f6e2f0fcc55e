"""Times in words: the time of day in Pacific time, as in the schedules, and how long ago it was."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from datafetch.clock import PACIFIC

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""The names of weekdays; `%a` would follow the locale."""


def moment(at_ms: int, now: float) -> str:
    """Epoch milliseconds as `18:00 PST`, `yesterday 18:00 PST`, or `Sun 2026-11-01 01:00 PDT`.

    `now` is in epoch seconds.
    """
    local, today = _local(at_ms / 1000), _local(now).date()
    time = f"{local:%H:%M %Z}"
    near = {
        today: "",
        today - timedelta(days=1): "yesterday ",
        today + timedelta(days=1): "tomorrow ",
    }
    day = near.get(local.date(), f"{_DAYS[local.weekday()]} {local:%Y-%m-%d} ")
    return f"{day}{time}"


def when(at_ms: int, now: float) -> str:
    """A moment with its distance: `18:00 PST (3 h ago)`, `tomorrow 01:00 PST (in 7 h)`."""
    return f"{moment(at_ms, now)} ({distance(at_ms, now)})"


def distance(at_ms: int, now: float) -> str:
    """How far a moment is from `now`: `3 h ago`, `in 20 min`, `now`."""
    seconds = now - at_ms / 1000
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """A length of time in the largest unit that gives at least 2: `90 s`, `3 h`, `2 d`."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def took(seconds: float) -> str:
    """How long a run took: `0.8 s`, `12 s`, `4 min`, `3 h`."""
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)  # noqa: PLR2004 - two digits are enough


def day_and_time(at_ms: int) -> str:
    """Epoch milliseconds as tables show them: `2026-11-24 00:00`, in Pacific time."""
    return f"{_local(at_ms / 1000):%Y-%m-%d %H:%M}"


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, ZoneInfo(PACIFIC))


def ago(at_ms: int, now: float) -> str:
    """How far a moment is from `now`, as a page says it: `12 minutes ago`, `in 1 h 48 min`.

    The moment is in epoch milliseconds, `now` in epoch seconds.
    """
    seconds = now - at_ms / 1000
    if abs(seconds) < 1:
        return "just now"
    return f"{length(seconds)} ago" if seconds > 0 else f"in {length(-seconds)}"


def length(seconds: float) -> str:
    """A length of time as a page says it, never rounded up: `1 minute`, `1 h 48 min`, `1 day 6 h`, `3 days`."""
    whole = int(seconds)
    if whole < _MINUTE:
        return _named(whole, "second")
    if whole < _HOUR:
        return _named(whole // _MINUTE, "minute")
    if whole < _DAY:
        hours, minutes = divmod(whole // _MINUTE, 60)
        return f"{hours} h {minutes} min" if minutes else _named(hours, "hour")
    days, hours = divmod(whole // _HOUR, 24)
    return f"1 day {hours} h" if days == 1 and hours else _named(days, "day")


def _named(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
