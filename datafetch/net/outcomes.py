"""Decides by its status and headers whether an answer is returned or raised, and as which error."""

import email.utils
from collections.abc import Mapping

from datafetch.clock import utc_text
from datafetch.net.base import Request
from datafetch.net.guard import authority
from datafetch.upstream_errors import (
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Rejected,
    TransientError,
    UpstreamError,
)

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_LONGEST_BAN_S = 24 * 3600.0
"""Seconds; when a server asks for a longer pause, this one is kept."""

_EPOCH_FROM = 1_000_000_000
"""From this number on `x-ratelimit-reset` holds epoch seconds, as GitHub sends them; smaller
numbers are seconds from now."""


def is_answer(status: int, request: Request) -> bool:
    """Whether an answer with this status is returned to the caller, and not raised as an error."""
    if status in request.accept or 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
        return True
    return status == 304 and request.validators is not None  # noqa: PLR2004 - RFC 9110, 15.4.5


def error_for(status: int, headers: Mapping[str, str], url: str, now: float) -> UpstreamError:
    """The error to raise for an answer.

    Args:
        status: one for which `is_answer` is false.
        headers: by name in lower case.
        url: for the message, without query.
        now: epoch seconds; `RateLimited.until` is computed from it.
    """
    message = f"{url}: status {status}"
    if status == 429 or _asks_to_wait(status, headers):  # noqa: PLR2004 - RFC 6585, 4
        until = asked_until(headers, now)
        when = "a while" if until is None else f"until {utc_text(until, now)}"
        hint = f"The next run after that asks {authority(url)} again."
        said = f"{message}, asks to wait {when}"
        return RateLimited(said, url=url, status=status, until=until, hint=hint)
    if status in (401, 403):
        return Denied(message, url=url, status=status)
    if status in (404, 410):
        return Missing(message, url=url, status=status)
    if status in (408, 425) or status >= 500:  # noqa: PLR2004 - RFC 9110, 15.6
        return TransientError(message, url=url, status=status)
    if status < 400:  # noqa: PLR2004 - RFC 9110, 15.5
        hint = f"See what `curl -i {url}` says."
        return Malformed(f"{message}, which answers nothing", url=url, status=status, hint=hint)
    return Rejected(message, url=url, status=status, hint=_rejected_hint(status, url))


def _rejected_hint(status: int, url: str) -> str:
    if status == 400 and url.startswith("http://"):  # noqa: PLR2004 - RFC 9110, 15.5.1
        # What nginx, Go and Apache answer to a request without TLS at a port with TLS.
        return "If the server speaks TLS at this port, write https:// in its address."
    return f"See what `curl -i {url}` says."


def _asks_to_wait(status: int, headers: Mapping[str, str]) -> bool:
    if status == 403:  # noqa: PLR2004 - GitHub's limits: docs.github.com/rest/using-the-rest-api
        return "retry-after" in headers or headers.get("x-ratelimit-remaining", "").strip() == "0"
    return status == 503 and "retry-after" in headers  # noqa: PLR2004 - RFC 9110, 10.2.3


def asked_until(headers: Mapping[str, str], now: float) -> float | None:
    """Epoch seconds until which the server asks to wait; None when it names no time."""
    until = _retry_after(headers.get("retry-after", ""), now)
    if until is None and headers.get("x-ratelimit-remaining", "0").strip() == "0":
        until = _number(headers.get("x-ratelimit-reset", ""))
        if until is not None and until < _EPOCH_FROM:
            until += now
    return None if until is None else min(max(until, now), now + _LONGEST_BAN_S)


def _retry_after(value: str, now: float) -> float | None:
    """A `Retry-After`, which holds seconds or a date (RFC 9110, 10.2.3), as epoch seconds."""
    seconds = _number(value)
    if seconds is not None:
        return now + seconds
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _number(value: str) -> float | None:
    text = value.strip()
    whole = text.partition(".")[0]
    return float(whole[:18]) if whole.isascii() and whole.isdigit() else None
