"""A circuit breaker for each host: opens after failures in a row, then lets one probe at a time pass.

Pure functions decide; `Breakers` holds the breakers of all hosts. A "visit" is any object that
stands for one request with its further tries and redirects; the visit that an open breaker lets
through is its "probe". Other visits wait for its end: they pass when it succeeded, and are refused
when it failed. Before a breaker opens, `approach.py` bounds how many exchanges a host that does not
answer is sent.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from datafetch.clock import CancelToken, Clock
from datafetch.runtime import approach as approaching
from datafetch.runtime.approach import Approach, Entry
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
    """How long a visit waits for a host that may fail, and how often it tries again.

    Attributes:
        most_s: seconds that it waits for the end of a probe, or for the first answer of a host.
        cancel: ends the wait when the run is asked to stop.
        persistent: whether it is tried again as often as its own policy says, whatever other visits
            have met at the host, as for the one server without which a job has nothing to do.
    """

    most_s: float
    cancel: CancelToken
    persistent: bool = False


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


_KNOWN = 4096
"""How many hosts that have answered are remembered."""


class Breakers:
    """The breakers of all hosts, and how they are approached. Thread-safe."""

    def __init__(self, policy: BreakerPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        """Notified when a probe has ended, and when a host that is waited for has shown something."""
        self._hosts: dict[str, Breaker] = {}
        self._approaches: dict[str, Approach] = {}

    def allow(
        self, host: str, visit: object, patience: Patience | None = None, *, again: bool = False
    ) -> float:
        """Let the visit begin one exchange with the host, or raise.

        While a probe is under way the visit waits for its end, unless it is a probe itself: two
        probes that waited for each other would both wait in vain. It waits, too, while `approach.py`
        allows no more exchanges with a host that has not answered yet.

        Args:
            host: where the visit goes.
            visit: the request.
            patience: how long it waits. With None it does not wait, and its exchange is not counted.
            again: whether the visit has failed at this host before. A probe that is not persistent
                gets one exchange.

        Returns:
            The seconds that it waited.

        Raises:
            BreakerOpen: the host failed too often and has not cooled down, or its probe failed
                or did not end in time.
            Cancelled: the run was asked to stop during the wait.
        """
        counted = patience is not None and not patience.persistent
        again = again and counted
        started = self._clock.monotonic()
        failures: int | None = None
        with self._changed:
            while True:
                now, waited = self._clock.now(), self._clock.monotonic() - started
                breaker = self._hosts.get(host, CLOSED)
                failed_again = failures is not None and breaker.failures > failures
                passed = None if failed_again else enter(breaker, self._policy, visit, now)
                if passed is not None:
                    found = self._entry(host, passed, again=again) if counted else Entry.GO
                    if found is Entry.GO:
                        if passed is not breaker:
                            self._hosts[host] = passed
                        if counted:
                            self._approaches[host] = approaching.begun(self._approach(host))
                        return waited
                    if found is Entry.STOP:
                        break
                elif breaker.probe is None or self._is_probe(visit):
                    break
                else:
                    failures = breaker.failures
                if patience is None or failed_again or waited >= patience.most_s:
                    break
                self._changed.wait(_LOOK_S)
                patience.cancel.raise_if_cancelled()
            failed = max(breaker.failures, self._approach(host).failed)
        raise BreakerOpen(
            _refusal(host, replace(breaker, failures=failed), self._policy, now, waited),
            until=now + breaker.wait_s(self._policy, now),
        )

    def _approach(self, host: str) -> Approach:
        return self._approaches.get(host, Approach())

    def _entry(self, host: str, passed: Breaker, *, again: bool) -> Entry:
        if passed.is_open:  # this visit is the probe
            return Entry.STOP if again else Entry.GO
        return approaching.entry(self._approach(host), self._policy.failures, again=again)

    def settle(self, host: str, outcome: Outcome, patience: Patience | None = None) -> None:
        """Note how one exchange ended that `allow` has let begin; its visit may still go on.

        `patience` is the one that `allow` was given.
        """
        if patience is None or patience.persistent:
            return
        with self._lock:
            before = self._approach(host)
            after = {
                Outcome.ANSWERED: approaching.answered,
                Outcome.FAILED: approaching.failed,
                Outcome.UNKNOWN: approaching.ended,
            }[outcome](before)
            self._keep(host, after)
            if before.is_limited:
                self._changed.notify_all()

    def _keep(self, host: str, approach: Approach) -> None:
        self._approaches.pop(host, None)
        if not approach.is_forgettable or approach.known:
            self._approaches[host] = approach
        if len(self._approaches) > _KNOWN:
            oldest = next(iter(self._approaches))
            if self._approaches[oldest].is_forgettable:
                del self._approaches[oldest]

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
            if outcome is Outcome.ANSWERED and (known := self._approaches.get(host)) is not None:
                self._keep(host, replace(known, known=True, failed=0))
            if after is not before:
                self._changed.notify_all()
        return before, after

    def get(self, host: str) -> Breaker:
        """The breaker of a host."""
        with self._lock:
            return self._hosts.get(host, CLOSED)

    def become(self, host: str, breaker: Breaker) -> tuple[Breaker, Breaker]:
        """Take over the state of a host's breaker from another process; return it before and after.

        When the breaker is open in both processes, the one that opened last stays.
        """
        with self._lock:
            before = self._hosts.get(host, CLOSED)
            if breaker.opened_at is None:
                self._hosts.pop(host, None)
            elif before.opened_at is None or before.opened_at < breaker.opened_at:
                self._hosts[host] = replace(breaker, probe=before.probe)
            self._changed.notify_all()
            return before, self._hosts.get(host, CLOSED)

    def open_hosts(self) -> tuple[str, ...]:
        """The hosts whose breakers are open, in order."""
        with self._lock:
            return tuple(sorted(host for host, breaker in self._hosts.items() if breaker.is_open))

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
