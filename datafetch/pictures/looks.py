"""Describes what a small picture looks like, so that it is recognised in another size or format."""

from typing import TYPE_CHECKING, BinaryIO, cast

from datafetch.models.picture import Look
from datafetch.pictures.images import PictureFacts, inspect

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

_MAX_SIDE = 512
"""Pixels. A service shows small pictures for "no logo"; larger ones are known by their hash only."""

_COLUMNS, _ROWS = 9, 8
_COLOUR_GRID = (4, 4)
_SAMPLES = 8
"""Pixels in each direction of the grid that `inspect_with_spread` looks at."""

_CONTOURS = 8
"""A picture is plain when fewer than this many neighbours in the rows of a 9 x 8 grid differ."""

_STEP = 4
"""Two shades (0 to 255) differ when they are at least so far apart."""


def inspect_with_spread(file: BinaryIO) -> tuple[PictureFacts, bytes]:
    """Do what `inspect` does, and return the spread of colours of a grid of pixels as well.

    The spread is the least red, green and blue of these pixels, and then the greatest; empty for
    an SVG and for unusual kinds of pictures.

    Raises:
        Malformed: the file is no picture, or cut short.
        Refused: it is not safe, or too large.
    """
    spread = b""

    def see(image: "Pixels") -> None:
        nonlocal spread
        spread = _spread_of_some(image)

    return inspect(file, see), spread


def look_of(file: BinaryIO, sha256: str) -> Look:
    """Describe a picture's look; for an SVG, a large picture or a plain area only its hash.

    Args:
        file: stands at its start afterwards.
        sha256: the hash of the file, in hex.

    Raises:
        Malformed: the file is no picture, or cut short.
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

    if image.mode.startswith("I;16"):
        # Pillow would cut shades above 255 off instead of making them less.
        image = image.convert("I").point(lambda shade: shade * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    whole = image.convert("RGBA")
    paper = Image.new("RGB", whole.size, "white")
    paper.paste(whole, mask=whole)
    return paper


def _spread_of_some(image: "Pixels") -> bytes:
    """The spread of colours of a grid of pixels, on white; empty for unusual kinds of pictures.

    The pixels are read singly. Pillow's functions for whole pictures let other threads run in
    between, which costs more time than they take.
    """
    width, height = image.size
    pixels = image.load()
    if pixels is None or image.mode not in ("RGB", "RGBA", "P") or "transparency" in image.info:
        return b""
    columns = [(2 * at + 1) * width // (2 * _SAMPLES) for at in range(_SAMPLES)]
    rows = [(2 * at + 1) * height // (2 * _SAMPLES) for at in range(_SAMPLES)]
    found = {pixels[x, y] for y in rows for x in columns}
    if image.mode == "P":
        palette = image.getpalette() or []
        palette += [0] * (768 - len(palette))  # files may point beyond the colours they name
        colours = {tuple(palette[3 * at : 3 * at + 3]) for at in cast("set[int]", found)}
    else:
        colours = cast("set[tuple[int, ...]]", found)
    if image.mode == "RGBA":
        colours = {
            tuple((shade * alpha + 255 * (255 - alpha)) // 255 for shade in colour)
            for *colour, alpha in colours
        }
    channels = list(zip(*colours, strict=True))
    return bytes([*map(min, channels), *map(max, channels)])
