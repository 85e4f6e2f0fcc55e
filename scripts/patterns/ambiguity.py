"""Finds, without trying any text, the words that a pattern can read in two ways again and again.

The pattern is taken as an automaton. Where a word leads from a state back to it in two ways, or
from a loop into a later one that reads the same word, repeating the word doubles the ways or adds
to them each time (Weideman and others, "Analyzing Matching Time Behavior of Backtracking Regular
Expression Matchers", 2016). What looks ahead or gives nothing back is only roughly told, so each word
is a suspicion: it is for the counting of steps to confirm it.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from scripts.patterns.matcher import Model

_START = -1
_MOST_STATES = 150
_MOST_VISITED = 2_000
_MOST_TOLD = 20
"""Suspicions of one pattern."""


class Suspicion(NamedTuple):
    """A word to be repeated, and what leads to it."""

    before: str
    word: str


class _State(NamedTuple):
    """A place of the program that takes a character; none of `but` may be next there."""

    pc: int
    but: frozenset[str]


@dataclass(frozen=True)
class _Edge:
    """How a state goes on: two of them to the same state are two ways."""

    to: _State
    number: int


def suspicions(model: Model, *, at_each_place: bool) -> list[Suspicion]:
    """At most 20 suspicious words; with `at_each_place` those of a search, which begins everywhere.

    A pattern of very many parts is let off.
    """
    return list(islice(_suspicions(model, at_each_place=at_each_place), _MOST_TOLD))


def _suspicions(model: Model, *, at_each_place: bool) -> Iterator[Suspicion]:
    automaton = _Automaton(model, at_each_place=at_each_place)
    if len(automaton.edges) > _MOST_STATES:
        return
    loops = [state for state in automaton.edges if automaton.path((state,), (state,))]
    for state in loops:
        before = automaton.way_to(state)
        word = automaton.path((state, state), (state, state), in_two_ways=True)
        if word:
            yield Suspicion(before, word)
        for other in loops:
            if other != state and automaton.reaches(state, other):
                word = automaton.path((state, state, other), (state, other, other))
                if word:
                    yield Suspicion(before, word)


class _Automaton:
    """The states of a pattern and how they go on."""

    def __init__(self, model: Model, *, at_each_place: bool) -> None:
        self._model = model
        self._letters = frozenset(model.alphabet)
        self._after_found = {
            operation[1] - 1: operation[1] if operation[0] == "atom" else None
            for operation in model.program
            if operation[0] in ("atom", "look")
        }
        self.start = _State(_START, frozenset())
        self.edges: dict[_State, list[_Edge]] = {}
        self._reached: dict[_State, set[_State]] = {}
        waiting = [self.start]
        while waiting and len(self.edges) <= _MOST_STATES:
            state = waiting.pop()
            if state not in self.edges:
                followers = self._followers(state, at_each_place=at_each_place)
                self.edges[state] = [_Edge(to, number) for number, to in enumerate(followers)]
                waiting += followers

    def allowed(self, state: _State) -> frozenset[str]:
        """The letters that a state takes."""
        if state.pc == _START:
            return self._letters
        taken: frozenset[str] = self._model.program[state.pc][1]
        return (taken & self._letters) - state.but

    def _followers(self, state: _State, *, at_each_place: bool) -> list[_State]:
        if state.pc == _START:
            return [*([state] if at_each_place else []), *self._from(0, frozenset())]
        operation = self._model.program[state.pc]
        is_run = operation[0] == "run"
        stays = [_State(state.pc, frozenset())] if is_run and operation[3] >= 10**9 else []
        return [*stays, *self._from(state.pc + 1, self._not_next(state.pc))]

    def _not_next(self, pc: int) -> frozenset[str]:
        """What cannot follow a run that gives nothing back."""
        operation, following = self._model.program[pc], self._model.program[pc + 1]
        atomic = following[0] == "found" and self._after_found.get(pc + 1) is not None
        greedy = operation[0] == "run" and not operation[4] and operation[3] >= 10**9
        taken: frozenset[str] = operation[1]
        return taken if atomic and greedy else frozenset()

    def _from(self, pc: int, but: frozenset[str]) -> list[_State]:
        """The states to which the program comes from there without taking a character.

        One to which it comes in two ways is there twice.
        """
        found: list[_State] = []
        visits: Counter[tuple[int, frozenset[str]]] = Counter()
        waiting = [(pc, but)]
        while waiting:
            pc, but = waiting.pop()
            visits[pc, but] += 1
            if visits[pc, but] > 2:  # noqa: PLR2004
                continue
            operation = self._model.program[pc]
            if operation[0] in ("take", "run"):
                found.append(_State(pc, but))
                if operation[0] == "run" and operation[2] == 0:
                    waiting.append((pc + 1, but | self._not_next(pc)))
            elif operation[0] == "fork":
                waiting += [(operation[2], but), (operation[1], but)]
            elif operation[0] == "jump":
                waiting.append((operation[1], but))
            elif operation[0] == "look":
                waiting += [(operation[1], but), (pc + 1, but)]
            elif operation[0] != "found":
                waiting.append((pc + 1, but))
            elif (after := self._after_found.get(pc)) is not None:
                waiting.append((after, but))
        return found

    def reaches(self, state: _State, other: _State) -> bool:
        """Whether a way leads from one state to another."""
        if state not in self._reached:
            reached, waiting = set(), [state]
            while waiting:
                for edge in self.edges[waiting.pop()]:
                    if edge.to not in reached:
                        reached.add(edge.to)
                        waiting.append(edge.to)
            self._reached[state] = reached
        return other in self._reached[state]

    def way_to(self, state: _State) -> str:
        """The letters of a shortest way to a state from the start."""
        if state == self.start:
            return ""
        starts = (edge.to for edge in self.edges[self.start])
        waiting = deque((first, "") for first in starts if first != self.start)
        seen = set()
        while waiting:
            here, word = waiting.popleft()
            if here == state:
                return word
            if here in seen or not self.allowed(here):
                continue
            seen.add(here)
            operation = self._model.program[here.pc]
            times = max(operation[2], 1) if operation[0] == "run" else 1
            taken = word + min(self.allowed(here)) * times
            waiting.extend((edge.to, taken) for edge in self.edges[here])
        return ""

    def path(
        self, start: tuple[_State, ...], end: tuple[_State, ...], *, in_two_ways: bool = False
    ) -> str:
        """The shortest word that leads each state of `start` to that of `end`; empty when none does.

        With `in_two_ways` the ways of the first two are not the same.
        """
        waiting = deque([(start, not in_two_ways, "")])
        seen = {(start, not in_two_ways)}
        while waiting and len(seen) < _MOST_VISITED:
            states, differ, word = waiting.popleft()
            letters = frozenset.intersection(*map(self.allowed, states))
            if not letters:
                continue
            taken = word + min(letters)
            for edges in self._moves(states, end):
                followers = tuple(edge.to for edge in edges)
                now_differ = differ or len(set(edges)) > 1
                if followers == end and now_differ:
                    return taken
                if (followers, now_differ) not in seen:
                    seen.add((followers, now_differ))
                    waiting.append((followers, now_differ, taken))
        return ""

    def _moves(
        self, states: tuple[_State, ...], end: tuple[_State, ...]
    ) -> Iterator[tuple[_Edge, ...]]:
        """Each way in which the states may go on, as long as they can still reach their ends."""
        choices = [
            [edge for edge in self.edges[state] if edge.to == goal or self.reaches(edge.to, goal)]
            for state, goal in zip(states, end, strict=True)
        ]
        if len(choices) == 1:
            yield from ((edge,) for edge in choices[0])
            return
        for first in choices[0]:
            for second in choices[1]:
                if len(choices) == 2:  # noqa: PLR2004 - pairs and triples
                    yield first, second
                else:
                    yield from ((first, second, third) for third in choices[2])
