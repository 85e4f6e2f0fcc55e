"""Sends requests to one of GitHub's two APIs, with the token and within its rate limit.

No request is sent when GitHub has said that none is left. Source of the headers, and of the wait
when an answer has none: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from datafetch.clock import Clock, utc_text
from datafetch.github.barriers import HiddenError, barrier_in, words_of
from datafetch.github.model import Barrier
from datafetch.github.refusals import (
    TokenFacts,
    body_of,
    is_page,
    left,
    not_accepted,
    not_allowed,
    other_place,
    rights_in,
)
from datafetch.logs import bound_logger
from datafetch.net.base import KIB, Answer, HttpClient, Request
from datafetch.net.outcomes import error_for
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import Denied, RateLimited

T = TypeVar("T")

SILENT_WAIT_S = 60.0
"""When an answer does not say how long to wait, GitHub wants at least a minute, and more each time
that the limit is met again."""

_LONGEST_S = 24 * 3600.0
"""GitHub's limits are reset every hour; a reset that is further away than this is not believed."""

_NUMBER = re.compile(r"[0-9]{1,15}")
"""What is read of GitHub's figures; Python refuses to read an integer of more than 4,300 digits."""

_LEAST_WAIT_S = 1.0
_TRIES = 3
"""How often one request is sent at most, when it meets a limit each time."""


class PrimaryLimit(RateLimited):
    """All requests of the hour are used up; any other limit asks to slow down (secondary limits)."""


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
        for _ in range(_TRIES):
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
            with self._lock:
                latest = self._clock.now() + _LONGEST_S
                self._remaining, self._reset_at = int(remaining), min(float(reset), latest)
                self._limit = int(limit) if _NUMBER.fullmatch(limit) else None

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
        """Which limit lasts until then: that of the hour, or the one on too much at once."""
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


_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _LEGAL = 401, 403, 429, 451
_REFUSALS = (_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _LEGAL)

_SSO = "x-github-sso"
"""A header about single sign-on: `required; url=…` with a 403, and with a 200 from which something
was left out `partial-results; organizations=ID,ID`
(docs.github.com/rest/authentication/authenticating-to-the-rest-api)."""

_LIMIT_WORDS = ("rate limit", "abuse detection")
"""Words in the `message` of a 403 that is about a limit. When it lacks the headers of a limit, only
these words distinguish it from a 403 about the token's rights
(docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "Exceeding the rate limit")."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The body of a refusal; only the field that is needed."""

    message: str


_REFUSAL = TypeAdapter(_Refusal)
_LONGEST_REFUSAL = 64 * KIB


@dataclass(frozen=True)
class Link:
    """Sends requests with one token and within one budget; safe to use from several threads.

    Attributes:
        api_url: the REST base, as the setting has it.
        retry: how often a request is sent again after a fault; after a limit, `budget` decides.
        facts: what messages say of the token.
        withheld: ids of the organizations that GitHub left out of its answers, since the token is
            not authorised for their single sign-on.
    """

    http: HttpClient
    clock: Clock
    budget: Budget
    token: SecretStr
    api_url: str
    retry: RetryPolicy
    facts: TokenFacts
    withheld: set[str] = field(default_factory=set)

    def send(self, request: Request, read: Callable[[Answer], T]) -> T:
        """Send a request and return what `read` makes of its answer; waits while a limit lasts.

        Raises:
            RateLimited: the budget is used up for longer than a run waits.
            Denied: GitHub does not accept the token, or the token does not allow this.
            Malformed: what refuses is not GitHub.
            HiddenError: GitHub says why it keeps just this repository from the token.
            UpstreamError: as `HttpClient` and `read` say.
        """
        ours = replace(
            request,
            trust="settings",
            headers={**request.headers, "Authorization": f"Bearer {self.token.get_secret_value()}"},
            # These statuses are returned with their body, not raised: only the budget retries.
            accept=(*request.accept, *_REFUSALS),
            timeout_s=30.0,
        )

        def once() -> T:
            answer = self.http.fetch(ours)
            self.budget.learn(answer.headers)
            self.withheld.update(_withheld(answer.headers.get(_SSO, "")))
            self._raise_refusal(answer, request.url)
            return read(answer)

        return self.budget.send(once)

    def _raise_refusal(self, answer: Answer, asked: str) -> None:
        status = answer.status
        if status not in _REFUSALS:
            return
        message = _message(answer.body)
        words = words_of(message)
        barrier = _barrier(answer, message)
        error = error_for(status, answer.headers, answer.url, self.clock.now())
        if isinstance(error, Denied) and any(sign in message.lower() for sign in _LIMIT_WORDS):
            raise RateLimited(status=status)
        if isinstance(error, RateLimited):
            raise error
        is_strange = left(asked, answer.url) or (is_page(answer) and barrier is None)
        if status in (_UNAUTHORIZED, _FORBIDDEN) and is_strange:
            raise other_place(self.api_url, asked, answer.url, status, body_of(answer))
        if status == _UNAUTHORIZED:
            raise not_accepted(answer, words, self.facts, self.api_url)
        if barrier is not None:
            text = f"{error}: {words}" if words else str(error)
            raise HiddenError(
                barrier, text + rights_in(answer.headers), url=answer.url, status=status
            )
        raise not_allowed(str(error), answer, words, self.facts)


def _message(body: bytes) -> str:
    """GitHub's own words for a refusal; empty when it has none, or a body of over 64 KiB."""
    if len(body) > _LONGEST_REFUSAL:
        return ""
    try:
        return _REFUSAL.validate_json(body).message
    except ValidationError:
        return ""


def _barrier(answer: Answer, message: str) -> Barrier | None:
    """Why GitHub keeps just this repository from the token; None when it gives no such reason."""
    if answer.headers.get(_SSO, "").strip().lower().startswith("required"):
        return Barrier.SAML
    return barrier_in(message) or (Barrier.BLOCKED if answer.status == _LEGAL else None)


def _withheld(header: str) -> list[str]:
    """The ids of organizations in an `X-GitHub-SSO` header about partial results."""
    kind, _, rest = header.partition(";")
    name, _, ids = rest.strip().partition("=")
    if kind.strip().lower() != "partial-results" or name.strip().lower() != "organizations":
        return []
    return [text.strip() for text in ids.split(",") if text.strip()]
