"""A breaker for each host: opens after failures in a row, then lets one probe through at a time.

Pure functions over frozen values decide; `Breakers` holds the values of all hosts.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from datafetch.clock import Clock
from datafetch.errors import BreakerOpen


class Outcome(Enum):
    """What a request has shown of its host."""

    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long.

    Attributes:
        failures: so many in a row open it.
        cooldown_s: seconds until a probe is let through; 0: at once.
    """

    failures: int = 3
    cooldown_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one host.

    Attributes:
        failures: requests that failed in a row.
        opened_at: epoch seconds of the failure that opened it, None while it is closed.
        probe: the visit that is trying the host right now; known to this process only.
    """

    failures: int = 0
    opened_at: float | None = None
    probe: object | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self.opened_at is not None

    def wait_s(self, policy: BreakerPolicy, now: float) -> float:
        """Seconds until a probe may pass.

        A time of opening that lies ahead is that of a clock that was set back since: a
        probe more does no harm, a host that is never asked again does.
        """
        if self.opened_at is None or now < self.opened_at:
            return 0.0
        return max(0.0, self.opened_at + policy.cooldown_s - now)


CLOSED = Breaker()


def enter(breaker: Breaker, policy: BreakerPolicy, visit: object, now: float) -> Breaker | None:
    """The breaker once the visit has passed it; None when it may not pass."""
    if not breaker.is_open or breaker.probe is visit:
        return breaker
    if breaker.probe is not None or breaker.wait_s(policy, now) > 0:
        return None
    return replace(breaker, probe=visit)


def leave(
    breaker: Breaker, policy: BreakerPolicy, visit: object, outcome: Outcome, now: float
) -> Breaker:
    """The breaker after a visit that it let pass.

    Any answer closes it. While it is open only the probe's failure counts: the others
    passed before it opened, and say nothing new.
    """
    if outcome is Outcome.ANSWERED:
        return CLOSED
    own = breaker.probe is visit
    if outcome is Outcome.UNKNOWN:
        return replace(breaker, probe=None) if own else breaker
    failures = breaker.failures + 1
    if not breaker.is_open:
        return Breaker(failures, now if failures >= policy.failures else None)
    return Breaker(failures, now) if own else breaker


class Breakers:
    """The breakers of all hosts; safe among threads. Hosts that answer cost no memory.

    A visit is any object that stands for one request: its further tries and redirects
    pass as the probe that it is.
    """

    def __init__(self, policy: BreakerPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._hosts: dict[str, Breaker] = {}

    def allow(self, host: str, visit: object) -> None:
        """Let the visit pass.

        Raises:
            BreakerOpen: the host failed too often, and it is not yet time or another's turn.
        """
        now = self._clock.now()
        with self._lock:
            breaker = self._hosts.get(host, CLOSED)
            passed = enter(breaker, self._policy, visit, now)
            if passed is not None and passed is not breaker:
                self._hosts[host] = passed
        if passed is None:
            raise BreakerOpen(_refusal(host, breaker, self._policy, now))

    def record(self, host: str, outcome: Outcome, visit: object) -> tuple[Breaker, Breaker]:
        """Take note of how the visit went; gives the breaker before and after."""
        now = self._clock.now()
        with self._lock:
            before = self._hosts.get(host, CLOSED)
            after = leave(before, self._policy, visit, outcome, now)
            if after == CLOSED:
                self._hosts.pop(host, None)
            else:
                self._hosts[host] = after
        return before, after

    def get(self, host: str) -> Breaker:
        """What is known of a host."""
        with self._lock:
            return self._hosts.get(host, CLOSED)

    def adopt(self, known: Mapping[str, Breaker]) -> None:
        """Take over what others know; of hosts that are known here this process knows better."""
        with self._lock:
            self._hosts = {**known, **self._hosts}


def _refusal(host: str, breaker: Breaker, policy: BreakerPolicy, now: float) -> str:
    failed = f"{host} failed {breaker.failures} times in a row"
    if breaker.probe is not None:
        return f"{failed}; one request is trying it, no other is sent"
    return f"{failed}; it is not asked for another {breaker.wait_s(policy, now):.0f} s"
