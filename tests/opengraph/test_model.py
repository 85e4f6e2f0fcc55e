"""The stored shape of metadata."""

import pytest

from datafetch.errors import Malformed
from datafetch.opengraph.model import Description, PageMetadata

SAID = Description("https://a.example/x", "T", "D", "https://a.example/i.png", "S", "article", "de")


def test_shape():
    """The site reads these names; what is not known is null, validators are left out."""
    metadata = PageMetadata("https://a.example/", SAID, 1_700_000_000_000, "external")
    assert metadata.to_json() == {
        "url": "https://a.example/",
        "finalUrl": "https://a.example/x",
        "title": "T",
        "description": "D",
        "imageUrl": "https://a.example/i.png",
        "siteName": "S",
        "type": "article",
        "locale": "de",
        "timestamp": 1_700_000_000_000,
        "source": "external",
    }
    assert (
        PageMetadata("https://a.example/", Description("u"), 1, "fallback").to_json()["title"]
        is None
    )


def test_there_and_back():
    """What is stored is read back as it was."""
    metadata = PageMetadata("https://a.example/", SAID, 5, "external", '"e"', "Sat")
    assert PageMetadata.from_json(metadata.to_json()) == metadata


def test_old_objects():
    """Objects of old systems lack fields or have odd ones; they are read all the same."""
    old = PageMetadata.from_json(
        {"url": "https://a.example/", "title": 5, "timestamp": "yesterday", "extra": {}}
    )
    assert old == PageMetadata(
        "https://a.example/", Description("https://a.example/"), 0, "external"
    )
    assert PageMetadata.from_json({"url": "u", "timestamp": 12.5}).timestamp == 12
    assert PageMetadata.from_json({"url": "u", "timestamp": float("inf")}).timestamp == 0


@pytest.mark.parametrize("value", [None, [], "x", {}, {"url": 5}])
def test_what_is_no_metadata(value):
    """An object without a URL is of no page, and is not taken for an empty one."""
    with pytest.raises(Malformed):
        PageMetadata.from_json(value)


def test_overrides_say_only_what_they_say():
    """A field written by hand wins; an empty one, or one of another type, changes nothing."""
    by_hand = SAID.overridden({"title": "By hand", "description": " ", "imageUrl": 7, "url": "x"})
    assert by_hand.title == "By hand"
    assert (by_hand.description, by_hand.image_url) == ("D", "https://a.example/i.png")


def test_digests_tell_descriptions_apart():
    """Every field counts, and none can stand in for another."""
    empty = Description("u")
    others = [Description("u", title="x"), Description("u", description="x"), Description("x")]
    assert len({one.digest() for one in (empty, *others)}) == 4
    assert empty.digest() == Description("u").digest()
