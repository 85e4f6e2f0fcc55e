"""A build refuses a list that the site's readers would refuse: each demand once."""

import copy
from typing import Any

import pytest

from datafetch.build.rules.readers import check_readable
from datafetch.errors import CorruptObject

ITEM: dict[str, Any] = {
    "id": "b1",
    "url": "https://example.com/a",
    "title": "T",
    "description": "D",
    "slug": "example-com-a",
    "domain": "example.com",
    "tags": [{"id": "t", "name": "AI", "slug": "ai", "attachedBy": "ai"}],
    "ogImage": "https://cdn.example.com/images/x.png?v=1",
    "dateBookmarked": "2026-01-01T00:00:00.000Z",
    "dateCreated": "2026-01-01T00:00:00.000Z",
    "datePublished": None,
    "modifiedAt": "2026-01-01T00:00:00.000Z",
    "sourceUpdatedAt": "2026-01-01T00:00:00.000Z",
    "archived": False,
    "isFavorite": False,
    "note": None,
    "summary": None,
    "content": {"type": "link", "url": "https://example.com/a", "title": "T", "description": None},
    "assets": [{"id": "a", "assetType": "screenshot"}],
    "wordCount": 5,
    "mine": {"unknown": [None]},
}
GONE = object()


def edited(place: str, value: object) -> dict[str, Any]:
    """The item with another value, or without it."""
    item = copy.deepcopy(ITEM)
    *way, last = place.split(".")
    at: Any = item
    for name in way:
        at = at[int(name)] if isinstance(at, list) else at[name]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return item


def test_what_readers_take_is_accepted() -> None:
    """Fields that nobody demands may be missing, and those that nobody knows may be anything."""
    bare = ("id", "url", "title", "description", "slug", "tags", "dateBookmarked")
    item = {name: ITEM[name] for name in (*bare, "sourceUpdatedAt")}
    check_readable("list", [ITEM, item, {**item, "tags": []}, {**item, "wordCount": 5.0}])


def test_a_note_in_a_list_that_has_them_is_accepted() -> None:
    """It has neither `url` nor `content.url`."""
    item = copy.deepcopy(ITEM)
    del item["url"], item["content"]["url"], item["ogImage"]
    check_readable("list", [item])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("url", ""),
        ("url", None),
        ("url", "/a"),
        ("url", "javascript:alert(1)"),
        ("url", "example.com/a"),
        ("title", ""),
        ("scrapedContentText", None),
        ("content.author", 7),
        ("content.favicon", False),
        ("content.crawlStatus", []),
        ("logoData", {"url": "https://example.com/l.png", "width": 0}),
        ("logoData", {"url": "https://example.com/l.png", "height": 1.5}),
        ("logoData", {"url": "https://example.com/l.png", "alt": 5}),
        ("title", GONE),
        ("title", None),
        ("description", None),
        ("description", GONE),
        ("slug", ""),
        ("tags", None),
        ("tags", GONE),
        ("tags", ["ai"]),
        ("tags.0.slug", ""),
        ("tags.0.name", GONE),
        ("tags.0.attachedBy", "human"),
        ("ogImage", None),
        ("ogImage", ""),
        ("ogImage", "/api/assets/1"),
        ("ogImageExternal", "data:image/png;base64,x"),
        ("ogUrl", "//example.com"),
        ("dateBookmarked", GONE),
        ("dateBookmarked", None),
        ("sourceUpdatedAt", GONE),
        ("dateCreated", None),
        ("datePublished", 5),
        ("modifiedAt", None),
        ("archived", "no"),
        ("isFavorite", None),
        ("note", 5),
        ("content", {}),
        ("content.url", GONE),
        ("content.url", "/a"),
        ("content.title", GONE),
        ("content.description", GONE),
        ("content.type", GONE),
        ("assets", None),
        ("assets.0.assetType", GONE),
        ("wordCount", -1),
        ("wordCount", 1.5),
        ("wordCount", True),
        ("readingTime", None),
        ("domain", None),
        ("logoData", {"url": "/logo.png"}),
    ],
)
def test_what_readers_refuse_is_refused(place: str, value: object) -> None:
    """One such item would cost the readers the whole list; the message names it and its field."""
    field = place.split(".", maxsplit=1)[0]
    with pytest.raises(CorruptObject, match=rf"list cannot be used: .* bookmark b1: {field}"):
        check_readable("list", [ITEM, edited(place, value)])
