"""The sentence that tells users which items failed, why, and what to type to try them again.

`RETRIES` has the commands, for the note of items that still wait, too (`run_notes.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datafetch.clock import utc_text
from datafetch.errors import DatafetchError
from datafetch.models.run import JobName
from datafetch.models.text import one_line
from datafetch.redaction import redact
from datafetch.upstream_errors import BreakerOpen, UpstreamError

NAMED = 3
"""Most items that a sentence names."""

_MOST_OF_A_NAME = 200
_MOST_OF_A_REASON = 80
_FIRST_ERROR_STATUS = 400
_LEFT_ALONE = "keeps failing, so not asked"


@dataclass(frozen=True, slots=True)
class Retries:
    """How a job tries its items again.

    Attributes:
        named: the command that tries one of them now.
        all: the command that tries all of them now.
    """

    named: str
    all: str


RETRIES: Mapping[JobName, Retries] = {
    JobName.LOGOS: Retries("datafetch logos --domain DOMAIN", "datafetch dead-letters retry logos"),
    JobName.OPENGRAPH: Retries(
        "datafetch refresh-opengraph --url URL", "datafetch dead-letters retry opengraph"
    ),
    JobName.GITHUB: Retries(
        "datafetch github --repo OWNER/NAME", "datafetch dead-letters retry github"
    ),
}
"""The bookmark job is missing: each of its runs reads and reports all that it could not read."""


@dataclass(frozen=True, slots=True)
class FailedItem:
    """One item that failed in this run.

    Attributes:
        name: what the user calls it, and can type: a URL, a domain, `OWNER/NAME`, an id.
        reason: why, in a few words, such as `404`; see `short_reason`.
        retry_at: epoch ms from which a run tries it again by itself; None when no run does.
    """

    name: str
    reason: str
    retry_at: int | None = None


def short_reason(error: DatafetchError) -> str:
    """Why something failed, in a few words: the HTTP status, else the message without its URL."""
    if isinstance(error, BreakerOpen):
        return _LEFT_ALONE
    if not isinstance(error, UpstreamError):
        return one_line(redact(str(error)), _MOST_OF_A_REASON)
    if error.status is not None and error.status >= _FIRST_ERROR_STATUS:
        return str(error.status)
    text = str(error)
    said = text.removeprefix(f"{error.url}: ") if error.url else text
    return one_line(redact(said), _MOST_OF_A_REASON)


def named_failures(failed: Sequence[FailedItem]) -> str:
    """The first items with their reasons: `a (404), b (no answer in time), c (403) and 2 more`."""
    shown = [
        f"{one_line(redact(item.name), _MOST_OF_A_NAME)} ({one_line(item.reason, _MOST_OF_A_REASON)})"
        for item in failed[:NAMED]
    ]
    more = len(failed) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def failed_note(failed: Sequence[FailedItem], job: JobName, now: float) -> str:
    """The note of a run in which at least one item failed; the result's `error` says how many.

    `failed: https://a.example/x (404), … and 1 more; `datafetch refresh-opengraph --url URL` tries
    them now, else they are tried again from 16:37 UTC`.

    Args:
        failed: all items that failed in this run.
        job: one of `RETRIES`, which has what to type to try them again at once.
        now: epoch seconds; a time on another day (UTC) is told with its date.
    """
    them = "it" if len(failed) == 1 else "them"
    command = RETRIES[job].named
    return f"failed: {named_failures(failed)}; `{command}` tries {them} now, {_later(failed, now)}"


def _later(failed: Sequence[FailedItem], now: float) -> str:
    """When the items are tried again by themselves."""
    times = [item.retry_at for item in failed if item.retry_at is not None]
    if not times:
        return "no run does so by itself"
    since = f"tried again from {utc_text(min(times) / 1000, now)}"
    if len(times) == len(failed):
        return f"else it is {since}" if len(failed) == 1 else f"else they are {since}"
    return f"else {len(times)} of them {'is' if len(times) == 1 else 'are'} {since}"
