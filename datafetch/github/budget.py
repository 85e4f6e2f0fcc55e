"""How many requests GitHub's rate limit still allows, and the waits until it allows more.

Source of the headers, and of the wait when an answer has none:
docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from datafetch.clock import Clock, utc_text
from datafetch.logs import bound_logger
from datafetch.upstream_errors import RateLimited

T = TypeVar("T")

SILENT_WAIT_S = 60.0
"""When an answer does not say how long to wait, GitHub wants at least a minute, and more each time
that the limit is met again."""

_LONGEST_S = 24 * 3600.0
"""GitHub's limits are reset every hour; a reset that is further away than this is not believed."""

_NUMBER = re.compile(r"[0-9]{1,15}")
"""What is read of GitHub's figures; Python refuses to read an integer of more than 4,300 digits."""

_UNLIMITED_S = 3600.0
"""How long an answer without figures counts as saying that nothing is counted, as at servers of GitHub
Enterprise whose limits are switched off."""

_SAME_WINDOW_S = 5.0
"""Two times of a reset that differ by no more seconds mean the same hour, as GitHub's figures vary."""

_LEAST_WAIT_S = 1.0
TRIES = 3
"""How often one request is sent at most, when it meets a limit each time."""


class PrimaryLimit(RateLimited):
    """All requests of the hour are used up; any other limit asks to slow down (secondary limits)."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one process knows of a limit; it is told to others that use the same token.

    Attributes:
        limit, remaining: requests of the hour in all, and those that are left; None when GitHub
            has not said.
        reset_at: when the hour ends, in epoch seconds.
        blocked_s: seconds for which GitHub has asked to send nothing; 0 for none.
        primary: whether it asked for that because the hour's requests are used up.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: float = 0.0
    blocked_s: float = 0.0
    primary: bool = False


class Budget:
    """How many requests GitHub still allows; safe to use from several threads.

    One request waits at most `patience_s` until it may be sent; when the limit lasts longer, the
    budget counts as used up. Each wait is logged once, however many requests wait.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        patience_s: float,
        log: logging.LoggerAdapter[logging.Logger] | None = None,
    ) -> None:
        self._name = name
        self._log = log or bound_logger()
        self._told_until = 0.0
        self._clock = clock
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._limit: int | None = None
        self._remaining: int | None = None
        self._reset_at = 0.0
        self._blocked_until = 0.0
        self._silent_wait_s = SILENT_WAIT_S
        self._under_way = 0
        self._is_primary = False

    def send(self, once: Callable[[], T]) -> T:
        """Call `once`, which sends a request, as soon as GitHub allows one.

        When it meets a limit, all requests wait until that is over; then `once` is called again.

        Raises:
            RateLimited: the budget is used up. The error says until when, but has no URL, which may
                name a private repository.
            Cancelled: the run was asked to stop while it waited.
        """
        deadline = self._clock.monotonic() + self._patience_s
        for _ in range(TRIES):
            self._wait(deadline)
            with self._lock:
                self._under_way += 1
            try:
                return once()
            except RateLimited as limited:
                self._block(limited)
            finally:
                with self._lock:
                    self._under_way -= 1
        raise self._used_up()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note from an answer's headers how many requests are left, and until when."""
        limit = headers.get("x-ratelimit-limit", "")
        remaining = headers.get("x-ratelimit-remaining", "")
        reset = headers.get("x-ratelimit-reset", "")
        if _NUMBER.fullmatch(remaining) and _NUMBER.fullmatch(reset):
            most = int(limit) if _NUMBER.fullmatch(limit) else None
            with self._lock:
                self._note(int(remaining), float(reset), most)

    def spent(self) -> None:
        """Note a request whose answer did not say how many are left."""
        with self._lock:
            if self._remaining:
                self._remaining -= 1

    # ------------------------------------------- requests of other processes with the same token

    def grant(self) -> bool:
        """Let another process send one request; False when none may be sent at this moment.

        The request counts as under way until `returned` is called. How many requests are left in a
        new hour is known only after its first answer, so no other request is granted until then.
        """
        with self._lock:
            now = self._clock.now()
            if now < self._blocked_until:
                return False
            if self._is_known(now):
                free = self._remaining is None or self._remaining > self._under_way
            else:
                free = self._under_way == 0
            self._under_way += free
            return free

    def returned(self, allowance: Allowance | None) -> None:
        """Note that a granted request has ended, and what the other process knows of the limit now.

        `allowance` is None when that process was lost: then the request counts as sent.
        """
        with self._lock:
            self._under_way -= 1
        if allowance is None:
            self.spent()
            return
        self.hear(allowance)

    def hear(self, allowance: Allowance) -> None:
        """Note what another process knows."""
        with self._lock:
            now = self._clock.now()
            if allowance.remaining is not None:
                self._note(allowance.remaining, allowance.reset_at, allowance.limit)
            elif not self._is_known(now):
                self._remaining, self._reset_at = None, now + _UNLIMITED_S
            if allowance.blocked_s > 0:
                self._is_primary = allowance.primary
                self._blocked_until = max(self._blocked_until, now + allowance.blocked_s)

    def allowance(self) -> Allowance:
        """What this process knows."""
        with self._lock:
            blocked_s = max(0.0, self._blocked_until - self._clock.now())
            return Allowance(
                self._limit, self._remaining, self._reset_at, blocked_s, self._is_primary
            )

    def closed_s(self) -> float:
        """Seconds until the next request may be sent; 0 when it may be now."""
        return max(0.0, self._closed_until() - self._clock.now())

    def wait(self) -> None:
        """Wait until a request may be sent.

        Raises:
            RateLimited: that takes longer than the budget's patience.
            Cancelled: the run was asked to stop while it waited.
        """
        self._wait(self._clock.monotonic() + self._patience_s)

    # ----------------------------------------------------------------- inside

    def _is_known(self, now: float) -> bool:
        """Whether GitHub has told how many requests are left in this hour, or seems not to count them."""
        return now < self._reset_at

    def _note(self, remaining: int, reset_at: float, limit: int | None) -> None:
        """Note the figures of an answer. Within an hour the lowest count: answers overtake each other."""
        now = self._clock.now()
        reset_at = min(reset_at, now + _LONGEST_S)
        if reset_at <= now < self._reset_at:
            return  # of an hour that has ended meanwhile
        if self._remaining is not None and abs(reset_at - self._reset_at) <= _SAME_WINDOW_S:
            remaining = min(remaining, self._remaining)
        self._remaining, self._reset_at, self._limit = remaining, reset_at, limit

    def _block(self, limited: RateLimited) -> None:
        """Send nothing until the limit ends; for `_silent_wait_s` if GitHub does not say when."""
        with self._lock:
            now, until = self._clock.now(), limited.until
            self._is_primary = isinstance(limited, PrimaryLimit) or self._remaining == 0
            if until is None and self._remaining == 0:
                until = self._reset_at
            if until is None:
                if now < self._blocked_until:
                    return  # another request, sent at the same time, has met the same limit
                until = now + self._silent_wait_s
                self._silent_wait_s *= 2
            self._blocked_until = max(self._blocked_until, until, now + _LEAST_WAIT_S)

    def _wait(self, deadline: float) -> None:
        wait_s = self._closed_until() - self._clock.now()
        if wait_s <= 0:
            return
        if self._clock.monotonic() + wait_s > deadline:
            raise self._used_up()
        self._tell_of_wait(wait_s)
        self._clock.sleep(wait_s)

    def _tell_of_wait(self, wait_s: float) -> None:
        until = self._clock.now() + wait_s
        with self._lock:
            if until < self._told_until + _LEAST_WAIT_S:
                return
            self._told_until = until
        self._log.info(
            "rate_limit_wait",
            extra={"host": "GitHub", "wait_s": round(wait_s, 1), "reason": self._words(until)},
        )

    def _used_up(self) -> RateLimited:
        until = self._closed_until()
        hint = "Run `datafetch github` again after that."
        return RateLimited(self._words(until), until=until, hint=hint)

    def _words(self, until: float) -> str:
        """Says which limit lasts until then: the hour's, or the one on too many requests at once."""
        now = self._clock.now()
        with self._lock:
            is_primary = self._is_primary or self._blocked_until <= now
            most = f" of {self._limit} requests an hour" if self._limit else ""
        when = utc_text(until, now)
        if is_primary:
            return f"GitHub's {self._name} limit{most} is used up until {when}"
        return f"GitHub asks to slow down: its secondary limit for {self._name} lasts until {when}"

    def _closed_until(self) -> float:
        """When the next request may be sent, in epoch seconds; in the past when it may be now."""
        with self._lock:
            left = self._remaining is None or self._remaining > self._under_way
            return max(self._blocked_until, 0.0 if left else self._reset_at)
