"""Reads the times of a server's answers, whose headers may be missing, doubled or nonsense."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_HTTP_DATE = re.compile(
    r"(?:[A-Za-z]{3}, ?)?\d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|UTC|[+-]\d{4})"
)
"""A date as HTTP writes it (RFC 9110, 5.6.7), or with another zone (RFC 5322, 3.3)."""

_BEFORE_S3 = datetime(2006, 3, 14, tzinfo=UTC)
"""The day on which Amazon opened S3. Servers that do not know a time send one of 1970 or year 1."""

_CLOCKS_APART = timedelta(days=1)
"""The nodes of one server may disagree on the time; by so much, one of the two times is nonsense."""


def times_in(text: str) -> list[datetime]:
    """Every time that a header or an XML element holds; of a header sent twice, both."""
    found = [_aware(parsedate_to_datetime, date) for date in _HTTP_DATE.findall(text)]
    return [time for time in found or [_aware(datetime.fromisoformat, text.strip())] if time]


def read_time(value: object) -> datetime | None:
    """The time in an answer, or None; a parser of timestamps for botocore, whose own raises.

    Of two the later counts. A lease that seems younger than it is makes a run wait; one that
    seems older would be taken from the run that holds it.
    """
    if isinstance(value, int | float):  # seconds since 1970, as JSON has them
        return _aware(lambda seconds: datetime.fromtimestamp(float(seconds), UTC), str(value))
    return max(times_in(value), default=None) if isinstance(value, str) else None


def written_at(modified: datetime | None) -> datetime | None:
    """When an object was written, by its Last-Modified; None when the server does not know."""
    return None if modified is None or modified < _BEFORE_S3 else modified


def age_s(date: str | None, modified: datetime | None) -> float | None:
    """Seconds from an answer's Last-Modified to its Date, both by the server's clock.

    None when one of them is missing, or makes no sense beside the other.
    """
    answered = min(times_in(date or ""), default=None)
    if answered is None or modified is None or modified - answered > _CLOCKS_APART:
        return None
    return max(0.0, (answered - modified).total_seconds())


def _aware(parse: Callable[[str], datetime], text: str) -> datetime | None:
    try:
        time = parse(text)
    except (ValueError, OverflowError, OSError):
        return None
    # "-0000" and a time without a zone: UTC (RFC 5322, 3.3).
    return time if time.tzinfo else time.replace(tzinfo=UTC)
