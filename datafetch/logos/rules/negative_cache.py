"""Domains that have no logo: when they may be asked again, and how many are remembered."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice

from datafetch.logos.model import NoLogoRecord

WAIT_AFTER = 3
"""Answers of "no logo" before a domain is left alone for a day."""

PERMANENT_AFTER = 6
WAIT = timedelta(hours=24)
PERMANENT_WAIT = timedelta(days=180)
LIMIT = 5000


def after_no_logo(
    known: NoLogoRecord | None, *, domain: str, reason: str, now_ms: int
) -> NoLogoRecord:
    """The record of a domain for which every provider just answered that it has none."""
    attempts = 1 if known is None else known.attempts + 1
    permanent = attempts >= PERMANENT_AFTER
    return NoLogoRecord(domain, attempts, now_ms, reason, permanent)


def waits_until(record: NoLogoRecord) -> int | None:
    """Epoch ms from which the domain may be asked again; None when it may at any time."""
    if record.permanent or record.attempts >= PERMANENT_AFTER:
        wait = PERMANENT_WAIT
    elif record.attempts >= WAIT_AFTER:
        wait = WAIT
    else:
        return None
    return record.last_attempt + wait // timedelta(milliseconds=1)


def is_waiting(record: NoLogoRecord | None, now_ms: int) -> bool:
    """Whether the domain is not asked now."""
    if record is None:
        return False
    until = waits_until(record)
    return until is not None and now_ms < until


def newest(records: Mapping[str, NoLogoRecord], limit: int = LIMIT) -> dict[str, NoLogoRecord]:
    """At most `limit` records, those asked longest ago dropped; sorted by domain."""
    by_age = sorted(records, key=lambda domain: (-records[domain].last_attempt, domain))
    return {domain: records[domain] for domain in sorted(islice(by_age, limit))}
