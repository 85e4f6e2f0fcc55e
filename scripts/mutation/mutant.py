"""One small change of one module, as it is drawn, tried and reported."""

import difflib
from dataclasses import dataclass
from itertools import takewhile


@dataclass(frozen=True)
class Mutant:
    """A module with one place changed."""

    path: str
    """The module, from the project's root."""
    line: int
    """Where the change begins, counted from 1."""
    operator: str
    """cosmic-ray's name for this kind of change."""
    source: str
    """The module's text without the change."""
    start: int
    """How many characters of the text stand before the change."""
    removed: str
    inserted: str

    @classmethod
    def of(cls, path: str, operator: str, source: str, mutated: str) -> "Mutant":
        """The smallest change that turns one text into the other."""
        start = _same_characters(source, mutated)
        rest, mutated_rest = source[start:], mutated[start:]
        same_end = _same_characters(rest[::-1], mutated_rest[::-1])
        return cls(
            path=path,
            line=source.count("\n", 0, start) + 1,
            operator=operator,
            source=source,
            start=start,
            removed=rest[: len(rest) - same_end],
            inserted=mutated_rest[: len(mutated_rest) - same_end],
        )

    @property
    def mutated(self) -> str:
        """The module's text with the change."""
        end = self.start + len(self.removed)
        return self.source[: self.start] + self.inserted + self.source[end:]

    @property
    def diff(self) -> str:
        """The change as `git diff` shows it."""
        lines = difflib.unified_diff(
            self.source.splitlines(),
            self.mutated.splitlines(),
            f"a/{self.path}",
            f"b/{self.path}",
            lineterm="",
        )
        return "\n".join(lines)


def _same_characters(left: str, right: str) -> int:
    """How many characters two texts have in common before the first that differs."""
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
