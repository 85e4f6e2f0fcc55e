"""The values of the job, as they are stored and as old systems stored them."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from datafetch.opengraph.model import (
    METADATA,
    BookmarkRecord,
    Description,
    Override,
    PageMetadata,
    PageRecord,
    PictureRecord,
    SavedBookmark,
)
from datafetch.store.base import encode_json

SAID = Description("https://a.example/x", "T", "D", "https://a.example/i.png", "S", "article", "de")
URL = "https://a.example/"


def stored(metadata: PageMetadata) -> dict[str, object]:
    """The object of a page as it is written."""
    found: dict[str, object] = METADATA.dump_python(metadata, by_alias=True)
    return found


def test_the_shape_of_metadata():
    """The site reads these names in this order; what is not known is null, validators are left out."""
    metadata = PageMetadata.of(URL, SAID, timestamp=1_700_000_000_000, source="external")
    assert encode_json(stored(metadata)) == (
        b'{"url":"https://a.example/","finalUrl":"https://a.example/x","title":"T",'
        b'"description":"D","imageUrl":"https://a.example/i.png","siteName":"S",'
        b'"type":"article","locale":"de","timestamp":1700000000000,"source":"external"}'
    )
    nothing = PageMetadata.of(URL, Description("u"), timestamp=1, source="fallback")
    assert stored(nothing)["title"] is None


def test_validators_come_last():
    """A page's ETag and Last-Modified are stored where it gave them."""
    metadata = PageMetadata.of(
        URL, SAID, timestamp=5, source="external", etag='"e"', last_modified="Sat"
    )
    assert list(stored(metadata).items())[-2:] == [("etag", '"e"'), ("lastModified", "Sat")]


def test_metadata_is_read_back_as_it_was():
    """Nothing is lost between a write and the next read."""
    metadata = PageMetadata.of(
        URL, SAID, timestamp=5, source="external", etag='"e"', last_modified="Sat"
    )
    assert METADATA.validate_python(stored(metadata)) == metadata
    assert metadata.said == SAID


def test_metadata_of_old_systems():
    """Objects of old systems lack fields or have odd ones; they are read all the same."""
    old = METADATA.validate_python(
        {"url": URL, "title": 5, "timestamp": "yesterday", "source": None, "extra": {}}
    )
    assert (old.said, old.timestamp, old.source) == (Description(URL), 0, "external")


@pytest.mark.parametrize(
    ("time", "read"),
    [(12.5, 12), (float("inf"), 0), (float("nan"), 0), (-1, 0), (True, 0), (2**53, 0), (None, 0)],
)
def test_what_is_no_time_is_long_ago(time, read):
    """An odd timestamp makes a page due; it never stops the run."""
    assert METADATA.validate_python({"url": "u", "timestamp": time}).timestamp == read


def test_old_metadata_with_half_a_character_is_read():
    """JavaScript cuts texts inside an emoji: half a pair made every later read of the object fail."""
    old = METADATA.validate_python({"url": URL, "title": "cut \ud83d"})
    assert old.said.title == "cut \ud83d"


HOSTILE = ["javascript:alert(1)", "data:text/html,x", "/i.png", "//evil.example/i.png", "https://"]


@pytest.mark.parametrize("address", HOSTILE)
def test_addresses_of_old_metadata_are_web_addresses(address: str):
    """A `javascript:` picture in an old object became the `ogImageExternal` of the page's bookmarks."""
    old = METADATA.validate_python({"url": URL, "finalUrl": address, "imageUrl": address})
    assert old.said == Description(URL)
    kept = METADATA.validate_python({"url": URL, "finalUrl": URL + "x", "imageUrl": URL + "i.png"})
    assert kept.said == Description(URL + "x", image_url=URL + "i.png")


@pytest.mark.parametrize("address", HOSTILE)
def test_addresses_of_overrides_are_web_addresses(address: str):
    """An override is written by hand, and by other tools: bookmarks get its texts, and no such address."""
    value = {"title": "By hand", "finalUrl": address, "imageUrl": address}
    override = TypeAdapter(Override).validate_python({"etag": "e", "value": value})
    assert SAID.overridden(override.value) == replace(SAID, title="By hand")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "HTTPS://B\u00fccher.Example:443/a b?\u00e4",
            "https://xn--bcher-kva.example/a%20b?%C3%A4",
        ),
        ("https://user:pass@a.example/x", "https://a.example/x"),
        ("https://user@a.example", "https://a.example/"),
        ("https://a.example/../x/./y", "https://a.example/x/y"),
        ("https://a.example/@x", "https://a.example/@x"),
    ],
)
def test_addresses_are_as_browsers_write_them(written: str, read: str) -> None:
    """Stored addresses are compared by other programs; user and password are nobody's business."""
    old = METADATA.validate_python({"url": URL, "finalUrl": written, "imageUrl": written})
    picture = None if "@a" in written else read  # which no browser would get without these
    assert (old.final_url, old.image_url) == (read, picture)
    override = TypeAdapter(Override).validate_python({"etag": "e", "value": {"imageUrl": written}})
    assert override.value.get("imageUrl") == picture


@pytest.mark.parametrize("value", [None, [], "x", {}, {"url": 5}])
def test_what_is_no_metadata(value):
    """An object without a URL is of no page, and is not taken for an empty one."""
    with pytest.raises(ValidationError):
        METADATA.validate_python(value)


def test_overrides_say_only_what_they_say():
    """A field written by hand wins; an empty one, or one of another type, changes nothing."""
    value = {"title": "By hand", "description": " ", "imageUrl": 7, "url": "x"}
    override = TypeAdapter(Override).validate_python({"etag": "e", "value": value})
    by_hand = SAID.overridden(override.value)
    assert by_hand.title == "By hand"
    assert (by_hand.description, by_hand.image_url) == ("D", "https://a.example/i.png")


def test_digests_tell_descriptions_apart():
    """Every field counts, and none can stand in for another."""
    empty = Description("u")
    others = [Description("u", title="x"), Description("u", description="x"), Description("x")]
    assert len({said.digest() for said in (empty, *others)}) == 4
    assert empty.digest() == Description("u").digest()


def test_digests_are_those_of_earlier_releases():
    """A digest that changed would write all metadata, and merge all bookmarks, once more."""
    assert SAID.digest() == "95898de7ca399ea7"


def test_records_leave_out_what_is_empty():
    """The state has a record for each page: null fields would make up half of it."""
    record = PageRecord(fetched_at=5, source="external", object_etag='"o"', digest="d")
    picture = PictureRecord("images/x.png", "0a0b0c0d", 7)
    assert TypeAdapter(PageRecord).dump_python(record, by_alias=True) == {
        "fetchedAt": 5,
        "source": "external",
        "object": '"o"',
        "digest": "d",
    }
    assert TypeAdapter(BookmarkRecord).dump_python(BookmarkRecord(picture), by_alias=True) == {
        "picture": {"key": "images/x.png", "version": "0a0b0c0d", "fetchedAt": 7}
    }


def test_a_picture_of_an_old_manifest_is_read_back():
    """An entry without `?v=` left a picture without a version, and the next run lost the state."""
    adapter = TypeAdapter(PictureRecord)
    found = PictureRecord("images/opengraph/old.png")
    assert adapter.validate_python(adapter.dump_python(found, by_alias=True)) == found


def test_fields_of_a_bookmark_that_are_no_texts_count_as_missing():
    """Bookmarks are another job's: whatever stands in them, this one reads on."""
    odd = SavedBookmark.of(
        {"id": "b", "url": 5, "title": None, "content": [], "assets": "x", "ogImage": {}}
    )
    assert (odd.url, odd.title, odd.banner, odd.saved_image, odd.image) == (None,) * 5
    assert SavedBookmark.of({"id": "b"}) == SavedBookmark("b")
