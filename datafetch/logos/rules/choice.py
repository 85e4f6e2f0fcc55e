"""Which domains want a logo, which picture becomes it, and how long one without is left alone.

Three decisions about a domain: whether it is asked in this run (`plan_domain`), which of the
pictures that were offered is taken (`decide`), and, when there was none, when it may be asked
again (`waits_until`: the negative cache).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from datafetch.logos.model import Candidate, Logo, NoLogoRecord
from datafetch.logos.rules.generic import known_name

MIN_SIDE = 16
MIN_BYTES = 100
GOOD_SIDE = 64
"""Pixels a side from which a picture settles the matter."""

NO_LOGO_WAIT_AFTER = 3
"""Answers of "no logo" before a domain is left alone for `NO_LOGO_WAIT`."""

NO_LOGO_WAIT = timedelta(hours=24)
NO_LOGO_PERMANENT_AFTER = 6
"""Answers of "no logo" before a domain is left alone for `NO_LOGO_PERMANENT_WAIT`."""

NO_LOGO_PERMANENT_WAIT = timedelta(days=180)
NO_LOGO_LIMIT = 5000
"""So many domains without a logo are remembered."""

_MS = timedelta(milliseconds=1)
_DAY_MS = timedelta(days=1) // _MS


@dataclass(frozen=True, slots=True)
class Take:
    """This one becomes the logo."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class AskNext:
    """There may be a better one."""


@dataclass(frozen=True, slots=True)
class NoLogo:
    """All were seen and none can be used."""


Decision = Take | AskNext | NoLogo


def why_unusable(candidate: Candidate) -> str | None:
    """Why a picture is no logo; None when it can be one."""
    generic = known_name(candidate.sha256)
    if generic is not None:
        return f"{generic}, which stands for no logo"
    if min(candidate.width, candidate.height) < MIN_SIDE:
        return f"only {candidate.width} x {candidate.height} pixels"
    if candidate.size < MIN_BYTES:
        return f"only {candidate.size} bytes"
    return None


def side(picture_format: str, width: int, height: int) -> int:
    """The pixels that count, those of the shorter side; a drawing is sharp at any size."""
    shorter = min(width, height)
    return max(shorter, GOOD_SIDE) if picture_format == "svg" else shorter


def best(candidates: Sequence[Candidate]) -> Candidate | None:
    """The largest usable picture; of equals the one that was offered first."""
    usable = [one for one in candidates if why_unusable(one) is None]
    return max(usable, key=_size, default=None)


def decide(candidates: Sequence[Candidate], *, more: bool) -> Decision:
    """What follows from the pictures seen so far, in the order in which they were offered.

    `more`: whether another one can be asked for.
    """
    found = best(candidates)
    if found is not None and (_size(found) >= GOOD_SIDE or not more):
        return Take(found)
    return AskNext() if more else NoLogo()


def is_worse(candidate: Candidate, stored: Logo) -> bool:
    """Whether the candidate would be a step back: less than good, and smaller than what is stored."""
    vector = "svg" if stored.content_type == "image/svg+xml" else ""
    before = min(side(vector, stored.width, stored.height), GOOD_SIDE)
    return _size(candidate) < before


def _size(candidate: Candidate) -> int:
    return side(candidate.format, candidate.width, candidate.height)


@dataclass(frozen=True, slots=True)
class DuePolicy:
    """What was asked of the run.

    Attributes:
        max_age_days: a stored logo is asked for again from this age on.
        force: ask for everything, whatever is known.
        named: the domains were named by the user: what failed before is asked at once.
        missing: only domains without a stored logo.
        older_than_s: only stored logos of this age, instead of `max_age_days`; with
            `missing`, both kinds.
    """

    max_age_days: int
    force: bool = False
    named: bool = False
    missing: bool = False
    older_than_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the providers; `conditionally`: only for what differs from the stored logo."""

    conditionally: bool


@dataclass(frozen=True, slots=True)
class Keep:
    """The stored logo is fresh."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is stored, and it is not the time to ask."""

    reason: str


Plan = Ask | Keep | Leave


def plan_domain(
    stored: Logo | None,
    record: NoLogoRecord | None,
    policy: DuePolicy,
    *,
    failed_and_waits: bool,
    now_ms: int,
) -> Plan:
    """What to do about one domain.

    `failed_and_waits`: it failed before, and its next attempt is not due yet.
    """
    at_once = policy.force or policy.named
    if stored is not None and not _is_due(stored, policy, now_ms):
        return Keep()
    if failed_and_waits and not at_once:
        return Keep() if stored is not None else Leave("failed before; waits for its next attempt")
    if stored is not None:
        return Ask(conditionally=not policy.force)
    if policy.older_than_s is not None and not policy.missing:
        return Leave("nothing stored that could be older")
    if is_waiting(record, now_ms) and not at_once:
        return Leave("has no logo; asked again later")
    return Ask(conditionally=False)


def _is_due(stored: Logo, policy: DuePolicy, now_ms: int) -> bool:
    age_ms = now_ms - stored.fetched_at
    if policy.older_than_s is not None:
        return age_ms >= policy.older_than_s * 1000
    if policy.missing:
        return False
    return policy.force or age_ms >= policy.max_age_days * _DAY_MS


def after_no_logo(
    known: NoLogoRecord | None, *, domain: str, reason: str, now_ms: int
) -> NoLogoRecord:
    """The record of a domain for which every provider just answered that it has none."""
    attempts = 1 if known is None else known.attempts + 1
    permanent = attempts >= NO_LOGO_PERMANENT_AFTER
    return NoLogoRecord(domain, attempts, now_ms, reason, permanent)


def waits_until(record: NoLogoRecord) -> int | None:
    """Epoch ms from which the domain may be asked again; None when it may at any time."""
    if record.permanent or record.attempts >= NO_LOGO_PERMANENT_AFTER:
        wait = NO_LOGO_PERMANENT_WAIT
    elif record.attempts >= NO_LOGO_WAIT_AFTER:
        wait = NO_LOGO_WAIT
    else:
        return None
    return record.last_attempt + wait // _MS


def is_waiting(record: NoLogoRecord | None, now_ms: int) -> bool:
    """Whether the domain is not asked now."""
    if record is None:
        return False
    until = waits_until(record)
    return until is not None and now_ms < until


def newest(
    records: Mapping[str, NoLogoRecord], limit: int = NO_LOGO_LIMIT
) -> dict[str, NoLogoRecord]:
    """At most `limit` records, those asked longest ago dropped; sorted by domain."""
    by_age = sorted(records, key=lambda domain: (-records[domain].last_attempt, domain))
    return {domain: records[domain] for domain in sorted(islice(by_age, limit))}
