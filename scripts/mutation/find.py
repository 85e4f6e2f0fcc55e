"""Draws mutants from modules. Runs where cosmic-ray is installed, apart from the project's .venv.

python find.py [--seed N] [--sample N] PATH…   prints the mutants as JSON; paths from the current folder
"""

import argparse
import ast
import json
import random
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names
from mutation.idle import idle_spans
from mutation.mutant import Mutant


@dataclass(frozen=True)
class Candidate:
    """One thing that one operator can do to one place of one module."""

    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    operator: str
    occurrence: int


def main() -> None:
    """Print the mutants that are drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sample", type=int, required=True)
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    sources = {path: Path(path).read_text() for path in options.paths}
    operators = all_operators()
    candidates = [
        candidate for path, source in sources.items() for candidate in find(path, source, operators)
    ]
    drawn = in_drawn_order(candidates, random.Random(options.seed))  # noqa: S311 - no secret
    mutants = (
        Mutant.of(candidate.path, candidate.operator, source, mutated)
        for candidate in drawn
        for source in [sources[candidate.path]]
        for mutated in [mutate_code(source, operators[candidate.operator], candidate.occurrence)]
        if mutated is not None and is_another_program(source, mutated)
    )
    json.dump([asdict(mutant) for mutant in islice(mutants, options.sample)], sys.stdout)


def all_operators() -> dict[str, Operator]:
    """cosmic-ray's operators by name, save those that must be told a variable's name."""
    classes = {name: get_operator(name) for name in operator_names()}
    return {name: kind() for name, kind in classes.items() if not kind.arguments()}


def find(path: str, source: str, operators: dict[str, Operator]) -> Iterator[Candidate]:
    """All that the operators can do to a module where it may change what the module does."""
    idle = idle_spans(source)
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in operators.items():
        positions = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(positions):
            if not any(start in span for span in idle):
                yield Candidate(path, start, end, name, occurrence)


def in_drawn_order(candidates: Iterable[Candidate], rng: random.Random) -> list[Candidate]:
    """Draw from each place once, then from each a second time, and so on.

    A single `+` has eleven candidates, a loop has one: drawn alike, most mutants would be `+`.
    """
    places: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        places[candidate.path, candidate.start, candidate.end].append(candidate)
    rounds: dict[int, list[Candidate]] = defaultdict(list)
    for of_one_place in places.values():
        for number, candidate in enumerate(rng.sample(of_one_place, len(of_one_place))):
            rounds[number].append(candidate)
    return [
        candidate
        for number in sorted(rounds)
        for candidate in rng.sample(rounds[number], len(rounds[number]))
    ]


def is_another_program(source: str, mutated: str) -> bool:
    """Whether the text compiles without a warning, which tests take for an error, to other code."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(mutated, "mutant", "exec")
        except (SyntaxError, SyntaxWarning):
            return False
    return ast.dump(ast.parse(source)) != ast.dump(ast.parse(mutated))


if __name__ == "__main__":
    main()
