"""A client of GitHub's GraphQL API: one query in, its data and errors out, batches that adapt."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from datafetch.errors import (
    BreakerOpen,
    Malformed,
    Missing,
    RateLimited,
    Rejected,
    TransientError,
)
from datafetch.github.link import Link
from datafetch.net.base import MIB, NO_RETRY, Answer, Request

_T = TypeVar("_T")

_TOO_SLOW = frozenset({502, 504})
"""What GitHub answers to a query that takes it more than ten seconds
(docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api)."""

_TOO_MUCH = frozenset({"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"})
"""Types of errors about a single query's size (same page); since July 2026 a year of a busy
login can be too much for one query."""

_LIMITED = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
"""Types of errors about the budget (same page); both are seen."""

_LIMIT = 32 * MIB
_CALM_QUERIES = 4


class TooMuchError(TransientError):
    """The query asks for more than GitHub can answer; ask for less."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors` (GraphQL specification, 7.1.2); `kind` is GitHub's `type`."""

    kind: str
    path: tuple[str | int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class GraphQLAnswer:
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
    """Sends queries over one link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._url = endpoint(link.api_url)

    def ask(
        self, query: str, variables: Mapping[str, Any], *, patient: bool = True
    ) -> GraphQLAnswer:
        """Send one query; unless `patient`, it is tried once, because asking for less is better.

        Raises:
            TooMuchError: GitHub says that it is too much; or, when the caller is not patient,
                that may be why it failed.
            RateLimited: the budget is used up.
            Malformed: the answer is not what GraphQL answers.
            UpstreamError: as `HttpClient` says.
        """
        request = Request(
            self._url,
            trust="settings",
            upstream="github-graphql",
            method="POST",
            json_body={"query": query, "variables": dict(variables)},
            limit=_LIMIT,
            # As an answer, a 502 neither is tried again nor counts as a fault of the host.
            accept=() if patient else _TOO_SLOW,
            retry=self._link.retry if patient else NO_RETRY,
            heavy=not patient,
        )
        try:
            return self._link.send(request, lambda answer: _read(answer, patient=patient))
        except (RateLimited, BreakerOpen, TooMuchError):
            raise
        except TransientError as error:
            if patient:
                raise
            raise TooMuchError from error

    def ask_in_batches(
        self,
        items: Sequence[_T],
        size: Adaptive,
        query: Callable[[Sequence[_T]], str],
        variables: Callable[[Sequence[_T]], Mapping[str, Any]],
    ) -> Iterator[tuple[Sequence[_T], GraphQLAnswer | None]]:
        """Ask for all items, as many at a time as GitHub can bear.

        The reply is None when a batch of the least size is too much.

        Raises:
            UpstreamError: as `ask`, for an item that failed alone.
        """
        waiting = deque(items)
        while waiting:
            batch = [waiting.popleft() for _ in range(min(size.size, len(waiting)))]
            least = len(batch) <= size.least
            try:
                reply = self.ask(query(batch), variables(batch), patient=least)
            except TooMuchError:
                if least:
                    yield batch, None
                    continue
                size.size = len(batch)
                size.shrink()
                waiting.extendleft(reversed(batch))
                continue
            size.grow()
            yield batch, reply


def _read(answer: Answer, *, patient: bool) -> GraphQLAnswer:
    if answer.status in _TOO_SLOW:
        raise TooMuchError(url=answer.url, status=answer.status)
    body = answer.json()
    if not isinstance(body, dict):
        raise Malformed("GitHub's GraphQL answer is not an object", url=answer.url)
    problems = tuple(_problem(error) for error in body.get("errors") or ())
    kinds = {problem.kind for problem in problems}
    if kinds & _LIMITED:
        raise RateLimited(url=answer.url)
    if kinds & _TOO_MUCH:
        raise TooMuchError(url=answer.url)
    data = body.get("data")
    if isinstance(data, dict):
        return GraphQLAnswer(data, problems)
    if not problems:
        raise Malformed("GitHub's GraphQL answer has no data", url=answer.url)
    if not patient:
        # A query that took too long may be answered by an error without type, too.
        raise TooMuchError(url=answer.url)
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
