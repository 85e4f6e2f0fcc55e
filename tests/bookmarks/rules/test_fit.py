"""Stored bookmarks made over by the present rules."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.addresses import OwnHosts
from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.rules.fit import fit
from datafetch.bookmarks.rules.normalise import normalise
from tests.bookmarks.rules.raws import HOSTILE, NOTE, PRIVATE, RAW, raw
from tests.readers.bookmarks import Item


def made(**fields: Any) -> dict[str, Any]:
    """A stored item with these fields, made over."""
    item = {"id": "b1", "slug": "kept", "url": "https://e.com/a", **fields}
    return dict(fit(StoredBookmark("b1", item)).fields)


@pytest.mark.parametrize(
    "source",
    [
        raw({"imageUrl": "https://e.com/i.png"}, title="T", tags=[{"id": "1", "name": "日本語"}]),
        raw(tags=[{"id": "1", "name": "C++", "attachedBy": "human"}], assets=[{"id": "a"}]),
        read_bookmark(NOTE),
        read_bookmark({**RAW, "content": None}),
    ],
    ids=["link", "tagged", "note", "bare"],
)
def test_what_the_rules_have_made_stays_as_it_is(source: Any) -> None:
    """An item of today is the same bytes afterwards, so that nothing is written for it."""
    fields = {**normalise(source), "ogTitle": None, "somethingElse": {"a": [1, None]}}
    assert list(fit(StoredBookmark("b1", fields)).fields.items()) == list(fields.items())


@pytest.mark.parametrize("address", HOSTILE)
def test_no_bad_address_stays(address: str) -> None:
    """What an earlier version or another system stored is not kept for being stored."""
    names = ("ogImage", "ogImageExternal", "ogUrl", "archiveUrl")
    content = {"url": "https://e.com/a", "imageUrl": address, "favicon": address}
    item = made(**dict.fromkeys(names, address), content=content, logoData={"url": address})
    assert not {*names, "logoData"} & item.keys()
    assert not {"imageUrl", "favicon"} & item["content"].keys()
    lost = made(url=address, content={"url": address, "sourceUrl": "https://good.example/"})
    assert lost["url"] == lost["content"]["url"] == "https://good.example/"
    assert lost["domain"] == "good.example"
    none = made(url=address, content={"url": address})
    assert "url" not in none
    assert "url" not in none["content"]


def test_an_item_of_the_old_system_becomes_one_that_readers_accept() -> None:
    """Bare tags, a relative picture, a content without title: its list was refused as a whole."""
    old = made(
        title="",
        tags=["Go", {"name": "日本語 AI", "slug": "日本語-ai", "id": 5}],
        createdAt="2025-01-01T00:00:00.000Z",
        ogImage="/images/x.png",
        ogImageLastFetchedAt=1735689600000,
        content={
            "url": "https://e.com/a",
            "title": "Page",
            "description": None,
            "htmlContent": "<p>",
        },
        assets=[{"id": "a1"}, {"assetType": "x"}, None],
        wordCount="7",
        isPrivate=None,
        kept={"deep": [1, {"x": None}]},
    )
    assert old == {
        "id": "b1",
        "slug": "kept",
        "url": "https://e.com/a",
        "title": "Page",
        "tags": [
            {"id": "", "name": "Go", "slug": "go"},
            {"id": "", "name": "日本語 AI", "slug": "ai"},
        ],
        "createdAt": "2025-01-01T00:00:00.000Z",
        "content": {
            "url": "https://e.com/a",
            "title": "Page",
            "description": "No description available.",
            "type": "link",
        },
        "assets": [{"id": "a1", "assetType": "unknown"}],
        "kept": {"deep": [1, {"x": None}]},
        "description": "No description available.",
        "domain": "e.com",
        "dateBookmarked": "2025-01-01T00:00:00.000Z",
        "sourceUpdatedAt": "2025-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize("odd", ["+056789-01-01T00:00:00.000Z", "soon", "2025-13-01T00:00:00Z", 7])
def test_times_that_nobody_can_read_are_replaced(odd: Any) -> None:
    """Items that do not come had kept them; `Date` of such a text ends a reader's page."""
    good, later = "2025-01-01T00:00:00.000Z", "2025-02-01T00:00:00.000Z"
    item = made(dateBookmarked=odd, dateCreated=good, modifiedAt=later, sourceUpdatedAt=odd)
    assert (item["dateBookmarked"], item["sourceUpdatedAt"]) == (good, later)
    assert (item["dateCreated"], item["modifiedAt"]) == (good, later)
    item = made(dateBookmarked=good, dateCreated=odd, modifiedAt=odd, sourceUpdatedAt=odd)
    assert {item[name] for name in ("dateBookmarked", "sourceUpdatedAt")} == {good}
    assert {item.get(name, good) for name in ("dateCreated", "modifiedAt")} == {good}


def test_fields_of_later_readers_are_as_they_demand() -> None:
    """Their schema knows these too: a number or a null in one refused the whole list."""
    content = {"url": "https://e.com/a", "contentAssetId": 7, "crawlStatus": None}
    item = made(scrapedContentText=None, content=content)
    assert "scrapedContentText" not in item
    assert "contentAssetId" not in item["content"]
    assert item["content"]["crawlStatus"] is None


@pytest.mark.parametrize("kept", ["2025-01-01", "2025-01-01T10:00+02:00", "long ago"])
def test_a_time_stays_where_it_can_be_read_or_nothing_is_better(kept: str) -> None:
    """No time is made up while a text of the store says something."""
    item = made(dateBookmarked=kept)
    assert (item["dateBookmarked"], item["sourceUpdatedAt"]) == (kept, kept)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(
        [None, True, False, 0, -1, 7, 2.5, "T", " ", *HOSTILE, "https://e.com/x", [], {}]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["url", "title", "name", "id", "someUrl", "crawlStatus"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)
NAMES = [
    *("title", "description", "tags", "ogImage", "ogImageExternal", "ogUrl", "ogTitle", "assets"),
    *("datePublished", "archived", "isFavorite"),
    *("taggingStatus", "note", "summary", "content", "wordCount", "readingTime", "logoData"),
    *("isPrivate", "ogImageLastFetchedAt", "ogImageEtag", "domain", "dateUpdated", "other"),
    "scrapedContentText",
]


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_was_stored_readers_accept_the_item_afterwards(fields: dict[str, Any]) -> None:
    """One item must not spoil a list; made over again it stays the same."""
    item = made(**fields)
    Item.model_validate_json(json.dumps(item))
    assert item["slug"] == "kept"
    assert dict(fit(StoredBookmark("b1", item)).fields) == item


@pytest.mark.parametrize("address", PRIVATE)
def test_no_picture_stays_that_visitors_should_not_ask_for(address: str) -> None:
    """What an earlier version or another system stored goes; a good picture beside it stays."""
    cdn = "https://cdn.example.com/images/opengraph/x.png?v=1"
    pictures = {"ogImageExternal": address, "faviconUrl": address, "logoData": {"url": address}}
    content = {"url": "https://e.com/a", "imageUrl": address, "favicon": address}
    item = made(**pictures, ogImage=cdn, ogUrl="http://10.0.0.1/x", content=content)
    assert not pictures.keys() & item.keys()
    assert not {"imageUrl", "favicon"} & item["content"].keys()
    assert item["ogImage"] == cdn
    assert item["ogUrl"] == "http://10.0.0.1/x"
    assert item["slug"] == "kept"
    for image in (address, f"{address}/{'a' * 9000}"):
        assert "ogImage" not in made(ogImage=image)


def test_the_stores_own_pictures_stay() -> None:
    """A store on this machine has its pictures at a private address, at which the user reads them."""
    image = "http://localhost:9000/bucket/images/opengraph/x.png?v=1"
    item = {"id": "b1", "slug": "s", "url": "https://e.com/", "ogImage": image}
    stored = StoredBookmark("b1", {**item, "logoData": {"url": image}})
    own = OwnHosts.of((), "http://localhost:9000/bucket/")
    assert fit(stored, own).fields["ogImage"] == image
    assert fit(stored, own).fields["logoData"] == {"url": image}
