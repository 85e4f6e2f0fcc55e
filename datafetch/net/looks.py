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
    return look_of_inspected(file, sha256, picture.format, max(picture.width, picture.height))


def look_of_inspected(file: BinaryIO, sha256: str, picture_format: str, longer_side: int) -> Look:
    """The same for a picture that `inspect` has let pass, which is not decoded twice.

    `longer_side`: in pixels.

    Raises:
        Malformed: it cannot be decoded.
        TooLarge: it has more pixels than were said.
    """
    if picture_format == "svg" or longer_side > _MAX_SIDE:
        return Look(sha256)
    try:
        with decoded(file, picture_format.upper()) as image:
            return _look(image, sha256)
    finally:
        file.seek(0)


def _look(image: "Pixels", sha256: str) -> Look:
    from PIL.Image import Resampling

    paper = _on_white(image)
    shades = paper.convert("L").resize((_COLUMNS, _ROWS), Resampling.BOX).tobytes()
    pairs = [
        (shades[at], shades[at + 1])
        for row in range(_ROWS)
        for at in range(row * _COLUMNS, (row + 1) * _COLUMNS - 1)
    ]
    if sum(abs(left - right) >= _STEP for left, right in pairs) < _CONTOURS:
        return Look(sha256)
    shape = sum((left - right >= _STEP) << bit for bit, (left, right) in enumerate(pairs))
    colours = paper.resize(_COLOUR_GRID, Resampling.BOX).tobytes()
    return Look(sha256, shape, colours)


def _on_white(image: "Pixels") -> "Pixels":
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    whole = image.convert("RGBA")
    paper = Image.new("RGBA", whole.size, "white")
    paper.alpha_composite(whole)
    return paper.convert("RGB")
