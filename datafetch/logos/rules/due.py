"""Which domains are asked for their logo in a run, and why the others are not; pure."""

from dataclasses import dataclass
from datetime import timedelta

from datafetch.logos.model import Logo, NoLogoRecord
from datafetch.logos.rules.negative_cache import is_waiting

_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)


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
