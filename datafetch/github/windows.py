"""Asks for what happened in stretches of time: many in a query, smaller ones where GitHub cannot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datafetch.errors import Malformed
from datafetch.github import queries
from datafetch.github.graphql import Adaptive, GraphQL, Reply, refusal
from datafetch.github.model import Window

Collection = Mapping[str, Any]
Query = Callable[[Sequence[Window]], str]
Take = Callable[[Window, Collection], bool]
"""Takes over a window's collection; False when GitHub cut it and halves would tell more."""

_LEAST_DAYS = 28
"""A window so short is no longer halved because it is too much: then it is not the window."""


@dataclass
class _Outcome:
    """What a pass over windows left to do: ask again alone, ask for halves, or give up."""

    failed: list[Window] = field(default_factory=list)
    halves: list[Window] = field(default_factory=list)
    lost: list[Window] = field(default_factory=list)

    def halve(self, window: Window, least_days: int) -> None:
        halves = window.halves(least_days)
        if halves is None:
            self.lost.append(window)
        else:
            self.halves += halves


def each_window(
    graphql: GraphQL,
    login: str,
    windows: Sequence[Window],
    size: Adaptive,
    query: Query,
    take: Take,
) -> list[Window]:
    """Hand the collection of each window, or of its parts, to `take`.

    Returns the windows, or parts, that GitHub did not answer, even alone.

    Raises:
        UpstreamError: as `GraphQL.ask`, or an answer that does not say what is missing from it.
    """
    lost: list[Window] = []
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
    windows: Sequence[Window],
    size: Adaptive,
    query: Query,
    take: Take,
) -> _Outcome:
    outcome = _Outcome()
    for batch, reply in graphql.ask_in_batches(windows, size, query, lambda _: {"login": login}):
        if reply is None:
            for window in batch:
                outcome.halve(window, _LEAST_DAYS)
            continue
        for window, collection in _collections(batch, reply):
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


def _collections(batch: Sequence[Window], reply: Reply) -> list[tuple[Window, Collection | None]]:
    """Each window with its collection; None where an error took it away."""
    places = {queries.alias(index): window for index, window in enumerate(batch)}
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
