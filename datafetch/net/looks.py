"""Says what a small picture looks like, so that it is known again in another size or packing."""

from typing import TYPE_CHECKING, BinaryIO

from datafetch.models.logo import Look
from datafetch.net.images import Picture, inspect

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

_MAX_SIDE = 512
"""Pictures that stand for "none" are small; of larger ones the hash is enough."""

_COLUMNS, _ROWS = 9, 8
_COLOUR_GRID = (4, 4)
_SMALL = (36, 32)
"""What both grids divide: what is made from this small size is made from few pixels."""

_CONTOURS = 8
"""So many of the 64 comparisons must see a difference, or the picture is a plain area."""

_STEP = 4
"""Shades, of 255, from which on two are different."""


def inspect_with_look(file: BinaryIO, sha256: str) -> tuple[Picture, Look]:
    """As `inspect`, and what the picture looks like, of one decoding.

    `sha256`: of the file, in hex. The look of a drawing, of a large picture and of a plain
    area is its hash alone.

    Raises:
        Malformed: it is no picture, or cut short.
        Refused: it is not safe, or too large.
    """
    look = Look(sha256)

    def see(image: "Pixels") -> None:
        nonlocal look
        if max(image.size) <= _MAX_SIDE:
            look = _look(image, sha256)

    return inspect(file, see), look


def _look(image: "Pixels", sha256: str) -> Look:
    from PIL.Image import Resampling

    paper = _small_on_white(image)
    shades = paper.convert("L").resize((_COLUMNS, _ROWS), Resampling.BOX).tobytes()
    steps = [shades[at] - shades[at + 1] for at in range(_COLUMNS * _ROWS) if (at + 1) % _COLUMNS]
    if sum(abs(step) >= _STEP for step in steps) < _CONTOURS:
        return Look(sha256)
    shape = sum((step >= _STEP) << bit for bit, step in enumerate(steps))
    colours = paper.resize(_COLOUR_GRID, Resampling.BOX).tobytes()
    return Look(sha256, shape, colours)


def _small_on_white(image: "Pixels") -> "Pixels":
    from PIL import Image

    if image.has_transparency_data:
        whole = image.convert("RGBA")
        paper = Image.new("RGB", whole.size, "white")
        paper.paste(whole, mask=whole)
    else:
        paper = image.convert("RGB")
    return paper.resize(_SMALL, Image.Resampling.BOX, reducing_gap=2.0)
