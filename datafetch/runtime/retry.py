"""Tries again what may pass, bounded in attempts and in time; decides on types, never on text.

Retry libraries sleep by themselves; here the clock is passed in, so that a stop ends a wait and
tests never wait.
"""

import math
import random
from collections.abc import Callable
from typing import Protocol, TypeVar

from datafetch.clock import Clock
from datafetch.errors import BreakerOpen, RateLimited, TransientError

R = TypeVar("R")

_LEAST_JITTER = 0.5
"""A wait is drawn from the upper half of the back-off: spread, and never next to nothing."""

_SPREAD_S = 1.0
"""At most so much later than the server asked, so that waiting clients do not come at once."""


class Policy(Protocol):
    """How often, and for how long in all, something is tried."""

    @property
    def attempts(self) -> int:
        """Tries in all, the first included."""
        ...

    @property
    def total_s(self) -> float:
        """Seconds that all tries and waits together may take."""
        ...

    @property
    def initial_s(self) -> float:
        """First wait in seconds; it doubles."""
        ...

    @property
    def max_wait_s(self) -> float:
        """Longest single wait; who asks for longer ends the retries."""
        ...


def next_wait(
    policy: Policy,
    attempt: int,
    elapsed: float,
    error: Exception,
    *,
    now: float,
    rng: random.Random,
) -> float | None:
    """Seconds until the next try, None when there shall be none.

    Args:
        policy: the bounds.
        attempt: number of the try that failed, from 1.
        elapsed: seconds since the first try began.
        error: how it failed; only a `TransientError` is tried again, and no open breaker.
        now: epoch seconds, which a server's "not before" is measured from.
        rng: for jitter.
    """
    if not isinstance(error, TransientError) or isinstance(error, BreakerOpen):
        return None
    if attempt >= policy.attempts:
        return None
    wait = min(policy.max_wait_s, policy.initial_s * 2.0 ** min(attempt - 1, 60))
    wait *= rng.uniform(_LEAST_JITTER, 1.0)
    if isinstance(error, RateLimited) and error.until is not None:
        asked = error.until - now
        if asked > policy.max_wait_s:
            return None
        if asked > 0:
            wait = asked + rng.uniform(0.0, min(_SPREAD_S, policy.initial_s))
    return wait if elapsed + wait < policy.total_s else None


def call(
    function: Callable[[float], R],
    policy: Policy,
    *,
    clock: Clock,
    rng: random.Random,
    on_retry: Callable[[Exception, float], None] | None = None,
) -> R:
    """Call it until it succeeds or the policy ends; the last real exception is let through.

    Args:
        function: is given the seconds that are left of the policy's time; the first try is
            bounded by itself alone and is given infinity.
        policy: the bounds.
        clock: tells the time and waits.
        rng: for jitter.
        on_retry: is told the error and the wait before each further try.

    Raises:
        Cancelled: the run was asked to stop during a wait.
    """
    started = clock.monotonic()
    attempt, left = 1, math.inf
    while True:
        try:
            return function(left)
        except TransientError as error:
            elapsed = clock.monotonic() - started
            wait = next_wait(policy, attempt, elapsed, error, now=clock.now(), rng=rng)
            if wait is None:
                raise
            if on_retry is not None:
                on_retry(error, wait)
        clock.sleep(wait)
        attempt, left = attempt + 1, policy.total_s - (clock.monotonic() - started)
