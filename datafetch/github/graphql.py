"""A client of GitHub's GraphQL API: sends one query, or asks for many items in batches."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import AliasPath, BeforeValidator, Field, TypeAdapter

from datafetch.github.answers import read_as
from datafetch.github.barriers import PERMISSIONS, barrier_in, hint_for, words_of
from datafetch.github.budget import PrimaryLimit
from datafetch.github.link import Link
from datafetch.github.model import UNEXPECTED_HINT, Barrier
from datafetch.github.refusals import body_of, is_page, left, other_place, rights_in
from datafetch.net.base import MIB, NO_RETRY, Answer, Request
from datafetch.upstream_errors import (
    BreakerOpen,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    Rejected,
    TransientError,
    UpstreamError,
)

_T = TypeVar("_T")

Variables = Mapping[str, str | int | None]
"""The variables of a query, by name."""

_TOO_SLOW = frozenset({502, 504})
"""Statuses of GitHub's answer to a query that takes it more than ten seconds
(docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api)."""

_TOO_MUCH = frozenset({"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"})
"""Types of errors about a single query's size (same page); since July 2026 a year of a busy
login can be too much for one query."""

_LIMITED = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
"""Types of errors about the rate limit (same page); GitHub uses both."""

_HIDING = {
    "FORBIDDEN": Barrier.RIGHTS,
    "INSUFFICIENT_SCOPES": Barrier.RIGHTS,
    "DMCA": Barrier.BLOCKED,
}
"""Types of errors about what the token may not see, with their cause when the words tell none."""

_LIMIT = 32 * MIB
_MOST_PROBLEMS = 5000
"""Errors in one answer; a query names a thousand repositories at most."""
_CALM_QUERIES = 4


class TooMuchError(TransientError):
    """The query asks for more than GitHub can answer; ask for less."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of an answer's `errors` (GraphQL specification, 7.1.2).

    Attributes:
        kind: GitHub's `type`; None when the error has none.
        path: leads to the field that the error made null; empty when the error names none.
        message: the error in words, for people.
        saml: GitHub's `extensions.saml_failure`: the token is not authorised for single sign-on.
    """

    kind: Annotated[str | None, Field(validation_alias="type")] = None
    path: Annotated[tuple[str | int, ...], BeforeValidator(lambda path: path or ())] = ()
    message: str | None = None
    saml: Annotated[
        bool,
        Field(validation_alias=AliasPath("extensions", "saml_failure")),
        BeforeValidator(lambda value: value is True),
    ] = False

    @property
    def barrier(self) -> Barrier | None:
        """Why the token may not see what `path` leads to; None when the error is another one."""
        if self.saml:
            return Barrier.SAML
        if self.kind is not None and self.kind not in _HIDING:
            return None
        return barrier_in(self.message or "") or _HIDING.get(self.kind or "")


@dataclass(frozen=True, slots=True)
class GraphQLAnswer:
    """What GitHub answered to one query.

    Attributes:
        data: not validated; the caller knows what was asked for.
        problems: GitHub's errors; where they name a field, its data is missing.
    """

    data: Mapping[str, object]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _AnswerBody:
    """The JSON object in which every answer comes."""

    data: dict[str, object] | None = None
    errors: Annotated[tuple[Problem, ...], Field(max_length=_MOST_PROBLEMS)] | None = None


_BODY = TypeAdapter(_AnswerBody)


@dataclass
class Adaptive:
    """How many items one query asks for; `size` stays between `least` and `most`.

    It is halved when a query was too much, and doubled when queries are answered; after it was
    halved, only once more than `_CALM_QUERIES` queries were answered.
    """

    size: int
    most: int
    least: int = 1
    _calm: int = 0

    def shrink(self) -> None:
        """Halve the size, since a query of this size was too much."""
        self.size = max(self.least, self.size // 2)
        self._calm = -_CALM_QUERIES

    def grow(self) -> None:
        """Count an answered query, and double the size when enough were answered."""
        self._calm += 1
        if self._calm > 0:
            self.size = min(self.most, self.size * 2)


def endpoint(api_url: str) -> str:
    """The GraphQL URL beside a REST base; Enterprise's `https://host/api/v3` has `/api/graphql`."""
    base = api_url.rstrip("/")
    return base.removesuffix("/v3") + "/graphql" if base.endswith("/api/v3") else base + "/graphql"


class GraphQL:
    """Sends queries over one link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._url = endpoint(link.api_url)

    @property
    def withheld(self) -> int:
        """How many organizations GitHub left out of its answers so far, without an error."""
        return len(self._link.withheld)

    def ask(self, query: str, variables: Variables, *, patient: bool = True) -> GraphQLAnswer:
        """Send one query.

        Unless `patient`, a query that fails is not sent again: the caller asks for less instead.

        Raises:
            TooMuchError: GitHub says that the query is too much; or, unless `patient`, the query
                failed in a way that may be due to its size.
            RateLimited: the budget is used up.
            Malformed: the answer is not a GraphQL answer, or not GitHub's API answers.
            UpstreamError: as `HttpClient` says.
        """
        request = Request(
            self._url,
            trust="settings",
            upstream="github-graphql",
            json_body={"query": query, "variables": dict(variables)},
            limit=_LIMIT,
            # A status that is accepted is neither tried again nor counted as a fault of the host.
            accept=() if patient else _TOO_SLOW,
            retry=self._link.retry if patient else NO_RETRY,
            heavy=not patient,
        )
        try:
            return self._link.send(request, lambda answer: self._read(answer, patient=patient))
        except (RateLimited, BreakerOpen, TooMuchError):
            raise
        except TransientError as error:
            if patient:
                raise
            raise TooMuchError from error
        except (Missing, Rejected, Refused) as error:
            if error.status is None and not left(self._url, error.url):
                raise  # what GitHub says of the query, or an address that may not be asked
            raise self._other_place(error.url, error.status, "") from error

    def _other_place(self, url: str, status: int | None, what: str) -> UpstreamError:
        """The error about an answer that GitHub's API does not give."""
        return other_place(self._link.api_url, self._url, url or self._url, status, what)

    def _read(self, answer: Answer, *, patient: bool) -> GraphQLAnswer:
        if answer.status in _TOO_SLOW:
            raise TooMuchError(url=answer.url, status=answer.status)
        if is_page(answer) or left(self._url, answer.url):
            raise self._other_place(answer.url, answer.status, body_of(answer))
        body = read_as(_BODY, answer.json(), "GraphQL answer", url=answer.url)
        problems = body.errors or ()
        kinds = {problem.kind for problem in problems}
        if kinds & _LIMITED:
            raise PrimaryLimit(url=answer.url)
        if kinds & _TOO_MUCH:
            raise TooMuchError(url=answer.url)
        if body.data is not None:
            return GraphQLAnswer(body.data, problems)
        if not problems:
            raise Malformed(
                "GitHub's GraphQL answer has no data", url=answer.url, hint=UNEXPECTED_HINT
            )
        if any(problem.path and problem.barrier for problem in problems):
            return GraphQLAnswer({}, problems)
        if not patient and problems[0].barrier is None:
            # GitHub may answer a query that took too long with an error that has no type.
            raise TooMuchError(url=answer.url)
        raise refusal(
            problems[0],
            answer.url,
            advice=self._link.facts.advice,
            rights=rights_in(answer.headers),
        )

    def ask_in_batches(
        self,
        items: Sequence[_T],
        size: Adaptive,
        query: Callable[[Sequence[_T]], str],
        variables: Callable[[Sequence[_T]], Variables],
    ) -> Iterator[tuple[Sequence[_T], GraphQLAnswer | None]]:
        """Ask for all items in batches, as many at a time as `size` allows.

        Yields each batch with its answer, or with None when a batch of the least size is too much.

        Raises:
            UpstreamError: as `ask`; a batch that may be too large is first tried in halves.
        """
        waiting = deque(items)
        while waiting:
            batch = [waiting.popleft() for _ in range(min(size.size, len(waiting)))]
            is_least = len(batch) <= size.least
            try:
                answer = self.ask(query(batch), variables(batch), patient=is_least)
            except TooMuchError:
                if is_least:
                    yield batch, None
                    continue
                size.size = len(batch)
                size.shrink()
                waiting.extendleft(reversed(batch))
                continue
            size.grow()
            yield batch, answer


def refusal(
    problem: Problem, url: str = "", *, advice: str = PERMISSIONS, rights: str = ""
) -> Rejected | Missing | Denied:
    """The error to raise for a problem that left a query, or a part of it, without an answer.

    `advice` says what to do when the token lacks a right, `rights` which it has and needs.
    """
    words = words_of(problem.message or "")
    text = f"GitHub refused the query ({problem.kind or 'no type'}): {words}"
    if problem.kind == "NOT_FOUND":
        return Missing(text, url=url)
    if problem.barrier is not None:
        return Denied(text + rights, url=url, hint=hint_for(problem.barrier, words, advice))
    return Rejected(text, url=url, hint=UNEXPECTED_HINT)
