"""The GraphQL queries that GitHub is asked, and how stretches of time are asked for with them.

Many windows go into one query; where GitHub cannot answer, or cuts what it says, smaller ones.
Schema: docs.github.com/public/fpt/schema.docs.graphql.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from datafetch.errors import Malformed
from datafetch.github.graphql import Adaptive, GraphQL, GraphQLAnswer, refusal
from datafetch.github.model import TimeWindow

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
"""All years with contributions; they do not depend on the window, which is one so that it is small."""

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

_TOTAL = "contributionCalendar { totalContributions }"
_DAYS = (
    "contributionCalendar"
    " { weeks { contributionDays { date contributionCount contributionLevel } } }"
)
_COMMITS = (
    f"commitContributionsByRepository(maxRepositories: {MOST_REPOSITORIES})"
    f" {{ repository {{ {REPOSITORY_FIELDS} }} }}"
)


def alias(index: int) -> str:
    """The alias of the item at this place of a batch."""
    return f"a{index}"


def moment(time: datetime) -> str:
    """GitHub's `DateTime`."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def days(windows: Sequence[TimeWindow]) -> str:
    """The days of each window's calendar."""
    return _collections(windows, _DAYS)


def totals(windows: Sequence[TimeWindow]) -> str:
    """The number of contributions in each window."""
    return _collections(windows, _TOTAL)


def commits(windows: Sequence[TimeWindow]) -> str:
    """The repositories that got commits in each window, the busiest first."""
    return _collections(windows, _COMMITS)


def lookups(count: int) -> str:
    """So many repositories by owner and name (variables `o0`, `n0`, …)."""
    parameters = ", ".join(f"$o{i}: String!, $n{i}: String!" for i in range(count))
    fields = "\n".join(
        f"  {alias(i)}: repository(owner: $o{i}, name: $n{i}) {{ {REPOSITORY_FIELDS} }}"
        for i in range(count)
    )
    return f"query({parameters}) {{\n{fields}\n}}\n"


def _collections(windows: Sequence[TimeWindow], fields: str) -> str:
    lines = "\n".join(
        f'    {alias(index)}: contributionsCollection(from: "{moment(window.start)}",'
        f' to: "{moment(window.end)}") {{ {fields} }}'
        for index, window in enumerate(windows)
    )
    return f"query($login: String!) {{\n  user(login: $login) {{\n{lines}\n  }}\n}}\n"


Collection = Mapping[str, Any]
Query = Callable[[Sequence[TimeWindow]], str]
Take = Callable[[TimeWindow, Collection], bool]
"""Takes over a window's collection; False when GitHub cut it and halves would tell more."""

_LEAST_DAYS = 28
"""A window so short is no longer halved because it is too much: then it is not the window."""


@dataclass
class _Leftover:
    """What a pass over windows left to do: ask again alone, ask for halves, or give up."""

    failed: list[TimeWindow] = field(default_factory=list)
    halves: list[TimeWindow] = field(default_factory=list)
    lost: list[TimeWindow] = field(default_factory=list)

    def halve(self, window: TimeWindow, least_days: int) -> None:
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
    query: Query,
    take: Take,
) -> list[TimeWindow]:
    """Hand the collection of each window, or of its parts, to `take`.

    Returns the windows, or parts, that GitHub did not answer, even alone.

    Raises:
        UpstreamError: as `GraphQL.ask`, or an answer that does not say what is missing from it.
    """
    lost: list[TimeWindow] = []
    waiting = list(windows)
    while waiting:
        outcome = _ask(graphql, login, waiting, size, query, take)
        if outcome.failed:
            alone = _ask(graphql, login, outcome.failed, Adaptive(1, 1), query, take)
            lost += alone.failed + alone.lost
            outcome.halves += alone.halves
        lost += outcome.lost
        waiting = outcome.halves
    return lost


def _ask(
    graphql: GraphQL,
    login: str,
    windows: Sequence[TimeWindow],
    size: Adaptive,
    query: Query,
    take: Take,
) -> _Leftover:
    outcome = _Leftover()
    for batch, reply in graphql.ask_in_batches(windows, size, query, lambda _: {"login": login}):
        if reply is None:
            for window in batch:
                outcome.halve(window, _LEAST_DAYS)
            continue
        for window, collection in _paired(batch, reply):
            if collection is None:
                outcome.failed.append(window)
                continue
            try:
                whole = take(window, collection)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise Malformed("GitHub's answer is not as its schema says") from error
            if not whole:
                outcome.halve(window, 1)
    return outcome


def _paired(
    batch: Sequence[TimeWindow], reply: GraphQLAnswer
) -> list[tuple[TimeWindow, Collection | None]]:
    """Each window with its collection; None where an error took it away."""
    places = {alias(index): window for index, window in enumerate(batch)}
    bad = set()
    for problem in reply.problems:
        place = problem.path[1] if problem.path[:1] == ("user",) and problem.path[1:] else ""
        if place not in places:
            raise refusal(problem)
        bad.add(place)
    # A null inside a field that cannot be null takes its parents with it, the whole user in the
    # end: then nothing of the batch is there, and each is asked for alone.
    user = reply.data.get("user") or {}
    return [(window, None if place in bad else user.get(place)) for place, window in places.items()]
