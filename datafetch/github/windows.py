"""How one query is asked for many windows of time.

One query asks for several windows. A window that is too much for GitHub, whose answer it cuts off,
or which it refuses for the sake of a repository that the token may not see, is asked for again in
halves; one that it left out of its answer for another reason is asked for again alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic

from pydantic import TypeAdapter

from datafetch.github.answers import read_as
from datafetch.github.graphql import Adaptive, GraphQL, GraphQLAnswer, Problem, refusal
from datafetch.github.model import TimeWindow
from datafetch.github.queries import C, WindowQuery, alias


@dataclass(frozen=True, slots=True)
class WindowAnswer(Generic[C]):
    """What GitHub answered for one window.

    Attributes:
        value: the collection; single entries of its list may be missing.
        problems: the errors about the missing entries.
    """

    window: TimeWindow
    value: C
    problems: tuple[Problem, ...] = ()

    def problem_of(self, index: int) -> Problem | None:
        """The error about the entry at this index of the list; None without one."""
        return next((p for p in self.problems if p.path[_ENTRY_AT:][:1] == (index,)), None)


_ENTRY_AT = 3
"""Where the index of an entry stands in the path of an error: `user`, alias, list, index."""


Take = Callable[[WindowAnswer[C]], bool]
"""Receives the answer for a window; False when GitHub cut it off, so that halves tell more."""

_LEAST_DAYS = 28
"""A window of so few days is not halved when it is too much: its length is not the cause."""

_MOST_ASKED = 5000
"""So many windows are asked for at most. Twenty years in which each week had to be asked for alone
are a thousand; GitHub itself answers 5,000 queries an hour."""

_MOST_REFUSALS = 250
"""So many refused windows are halved at most. A repository with commits on every day of a year has
365 refused days, and GitHub is asked little."""


@dataclass(frozen=True, slots=True)
class _User:
    """The answer to a `WindowQuery`; `user` has the collection of each window, by alias."""

    user: dict[str, object] | None = None


_USER = TypeAdapter(_User)


@dataclass
class Unanswered:
    """Windows that GitHub did not answer.

    Attributes:
        lost: those that it left out or could not answer, even when asked for alone.
        refused: those with a repository that it does not show, each with GitHub's error.
    """

    lost: list[TimeWindow] = field(default_factory=list)
    refused: list[tuple[TimeWindow, Problem]] = field(default_factory=list)


@dataclass
class _Leftover(Unanswered):
    """Windows that one pass could not finish.

    Attributes:
        failed: windows that GitHub left out of its answer; each is asked for alone next.
        again: windows that are missing because of another one; they are asked for without it.
        halves: halves of windows that were too much or cut off; they are asked for next.
    """

    failed: list[TimeWindow] = field(default_factory=list)
    again: list[TimeWindow] = field(default_factory=list)
    halves: list[TimeWindow] = field(default_factory=list)

    def halve(self, window: TimeWindow, least_days: int) -> None:
        """Add the window's halves to `halves`, or the window to `lost` when it is too short."""
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
    *,
    halve_refused: bool = True,
) -> Unanswered:
    """Ask for all windows, and hand each answer to `take`; it may be that of a part of a window.

    With `halve_refused`, windows that GitHub refuses are halved, down to single days, but no more
    than `_MOST_REFUSALS` of them. Returns the windows that GitHub did not answer, and those that
    were not asked for because there would have been more than `_MOST_ASKED` in all.

    Raises:
        UpstreamError: as `GraphQL.ask`; also for an error that names no window.
    """
    unanswered = Unanswered()
    refusals_left = _MOST_REFUSALS if halve_refused else 0
    waiting = list(windows)
    asked = 0
    while waiting:
        asked += len(waiting)
        if asked > _MOST_ASKED:
            unanswered.lost += waiting
            break
        left = _ask(graphql, login, waiting, size, query, take)
        if left.failed:
            alone = _ask(graphql, login, left.failed, Adaptive(1, 1), query, take)
            unanswered.lost += alone.failed + alone.lost
            left.halves += alone.halves
            left.refused += alone.refused
        unanswered.lost += left.lost
        waiting = left.again + left.halves
        for window, problem in left.refused:
            halves = window.halves(1) if refusals_left > 0 else None
            refusals_left -= 1
            if halves is None:
                unanswered.refused.append((window, problem))
            else:
                waiting += halves
    return unanswered


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
        for window, collection, problems in _sorted_out(batch, answer, query, leftover):
            value = read_as(query.adapter, collection, "contributions")
            if not take(WindowAnswer(window, value, problems)):
                leftover.halve(window, 1)
    return leftover


_Answered = tuple[TimeWindow, object, tuple[Problem, ...]]


def _sorted_out(
    batch: Sequence[TimeWindow], answer: GraphQLAnswer, query: WindowQuery[C], leftover: _Leftover
) -> list[_Answered]:
    """The windows of a batch that have an answer; the others are noted in `leftover`."""
    places = {alias(index): window for index, window in enumerate(batch)}
    problems: dict[str, list[Problem]] = {place: [] for place in places}
    # An error in a field that cannot be null makes its parents null, in the end the whole user.
    # Then the answer has none of the batch, also the windows that no error is about.
    user = read_as(_USER, answer.data, "contributions").user
    for problem in answer.problems:
        place = problem.path[1] if problem.path[:1] == ("user",) and problem.path[1:] else ""
        if place in problems:
            problems[str(place)].append(problem)
        elif user is not None or query.entries is None or problem.barrier is None:
            raise refusal(problem)
        elif len(batch) == 1:
            problems[alias(0)].append(problem)
    answered: list[_Answered] = []
    missing: list[TimeWindow] = []
    for place, window in places.items():
        found, mine = _collection(user, place, query), problems[place]
        entries_only = all(_is_of_an_entry(problem, query) for problem in mine)
        refused = next((p for p in mine if _hides_an_entry(p, query)), None)
        if found is not None and entries_only:
            answered.append((window, found, tuple(mine)))
        elif refused is not None:
            leftover.refused.append((window, refused))
        elif mine:
            leftover.failed.append(window)
        else:
            missing.append(window)
    # Without those that an error named, the others can be answered.
    (leftover.again if len(missing) < len(batch) else leftover.failed).extend(missing)
    return answered


def _collection(user: dict[str, object] | None, place: str, query: WindowQuery[C]) -> object:
    """The collection at this place; None when it, or its list, is missing."""
    found = (user or {}).get(place)
    if query.entries is not None and isinstance(found, dict) and found.get(query.entries) is None:
        return None
    return found


def _is_of_an_entry(problem: Problem, query: WindowQuery[C]) -> bool:
    """Whether the error is about an entry of the list, and not about the whole window."""
    return problem.path[2:3] == (query.entries,) and len(problem.path) > _ENTRY_AT


def _hides_an_entry(problem: Problem, query: WindowQuery[C]) -> bool:
    """Whether a window is missing because GitHub does not show one of its repositories."""
    hides = problem.barrier is not None and query.entries is not None
    return hides or _is_of_an_entry(problem, query)
