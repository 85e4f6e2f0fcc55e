"""The GraphQL queries for GitHub, and how one query is asked for many windows of time.

One query asks for several windows. A window that is too much for GitHub, or whose answer it cuts
off, is asked for again in halves; one that it left out of its answer is asked for again alone.
Schema: docs.github.com/public/fpt/schema.docs.graphql.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from datafetch.github.answers import CalendarDays, CalendarTotal, CommittedRepositories, read_as
from datafetch.github.graphql import Adaptive, GraphQL, GraphQLAnswer, refusal
from datafetch.github.model import TimeWindow

C = TypeVar("C")
"""The type of what GitHub answers for one window."""

MOST_REPOSITORIES = 100
"""GitHub's most for a page, and for `commitContributionsByRepository`."""

REPOSITORY_FIELDS = "id nameWithOwner isFork isPrivate pushedAt"

YEARS = """
query($login: String!, $from: DateTime!, $to: DateTime!) {
  user(login: $login) {
    contributionsCollection(from: $from, to: $to) { contributionYears }
  }
}
"""
"""All years with contributions, whatever the window is; a short window makes the query cheap."""

REPOSITORIES = f"""
query($login: String!, $first: Int!, $after: String) {{
  user(login: $login) {{
    repositoriesContributedTo(
      first: $first, after: $after, includeUserRepositories: true, contributionTypes: [COMMIT]
    ) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ {REPOSITORY_FIELDS} }}
    }}
  }}
}}
"""


def alias(index: int) -> str:
    """The GraphQL alias of the item at this index of a batch."""
    return f"a{index}"


def moment(time: datetime) -> str:
    """The time in the format of GitHub's `DateTime`."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def lookups(count: int) -> str:
    """The query that looks up `count` repositories by name (variables `o0`, `n0`, …)."""
    parameters = ", ".join(f"$o{i}: String!, $n{i}: String!" for i in range(count))
    fields = "\n".join(
        f"  {alias(i)}: repository(owner: $o{i}, name: $n{i}) {{ {REPOSITORY_FIELDS} }}"
        for i in range(count)
    )
    return f"query({parameters}) {{\n{fields}\n}}\n"


@dataclass(frozen=True, slots=True)
class WindowQuery(Generic[C]):
    """What to ask about the contributions of a window.

    Attributes:
        fields: GraphQL that selects fields of GitHub's `ContributionsCollection`.
        adapter: validates the collection of one window.
    """

    fields: str
    adapter: TypeAdapter[C]

    def text(self, windows: Sequence[TimeWindow]) -> str:
        """The query for these windows, each under the alias of its index."""
        lines = "\n".join(
            f'    {alias(index)}: contributionsCollection(from: "{moment(window.start)}",'
            f' to: "{moment(window.end)}") {{ {self.fields} }}'
            for index, window in enumerate(windows)
        )
        return f"query($login: String!) {{\n  user(login: $login) {{\n{lines}\n  }}\n}}\n"


DAYS = WindowQuery(
    "contributionCalendar"
    " { weeks { contributionDays { date contributionCount contributionLevel } } }",
    TypeAdapter(CalendarDays),
)
"""The days of each window's calendar."""

TOTALS = WindowQuery(
    "contributionCalendar { totalContributions }",
    TypeAdapter(CalendarTotal),
)
"""The number of contributions in each window."""

COMMITS = WindowQuery(
    f"commitContributionsByRepository(maxRepositories: {MOST_REPOSITORIES})"
    f" {{ repository {{ {REPOSITORY_FIELDS} }} }}",
    TypeAdapter(CommittedRepositories),
)
"""The repositories with commits in each window, those with the most commits first."""

Take = Callable[[TimeWindow, C], bool]
"""Receives a window and its answer; False when GitHub cut it off, so that halves tell more."""

_LEAST_DAYS = 28
"""A window of so few days is not halved when it is too much: its length is not the cause."""


@dataclass(frozen=True, slots=True)
class _User:
    """The answer to a `WindowQuery`; `user` has the collection of each window, by alias."""

    user: dict[str, object] | None = None


_USER = TypeAdapter(_User)


@dataclass
class _Leftover:
    """Windows that one pass could not finish.

    Attributes:
        failed: windows that GitHub left out of its answer; each is asked for alone next.
        halves: halves of windows that were too much or cut off; they are asked for next.
        lost: windows that were too much or cut off, but are too short to be halved.
    """

    failed: list[TimeWindow] = field(default_factory=list)
    halves: list[TimeWindow] = field(default_factory=list)
    lost: list[TimeWindow] = field(default_factory=list)

    def halve(self, window: TimeWindow, least_days: int) -> None:
        """Add a window's halves to `halves`, or the window to `lost` when it is too short."""
        halves = window.halves(least_days)
        if halves is None:
            self.lost.append(window)
        else:
            self.halves += halves


def each_window(
    graphql: GraphQL,
    login: str,
    windows: Sequence[TimeWindow],
    size: Adaptive,
    query: WindowQuery[C],
    take: Take[C],
) -> list[TimeWindow]:
    """Ask for all windows, and hand each answer to `take`; it may be that of a part of a window.

    Returns the windows, or parts of them, that GitHub did not answer even when asked alone.

    Raises:
        UpstreamError: as `GraphQL.ask`; also for an error that names no window.
    """
    lost: list[TimeWindow] = []
    waiting = list(windows)
    while waiting:
        leftover = _ask(graphql, login, waiting, size, query, take)
        if leftover.failed:
            alone = _ask(graphql, login, leftover.failed, Adaptive(1, 1), query, take)
            lost += alone.failed + alone.lost
            leftover.halves += alone.halves
        lost += leftover.lost
        waiting = leftover.halves
    return lost


def _ask(
    graphql: GraphQL,
    login: str,
    windows: Sequence[TimeWindow],
    size: Adaptive,
    query: WindowQuery[C],
    take: Take[C],
) -> _Leftover:
    """Ask for each window once."""
    leftover = _Leftover()
    for batch, answer in graphql.ask_in_batches(
        windows, size, query.text, lambda _: {"login": login}
    ):
        if answer is None:
            for window in batch:
                leftover.halve(window, _LEAST_DAYS)
            continue
        for window, collection in _paired(batch, answer):
            if collection is None:
                leftover.failed.append(window)
            elif not take(window, read_as(query.adapter, collection, "contributions")):
                leftover.halve(window, 1)
    return leftover


def _paired(
    batch: Sequence[TimeWindow], answer: GraphQLAnswer
) -> list[tuple[TimeWindow, object | None]]:
    """Each window with its collection; None where GitHub answered with an error instead."""
    places = {alias(index): window for index, window in enumerate(batch)}
    bad = set()
    for problem in answer.problems:
        place = problem.path[1] if problem.path[:1] == ("user",) and problem.path[1:] else ""
        if place not in places:
            raise refusal(problem)
        bad.add(place)
    # An error in a field that cannot be null makes its parents null, in the end the whole user.
    # Then the answer has none of the batch, and each window is asked for alone.
    user = read_as(_USER, answer.data, "contributions").user or {}
    return [(window, None if place in bad else user.get(place)) for place, window in places.items()]
