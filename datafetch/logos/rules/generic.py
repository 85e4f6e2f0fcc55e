"""Decides whether a picture is generic: one that services show for domains without a logo."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from datafetch.logos.model import LogoSource
from datafetch.models.picture import Look


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A generic picture of one service."""

    name: str
    source: LogoSource
    look: Look


KNOWN: tuple[KnownPicture, ...] = (
    # PNG, 726 bytes, 16 px at every size that is asked for; with status 404 as a rule, but
    # through caches and proxies with 200 as well. SHA-256 and length:
    # github.com/bowencool/besticon besticon/iconserver/google_fallback.go and
    # github.com/valerielinc-ops/frontaliere-si-o-no scripts/lib/google-favicon.mjs, as in a
    # dozen other public programs. Sizes and status: github.com/linkwarden/linkwarden/pull/1325
    # and github.com/farhadeidi/bookmarks-but-better/pull/21. The look was computed by
    # `look_of` from the picture itself, whose bytes have this hash (and the MD5
    # b8a0bf372c762e966cc99ede8682bc71, by which others know it).
    KnownPicture(
        "Google's globe",
        "google",
        Look(
            "59bfe9bc385ad69f50793ce4a53397316d7a875a7148a63c16df9b674c6cda64",
            shape=0x0F3B4DE4E261230F,
            colours=bytes.fromhex(
                "e8e9f2 b5bcd7 c1c6de e8e9f2 c8cce2 c0c8df ebeef6 bbc1db"
                "c9cde2 e5e9f3 d9deec c2c7df e8e9f2 c4c9e0 b5bbd8 e7e9f2"
            ),
            spread=bytes.fromhex("525da1 ffffff"),
        ),
    ),
    # PNG, 1,478 bytes, 48 px, a grey arrow; with 404 or with 200. The same hash, checked by
    # several of them against made-up domains, is in ten public programs; the picture itself
    # is in none of them, so only its hash is known.
    KnownPicture(
        "DuckDuckGo's arrow",
        "duckduckgo",
        Look("e5db88ea2322863ca17817b99d60006c625a31cff0dad49cf05d3c6d16a75c17"),
    ),
)

_NAMES = {picture.look.sha256: picture.name for picture in KNOWN}


def known_looks(source: LogoSource) -> tuple[Look, ...]:
    """What the known generic pictures of a service look like."""
    return tuple(picture.look for picture in KNOWN if picture.source == source)


def known_name(sha256: str) -> str | None:
    """The name of the known generic picture with this hash, in hex; None when there is none."""
    return _NAMES.get(sha256)


_SHAPE_BITS = 8
"""Two pictures look alike when at most so many of the 64 bits of their shapes differ.

Scaling Google's 16 pixels to 32 and more, with any filter, changes up to six bits; the shapes of
different pictures differ in thirty or so.
"""

_MEAN_STEPS, _MOST_STEPS = 2, 16
"""How far colours of pictures that look alike may be apart, of 255: on average, and at most.

Encoding a picture anew changes its edges a little; logos of one shape in two colours are two
logos.
"""

_SPREAD_STEPS = 40
"""How far the colours of a copy that was scaled or encoded anew may go beyond the original's."""


def may_be_generic(spread: bytes, generic: Iterable[Look]) -> bool:
    """Whether a picture with this spread of colours (see `Candidate`) may look like a generic one.

    A copy has hardly any colours outside the spread of the original, so a few pixels tell of most
    logos that they are not generic.
    """
    shaped = [look for look in generic if look.shape is not None]
    return any(not (spread and look.spread) or _is_within(spread, look.spread) for look in shaped)


def _is_within(spread: bytes, bounds: bytes) -> bool:
    least = zip(spread[:3], bounds[:3], strict=True)
    most = zip(spread[3:], bounds[3:], strict=True)
    return all(colour >= bound - _SPREAD_STEPS for colour, bound in least) and all(
        colour <= bound + _SPREAD_STEPS for colour, bound in most
    )


def is_generic(look: Look, generic: Iterable[Look]) -> bool:
    """Whether the picture is, or looks like, one of the generic ones.

    A picture without contours is compared by its bytes only, since plain areas all look alike.
    """
    return any(look.sha256 == known.sha256 or _is_alike(look, known) for known in generic)


def _is_alike(look: Look, known: Look) -> bool:
    if look.shape is None or known.shape is None:
        return False
    if (look.shape ^ known.shape).bit_count() > _SHAPE_BITS:
        return False
    pairs = zip_longest(look.colours, known.colours, fillvalue=0)
    steps = [abs(left - right) for left, right in pairs]
    return max(steps) <= _MOST_STEPS and sum(steps) <= _MEAN_STEPS * len(steps)
