"""Tries again after transient errors, with bounds on the attempts and on the total time.

The class of an error decides, never its text. Retry libraries sleep by themselves; here the clock
is passed in, so that a stop ends a wait and tests never wait.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from datafetch.clock import Clock
from datafetch.upstream_errors import BreakerOpen, CannotConnect, RateLimited, TransientError

R = TypeVar("R")

_LEAST_JITTER = 0.5
"""Jitter multiplies a wait by a random factor from this to 1, so that no wait is close to zero."""

_SPREAD_S = 1.0
"""The most seconds added to the time that a server named, so that clients do not all come at once."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and for how long in all, something is tried.

    Attributes:
        attempts: tries in all, the first included.
        total_s: seconds that all tries and waits together may take.
        initial_s: seconds of the first wait; each further one is twice as long.
        max_wait_s: seconds of the longest single wait; a server that asks for a longer one ends
            the tries.
    """

    attempts: int = 3
    total_s: float = 60.0
    initial_s: float = 0.5
    max_wait_s: float = 30.0


def next_wait(
    policy: RetryPolicy,
    attempt: int,
    elapsed: float,
    error: Exception,
    *,
    now: float,
    rng: random.Random,
) -> float | None:
    """Seconds to wait before the next try; None when there is to be none.

    Args:
        policy: the bounds.
        attempt: number of the try that failed, from 1.
        elapsed: seconds since the first try began.
        error: how it failed; there is a next try after a `TransientError`, except `BreakerOpen`
            and `CannotConnect`.
        now: epoch seconds, to compare with the time that a server named.
        rng: for jitter.
    """
    if not isinstance(error, TransientError) or isinstance(error, BreakerOpen | CannotConnect):
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
    policy: RetryPolicy,
    *,
    clock: Clock,
    rng: random.Random,
    on_retry: Callable[[Exception, float], None] | None = None,
) -> R:
    """Call the function until it succeeds or the policy allows no further try.

    Args:
        function: its argument is the seconds that are left of the policy's time; infinity for
            the first try, which has to bound itself.
        policy: the bounds.
        clock: tells the time and waits.
        rng: for jitter.
        on_retry: is called before each wait with the error and the seconds.

    Raises:
        Exception: the function's last error, as it was raised.
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
