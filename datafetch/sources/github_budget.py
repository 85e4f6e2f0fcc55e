"""GitHub's rate limits, looked at before they are hit: one budget for REST, one for GraphQL.

Headers: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from datafetch.clock import Clock
from datafetch.errors import RateLimited

SILENT_WAIT_S = 60.0
"""GitHub asks to wait for at least a minute when a secondary limit does not say how long (same page)."""


class Budget:
    """What is left of one of GitHub's limits; safe to use from several threads.

    `patience_s` is how long it waits for the limit to be reset; a longer wait is an error.
    """

    def __init__(self, name: str, clock: Clock, *, patience_s: float) -> None:
        self._name = name
        self._clock = clock
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._remaining: int | None = None
        self._reset_at = 0.0
        self._blocked_until = 0.0
        self._under_way = 0

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Around one request: waits, or refuses to begin, when nothing is left.

        Raises:
            RateLimited: nothing is left for longer than the patience, or the request met a limit.
            Cancelled: the run was asked to stop while it waited.
        """
        self._wait()
        with self._lock:
            self._under_way += 1
        try:
            yield
        except RateLimited as limited:
            self.block(limited.until)
            # The client's own message has the address, and with it a repository's name.
            raise self._used_up(self.reset_at, limited.status) from None
        finally:
            with self._lock:
                self._under_way -= 1

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says is left."""
        remaining, reset = headers.get("x-ratelimit-remaining"), headers.get("x-ratelimit-reset")
        if remaining and remaining.isdecimal() and reset and reset.isdecimal():
            with self._lock:
                self._remaining, self._reset_at = int(remaining), float(reset)

    def block(self, until: float | None) -> None:
        """Let nothing begin until then (epoch seconds), or for a minute."""
        with self._lock:
            wanted = self._clock.now() + SILENT_WAIT_S if until is None else until
            self._blocked_until = max(self._blocked_until, wanted)

    @property
    def reset_at(self) -> float | None:
        """Epoch seconds from which it may go on, None when it was not told."""
        with self._lock:
            if self._clock.now() < self._blocked_until:
                return self._blocked_until
            return self._reset_at or None

    def _wait(self) -> None:
        until = self._closed_until()
        if until is None:
            return
        wait_s = until - self._clock.now()
        if wait_s > self._patience_s:
            raise self._used_up(until)
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def _used_up(self, until: float | None, status: int | None = None) -> RateLimited:
        return RateLimited(f"GitHub's {self._name} limit is used up", until=until, status=status)

    def _closed_until(self) -> float | None:
        with self._lock:
            now = self._clock.now()
            if now < self._blocked_until:
                return self._blocked_until
            if self._remaining is None or now >= self._reset_at:
                return None
            return self._reset_at if self._remaining <= self._under_way else None
