"""The manifest of pictures by itself: what is kept, what is added, and what it recalls."""

import pytest

from datafetch.opengraph.manifest import PictureManifest
from datafetch.opengraph.model import BookmarkRecord, PictureRecord, SavedBookmark
from datafetch.opengraph.rules.plan import pages_of
from tests.opengraph.parts import KEYS, SETTINGS, Parts, publisher
from tests.support import make_context

KEY = KEYS.opengraph_manifest()
CDN = "https://cdn.example.com/images/opengraph"
PICTURE = PictureRecord("images/opengraph/x.png", "0a0b0c0d", 5)
URL = f"{CDN}/x.png?v=0a0b0c0d"
BOOKMARK = SavedBookmark("b", "https://a.example/page")


def publish(parts: Parts, *bookmarks: SavedBookmark, picture: PictureRecord | None = None) -> bool:
    """Load the manifest, and publish it with a picture of the bookmark `b`."""
    context = parts.context()
    state = parts.state(context)
    if picture is not None:
        state.bookmarks["b"] = BookmarkRecord(picture)
    manifest = PictureManifest(context, publisher(context))
    manifest.load()
    return manifest.publish(state, bookmarks)


def test_a_picture_is_added_and_the_others_stay(parts: Parts) -> None:
    """A run for one page does not shrink the manifest; it is sorted."""
    parts.put(KEY, [f"{CDN}/y.png?v=1", f"{CDN}/a.png?v=1"])
    assert publish(parts, picture=PICTURE)
    assert parts.json(KEY) == [f"{CDN}/a.png?v=1", URL, f"{CDN}/y.png?v=1"]


def test_the_manifest_after_the_cdn_moved(parts: Parts) -> None:
    """An entry below the old public base URL is replaced by that below the new one."""
    parts.put(
        KEY, ["https://old.example.net/base/images/opengraph/x.jpg?v=1", "https://b.example/"]
    )
    assert publish(parts, picture=PICTURE)
    assert parts.json(KEY) == ["https://b.example/", URL]


def test_an_equal_manifest_is_not_written(parts: Parts) -> None:
    """A run that brought nothing new writes nothing, and does not look for a journal.

    It only asks whether the blog's manifest is there.
    """
    parts.put(KEY, [URL])
    parts.put(KEYS.blog_manifest(), [])
    assert not publish(parts, picture=PICTURE)
    assert parts.calls.keys("put") == []
    assert parts.calls.keys("head") == [KEYS.blog_manifest()]
    assert KEYS.publish_journal("opengraph") not in parts.calls.keys("get")


def test_a_missing_manifest_is_made(parts: Parts) -> None:
    """Readers load it beside the others: it is there from the first run on, though it is empty."""
    assert publish(parts)
    assert parts.json(KEY) == []


@pytest.mark.parametrize("body", [b'["https', b"{}", b"[" * 100_000], ids=len)
def test_what_is_no_manifest_is_kept_aside_and_made_anew(parts: Parts, body: bytes) -> None:
    """It is made again of what is remembered."""
    parts.put(KEY, body)
    assert publish(parts, picture=PICTURE)
    assert parts.json(KEY) == [URL]
    assert parts.aside(KEY) == [body]


def test_a_broken_entry_loses_itself_only(parts: Parts) -> None:
    """What is no URL goes, the URLs beside it stay, and the object is kept aside."""
    odd = [5, None, {"url": "x"}, "", "javascript:alert(1)", "y.png", "//evil.example/y.png"]
    body = parts.put(KEY, [f"{CDN}/y.png?v=1", *odd])
    assert publish(parts)
    assert parts.json(KEY) == [f"{CDN}/y.png?v=1"]
    assert parts.aside(KEY) == [body]


def test_pictures_that_only_bookmarks_name_are_listed(parts: Parts) -> None:
    """Old systems stored pictures that no state knows; another site's picture is not ours."""
    old = SavedBookmark("o", own={"ogImage": f"{CDN}/old.png"})
    strange = SavedBookmark("s", own={"ogImage": "https://b.example/images/opengraph/s.png"})
    asset = SavedBookmark("a", own={"ogImage": "/api/assets/a1"})
    publish(parts, old, strange, asset)
    assert parts.json(KEY) == [f"{CDN}/old.png"]


def test_the_picture_of_the_state_comes_before_that_of_the_bookmark(parts: Parts) -> None:
    """A bookmark that was not told yet names an older picture of itself."""
    publish(parts, SavedBookmark("b", own={"ogImage": f"{CDN}/older.png"}), picture=PICTURE)
    assert parts.json(KEY) == [URL]


def test_entries_that_somebody_else_wrote_meanwhile_stay(parts: Parts) -> None:
    """The second attempt starts from what is stored then."""
    context = parts.context()
    manifest = PictureManifest(context, publisher(context))
    manifest.load()
    state = parts.state(context)
    state.bookmarks["b"] = BookmarkRecord(PICTURE)
    parts.put(KEY, [f"{CDN}/theirs.png?v=1"])
    assert manifest.publish(state, ())
    assert parts.json(KEY) == [f"{CDN}/theirs.png?v=1", URL]


def test_a_lost_state_finds_its_pictures_in_the_manifest(parts: Parts) -> None:
    """By host, page and bookmark, whatever the format; without `?v=` the version is not known."""
    key = KEYS.opengraph_image("a.example", "https://a.example/page", "b", "webp")
    parts.put(KEY, [f"https://cdn.example.com/{key}?v=0a0b0c0d", f"{CDN}/y.png"])
    context = parts.context()
    manifest = PictureManifest(context, publisher(context))
    manifest.load()
    recalled = manifest.recall(pages_of([BOOKMARK, SavedBookmark("c", BOOKMARK.url)]))
    assert recalled == {"b": PictureRecord(key, "0a0b0c0d")}
    assert manifest.recall(pages_of([BOOKMARK]), without={"b"}) == {}


@pytest.mark.parametrize(
    "key",
    [
        "images/opengraph/a-example-90211997.png",
        "images/opengraph/www-a-example-8c174f26.png",
        "images/opengraph/a-example-bookmark-3e23e816.png",
    ],
    ids=["today", "www", "id"],
)
def test_pictures_under_earlier_keys_are_found(parts: Parts, key: str) -> None:
    """Keys with `www.`, or of another hash, were not found again: their pictures were fetched twice."""
    parts.put(KEY, [f"https://cdn.example.com/{key}?v=0a0b0c0d"])
    context = parts.context()
    manifest = PictureManifest(context, publisher(context))
    manifest.load()
    www = SavedBookmark("b", "https://www.a.example/page#part")
    assert manifest.recall(pages_of([www])) == {"b": PictureRecord(key, "0a0b0c0d")}


def test_pictures_of_a_store_on_this_machine_get_their_public_addresses(parts: Parts) -> None:
    """A manifest made on a developer's machine named a port of that machine to all visitors."""
    private = "http://localhost:9000/bucket/images/opengraph/y.png?v=11223344"
    body = [private, "http://10.0.0.1/images/opengraph/../x.png", "http://[fd00::1]/other.png", URL]
    raw = parts.put(KEY, body)
    context = make_context(SETTINGS, parts.store, clock=parts.clock, allow_hosts=())
    manifest = PictureManifest(context, publisher(context))
    manifest.load()
    assert manifest.publish(parts.state(context), [])
    assert parts.json(KEY) == [URL, f"{CDN}/y.png?v=11223344"]
    assert parts.aside(KEY) == [raw]
    manifest.load()
    assert not manifest.publish(parts.state(context), [])
    parts.put(KEY, [private])
    manifest.load()
    assert manifest.publish(parts.state(context), [])
    assert parts.json(KEY) == [f"{CDN}/y.png?v=11223344"]
