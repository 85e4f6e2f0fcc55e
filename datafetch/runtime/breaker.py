"""A circuit breaker for each host: opens after failures in a row, then lets one probe at a time pass.

Pure functions decide; `Breakers` holds the breakers of all hosts. A "visit" is any object that
stands for one request with its further tries and redirects; the visit that an open breaker lets
through is its "probe". Other visits wait for its end: they pass when it succeeded, and are refused
when it failed.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from datafetch.clock import CancelToken, Clock
from datafetch.upstream_errors import BreakerOpen

_LOOK_S = 0.1
"""Seconds within which a visit that waits for a probe notices that the run was asked to stop."""


class Outcome(Enum):
    """What a request has shown of its host: that it answers, that it fails, or neither."""

    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long.

    Attributes:
        failures: how many failures in a row open it.
        cooldown_s: seconds from its opening to the first probe.
    """

    failures: int
    cooldown_s: float


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a visit waits for the end of a probe.

    Attributes:
        most_s: seconds.
        cancel: ends the wait when the run is asked to stop.
    """

    most_s: float
    cancel: CancelToken


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of one host.

    Attributes:
        failures: requests that failed in a row.
        opened_at: epoch seconds of the failure that opened it last; None while it is closed.
        probe: the visit that tries the host right now, if there is one.
    """

    failures: int = 0
    opened_at: float | None = None
    probe: object | None = None

    @property
    def is_open(self) -> bool:
        """Whether no request but a probe may pass."""
        return self.opened_at is not None

    def wait_s(self, policy: BreakerPolicy, now: float) -> float:
        """Seconds until a probe may pass.

        0 when `opened_at` is in the future, because a clock was set back since: a probe too
        early does no harm, but the wait could be very long.
        """
        if self.opened_at is None or now < self.opened_at:
            return 0.0
        return max(0.0, self.opened_at + policy.cooldown_s - now)


CLOSED = Breaker()


def enter(breaker: Breaker, policy: BreakerPolicy, visit: object, now: float) -> Breaker | None:
    """The breaker after it let the visit pass; None when the visit may not pass."""
    if not breaker.is_open or breaker.probe is visit:
        return breaker
    if breaker.probe is not None or breaker.wait_s(policy, now) > 0:
        return None
    return replace(breaker, probe=visit)


def leave(
    breaker: Breaker, policy: BreakerPolicy, visit: object, outcome: Outcome, now: float
) -> Breaker:
    """The breaker after a visit that it let pass has ended.

    Every answer closes it. While it is open only the failure of its probe counts: other visits
    that end now had passed before it opened.
    """
    if outcome is Outcome.ANSWERED:
        return CLOSED
    is_probe = breaker.probe is visit
    if outcome is Outcome.UNKNOWN:
        return replace(breaker, probe=None) if is_probe else breaker
    failures = breaker.failures + 1
    if not breaker.is_open:
        return Breaker(failures, now if failures >= policy.failures else None)
    return Breaker(failures, now) if is_probe else breaker


class Breakers:
    """The breakers of all hosts. Thread-safe; a host that answers takes no memory."""

    def __init__(self, policy: BreakerPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._probed = threading.Condition(self._lock)
        """Notified when a probe has ended."""
        self._hosts: dict[str, Breaker] = {}

    def allow(self, host: str, visit: object, patience: Patience | None = None) -> float:
        """Let the visit pass, or raise.

        While a probe is under way the visit waits for its end, unless it is a probe itself: two
        probes that waited for each other would both wait in vain.

        Args:
            host: where the visit goes.
            visit: the request.
            patience: how long it waits; None not to wait.

        Returns:
            The seconds that it waited.

        Raises:
            BreakerOpen: the host failed too often and has not cooled down, or its probe failed
                or did not end in time.
            Cancelled: the run was asked to stop during the wait.
        """
        started = self._clock.monotonic()
        failures: int | None = None
        with self._probed:
            while True:
                now, waited = self._clock.now(), self._clock.monotonic() - started
                breaker = self._hosts.get(host, CLOSED)
                failed_again = failures is not None and breaker.failures > failures
                passed = None if failed_again else enter(breaker, self._policy, visit, now)
                if passed is not None:
                    if passed is not breaker:
                        self._hosts[host] = passed
                    return waited
                if patience is None or failed_again or waited >= patience.most_s:
                    break
                if breaker.probe is None or self._is_probe(visit):
                    break
                failures = breaker.failures
                self._probed.wait(_LOOK_S)
                patience.cancel.raise_if_cancelled()
        raise BreakerOpen(_refusal(host, breaker, self._policy, now, waited))

    def _is_probe(self, visit: object) -> bool:
        return any(breaker.probe is visit for breaker in self._hosts.values())

    def record(self, host: str, outcome: Outcome, visit: object) -> tuple[Breaker, Breaker]:
        """Take note of how the visit ended; returns the host's breaker before and after."""
        now = self._clock.now()
        with self._lock:
            before = self._hosts.get(host, CLOSED)
            after = leave(before, self._policy, visit, outcome, now)
            if after == CLOSED:
                self._hosts.pop(host, None)
            else:
                self._hosts[host] = after
            if after.probe is not before.probe:
                self._probed.notify_all()
        return before, after

    def get(self, host: str) -> Breaker:
        """The breaker of a host."""
        with self._lock:
            return self._hosts.get(host, CLOSED)

    def adopt(self, known: Mapping[str, Breaker]) -> None:
        """Add the breakers that other processes stored, except for hosts that have one here."""
        with self._lock:
            self._hosts = {**known, **self._hosts}


def _refusal(
    host: str, breaker: Breaker, policy: BreakerPolicy, now: float, waited_s: float
) -> str:
    failed = f"{host} failed {breaker.failures} times in a row"
    if breaker.probe is not None and waited_s > 0:
        return f"{failed}; the request that tries it had not ended after {waited_s:.0f} s"
    if breaker.probe is not None:
        return f"{failed}; one request is trying it, no other is sent"
    return f"{failed}; it is not asked for another {breaker.wait_s(policy, now):.0f} s"
