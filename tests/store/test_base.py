"""Values that pass through every store: JSON as it is stored, and what cannot be read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import CorruptObject
from datafetch.store.base import (
    Condition,
    IfAbsent,
    IfMatch,
    ObjectInfo,
    StoredObject,
    encode_json,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def stored(body: bytes) -> StoredObject:
    """An object with this content."""
    info = ObjectInfo("json/x.json", "etag", len(body), datetime(2026, 11, 24, tzinfo=UTC))
    return StoredObject(info, body)


@given(VALUES)
def test_a_value_comes_back_as_it_went_in(value: Any) -> None:
    """Nothing is lost or changed between writing and reading."""
    assert stored(encode_json(value)).json() == value


def test_json_is_stored_compact_in_utf8_and_in_order() -> None:
    """Equal values have equal bytes, so that an unchanged object is not written again."""
    assert encode_json({"b": 1, "a": ["é日本"]}) == '{"b":1,"a":["é日本"]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": [float("-inf")]}])
def test_what_json_does_not_know_is_never_stored(value: Any) -> None:
    """`NaN` would be read by us and by nobody else; it is written as JavaScript does, as null."""
    assert b"null" in encode_json(value)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff\xfe\x00", b"<html>", b'{"a":1}}', b"[" * 100_000),
        *(b'{"n":' + b"1" * 5000 + b"}", b'{"a":NaN}', b"[1e999]"),
    ],
    ids=len,
)
def test_what_is_not_json_is_corrupt_and_says_where(body: bytes) -> None:
    """A corrupt object crashed the run, or was taken as empty: it has its own error, with the key."""
    with pytest.raises(CorruptObject) as caught:
        stored(body).json()
    assert caught.value.key == "json/x.json"
    assert "json/x.json" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (IfAbsent(), IfAbsent(), True),
        (IfMatch("a"), IfMatch("a"), True),
        (IfMatch("a"), IfMatch("b"), False),
        (IfAbsent(), IfMatch(""), False),
        (IfAbsent(), None, False),
    ],
)
def test_conditions_of_the_same_meaning_are_equal(
    one: Condition, other: Condition, same: bool
) -> None:
    """A condition is told by what it says, wherever it was made."""
    assert (one == other) is same
