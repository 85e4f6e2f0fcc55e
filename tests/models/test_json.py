"""How JSON of ours is written, and which texts of others may be part of a name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.json import (
    canonical_json,
    compact_json,
    encode_json,
    is_safe_segment,
    read_json,
    says_the_same,
)


def test_json_is_compact_and_in_the_order_given() -> None:
    """Equal values are equal bytes, and every script stays readable."""
    assert compact_json({"b": [1, None], "a": 'é日本 " \n'}) == '{"b":[1,null],"a":"é日本 \\" \\n"}'


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    """Nothing is lost or changed."""
    assert json.loads(compact_json(value)) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_stored_is_json(value: Any) -> None:
    """Objects are stored as strict UTF-8 JSON, whatever was in them."""
    read_json(encode_json({"x": value}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"x": float("-inf")}]])
def test_what_json_does_not_know_is_refused(value: object) -> None:
    """`NaN` would be read by us and by nobody else."""
    with pytest.raises(ValueError, match="JSON"):
        compact_json(value)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": "x\ud83dy"}, '{"a":"x\ufffdy"}'),
        (["\ude00\ud83d"], '["\ufffd\ufffd"]'),
        (["\U0001f600"], '["\U0001f600"]'),
        ({"a": [float("nan"), (float("inf"), 1.5)]}, '{"a":[null,[null,1.5]]}'),
    ],
)
def test_what_json_or_utf8_cannot_hold_is_written_as_browsers_do(value: object, body: str) -> None:
    """Half a surrogate pair was a question mark in one object and U+FFFD in another."""
    assert encode_json(value) == body.encode()


@pytest.mark.parametrize(
    "text",
    [
        *("1" * 5000, f"[-{'1' * 5000}]", "NaN", "[-Infinity]", "1e999", f"{'1' * 400}.0"),
        *("[" * 100_000, "", "{", "[1,]"),
    ],
    ids=lambda text: text[:9],
)
def test_what_cannot_be_written_again_is_no_json(text: str) -> None:
    """A number of 5,000 digits, NaN, an infinity or endless nesting was a traceback, or later one."""
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
    with pytest.raises(ValueError, match=r"."):
        read_json(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e308", 1e308),
        ("1e-999", 0.0),
        (f"[{'1' * 4300}]", [int("1" * 4300)]),
        ('"\\ud800"', "\ud800"),
    ],
    ids=lambda value: str(value)[:9],
)
def test_odd_values_that_can_be_written_again_are_json(text: str, value: object) -> None:
    """The largest numbers, and the half of a pair that JavaScript leaves, are read."""
    assert read_json(text) == value


@pytest.mark.parametrize("text", ["a", "ieidlxygmwj87oxz5hxttoc8", "_a.b-c", "7", "a" * 128])
def test_ordinary_ids_may_be_part_of_a_key(text: str) -> None:
    """Those of the bookmark server, and of others like it."""
    assert is_safe_segment(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a..b", ".a", "-a", "a/b", "a\\b", "a b", "a\n", "%2e", "é", "a" * 129],
)
def test_an_id_that_could_lead_elsewhere_is_no_part_of_a_key(text: str) -> None:
    """An asset's id led out of its folder."""
    assert not is_safe_segment(text)


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        (b'{"a":1,"b":[1,{}]}', b'{ "b": [1.0, {}],\n "a": 1 }', True),
        ('"é"'.encode(), b'"\\u00e9"', True),
        (b"[1,2]", b"[2,1]", False),
        (b"[true]", b"[1]", False),
        (b"[1.5]", b"[1]", False),
        (b'{"a":null}', b"{}", False),
        (b"[1]", b"[1", False),
        (b"{broken", b"{broken", True),
        (b"[" * 100_000, b"[]", False),
    ],
)
def test_json_says_the_same_however_it_is_printed(text: bytes, other: bytes, same: bool) -> None:
    """White space, the order of keys and the writing of numbers are no content; all else is."""
    assert says_the_same(text, other) is same
    assert says_the_same(other, text) is same


def test_what_can_be_read_can_be_compared_and_written() -> None:
    """An item nested 600 deep, which `json` reads, ended the run with a traceback when it changed."""
    depth = 600
    value = read_json("[" * depth + "1.0" + "]" * depth)
    assert canonical_json(value) == "[" * depth + "1" + "]" * depth
    assert encode_json([float("nan"), value]).endswith(b"]" * (depth + 1))
