"""Large JSON is read member by member."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.store.json_stream import fields, members

SIZES = st.integers(1, 40)


def cut(body: bytes, size: int = 64 * 1024) -> Iterator[bytes]:
    """The document in pieces, with empty ones among them."""
    for start in range(0, len(body), size):
        yield body[start : start + size]
        yield b""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), JSON, max_size=5), st.booleans(), st.sampled_from([None, 2]), SIZES
)
def test_members_of_an_object_are_those_that_json_reads(
    value: dict[str, Any], ascii_only: bool, indent: int | None, size: int
) -> None:
    """Any script, escape, nesting and layout comes out as the whole document would be read."""
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")
    assert dict(members(cut(body, size))) == dict(fields([body])) == json.loads(body)


@given(st.lists(JSON, max_size=5), st.booleans(), SIZES)
def test_members_of_a_list_come_in_order_without_names(
    value: list[Any], ascii_only: bool, size: int
) -> None:
    """A list is read like an object, its members have an empty name."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assert list(members(cut(body, size))) == [("", value) for value in json.loads(body)]


def test_a_path_leads_to_an_inner_object() -> None:
    """What stands before it is passed over, what stands behind it is not read."""
    body = b'{"version":"1","title":"\\"slugs\\":{","slugs":{"a":{"url":"u"}},"rest":'
    assert list(members([body], "slugs")) == [("a", {"url": "u"})]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"7",
        b'"text"',
        b'[{"a":1},',
        b'{"a":1',
        b'{"a":',
        b"{1:2}",
        b"[" * 100_000,
        b"\xff\xfe{",
        b"<html>",
    ],
)
def test_what_is_not_json_is_said_so(body: bytes) -> None:
    """A document cut short or of another kind raises instead of ending early."""
    with pytest.raises(ValueError):
        list(members(cut(body, 3)))


def test_a_missing_path_is_said_so() -> None:
    """An object without the member is not an empty one."""
    with pytest.raises(ValueError):
        list(members([b'{"a":{}}'], "slugs"))


@pytest.mark.parametrize("size", [1000, 1020, 1021, 1022, 1023, 1024, 1025, 5000, 70_000])
def test_members_larger_than_what_is_looked_at_first_are_whole(size: int) -> None:
    """Long texts, and numbers that cross the edge of what is looked at, lose nothing."""
    value = {
        "text": "é" * size,
        "number": 10 ** min(size, 4000) // 9,
        "list": [[1] * size, "x"],
        "last": 5,
    }
    body = json.dumps(value, ensure_ascii=False).encode()
    assert dict(members(cut(body))) == value
    assert dict(members(cut(b" " * size + body + b" " * size, 1024))) == value


def test_a_list_has_no_fields() -> None:
    """Where an object is wanted, an empty list is not an empty object."""
    with pytest.raises(ValueError):
        list(fields([b"[]"]))


def test_what_was_read_is_let_go_of() -> None:
    """Of a document without end, the first members come before it is read on."""
    drawn: list[int] = []

    def endless() -> Iterator[bytes]:
        yield b"["
        for number in itertools.count():
            drawn.append(number)
            yield b'{"number":%d},' % number

    read = itertools.islice(members(endless()), 1000)
    assert [value for _, value in read] == [{"number": number} for number in range(1000)]
    assert len(drawn) < 1010


@pytest.mark.parametrize("number", ["12.5", "12e3", "12E+3", "1.5e-7", "-0.25", "120"])
def test_a_number_is_whole_wherever_the_pieces_were_cut(number: str) -> None:
    """What stands before the cut is often a number as well, and would be taken for all of it."""
    body = f'[{number},"x",{{"a":{number}}}]'.encode()
    for size in range(1, len(body)):
        assert [value for _, value in members(cut(body, size))] == json.loads(body)


def test_a_member_of_nothing_but_brackets_is_refused() -> None:
    """One value that would take a hundred times its length in memory is not decoded."""
    pieces = [b'[{"a":', *[b"{}," * 20_000] * 75, b"0]"]
    with pytest.raises(ValueError, match="more lists and objects"):
        list(members(iter(pieces)))
    assert len(list(members(iter([b"[", *[b"{}," * 20_000] * 75, b"0]"])))) == 1_500_001
