"""The known generic pictures."""

import re

import pytest

from datafetch.logos.rules.known import KNOWN, known_looks, known_name
from datafetch.logos.rules.likeness import is_generic
from datafetch.models.picture import Look

SCALED = {
    # Google's globe, scaled by Pillow from its 16 pixels, as `look_of` sees it.
    "32 px, Lanczos": Look(
        "aa" * 32,
        0x0F3B4DE4E265230F,
        bytes.fromhex(
            "e8e9f3 b6bdd9 c2c7e0 e8e9f2 c7cce3 c0c9df eaedf5 bbc1dc"
            "c9cee3 e4e8f2 d7ddeb c2c7e0 e8e9f2 c4c9e0 b6bcd9 e7e9f2"
        ),
    ),
    "64 px, bilinear": Look(
        "bb" * 32,
        0x0F1B49646065230F,
        bytes.fromhex(
            "e7e9f2 b5bcd7 c1c6de e7e9f2 c6cae1 c2cae0 eaedf5 bbc1db"
            "c9cde2 e5e9f2 d8ddeb c2c7df e7e9f2 c3c8df b5bcd8 e7e9f2"
        ),
    ),
    "256 px, Lanczos": Look(
        "cc" * 32,
        0x0F3B4DE4E265230F,
        bytes.fromhex(
            "e7e9f2 b6bcd9 c2c7df e7e9f2 c7cce2 c1c9df eaedf5 bbc1dc"
            "c9cde3 e4e8f2 d7ddeb c2c7e0 e8e9f2 c4c8e0 b6bcd9 e7e9f2"
        ),
    ),
}


@pytest.mark.parametrize("name", SCALED)
def test_googles_globe_is_known_at_other_sizes(name: str) -> None:
    """Caches hand the globe out at the size that was asked for; scaling moves its fine contours."""
    assert is_generic(SCALED[name], known_looks("google"))
    assert not is_generic(SCALED[name], known_looks("ddg"))


def test_a_globe_in_another_colour_is_another_picture() -> None:
    """A logo of the globe's shape in a brand's colour is a logo."""
    scaled = SCALED["64 px, bilinear"]
    red = bytes(one if at % 3 == 0 else one - 24 for at, one in enumerate(scaled.colours))
    assert not is_generic(Look(scaled.sha256, scaled.shape, red), known_looks("google"))


def test_every_service_has_one_and_sites_have_none() -> None:
    """A site's own picture is its logo, whatever services show for none."""
    assert {one.source for one in KNOWN} == {"google", "ddg"}
    assert known_looks("direct") == ()


def test_known_pictures_have_names_and_whole_hashes() -> None:
    """A mistyped hash would refuse nothing, and nobody would notice."""
    hashes = [one.look.sha256 for one in KNOWN]
    assert len({*hashes}) == len(hashes)
    for one in KNOWN:
        assert re.fullmatch(r"[0-9a-f]{64}", one.look.sha256)
        assert len(one.look.colours) in {0, 48}
        assert known_name(one.look.sha256) == one.name
    assert known_name("ab" * 32) is None
