"""Which pictures look like a provider's generic one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.rules.likeness import is_generic, may_be_generic
from datafetch.models.picture import Look

GLOBE = Look("aa" * 32, 0b1011, bytes(range(48)))


def globe(
    shape: int | None = GLOBE.shape, colour: int = 0, tint: int = 0, sha256: str = "bb" * 32
) -> Look:
    """A picture like the globe, with another shape, or one colour, or all, further off."""
    colours = bytes([GLOBE.colours[0] + colour, *(one + tint for one in GLOBE.colours[1:])])
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
