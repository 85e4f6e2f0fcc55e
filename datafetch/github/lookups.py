"""Looks up repositories by their names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from datafetch.github import queries
from datafetch.github.answers import RepositoryNode, read_as
from datafetch.github.graphql import (
    Adaptive,
    GraphQL,
    GraphQLAnswer,
    Problem,
    TooMuchError,
    refusal,
)
from datafetch.github.model import UNEXPECTED_HINT, Barrier, Repository, is_full_name
from datafetch.upstream_errors import Malformed

_MOST_LOOKUPS = 50
"""How many repositories one query looks up at most; more is often too much."""

_LOOKUPS = TypeAdapter(dict[str, RepositoryNode | None])


@dataclass(frozen=True, slots=True)
class LookUp:
    """What GitHub says of repositories, by the name that was asked for, in lower case.

    Attributes:
        found: those that exist; a renamed one is found by its former name, too.
        hidden: those that GitHub does not show, with its error.
    """

    found: dict[str, Repository] = field(default_factory=dict)
    hidden: dict[str, Problem] = field(default_factory=dict)

    @property
    def barriers(self) -> dict[str, Barrier]:
        """Why each of the hidden ones is not shown."""
        return {name: problem.barrier or Barrier.FAULT for name, problem in self.hidden.items()}


def look_up(graphql: GraphQL, names: Sequence[str]) -> LookUp:
    """Look up repositories; those that do not exist are neither found nor hidden.

    Raises:
        UpstreamError: as `GraphQL.ask`; also for an error that names no repository.
    """
    result = LookUp()
    size = Adaptive(_MOST_LOOKUPS, _MOST_LOOKUPS)
    waiting = [name for name in dict.fromkeys(names) if is_full_name(name)]
    while waiting:
        batches = graphql.ask_in_batches(
            waiting, size, lambda batch: queries.lookups(len(batch)), _variables
        )
        waiting = []
        for batch, answer in batches:
            if answer is None:
                raise TooMuchError("GitHub cannot answer what a single repository is")
            waiting += _sorted_out(batch, answer, result)
    return result


def _variables(names: Sequence[str]) -> dict[str, str]:
    """The variables of `queries.lookups`."""
    return {
        f"{letter}{index}": part
        for index, name in enumerate(names)
        for letter, part in zip("on", name.split("/"), strict=True)
    }


def _sorted_out(names: Sequence[str], answer: GraphQLAnswer, result: LookUp) -> list[str]:
    """Add what an answer says to the result; returns the names that it says nothing of."""
    places = {queries.alias(index): name.lower() for index, name in enumerate(names)}
    problems: dict[str, Problem] = {}
    for problem in answer.problems:
        place = str(problem.path[0]) if problem.path else ""
        if place not in places:
            raise refusal(problem)
        problems[place] = problem
    nodes = read_as(_LOOKUPS, answer.data, "repository")
    unsaid = []
    for place, name in places.items():
        node, mine = nodes.get(place), problems.get(place)
        if node is not None:
            result.found[name] = node.repository()
        elif mine is not None and mine.kind != "NOT_FOUND":
            result.hidden[name] = mine
        elif mine is None and place not in nodes:
            unsaid.append(name)
    if unsaid and not problems:
        raise Malformed(
            "GitHub's answer leaves out repositories that were looked up", hint=UNEXPECTED_HINT
        )
    return unsaid
