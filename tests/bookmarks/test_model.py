"""The values of a bookmark, and the hash of an item."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.model import StoredBookmark, source_hash
from datafetch.urls import well_formed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


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


@pytest.mark.parametrize(
    "value", [None, 7, [], {}, {"id": None}, {"id": 7}, {"id": ""}, {"id": "../x"}, {"id": "a b"}]
)
def test_an_entry_without_a_safe_id_is_no_stored_bookmark(value: Any) -> None:
    """An id is part of keys: what has none that can be is not taken for a bookmark."""
    assert StoredBookmark.of(value) is None


def test_fields_of_a_stored_bookmark_are_kept() -> None:
    """Only the id of a stored bookmark is checked; odd and unknown fields stay as they are."""
    fields = {"id": "b1", "slug": [1], "title": "T", "self": "a field of that name", "old": 1}
    item = StoredBookmark.of(fields)
    assert item is not None
    assert (item.id, item.slug, item.text("title")) == ("b1", "", "T")
    named = item.with_fields({"slug": "s"})
    assert named.fields == {**fields, "slug": "s"}
    assert list(named.fields) == list(fields)
    assert item.fields["slug"] == [1]
