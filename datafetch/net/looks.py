"""Says what a small picture looks like, so that it is known again in another size or packing."""

from typing import TYPE_CHECKING, BinaryIO

from datafetch.models.logo import Look
from datafetch.net.images import decoded, inspect

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

_MAX_SIDE = 512
"""Pictures that stand for "none" are small; of larger ones the hash is enough."""

_COLUMNS, _ROWS = 9, 8
_COLOUR_GRID = (4, 4)
_CONTOURS = 8
"""So many of the 64 comparisons must see a difference, or the picture is a plain area."""

_STEP = 4
"""Shades, of 255, from which on two are different."""


def look_of(file: BinaryIO, sha256: str) -> Look:
    """What a picture looks like; the file stands at its start afterwards.

    `sha256`: of the file, in hex. The look of a drawing, of a large picture and of a plain
    area is its hash alone.

    Raises:
        Malformed: it is no picture, or cut short.
        Refused: it is not safe, or too large.
    """
    picture = inspect(file)
    if picture.format == "svg" or max(picture.width, picture.height) > _MAX_SIDE:
        return Look(sha256)
    try:
        with decoded(file, picture.format.upper()) as image:
            return _look(image, sha256)
    finally:
        file.seek(0)


def _look(image: "Pixels", sha256: str) -> Look:
    from PIL import Image
    from PIL.Image import Resampling

    whole = image.convert("RGBA")
    paper = Image.new("RGBA", whole.size, "white")
    paper.alpha_composite(whole)
    shades = paper.convert("L").resize((_COLUMNS, _ROWS), Resampling.BOX).tobytes()
    pairs = [
        (shades[at], shades[at + 1])
        for row in range(_ROWS)
        for at in range(row * _COLUMNS, (row + 1) * _COLUMNS - 1)
    ]
    if sum(abs(left - right) >= _STEP for left, right in pairs) < _CONTOURS:
        return Look(sha256)
    shape = sum((left - right >= _STEP) << bit for bit, (left, right) in enumerate(pairs))
    colours = paper.convert("RGB").resize(_COLOUR_GRID, Resampling.BOX).tobytes()
    return Look(sha256, shape, colours)
