"""What bookmarks get of their pages."""

from datafetch.addresses import OwnHosts
from datafetch.opengraph.model import (
    Description,
    Override,
    PageRecord,
    PictureRecord,
    SavedBookmark,
)
from datafetch.opengraph.rules.merge import (
    BookmarkPicture,
    fallback,
    kept_stem,
    mark_of,
    merged_manifest,
    override_of,
    own_fields,
    pictures_by_stem,
    shown,
)
from datafetch.urls import url_hash

URL = "https://video.example/watch?v=a"
CDN = "https://cdn.example.com/"
SAID = Description(URL, "T", "D", "https://video.example/i.png")
READ = PageRecord(source="external", digest="d")
PICTURE = PictureRecord("images/opengraph/x.png", "0a0b0c0d", 5, '"e"')
STORED = BookmarkPicture(
    PICTURE, CDN + PICTURE.key + "?v=0a0b0c0d", "2026-11-24T08:00:00.000Z", public=True
)


def key_of(url: str) -> str:
    """The key of a URL of our CDN."""
    return url.removeprefix(CDN).partition("?")[0]


def bookmark(**fields: object) -> SavedBookmark:
    """A stored bookmark with these fields."""
    return SavedBookmark.of({"id": "b", **fields})


def override(url: str, /, **value: str) -> dict[str, Override]:
    """An override under the hash of a URL."""
    return {url_hash(url): Override('"e"', value)}


def test_overrides_by_hash():
    """What people wrote by hand is found by the page's hash, and by that without its query."""
    assert override_of(URL, override(URL, title="x")) is not None
    assert override_of(URL, override("https://video.example/watch", title="x")) is not None
    assert override_of(URL, override("https://video.example/watch?v=b", title="x")) is None


def test_an_old_override_of_another_page():
    """URLs without their query made all pages of a video site share one record."""
    shared = override("https://video.example/watch", url="https://video.example/watch?v=b")
    own = override("https://video.example/watch", url=URL)
    assert override_of(URL, shared) is None
    assert override_of(URL, own) is not None


def test_overrides_win():
    """An override beats what the page says, and stands alone for a page that cannot be read."""
    by_hand = Override('"e"', {"title": "By hand"})
    assert shown(URL, READ, SAID, by_hand) == SAID.overridden({"title": "By hand"})
    alone = shown(URL, PageRecord(source="fallback"), SAID, by_hand)
    assert alone == Description(URL, "By hand")


def test_fallback_tells_bookmarks_nothing():
    """What was made of a bookmark does not come back to it as the page's own words."""
    assert shown(URL, PageRecord(source="fallback"), SAID, None) is None
    assert shown(URL, READ, SAID, None) == SAID


def test_what_is_made_of_a_bookmark():
    """A page that cannot be read has the bookmark's words, unless these are only placeholders."""
    named = bookmark(
        title="Mine",
        description="No description available.",
        content={"imageUrl": "https://x.example/ä.png"},
    )
    assert fallback(URL, named) == Description(URL, "Mine", None, "https://x.example/%C3%A4.png")
    secret = bookmark(ogImageExternal="https://user:pass@x.example/i.png")
    assert fallback(URL, secret).image_url is None
    unnamed = bookmark(title="Untitled Bookmark", ogImageExternal="/api/x")
    assert fallback(URL, unnamed) == Description(URL)


def test_own_fields():
    """A bookmark gets texts, address and picture; the time is that of the picture's fetch."""
    assert own_fields(bookmark(title="kept"), SAID, STORED) == {
        "ogImageExternal": "https://video.example/i.png",
        "ogTitle": "T",
        "ogDescription": "D",
        "ogUrl": URL,
        "ogImage": CDN + "images/opengraph/x.png?v=0a0b0c0d",
        "ogImageLastFetchedAt": "2026-11-24T08:00:00.000Z",
        "ogImageEtag": '"e"',
    }


def test_nothing_is_ever_taken_away():
    """A page that says less than before leaves what is stored."""
    assert own_fields(bookmark(ogTitle="old"), Description(URL), None) == {"ogUrl": URL}
    assert own_fields(bookmark(ogTitle="old"), None, None) == {}


def test_without_a_cdn_the_picture_stays_external():
    """Without a public base URL `ogImage` stays what it was, or becomes the page's own picture."""
    private = STORED._replace(public=False)
    told = bookmark(ogImage="/api/assets/a1")
    assert own_fields(told, SAID, private)["ogImage"] == "/api/assets/a1"
    assert own_fields(bookmark(), SAID, private)["ogImage"] == "https://video.example/i.png"
    assert "ogImage" not in own_fields(bookmark(), None, private)


def test_marks():
    """A bookmark is merged again when page, override, picture or its own fields are others."""
    item = bookmark(ogTitle="T", title="x")
    marks = {
        mark_of(item, READ, None, STORED),
        mark_of(item, PageRecord(source="external", digest="other"), None, STORED),
        mark_of(item, READ, Override('"e"', {"title": "x"}), STORED),
        mark_of(item, READ, None, None),
        mark_of(bookmark(ogTitle="lost", title="x"), READ, None, STORED),
        mark_of(item, None, None, STORED),
    }
    assert len(marks) == 6
    later = PageRecord(source="external", digest="d", fetched_at=99, etag="other")
    renamed = bookmark(ogTitle="T", title="y")
    assert mark_of(renamed, later, None, STORED) == mark_of(item, READ, None, STORED)


def test_the_manifest_merges():
    """Runs for one page do not shrink it; a picture has one entry, its newest."""
    stored = [CDN + "images/opengraph/x.jpg?v=1", CDN + "images/opengraph/y.png?v=1"]
    pictures = {PICTURE.key: STORED.url}
    merged = merged_manifest(stored, pictures, key_of)
    assert merged == [STORED.url, CDN + "images/opengraph/y.png?v=1"]
    assert merged_manifest(merged, pictures, key_of) == merged
    assert merged_manifest(merged, {}, key_of) == merged


def test_pictures_are_known_by_the_manifest():
    """When nothing else is remembered, the manifest says which pictures are stored."""
    found = pictures_by_stem([STORED.url, CDN + "images/opengraph/old.png"], key_of)
    assert found == {
        "images/opengraph/x": PictureRecord("images/opengraph/x.png", "0a0b0c0d"),
        "images/opengraph/old": PictureRecord("images/opengraph/old.png"),
    }


def test_entries_of_others_stay_apart_in_the_manifest():
    """An entry that is no picture of previews is known by its URL, so that it never stands for another."""
    others = ["https://old.example.net/a.png", "https://old.example.net/b.png"]
    assert set(pictures_by_stem(others, key_of)) == {url.removesuffix(".png") for url in others}


def test_a_new_picture_takes_the_place_of_the_stored_one():
    """A picture under an earlier key keeps it: under a new one the old object would be nobody's."""
    stems = ("images/opengraph/new", "images/opengraph/www-old")
    assert kept_stem(stems, None) == "images/opengraph/new"
    assert kept_stem(stems, PictureRecord("images/opengraph/www-old.jpg")) == stems[1]
    assert kept_stem(stems, PictureRecord("images/opengraph/another.jpg")) == stems[0]


def test_pictures_that_visitors_should_not_ask_for_are_in_no_override_and_no_fallback():
    """Who wrote an override saw the picture in his own network; its words count, the picture does not."""
    private = "http://192.168.1.2/i.png"
    by_hand = override(URL, title="x", imageUrl=private)
    found = override_of(URL, by_hand)
    assert found is not None
    assert found.value == {"title": "x"}
    allowed = override_of(URL, by_hand, OwnHosts.of({"192.168.1.2"}))
    assert allowed is not None
    assert allowed.value == {"title": "x", "imageUrl": private}
    good = {"imageUrl": "https://x.example/i.png"}
    assert fallback(URL, bookmark(ogImageExternal=private)).image_url is None
    both = bookmark(ogImageExternal=private, content=good)
    assert fallback(URL, both).image_url == "https://x.example/i.png"
