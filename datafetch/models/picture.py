"""A picture, by what can be said of it without its bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture looks like.

    Attributes:
        sha256: hex, of its bytes.
        shape: 64 bits: where, on a grid, it gets darker from left to right; None of what has
            no contours, or none that were looked for.
        colours: red, green and blue of each field of a coarser grid.
        spread: the least red, green and blue of all pixels, on white, and then the most.
    """

    sha256: str
    shape: int | None = None
    colours: bytes = b""
    spread: bytes = b""
