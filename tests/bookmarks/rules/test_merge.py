"""The server's bookmark laid over the stored one."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.rules.list import checksum
from datafetch.bookmarks.rules.merge import as_bookmark, as_stored, finish, merge, tag_slugs
from datafetch.bookmarks.rules.normalise import normalise
from datafetch.models.json import encode_json
from tests.bookmarks.rules.raws import HOSTILE, NOTE, raw


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


ENRICHED = {
    "slug": "kept-slug",
    "ogImage": "https://cdn.example.com/images/opengraph/x.png?v=1",
    "ogTitle": "Stored",
    "ogImageLastFetchedAt": "2026-01-02T00:00:00.000Z",
    "logoData": {"url": "https://cdn.example.com/l.png", "alt": None, "width": 16},
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
    merged = json.loads(merge(raw({"imageUrl": "https://e.com/new.png"}), stored).bookmark.body)
    assert merged["ogImage"] == "https://e.com/new.png"
    assert {name: merged[name] for name in others} == others


def test_a_picture_that_was_only_derived_follows_its_source() -> None:
    """When the crawler finds a picture later it replaces what normalising had put there before."""
    fields = normalise(raw({"imageUrl": "https://e.com/old.png"}))
    stored = StoredBookmark("b1", {**fields, "slug": "s"})
    made = merge(raw({"imageUrl": "https://e.com/new.png"}), stored)
    assert b'"ogImage":"https://e.com/new.png"' in made.bookmark.body
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
    assert json.loads(named.body) == {**normalise(raw(title="T")), "slug": "same-2"}


def test_the_checksum_takes_a_text_as_it_is_published() -> None:
    """Readers compute it from the list, where half a surrogate pair stands as U+FFFD."""
    half = as_bookmark(StoredBookmark("b1", {"modifiedAt": "2026\ud83d"}))
    published = json.loads(half.body)["modifiedAt"]
    assert published == "2026\ufffd"
    assert checksum([half]) == hashlib.sha256(f"b1:{published}".encode()).hexdigest()


@pytest.mark.parametrize("address", HOSTILE)
def test_stored_hostile_addresses_go_when_the_item_is_made_anew(address: str) -> None:
    """What an earlier version or another system stored is not kept for being stored."""
    images = dict.fromkeys(("ogImage", "ogImageExternal", "ogUrl", "someUrl"), address)
    nested = {"logoData": {"url": address}, "links": [{"url": address}, {"url": "https://e.com/"}]}
    stored = {**normalise(raw()), **images, **nested, "ogTitle": address, "slug": "s"}
    item = json.loads(merge(raw(), StoredBookmark("b1", stored)).bookmark.body)
    assert not {"ogImage", "ogImageExternal", "ogUrl", "someUrl", "logoData"} & set(item)
    assert item["links"] == [{"url": "https://e.com/"}]
    assert item["ogTitle"] == address


def test_an_address_that_the_server_took_away_does_not_come_back() -> None:
    """A bookmark that became a note does not keep the address that is stored of it."""
    stored = StoredBookmark("b1", {**normalise(raw()), "slug": "s"})
    item = json.loads(merge(read_bookmark(NOTE), stored).bookmark.body)
    assert "url" not in item
    assert item["slug"] == "s"


def test_keys_in_another_order_are_no_change() -> None:
    """A stored item that another tool printed anew says the same."""
    made = merge(raw(), None).bookmark
    fields = json.loads(made.body)
    turned = dict(reversed(list(fields.items())))
    assert not merge(raw(), StoredBookmark("b1", turned)).changed
    assert merge(raw(), StoredBookmark("b1", {**turned, "archived": 0})).changed
