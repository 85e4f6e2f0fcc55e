"""Sends requests to one of GitHub's two APIs, with the token and within its rate limit.

No request is sent when GitHub has said that none is left (`budget.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from datafetch.clock import Clock
from datafetch.github.barriers import HiddenError, barrier_in, words_of
from datafetch.github.budget import Budget
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
from datafetch.job import JobContext
from datafetch.models.job_settings import GitHubSettings
from datafetch.net.base import KIB, Answer, HttpClient, Request
from datafetch.net.outcomes import error_for
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import BreakerOpen, Denied, RateLimited, UpstreamError

T = TypeVar("T")

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
            try:
                answer = self.http.fetch(ours)
            except BreakerOpen:
                raise  # no request was sent
            except UpstreamError:
                self.budget.spent()
                raise
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


def link_of(context: JobContext[GitHubSettings], name: str, *, patience_s: float) -> Link:
    """The link of a run to one of GitHub's APIs; messages about its limits call the API `name`.

    `patience_s`: seconds that a request waits for the end of a limit, at most.
    """
    settings, clock = context.settings, context.clock
    token, known_as = settings.token.get_secret_value(), settings.token_name
    return Link(
        http=context.http,
        clock=clock,
        budget=Budget(name, clock, patience_s=patience_s, log=context.log),
        token=settings.token,
        api_url=settings.api_url,
        retry=RetryPolicy(total_s=settings.retry_max_s),
        facts=TokenFacts.of(token, known_as, in_workflow=settings.in_workflow),
    )


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
