"""A picture, by what can be said of it without its bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture looks like.

    Attributes:
        sha256: hex, of its bytes.
        shape: 64 bits, one for each field of a grid: whether the field to its right is darker.
            None when the picture has no contours, or nobody looked for them.
        colours: red, green and blue of each field of a coarser grid.
        spread: the least red, green and blue of all pixels, on white, and then the most.
    """

    sha256: str
    shape: int | None = None
    colours: bytes = b""
    spread: bytes = b""
