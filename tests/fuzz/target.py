"""What a fuzzed part of the package is: how it is called, with which inputs to begin, what it may cost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

KB = 1024
SECONDS_PER_10_KB = 0.05
"""The law: no input costs more than 50 ms of CPU for each 10 kB of it."""

FLOOR_BYTES = 10 * KB
"""A shorter input may cost as much as one of this length."""


class Shape(NamedTuple):
    """An input of any length: one piece again and again, with something before and after it.

    In the piece its number stands for `#N#`.
    """

    before: bytes
    unit: bytes
    after: bytes = b""

    def text(self, length: int) -> bytes:
        """The input of about this length, and not longer."""
        left = length - len(self.before) - len(self.after)
        if b"#N#" not in self.unit:
            return self.before + self.unit * max(1, left // len(self.unit)) + self.after
        longest = self.unit.replace(b"#N#", b"000000")
        numbers = range(max(1, left // len(longest)))
        pieces = (self.unit.replace(b"#N#", b"%d" % number) for number in numbers)
        return self.before + b"".join(pieces) + self.after


def shapes(before: bytes, units: Iterable[bytes], after: bytes = b"") -> tuple[Shape, ...]:
    """A shape of each unit, all with the same before and after it."""
    return tuple(Shape(before, unit, after) for unit in units)


@dataclass(frozen=True)
class Target:
    """A part that reads what others wrote.

    Attributes:
        run: gives the part an input. It may raise errors of datafetch only.
        seeds: inputs that the part takes, or nearly; others are made of them.
        shapes: inputs that grow, among which slow ones are looked for.
        most: bytes that are read of an input at the most; longer ones are refused before.
        extra_s: CPU seconds that an input of any length may cost besides: for the pixels of a
            picture, whose number does not depend on its length, or for what happens once a run.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    shapes: tuple[Shape, ...] = ()
    most: int = 512 * KB
    extra_s: float = 0.0

    def allowed_s(self, length: int) -> float:
        """CPU seconds that an input of so many bytes may cost."""
        return max(length, FLOOR_BYTES) / 10_000 * SECONDS_PER_10_KB + self.extra_s


def text_of(data: bytes) -> str:
    """Bytes as text; those that are not UTF-8 become halves of surrogate pairs, as hostile JSON has."""
    return data.decode("utf-8", "surrogateescape")
