"""From the server's bookmark to the site's."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import RawBookmark, StoredBookmark
from datafetch.bookmarks.rules.list import checksum
from datafetch.bookmarks.rules.normalise import (
    as_bookmark,
    as_stored,
    finish,
    merge,
    normalise,
    tag_slugs,
)
from datafetch.models.json import encode_json

RAW: dict[str, Any] = {
    "id": "b1",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "content": {"type": "link", "url": "https://www.example.com/a"},
}


def raw(content: dict[str, Any] | None = None, **fields: Any) -> RawBookmark:
    """The bare bookmark with more content and fields."""
    whole = {**RAW, **fields}
    whole["content"] = {**RAW["content"], **(content or {})}
    return read_bookmark(whole)


def test_bare_item_gets_its_defaults() -> None:
    """An item of which all but id, time and URL is missing has every field that the site reads."""
    assert normalise(raw()) == {
        "id": "b1",
        "url": "https://www.example.com/a",
        "title": "Untitled Bookmark",
        "description": "No description available.",
        "slug": "",
        "domain": "example.com",
        "tags": [],
        "dateBookmarked": "2026-01-01T00:00:00.000Z",
        "dateCreated": "2026-01-01T00:00:00.000Z",
        "modifiedAt": "2026-01-01T00:00:00.000Z",
        "sourceUpdatedAt": "2026-01-01T00:00:00.000Z",
        "archived": False,
        "isFavorite": False,
        "note": None,
        "summary": None,
        "content": {"type": "link", "url": "https://www.example.com/a"},
        "assets": [],
    }


@pytest.mark.parametrize(
    ("fields", "content", "title", "description"),
    [
        ({"title": "T", "summary": "S"}, {"title": "C", "description": "D"}, "T", "D"),
        ({"title": " ", "summary": "S"}, {"title": "C", "description": ""}, "C", "S"),
        ({}, {}, "Untitled Bookmark", "No description available."),
    ],
)
def test_title_and_description(
    fields: dict[str, Any], content: dict[str, Any], title: str, description: str
) -> None:
    """The user's title goes before the page's, the page's description before the summary."""
    item = normalise(raw(content, **fields))
    assert (item["title"], item["description"]) == (title, description)


@pytest.mark.parametrize(
    ("content", "assets", "image"),
    [
        ({"imageAssetId": "a1", "screenshotAssetId": "a2"}, [], "/api/assets/a1"),
        ({}, [{"id": "s1", "assetType": "screenshot"}], "/api/assets/s1"),
        (
            {"imageUrl": "https://e.com/i.png"},
            [{"id": "b9", "assetType": "bannerImage"}],
            "/api/assets/b9",
        ),
        ({"imageUrl": "https://e.com/i.png"}, [], "https://e.com/i.png"),
        ({"imageUrl": "/relative.png"}, [], None),
        ({"imageUrl": "https://"}, [], None),
        ({"imageUrl": "https://[bad/i.png"}, [], None),
        ({"imageUrl": "https://bücher.de/ü.png"}, [], "https://bücher.de/ü.png"),
        ({"imageAssetId": "../../etc/passwd"}, [], None),
    ],
)
def test_picture(content: dict[str, Any], assets: list[Any], image: str | None) -> None:
    """The picture is an asset's address or an absolute URL, never a path that climbs."""
    assert normalise(raw(content, assets=assets)).get("ogImage") == image


def test_assets_fill_the_content() -> None:
    """Screenshot and banner assets fill the ids that the content lacks, and only those."""
    assets = [
        {"id": "s1", "assetType": "screenshot", "fileName": "x"},
        {"id": "b1", "assetType": "bannerImage"},
        {"id": "p1", "assetType": "pdf"},
    ]
    item: Any = normalise(raw({"imageAssetId": "own", "htmlContent": "<p>"}, assets=assets))
    assert item["content"]["screenshotAssetId"] == "s1"
    assert item["content"]["imageAssetId"] == "own"
    assert "htmlContent" not in item["content"]
    assert item["assets"][0] == {"id": "s1", "assetType": "screenshot"}


def test_tags_say_who_attached_them_only_when_known() -> None:
    """`attachedBy` is `ai` or `user`, or absent; two names may share a slug in the item."""
    tags = [
        {"id": "1", "name": "C++", "attachedBy": "ai"},
        {"id": "2", "name": "c plus plus", "attachedBy": "human"},
        {"id": "3", "name": "x", "attachedBy": "user"},
    ]
    item = normalise(raw(tags=tags))
    assert item["tags"] == [
        {"id": "1", "name": "C++", "slug": "c-plus-plus", "attachedBy": "ai"},
        {"id": "2", "name": "c plus plus", "slug": "c-plus-plus"},
        {"id": "3", "name": "x", "slug": "x", "attachedBy": "user"},
    ]
    assert as_bookmark(StoredBookmark("b1", item)).tags == (("c-plus-plus", "C++"), ("x", "x"))


@pytest.mark.parametrize(
    ("tags", "slugs"),
    [
        (["Go", {"name": "C#"}, {"name": "go"}], (("go", "Go"), ("c-sharp", "C#"))),
        ([{"name": ""}, "", {"name": 5}, {"name": None}, {}, 7, None, ["x"]], ()),
        (None, ()),
        ("Go", ()),
        ({"name": "Go"}, ()),
    ],
)
def test_tags_of_old_systems_are_read_as_far_as_they_have_names(
    tags: object, slugs: tuple[tuple[str, str], ...]
) -> None:
    """They stored bare names too; what has no name has no page, and stops nothing."""
    assert tag_slugs(tags) == slugs


def test_notes_and_files_have_their_source_or_no_url() -> None:
    """A text or file is tolerated: its URL is where it came from, or empty."""
    note = read_bookmark({**RAW, "content": {"type": "text", "text": "x"}})
    assert (normalise(note)["url"], normalise(note)["domain"]) == ("", "")
    file = {"type": "asset", "assetId": "a", "sourceUrl": "https://s.example.com/f.pdf"}
    assert normalise(read_bookmark({**RAW, "content": file}))["domain"] == "s.example.com"
    assert normalise(read_bookmark({**RAW, "content": None}))["url"] == ""


ENRICHED = {
    "slug": "kept-slug",
    "ogImage": "https://cdn.example.com/images/opengraph/x.png?v=1",
    "ogTitle": "Stored",
    "ogImageLastFetchedAt": "2026-01-02T00:00:00.000Z",
    "logoData": {"url": "x"},
    "wordCount": 4711,
    "readingTime": 20,
    "isPrivate": False,
    "somethingElse": [1, 2],
}


def test_stored_enrichment_survives() -> None:
    """A refresh replaced stored items by bare API items: 883 of 884 lost their images."""
    stored = StoredBookmark("b1", {**normalise(raw()), **ENRICHED})
    draft = merge(raw({"imageUrl": "https://e.com/new.png"}, title="New"), stored)
    item = finish(draft, "kept-slug")
    merged = json.loads(item.body)
    assert {name: merged[name] for name in ENRICHED} == ENRICHED
    assert merged["title"] == "New"
    assert draft.changed


@pytest.mark.parametrize("image", [None, "https://e.com/old.png"])
def test_a_picture_that_is_not_kept_keeps_nothing_else_away(image: str | None) -> None:
    """What stands behind it in the stored item survives all the same."""
    before = {"imageUrl": "https://e.com/old.png"}
    others = {name: value for name, value in ENRICHED.items() if name != "ogImage"}
    stored = StoredBookmark("b1", {"ogImage": image, "content": before, **others})
    merged = json.loads(merge(raw({"imageAssetId": "a1"}), stored).bookmark.body)
    assert merged["ogImage"] == "/api/assets/a1"
    assert {name: merged[name] for name in others} == others


def test_a_picture_that_was_only_derived_follows_its_source() -> None:
    """When the crawler finds a picture later it replaces what normalising had put there before."""
    fields = normalise(raw({"imageUrl": "https://e.com/old.png"}))
    stored = StoredBookmark("b1", {**fields, "slug": "s"})
    made = merge(raw({"imageUrl": "https://e.com/old.png", "imageAssetId": "a1"}), stored)
    assert b'"ogImage":"/api/assets/a1"' in made.bookmark.body
    lost = merge(raw(), stored)
    assert b'"ogImage":"https://e.com/old.png"' in lost.bookmark.body


def test_merging_again_changes_nothing() -> None:
    """A merge of the same source over its own result is the same bytes, so nothing is written."""
    fields = {**ENRICHED, **normalise(raw(title="T")), "slug": "kept-slug", "ogTitle": "x"}
    stored = StoredBookmark("b1", fields)
    once = json.loads(merge(raw(title="T"), stored).bookmark.body)
    again = merge(raw(title="T"), StoredBookmark("b1", once))
    assert not again.changed
    assert again.bookmark.body == encode_json(once)


@given(st.text(), st.text(), st.text(alphabet='"slug:,\\{}'))
def test_slug_goes_where_it_belongs(slug: str, title: str, description: str) -> None:
    """Putting the slug into the encoded item never touches another field."""
    source = raw({"description": description}, title=title)
    expected = normalise(source)
    found = json.loads(finish(merge(source, None), slug or "x").body)
    assert found == {**expected, "slug": slug or "x"}


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "T"},
        {"title": "T", "slug": ""},
        {"title": "T", "slug": "same"},
        {"tags": [{"name": "x", "slug": ""}], "slug": "", "title": "T"},
    ],
)
def test_a_stored_item_gets_its_slug_and_nothing_else(fields: dict[str, Any]) -> None:
    """Also one that has another slug, or none, or an empty one of a tag before its own."""
    named = finish(as_stored(StoredBookmark("b1", fields)), "same-2")
    assert named.slug == "same-2"
    assert json.loads(named.body) == {**fields, "slug": "same-2"}


def test_an_item_that_was_made_again_gets_another_slug_than_its_stored_one() -> None:
    """Of two items to which old systems gave one slug the newer gets a number."""
    fields = {**normalise(raw()), "slug": "same"}
    named = finish(merge(raw(title="T"), StoredBookmark("b1", fields)), "same-2")
    assert json.loads(named.body) == {**fields, "title": "T", "slug": "same-2"}


def test_the_checksum_takes_a_text_as_it_is_published() -> None:
    """Readers compute it from the list, where half a surrogate pair stands as U+FFFD."""
    half = as_bookmark(StoredBookmark("b1", {"modifiedAt": "2026\ud83d"}))
    published = json.loads(half.body)["modifiedAt"]
    assert published == "2026\ufffd"
    assert checksum([half]) == hashlib.sha256(f"b1:{published}".encode()).hexdigest()


HOSTILE = [
    *(
        "javascript:alert(1)",
        "JaVaScRiPt://e.com/%0aalert(1)",
        "data:text/html,<script>",
        "https://",
    ),
    *("vbscript:x", "//evil.example/x", "/relative", "ftp://e.com/", "e.com", "file:///etc/passwd"),
]


@pytest.mark.parametrize("address", HOSTILE)
def test_no_hostile_address_is_published(address: str) -> None:
    """A note's `javascript:` address was published as a bookmark's URL; so could be any other address of an item."""
    note = {"type": "text", "text": "see", "url": None, "sourceUrl": address}
    item: Any = normalise(raw(note))
    assert (item["url"], item["domain"]) == ("", "")
    assert "sourceUrl" not in item["content"]
    content = dict.fromkeys(("url", "imageUrl", "favicon", "archiveUrl", "logoURL"), address)
    item = normalise(raw({**content, "sourceUrl": "https://good.example/"}))
    assert item["url"] == "https://good.example/"
    assert item["content"] == {"type": "link", "sourceUrl": "https://good.example/"}
    assert "ogImage" not in item
    assert "ogImageExternal" not in item


@pytest.mark.parametrize("address", HOSTILE)
def test_stored_hostile_addresses_go_when_the_item_is_made_anew(address: str) -> None:
    """What an earlier version or another system stored is not kept for being stored."""
    if address == "/relative":
        return
    images = dict.fromkeys(("ogImage", "ogImageExternal", "ogUrl"), address)
    stored = {**normalise(raw()), **images, "ogTitle": address, "slug": "s"}
    item = json.loads(merge(raw(), StoredBookmark("b1", stored)).bookmark.body)
    assert not {"ogImage", "ogImageExternal", "ogUrl"} & set(item)
    assert item["ogTitle"] == address


def test_addresses_are_published_as_programs_read_them() -> None:
    """White space and slashes that browsers put right are put right before others read them."""
    content = {"url": " https:\\\\E.com\\a\n", "imageUrl": "HTTPS://E.com/i.png"}
    item: Any = normalise(raw(content))
    assert (item["url"], item["content"]["url"]) == ("https://e.com/a", "https://e.com/a")
    assert item["ogImageExternal"] == item["content"]["imageUrl"] == "https://e.com/i.png"


@pytest.mark.parametrize("kept", ["/images/opengraph/x.png?v=1", "https://cdn.example.com/x.png"])
def test_stored_addresses_of_the_site_stay(kept: str) -> None:
    """A folder's pictures have paths of the site, and those are no other host's."""
    stored = {**normalise(raw()), "ogImage": kept, "slug": "s"}
    item = json.loads(merge(raw(), StoredBookmark("b1", stored)).bookmark.body)
    assert item["ogImage"] == kept


def test_saving_again_moves_no_creation() -> None:
    """Re-saving moves `createdAt`: the bookmark was created when its URL was saved first."""
    item = normalise(raw(firstCreatedAt="2020-01-01T00:00:00.000Z"))
    assert item["dateBookmarked"] == "2026-01-01T00:00:00.000Z"
    assert item["dateCreated"] == "2020-01-01T00:00:00.000Z"


def test_keys_in_another_order_are_no_change() -> None:
    """A stored item that another tool printed anew says the same."""
    made = merge(raw(), None).bookmark
    fields = json.loads(made.body)
    turned = dict(reversed(list(fields.items())))
    assert not merge(raw(), StoredBookmark("b1", turned)).changed
    assert merge(raw(), StoredBookmark("b1", {**turned, "archived": 0})).changed


@pytest.mark.parametrize(
    ("time", "published"),
    [
        ("2020-02-03T04:05:06.000Z", True),
        ("+056789-01-01T00:00:00.000Z", False),
        ("last week", False),
        (None, False),
    ],
)
def test_time_that_a_page_says_of_itself_is_one_that_readers_can_read(
    time: str | None, published: bool
) -> None:
    """Pages say when they were published, and say nonsense: the year 56789 was handed on to readers."""
    item = normalise(raw({"datePublished": time}))
    assert item.get("datePublished") == (time if published else None)
    assert ("datePublished" in item) is published
