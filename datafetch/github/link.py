"""The line to one of GitHub's two APIs: token, budget, and what a refusal means."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import SecretStr

from datafetch.clock import Clock
from datafetch.errors import Denied, RateLimited
from datafetch.github.budget import Budget
from datafetch.net.base import Answer, HttpClient, Request, RetryPolicy
from datafetch.net.outcomes import error_for

T = TypeVar("T")

_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429
_REFUSALS = (_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY)

_LIMIT_WORDS = ("rate limit", "abuse detection")
"""What the `message` of a limit says. Its headers may be missing, and a 403 without them is a
refusal of the token's rights otherwise: the words are all that tells them apart
(docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "Exceeding the rate limit")."""


@dataclass(frozen=True)
class Link:
    """Sends requests on behalf of one token and within one budget; safe to use from several threads.

    Attributes:
        api_url: the REST base, as the setting has it.
        retry: for faults; limits are waited for by the budget.
    """

    http: HttpClient
    clock: Clock
    budget: Budget
    token: SecretStr
    api_url: str
    retry: RetryPolicy

    def send(self, request: Request, read: Callable[[Answer], T]) -> T:
        """Send a request and read its answer; a limit that ends soon is waited for.

        Raises:
            RateLimited: the budget is used up for longer than a run waits.
            Denied: GitHub does not accept the token, or not for this.
            UpstreamError: as `HttpClient` and `read` say.
        """
        ours = replace(
            request,
            trust="settings",
            headers={**request.headers, "Authorization": f"Bearer {self.token.get_secret_value()}"},
            # As answers, refusals bring their body, and only the budget tries again.
            accept=(*request.accept, *_REFUSALS),
            timeout_s=30.0,
        )

        def once() -> T:
            answer = self.http.fetch(ours)
            self.budget.learn(answer.headers)
            self._raise_refusal(answer)
            return read(answer)

        return self.budget.send(once)

    def _raise_refusal(self, answer: Answer) -> None:
        status = answer.status
        if status == _UNAUTHORIZED:
            raise Denied(
                "GitHub does not accept the token (GITHUB_ACCESS_TOKEN_COMMIT_GRAPH, else"
                " GITHUB_API_TOKEN, else GITHUB_TOKEN)",
                status=status,
                hint="It may have expired; the first of them that is set is the one that is used.",
            )
        if status not in _REFUSALS:
            return
        error = error_for(status, answer.headers, answer.url, self.clock.now())
        if isinstance(error, Denied) and _speaks_of_a_limit(answer.body):
            raise RateLimited(status=status)
        raise error


def _speaks_of_a_limit(body: bytes) -> bool:
    try:
        message = str(json.loads(body)["message"]).lower()
    except (ValueError, RecursionError, KeyError, TypeError):
        return False
    return any(words in message for words in _LIMIT_WORDS)
