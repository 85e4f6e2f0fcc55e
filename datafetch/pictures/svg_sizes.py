"""Reads the size that browsers give an SVG picture from the attributes of its root element."""

import math
import re
from collections.abc import Mapping

from datafetch.pictures.headers import Size
from datafetch.upstream_errors import Malformed

_DEFAULT_SIZE = (300, 150)  # https://www.w3.org/TR/CSS22/visudet.html#inline-replaced-width

_LONGEST = 200
"""Characters of a length or a view box; a longer text is taken for none."""

# No text can be read by these patterns in two ways, so that a hostile one takes no more time.
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?"
_LENGTH = re.compile(rf"({_NUMBER})([a-z]*)", re.IGNORECASE)
_NUMBERS = re.compile(_NUMBER, re.IGNORECASE)
_GAPS = re.compile(r"[\s,]+")

# https://www.w3.org/TR/css-values-4/#absolute-lengths; of those that depend on a font, what a
# browser takes for them without one.
_UNITS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
    "q": 96 / 101.6,
    "in": 96.0,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "ch": 8.0,
}
_LARGEST = 1e6


def size_of(attributes: Mapping[str, str]) -> Size:
    """The size by https://www.w3.org/TR/SVG2/coords.html#SizingSVGInCSS, in pixels.

    Raises:
        Malformed: it is nothing, or beyond reason.
    """
    width, height = _length(attributes.get("width")), _length(attributes.get("height"))
    box = _view_box(attributes.get("viewBox"))
    if width is None and height is None:
        width, height = box or _DEFAULT_SIZE
    ratio = box[0] / box[1] if box else _DEFAULT_SIZE[0] / _DEFAULT_SIZE[1]
    if width is None:
        width = (height or 0) * ratio
    if height is None:
        height = width / ratio
    if not 0 < width <= _LARGEST or not 0 < height <= _LARGEST:
        raise Malformed("the picture has no size")
    return max(1, round(width)), max(1, round(height))


def _length(text: str | None) -> float | None:
    """A length in pixels; None for one that depends on the page around the picture, such as `50%`."""
    found = _LENGTH.fullmatch(_short(text))
    if found is None:
        return None
    unit = _UNITS.get(found[2].lower())
    number = float(found[1])
    return None if unit is None or number < 0 else number * unit


def _view_box(text: str | None) -> tuple[float, float] | None:
    parts = _GAPS.split(_short(text))
    if len(parts) != 4 or not all(map(_NUMBERS.fullmatch, parts)):  # noqa: PLR2004 - x, y, width, height
        return None
    width, height = map(float, parts[2:])
    usable = 0 < width < math.inf and 0 < height < math.inf
    return (width, height) if usable else None


def _short(text: str | None) -> str:
    return text.strip() if text is not None and len(text) <= _LONGEST else ""
