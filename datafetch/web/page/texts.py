"""Times and foreign texts as the status page shows them, purely."""

from dataclasses import dataclass
from datetime import UTC, datetime

from datafetch.models.text import one_line
from datafetch.ops import spoken
from datafetch.printable import printable
from datafetch.redaction import redact

_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a page shows it: for programs (RFC 3339), its distance in words, and absolute."""

    iso: str
    ago: str
    at: str


def moment(at_ms: int, now: float) -> Moment:
    """A time in epoch milliseconds as the page shows it; `now` is in epoch seconds."""
    iso = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Moment(iso, spoken.ago(at_ms, now), spoken.moment(at_ms, now))


def clean(text: str, longest: int = _LONGEST) -> str:
    """The text as it may be shown: without secrets, on one line, not longer than `longest` characters."""
    return one_line(printable(redact(text)), longest)
