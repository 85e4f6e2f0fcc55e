"""Known generic pictures, and what looks like them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.rules.generic import is_generic, known_looks, known_name, may_be_generic
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
    assert not is_generic(SCALED[name], known_looks("duckduckgo"))


def test_a_globe_in_another_colour_is_another_picture() -> None:
    """A logo of the globe's shape in a brand's colour is a logo."""
    scaled = SCALED["64 px, bilinear"]
    red = bytes(level if at % 3 == 0 else level - 24 for at, level in enumerate(scaled.colours))
    assert not is_generic(Look(scaled.sha256, scaled.shape, red), known_looks("google"))


def test_every_service_has_one_and_sites_have_none() -> None:
    """A site's own picture is its logo, whatever services show for none."""
    (globe,), (arrow,) = known_looks("google"), known_looks("duckduckgo")
    assert globe.sha256 == "59bfe9bc385ad69f50793ce4a53397316d7a875a7148a63c16df9b674c6cda64"
    assert arrow.sha256 == "e5db88ea2322863ca17817b99d60006c625a31cff0dad49cf05d3c6d16a75c17"
    assert known_looks("direct") == ()


def test_known_pictures_have_names() -> None:
    """The log says which generic picture was refused."""
    names = [
        known_name(look.sha256) for look in (*known_looks("google"), *known_looks("duckduckgo"))
    ]
    assert names == ["Google's globe", "DuckDuckGo's arrow"]
    assert known_name("ab" * 32) is None


GLOBE = Look("aa" * 32, 0b1011, bytes(range(48)))


def globe(
    shape: int | None = GLOBE.shape, colour: int = 0, tint: int = 0, sha256: str = "bb" * 32
) -> Look:
    """A picture like the globe, with another shape, or one colour, or all, further off."""
    colours = bytes([GLOBE.colours[0] + colour, *(level + tint for level in GLOBE.colours[1:])])
    return Look(sha256, shape, colours)


@pytest.mark.parametrize(
    ("look", "alike"),
    [
        (globe(), True),
        (globe(GLOBE.shape ^ 0xFF if GLOBE.shape else None), True),
        (globe(GLOBE.shape ^ 0x1FF if GLOBE.shape else None), False),
        (globe(colour=16), True),
        (globe(colour=17), False),
        (globe(colour=2, tint=2), True),
        (globe(colour=3, tint=2), False),
        (globe(None), False),
        (globe(None, sha256=GLOBE.sha256), True),
        (Look("bb" * 32, GLOBE.shape), False),
    ],
    ids=[
        *(
            "same",
            "near",
            "other",
            "edge",
            "colour",
            "tint",
            "tints",
            "plain",
            "bytes",
            "no-colours",
        ),
    ],
)
def test_a_generic_picture_is_known_again(look: Look, *, alike: bool) -> None:
    """Generic globes came in other sizes and packings: the shape and every colour have to agree, or the bytes."""
    assert is_generic(look, [Look("cc" * 32), GLOBE]) == alike


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_plain_areas_are_not_alike(sha256: str) -> None:
    """Plain pictures have no contours to compare: another one is another logo."""
    plain = Look("aa" * 32)
    assert is_generic(Look(sha256), [plain]) == (sha256 == plain.sha256)


def test_nothing_is_generic_before_it_was_seen() -> None:
    """Without anything learned no picture is refused."""
    assert not is_generic(GLOBE, [])


BOUNDS = bytes([100, 100, 100, 200, 200, 200])


@pytest.mark.parametrize(
    ("spread", "worth"),
    [
        (bytes([100, 150, 190, 200, 150, 190]), True),
        (bytes([60, 100, 100, 200, 200, 240]), True),
        (bytes([59, 100, 100, 200, 200, 200]), False),
        (bytes([100, 100, 59, 200, 200, 200]), False),
        (bytes([100, 100, 100, 200, 241, 200]), False),
        (b"", True),
    ],
)
def test_colours_that_the_generic_one_has_not_are_not_looked_at(
    spread: bytes, *, worth: bool
) -> None:
    """Scaling and packing reach a little beyond a picture's colours, never far."""
    assert may_be_generic(spread, [Look("aa" * 32), Look("cc" * 32, 1, spread=BOUNDS)]) == worth
    assert may_be_generic(spread, [Look("cc" * 32, 1)])
    assert not may_be_generic(spread, [Look("cc" * 32, spread=BOUNDS)])
