"""How a picture looks, in few bytes: enough to tell whether two pictures look alike."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture looks.

    Attributes:
        sha256: hex, of its bytes.
        shape: 64 bits, one for each field of a grid: whether the field to its right is darker.
            None when the picture has no contours, or they were not looked for.
        colours: red, green and blue of each field of a coarser grid.
        spread: the lowest red, green and blue of all pixels, on white, then the highest.
    """

    sha256: str
    shape: int | None = None
    colours: bytes = b""
    spread: bytes = b""
