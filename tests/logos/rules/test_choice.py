"""Which offered picture becomes the logo."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.model import Candidate, Logo
from datafetch.logos.rules.choice import (
    GOOD_SIDE,
    AskNext,
    NoLogo,
    Take,
    best,
    decide,
    is_worse,
    side,
    why_unusable,
)
from datafetch.logos.rules.known import KNOWN

GENERIC_SHA256 = [one.look.sha256 for one in KNOWN]
PICTURE = Candidate("google", "https://icons.example.com/", "png", 128, 128, 2000, "ab" * 32)
STORED = Logo("images/logos/x.png", "google", "image/png", 2000, 128, 128, "cd" * 32, None, 0)


def picture(width: int, height: int | None = None, **fields: object) -> Candidate:
    """A picture of these sides."""
    sizes = {"width": width, "height": width if height is None else height}
    return replace(PICTURE, **sizes, **fields)  # type: ignore[arg-type]


CANDIDATES = st.lists(
    st.builds(
        picture,
        st.integers(1, 300),
        st.integers(1, 300),
        size=st.integers(1, 400),
        format=st.sampled_from(["png", "svg", "ico"]),
        sha256=st.sampled_from([*GENERIC_SHA256, "ab" * 32]),
    ),
    max_size=6,
)


def test_a_good_picture_settles_the_matter() -> None:
    """From 64 pixels a side nobody else is asked."""
    assert decide([picture(64)], more=True) == Take(picture(64))


def test_a_small_picture_waits_for_a_better_one() -> None:
    """Below 64 pixels the next provider is asked, and the largest of all wins."""
    small, smaller = picture(48), picture(32, source="ddg")
    assert decide([small], more=True) == AskNext()
    assert decide([small, smaller], more=False) == Take(small)


def test_of_equals_the_first_offered_wins() -> None:
    """The order of providers decides between pictures of one size."""
    first, second = picture(32), picture(32, source="ddg")
    assert decide([first, second], more=False) == Take(first)


def test_nothing_usable_is_no_logo_only_when_all_were_asked() -> None:
    """A domain has no logo when every provider answered, not before."""
    assert decide([picture(8)], more=True) == AskNext()
    assert decide([picture(8)], more=False) == NoLogo()
    assert decide([], more=False) == NoLogo()


@pytest.mark.parametrize("generic", GENERIC_SHA256)
def test_generic_pictures_are_never_logos(generic: str) -> None:
    """The providers' globe came with 200 and was stored as everybody's logo."""
    globe = picture(256, sha256=generic)
    assert why_unusable(globe) is not None
    assert decide([globe], more=False) == NoLogo()


@pytest.mark.parametrize(
    ("candidate", "usable"),
    [
        (picture(16), True),
        (picture(15), False),
        (picture(200, 15), False),
        (picture(16, size=100), True),
        (picture(16, size=99), False),
    ],
)
def test_a_logo_has_sixteen_pixels_and_a_hundred_bytes(candidate: Candidate, usable: bool) -> None:
    """Tracking pixels and stubs are not logos."""
    assert (why_unusable(candidate) is None) == usable


def test_a_drawing_is_good_at_any_size() -> None:
    """An SVG of 24 pixels is sharp where a bitmap of 48 is not; a large bitmap still wins."""
    drawing = picture(24, format="svg")
    assert decide([picture(48), drawing], more=True) == Take(drawing)
    assert best([drawing, picture(180)]) == picture(180)


@given(CANDIDATES, st.booleans())
def test_what_is_taken_is_usable_and_nothing_usable_is_larger(
    candidates: list[Candidate], more: bool
) -> None:
    """Whatever is offered, the winner can be used and is the largest that can."""
    decision = decide(candidates, more=more)
    usable = [one for one in candidates if why_unusable(one) is None]
    if isinstance(decision, Take):
        assert decision.candidate in usable
        largest = max(side(one.format, one.width, one.height) for one in usable)
        won = decision.candidate
        assert side(won.format, won.width, won.height) == largest
        assert not more or largest >= GOOD_SIDE
    elif isinstance(decision, NoLogo):
        assert not usable
        assert not more
    else:
        assert more


@pytest.mark.parametrize(
    ("offered", "stored", "worse"),
    [
        (32, 128, True),
        (63, 64, True),
        (64, 256, False),
        (32, 32, False),
        (31, 32, True),
        (48, 32, False),
    ],
)
def test_a_small_picture_does_not_replace_a_good_one(
    offered: int, stored: int, worse: bool
) -> None:
    """A good picture may follow a larger one, as when a brand changes; a step below good may not."""
    assert is_worse(picture(offered), STORED._replace(width=stored, height=stored)) == worse


def test_a_small_bitmap_does_not_replace_a_stored_drawing() -> None:
    """A stored SVG counts as good whatever size it names."""
    drawing = STORED._replace(content_type="image/svg+xml", width=24, height=24)
    assert is_worse(picture(48), drawing)
