"""Whether a picture looks like one that a provider shows when it has none; pure."""

from collections.abc import Iterable
from itertools import zip_longest

from datafetch.models.logo import Look

_SHAPE_BITS = 2
"""So many of the 64 comparisons may differ: scaling and packing again turn one or two around."""

_COLOUR_STEPS = 12
"""So far apart, of 255, any colour may be: logos of one shape in two colours are two logos."""


def is_generic(look: Look, generic: Iterable[Look]) -> bool:
    """Whether the picture is, or looks like, one of the generic ones.

    A picture without contours looks like nothing: plain areas are all alike, so only equal
    bytes tell.
    """
    return any(look.sha256 == one.sha256 or _is_alike(look, one) for one in generic)


def _is_alike(one: Look, other: Look) -> bool:
    if one.shape is None or other.shape is None:
        return False
    if (one.shape ^ other.shape).bit_count() > _SHAPE_BITS:
        return False
    pairs = zip_longest(one.colours, other.colours, fillvalue=0)
    return all(abs(left - right) <= _COLOUR_STEPS for left, right in pairs)
