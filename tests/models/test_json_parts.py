"""A JSON object is cut into its parts where their brackets close."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.json_bounds import TooMuchJson
from datafetch.models.json_parts import cut_object

JSON = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a\\"[]{},: é'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.lists(JSON, max_size=6), st.booleans())
def test_parts_are_those_that_json_has(
    others: dict[str, object], entries: list[object], indented: bool
) -> None:
    """Read one by one, the parts of an object are the values that it has when it is read at once."""
    value = {**others, "list": entries}
    body = json.dumps(value, indent=2 if indented else None).encode()
    members, found = cut_object(body, "list", 10)
    assert found is not None
    assert [json.loads(entry) for entry in found] == entries
    assert {name: json.loads(part) for name, part in members.items()} == {
        name: part for name, part in others.items() if name != "list"
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"x{}",
        b'"a"',
        b"}",
        b"{",
        b'{"a":1',
        b'{"list":[1,2',
        b"{} {}",
        b"{x:1}",
        b"{}x",
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """A body that breaks off, has more behind it, or is something else has no parts."""
    with pytest.raises(ValueError, match=r"."):
        cut_object(body, "list", 10)


def test_a_list_under_another_name_is_a_member() -> None:
    """Only the list that was asked for is cut into entries, and only where it is a list."""
    assert cut_object(b'{"list":{"list":[1]},"b":[1,2]}', "list", 1) == (
        {"list": b'{"list":[1]}', "b": b"[1,2]"},
        None,
    )


def test_cutting_ends_at_the_most_entries() -> None:
    """The entry after the last that may come ends it, however many follow."""
    with pytest.raises(TooMuchJson, match="more than 10 list"):
        cut_object(b'{"list":[' + b"1," * 11 + b"!" * 1000, "list", 10)


def test_cutting_ends_at_the_most_parts() -> None:
    """One entry with millions of parts is not gone through to its end."""
    with pytest.raises(TooMuchJson, match="more than 3,000,000 parts"):
        cut_object(b'{"list":[[' + b"," * 3_000_001, "list", 10)
