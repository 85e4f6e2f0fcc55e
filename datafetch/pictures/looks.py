"""Says what a small picture looks like, so that it is known again in another size or packing."""

from typing import TYPE_CHECKING, Any, BinaryIO

from datafetch.models.picture import Look
from datafetch.pictures.images import Picture, inspect

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

_MAX_SIDE = 512
"""Pictures that stand for "none" are small; of larger ones the hash is enough."""

_COLUMNS, _ROWS = 9, 8
_COLOUR_GRID = (4, 4)
_SAMPLES = 8
"""Pixels in each row and column of the grid that is looked at first."""

_CONTOURS = 8
"""So many of the 64 comparisons must see a difference, or the picture is a plain area."""

_STEP = 4
"""Shades, of 255, from which on two are different."""


def inspect_with_spread(file: BinaryIO) -> tuple[Picture, bytes]:
    """As `inspect`, and the spread of some pixels' colours (see `Candidate`), of one decoding.

    Raises:
        Malformed: it is no picture, or cut short.
        Refused: it is not safe, or too large.
    """
    spread = b""

    def see(image: "Pixels") -> None:
        nonlocal spread
        spread = _spread_of_some(image)

    return inspect(file, see), spread


def look_of(file: BinaryIO, sha256: str) -> Look:
    """What a picture looks like; the file stands at its start afterwards.

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

    inspect(file, see)
    return look


def _look(image: "Pixels", sha256: str) -> Look:
    from PIL.Image import Resampling

    whole = _on_white(image)
    shades = whole.convert("L").resize((_COLUMNS, _ROWS), Resampling.BOX).tobytes()
    steps = [shades[at] - shades[at + 1] for at in range(_COLUMNS * _ROWS) if (at + 1) % _COLUMNS]
    if sum(abs(step) >= _STEP for step in steps) < _CONTOURS:
        return Look(sha256)
    shape = sum((step >= _STEP) << bit for bit, step in enumerate(steps))
    colours = whole.resize(_COLOUR_GRID, Resampling.BOX).tobytes()
    least, most = zip(*whole.getextrema(), strict=True)
    return Look(sha256, shape, colours, bytes(least + most))


def _on_white(image: "Pixels") -> "Pixels":
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    whole = image.convert("RGBA")
    paper = Image.new("RGB", whole.size, "white")
    paper.paste(whole, mask=whole)
    return paper


def _spread_of_some(image: "Pixels") -> bytes:
    """The spread of a grid of pixels; empty of what is not among the usual kinds of icons.

    They are read one by one: Pillow's steps over whole pictures let other threads in between,
    which costs more than the steps do.
    """
    width, height = image.size
    pixels = image.load()
    if pixels is None or image.mode not in ("RGB", "RGBA", "P") or "transparency" in image.info:
        return b""
    columns = [(2 * at + 1) * width // (2 * _SAMPLES) for at in range(_SAMPLES)]
    rows = [(2 * at + 1) * height // (2 * _SAMPLES) for at in range(_SAMPLES)]
    found: set[Any] = {pixels[x, y] for y in rows for x in columns}
    if image.mode == "P":
        palette = image.getpalette() or []
        palette += [0] * (768 - len(palette))  # files may point beyond the colours they name
        found = {tuple(palette[3 * at : 3 * at + 3]) for at in found}
    elif image.mode == "RGBA":
        found = {
            tuple((one * alpha + 255 * (255 - alpha)) // 255 for one in colour)
            for *colour, alpha in found
        }
    reds, greens, blues = zip(*found, strict=True)
    return bytes(pick(one) for pick in (min, max) for one in (reds, greens, blues))
