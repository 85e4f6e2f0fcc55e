"""A client of GitHub's GraphQL API: one query in, its data and errors out, batches that adapt."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import SecretStr

from datafetch.errors import (
    BreakerOpen,
    Malformed,
    Missing,
    RateLimited,
    Rejected,
    TransientError,
)
from datafetch.net.base import MIB, NO_RETRY, Answer, HttpClient, Request, RetryPolicy
from datafetch.sources.github_budget import Budget

_T = TypeVar("_T")

_TOO_SLOW = frozenset({502, 504})
"""What GitHub answers to a query that takes it more than ten seconds
(docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api)."""

_LIMIT = 32 * MIB
_CALM_QUERIES = 4


class TooMuchError(Exception):
    """The query asked for more than GitHub can answer in time; ask for less."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors` (GraphQL specification, 7.1.2); `kind` is GitHub's `type`."""

    kind: str
    path: tuple[str | int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back of one query; with problems, parts of the data may be missing."""

    data: Mapping[str, Any]
    problems: tuple[Problem, ...]


@dataclass
class Adaptive:
    """How many items one query asks for: halves when that was too much, and grows back.

    At `least` it gets no smaller: failures are then what they seem to be. After it was too
    much it doubles again only when several queries in a row went well.
    """

    size: int
    most: int
    least: int = 1
    _calm: int = 0

    def shrink(self) -> None:
        """Too much."""
        self.size = max(self.least, self.size // 2)
        self._calm = -_CALM_QUERIES

    def grow(self) -> None:
        """It went well."""
        self._calm += 1
        if self._calm > 0:
            self.size = min(self.most, self.size * 2)


def endpoint(api_url: str) -> str:
    """Where GraphQL is for a REST base: of Enterprise's `https://host/api/v3` it is `/api/graphql`."""
    base = api_url.rstrip("/")
    return base.removesuffix("/v3") + "/graphql" if base.endswith("/api/v3") else base + "/graphql"


class GraphQL:
    """Sends queries on behalf of one token."""

    def __init__(
        self,
        http: HttpClient,
        budget: Budget,
        *,
        api_url: str,
        token: SecretStr,
        retry: RetryPolicy,
    ) -> None:
        self._http = http
        self._budget = budget
        self._url = endpoint(api_url)
        self._token = token
        self._retry = retry

    def ask(self, query: str, variables: Mapping[str, Any], *, patient: bool = True) -> Reply:
        """Send one query; unless `patient`, it is tried once, because asking for less is better.

        Raises:
            TooMuchError: it failed in time or size, and the caller is not patient.
            RateLimited: the budget is used up.
            Malformed: the answer is not what GraphQL answers.
            UpstreamError: as `HttpClient` says.
        """
        request = Request(
            self._url,
            trust="settings",
            upstream="github-graphql",
            method="POST",
            headers={"Authorization": f"Bearer {self._token.get_secret_value()}"},
            json_body={"query": query, "variables": dict(variables)},
            limit=_LIMIT,
            # As an answer, a 502 neither is tried again nor counts as a fault of the host.
            accept=() if patient else _TOO_SLOW,
            timeout_s=30.0,
            retry=self._retry if patient else NO_RETRY,
        )
        answer = self._send(request, patient=patient)
        self._budget.learn(answer.headers)
        if answer.status in _TOO_SLOW:
            raise TooMuchError
        return self._read(answer)

    def ask_in_batches(
        self,
        items: Sequence[_T],
        size: Adaptive,
        query: Callable[[Sequence[_T]], str],
        variables: Callable[[Sequence[_T]], Mapping[str, Any]],
    ) -> Iterator[tuple[Sequence[_T], Reply]]:
        """Ask for all items, as many at a time as GitHub can bear.

        Raises:
            UpstreamError: as `ask`, for an item that failed alone.
        """
        waiting = deque(items)
        while waiting:
            batch = [waiting.popleft() for _ in range(min(size.size, len(waiting)))]
            try:
                reply = self.ask(query(batch), variables(batch), patient=len(batch) <= size.least)
            except TooMuchError:
                size.size = len(batch)
                size.shrink()
                waiting.extendleft(reversed(batch))
                continue
            size.grow()
            yield batch, reply

    def _send(self, request: Request, *, patient: bool) -> Answer:
        with self._budget.spend():
            try:
                return self._http.fetch(request)
            except (RateLimited, BreakerOpen):
                raise
            except TransientError as error:
                if patient:
                    raise
                raise TooMuchError from error

    def _read(self, answer: Answer) -> Reply:
        body = answer.json()
        if not isinstance(body, dict):
            raise Malformed("GitHub's GraphQL answer is not an object", url=answer.url)
        problems = tuple(_problem(error) for error in body.get("errors") or ())
        if any(problem.kind == "RATE_LIMITED" for problem in problems):
            until = self._budget.reset_at
            self._budget.block(until)
            raise RateLimited("GitHub's GraphQL limit is used up", url=answer.url, until=until)
        data = body.get("data")
        if isinstance(data, dict):
            return Reply(data, problems)
        if not problems:
            raise Malformed("GitHub's GraphQL answer has no data", url=answer.url)
        raise refusal(problems[0], answer.url)


def refusal(problem: Problem, url: str = "") -> Rejected | Missing:
    """The error of a query that GitHub did not answer."""
    text = f"GitHub refused the query ({problem.kind or 'no type'}): {problem.message}"
    return Missing(text, url=url) if problem.kind == "NOT_FOUND" else Rejected(text, url=url)


def _problem(error: Any) -> Problem:
    if not isinstance(error, dict):
        return Problem("", (), str(error))
    path = error.get("path")
    return Problem(
        kind=str(error.get("type") or ""),
        path=tuple(path) if isinstance(path, list) else (),
        message=str(error.get("message") or ""),
    )
