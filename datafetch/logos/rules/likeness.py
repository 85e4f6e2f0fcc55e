"""Whether a picture looks like one that a provider shows when it has none; pure."""

from collections.abc import Iterable
from itertools import zip_longest

from datafetch.models.picture import Look

_SHAPE_BITS = 8
"""So many of the 64 comparisons may differ: scaling Google's 16 pixels to 32 and more, with any
filter, turns up to six around; those of different pictures are apart by thirty or so."""

_MEAN_STEPS, _MOST_STEPS = 2, 16
"""So far apart, of 255, colours may be on average, and any one of them: packing again moves edges
a little, and logos of one shape in two colours are two logos."""


_SPREAD_STEPS = 40
"""So far beyond the darkest and lightest of each colour scaling and packing again reach."""


def may_be_generic(spread: bytes, generic: Iterable[Look]) -> bool:
    """Whether a picture with this spread of colours is worth a look (see `Candidate`).

    A copy has no colours that the original has not: most logos are told apart by a few pixels.
    """
    shaped = [one for one in generic if one.shape is not None]
    return any(not (spread and one.spread) or _is_within(spread, one.spread) for one in shaped)


def _is_within(spread: bytes, bounds: bytes) -> bool:
    least = zip(spread[:3], bounds[:3], strict=True)
    most = zip(spread[3:], bounds[3:], strict=True)
    return all(one >= bound - _SPREAD_STEPS for one, bound in least) and all(
        one <= bound + _SPREAD_STEPS for one, bound in most
    )


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
    steps = [abs(left - right) for left, right in pairs]
    return max(steps) <= _MOST_STEPS and sum(steps) <= _MEAN_STEPS * len(steps)
