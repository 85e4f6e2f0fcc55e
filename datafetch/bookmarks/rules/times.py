"""Which of the server's times can be published."""

import re
from datetime import datetime

# ECMA-262, 21.4.1.32: what every reader's `Date` takes, the expanded years aside.
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)


def is_utc(text: str) -> bool:
    """Whether a text is a time in the one form that readers of the slug mapping take.

    That is the form of `Date.toISOString`: with seconds, and with `Z` for UTC.
    """
    return _UTC.fullmatch(text) is not None and good_time(text) is not None


def good_time(value: object) -> str | None:
    """The time when readers can read it: ISO 8601 from the years 1 to 9999; None for any other.

    The server's own times may have an expanded year, with a sign and six digits (ECMA-262,
    21.4.1.32), which few programs read, or be nonsense that was imported.
    """
    if not isinstance(value, str) or _FORM.fullmatch(value) is None:
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value
