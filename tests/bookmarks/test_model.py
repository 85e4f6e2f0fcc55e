"""Reading one item of the list, and writing it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import UnreadableItem, encode_item, source_hash
from datafetch.bookmarks.rules.normalise import normalise
from datafetch.errors import Malformed
from datafetch.urls import well_formed

ITEM: dict[str, Any] = {"id": "b1", "createdAt": "2026-01-01T00:00:00.000Z"}
PUBLISHED = Path(__file__).parents[3] / "shared" / "contracts" / "karakeep-openapi.json"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("absent", [None, ...])
def test_everything_but_id_and_time_may_be_missing(absent: Any) -> None:
    """One null `imageUrl` failed the whole refresh for days."""
    optional = ("modifiedAt", "title", "note", "summary", "archived", "favourited", "tags")
    names = (*optional, "assets", "content", "taggingStatus", "firstCreatedAt")
    fields = {} if absent is ... else dict.fromkeys(names)
    raw = read_bookmark({**ITEM, **fields, "unknown": {"x": 1}})
    assert (raw.id, raw.url, raw.content) == ("b1", "", {})
    fields = normalise(raw)
    assert (fields["tags"], fields["assets"], fields["archived"]) == ([], [], False)


@pytest.mark.parametrize(
    "name",
    ["imageUrl", "title", "description", "imageAssetId", "screenshotAssetId", "datePublished"],
)
def test_a_null_inside_the_content_is_no_obstacle(name: str) -> None:
    """One null `imageUrl` failed the whole refresh for days."""
    content = {"type": "link", "url": "https://a.example/x", name: None}
    raw = read_bookmark({**ITEM, "content": content})
    assert raw.url == "https://a.example/x"


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {},
        {"id": "b1"},
        {"createdAt": "2026-01-01T00:00:00Z"},
        {**ITEM, "id": 7},
        {**ITEM, "id": "../x"},
        {**ITEM, "id": "a/b"},
        {**ITEM, "createdAt": "yesterday"},
        {**ITEM, "title": 5},
        {**ITEM, "archived": "no"},
        {**ITEM, "tags": {}},
        {**ITEM, "tags": ["x"]},
        {**ITEM, "assets": [1]},
        {**ITEM, "content": "x"},
        {**ITEM, "content": {"url": 5}},
    ],
)
def test_items_of_another_shape_are_malformed(item: Any) -> None:
    """A field of a wrong type means that the item is not understood: it is set aside."""
    with pytest.raises(Malformed) as error:
        read_bookmark(item)
    unreadable = UnreadableItem.of(item, error.value)
    named = isinstance(item, dict) and isinstance(item.get("id"), str)
    assert (unreadable.id is not None) == named
    assert unreadable.name.isascii()


@given(JSON)
def test_any_json_is_read_or_set_aside(value: Any) -> None:
    """Nothing that can come stops a run: an item is read, or it is malformed."""
    for item in (value, {**ITEM, "content": value}, {**ITEM, "tags": [value]}):
        try:
            read_bookmark(item)
        except Malformed as error:
            UnreadableItem.of(item, error)


@given(JSON)
def test_what_is_written_is_json(value: Any) -> None:
    """Items are stored as strict UTF-8 JSON, whatever was in them."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(encode_item({"x": value}), parse_constant=refuse)


@given(JSON)
def test_source_hash_tells_items_apart_by_value(value: Any) -> None:
    """The hash of an item does not depend on how its texts lie in memory, only on what they say."""
    item = {"x": value, "y": "same", "z": ["same"]}
    if "nan" not in repr(value):
        copy = json.loads(json.dumps(item))
        assert source_hash(copy) == source_hash(item)
    assert source_hash({**item, "y": "other"}) != source_hash(item)


def test_half_surrogates_become_the_replacement_character() -> None:
    """A text that was cut inside an emoji is made well-formed; whole ones are left alone."""
    assert well_formed("a\ud83d") == "a\ufffd"
    assert well_formed("a😀") == "a😀"
    assert encode_item({"a": "\ud83d", "b": float("inf")}) == '{"a":"\ufffd","b":null}'.encode()


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the server's description is not here")
def test_fields_are_those_of_the_servers_description() -> None:
    """Every field that is read of an item has the server's own name for it."""
    described = json.loads(PUBLISHED.read_text())["components"]["schemas"]["Bookmark"]["properties"]
    read = {"id", "createdAt", "modifiedAt", "title", "note", "summary", "archived", "favourited"}
    assert read | {"taggingStatus", "tags", "assets", "content"} <= set(described)
    kinds = described["content"]["oneOf"]
    content = set().union(*(set(kind["properties"]) for kind in kinds))
    assert {"url", "sourceUrl", "imageUrl", "crawlStatus", "datePublished"} <= content
