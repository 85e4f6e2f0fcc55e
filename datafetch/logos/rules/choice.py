"""Decides which domains are asked for, which picture becomes a logo, and which domains wait.

Four decisions about a domain: whether it is asked for in this run (`plan_domain`), which of the
pictures that were offered becomes its logo (`decide`), whether that may replace the stored logo
(`may_replace`), and, when it has no logo, from when it is asked for again (`waits_until`: the
negative cache).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from itertools import islice

from datafetch.logos.model import Candidate, Logo, NoLogoRecord
from datafetch.logos.rules.entries import Entry, OldLogo
from datafetch.logos.rules.generic import known_name

MIN_SIDE = 16
MIN_BYTES = 100
GOOD_SIDE = 64
"""In pixels; once a picture has so many on its shorter side, no further provider is asked."""

NO_LOGO_WAIT_AFTER = 3
"""After so many answers of "no logo" a domain is left alone for `NO_LOGO_WAIT`."""

NO_LOGO_WAIT = timedelta(hours=24)
NO_LOGO_PERMANENT_AFTER = 6
"""After so many answers of "no logo" a domain is left alone for `NO_LOGO_PERMANENT_WAIT`."""

NO_LOGO_PERMANENT_WAIT = timedelta(days=180)
NO_LOGO_LIMIT = 5000
"""At most so many domains without a logo are remembered."""

_MS = timedelta(milliseconds=1)
_DAY_MS = timedelta(days=1) // _MS


def why_unusable(candidate: Candidate) -> str | None:
    """Why a picture cannot be a logo; None when it can."""
    generic = known_name(candidate.sha256)
    if generic is not None:
        return f"{generic}, which stands for no logo"
    if candidate.format == "avif":
        return "an AVIF, which older browsers do not show"
    if min(candidate.width, candidate.height) < MIN_SIDE:
        return f"only {candidate.width} x {candidate.height} pixels"
    if candidate.size < MIN_BYTES:
        return f"only {candidate.size} bytes"
    return None


def side(picture_format: str, width: int, height: int) -> int:
    """The pixels of the shorter side, by which pictures are compared.

    An SVG is sharp at any size, so it counts as `GOOD_SIDE` at least.
    """
    shorter = min(width, height)
    return max(shorter, GOOD_SIDE) if picture_format == "svg" else shorter


def best(candidates: Sequence[Candidate]) -> Candidate | None:
    """The largest usable picture; of several as large, the one that was offered first."""
    usable = [candidate for candidate in candidates if why_unusable(candidate) is None]
    return max(usable, key=_size, default=None)


def decide(candidates: Sequence[Candidate]) -> Candidate | None:
    """The best picture if it is so good that no further provider is asked; else None.

    `candidates` are the pictures offered so far, in the order of their offers. When all
    providers were asked, the `best` becomes the logo, however small.
    """
    found = best(candidates)
    return found if found is not None and _size(found) >= GOOD_SIDE else None


class OwnProvider(Enum):
    """Whether the provider that a stored logo came from has been heard in this run.

    - ANSWERED: it has said what it has, or that it has nothing.
    - SILENT: it failed, could not be asked (open breaker, rate limit), or was not asked yet.
    """

    ANSWERED = "answered"
    SILENT = "silent"


def may_replace(candidate: Candidate, stored: Logo, own: OwnProvider) -> bool:
    """Whether the candidate may take the place of the stored logo.

    Nothing good gives way to something worse, so it depends on who has said what:

    - While the logo's own provider is silent, it may well still have the logo: only a larger
      picture of another one replaces it.
    - A logo that none of our providers has or ever confirmed (the old site stored it) gives way
      to what is at least as large.
    - Else what is smaller replaces it too, as long as it is a good logo, of `GOOD_SIDE`.
    """
    vector = "svg" if stored.content_type == "image/svg+xml" else ""
    before, now = side(vector, stored.width, stored.height), _size(candidate)
    unconfirmed = stored.provider is None or stored.fetched_at == 0
    if own is OwnProvider.SILENT and candidate.source != stored.provider:
        return now > before
    return now >= (before if unconfirmed else min(before, GOOD_SIDE))


def _size(candidate: Candidate) -> int:
    return side(candidate.format, candidate.width, candidate.height)


@dataclass(frozen=True, slots=True)
class DuePolicy:
    """What the user asked for, and when a stored logo is due.

    Attributes:
        max_age_days: a stored logo is asked for again from this age on.
        force: ask for everything, whatever is known.
        named: the user named the domains: those that failed before are asked for at once.
        missing: only domains without a stored logo.
        older_than_s: only domains whose stored logo has this age, in place of `max_age_days`;
            with `missing`, also those without a stored logo.
    """

    max_age_days: int
    force: bool = False
    named: bool = False
    missing: bool = False
    older_than_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the providers; with `conditionally`, only for a picture other than the stored logo."""

    conditionally: bool


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing is due: the stored logo stays as it is."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The domain has no stored logo, and is not asked for now."""

    reason: str


DomainPlan = Ask | Keep | Leave


def plan_domain(
    stored: Entry | None,
    record: NoLogoRecord | None,
    policy: DuePolicy,
    *,
    failed_and_waits: bool,
    now_ms: int,
    failed_and_due: bool = False,
) -> DomainPlan:
    """Decide what to do about one domain; `record` is that of a domain without a logo.

    `failed_and_waits`: it has a dead letter whose next attempt is not due yet; `failed_and_due`: it
    has one whose time has come.
    """
    at_once = policy.force or policy.named
    again = failed_and_due and policy.older_than_s is None and not policy.missing
    if stored is not None and not again and not _is_due(stored, policy, now_ms):
        return Keep()
    if failed_and_waits and not at_once:
        return Keep() if stored is not None else Leave("failed before; waits for its next attempt")
    waits = is_waiting(record, now_ms) and not at_once
    if stored is not None:
        is_old = isinstance(stored, OldLogo)
        return Keep() if is_old and waits else Ask(conditionally=not (is_old or policy.force))
    if policy.older_than_s is not None and not policy.missing:
        return Leave("nothing stored that could be older")
    if waits:
        return Leave("has no logo; asked again later")
    return Ask(conditionally=False)


def _is_due(stored: Entry, policy: DuePolicy, now_ms: int) -> bool:
    """Whether it is asked for again; nobody knows how old a logo of the old site is, so it is due."""
    if isinstance(stored, OldLogo):
        return policy.older_than_s is not None or not policy.missing
    age_ms = now_ms - stored.fetched_at
    if policy.older_than_s is not None:
        return age_ms >= policy.older_than_s * 1000
    if policy.missing:
        return False
    return policy.force or is_due(stored, policy.max_age_days, now_ms)


def is_due(stored: Logo, max_age_days: int, now_ms: int) -> bool:
    """Whether a stored logo is so old that its provider is asked for it again."""
    return now_ms - stored.fetched_at >= max_age_days * _DAY_MS


def after_no_logo(
    known: NoLogoRecord | None, *, domain: str, reason: str, now_ms: int
) -> NoLogoRecord:
    """The record of a domain for which just now every provider answered that it has no logo."""
    attempts = 1 if known is None else known.attempts + 1
    return NoLogoRecord(
        item=domain,
        attempts=attempts,
        last_attempt=now_ms,
        permanent_failure=attempts >= NO_LOGO_PERMANENT_AFTER,
        reason=reason,
    )


def waits_until(record: NoLogoRecord) -> int | None:
    """Epoch ms from which the domain is asked for again; None when it does not wait."""
    if record.permanent_failure or record.attempts >= NO_LOGO_PERMANENT_AFTER:
        wait = NO_LOGO_PERMANENT_WAIT
    elif record.attempts >= NO_LOGO_WAIT_AFTER:
        wait = NO_LOGO_WAIT
    else:
        return None
    return record.last_attempt + wait // _MS


def is_waiting(record: NoLogoRecord | None, now_ms: int) -> bool:
    """Whether the domain is left alone now; without a record it is not."""
    if record is None:
        return False
    until = waits_until(record)
    return until is not None and now_ms < until


def newest(
    records: Mapping[str, NoLogoRecord], limit: int = NO_LOGO_LIMIT
) -> dict[str, NoLogoRecord]:
    """At most `limit` records, sorted by domain; those with the oldest last attempt are dropped."""
    by_age = sorted(records, key=lambda domain: (-records[domain].last_attempt, domain))
    return {domain: records[domain] for domain in sorted(islice(by_age, limit))}
