"""JSON of others is counted in its bytes before objects are made of it."""

import json
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.json import read_json
from datafetch.models.json_bounds import (
    JsonBounds,
    TooMuchJson,
    check_bounds,
    check_density,
    read_bounded,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a\\"[]{},:é\ud800'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def values(value: object) -> int:
    """How many values are in a value, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(values, inner))


def depth(value: object) -> int:
    """How many levels of lists and objects a value has."""
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0)


@given(JSON)
def test_what_is_within_the_bounds_is_read(value: object) -> None:
    """Commas, brackets and quotes within texts never make JSON too much that is not."""
    body = json.dumps(value).encode()
    bounds = JsonBounds(2 * values(value), depth(value))
    assert read_bounded(body, bounds) == value


@given(JSON)
def test_what_has_a_level_more_is_refused(value: object) -> None:
    """The levels are counted as JSON's readers count them."""
    body = json.dumps([value]).encode()
    with pytest.raises(TooMuchJson, match="levels deep"):
        read_bounded(body, JsonBounds(10_000, depth(value)))


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * 1000 + b"{}]",
        b"[" + b"[[]]," * 500 + b"0]",
        b"[" + b"0," * 1000 + b"0]",
        b"[" + b'"",' * 1000 + b'""]',
        b"{" + b'"a":0,' * 1000 + b'"a":0}',
        b'["' + b"\\\\" * 4 + b'",' + b"0," * 1000 + b"0]",
        b'["' + b'\\"' * 4 + b'",' + b"0," * 1000 + b"0]",
        json.dumps([0] * 1001).encode("utf-16"),
    ],
)
def test_too_many_values_are_refused(body: bytes) -> None:
    """Whatever the values are, and whatever stands before them, they are counted."""
    with pytest.raises(TooMuchJson, match="more than 1,000 values"):
        read_bounded(body, JsonBounds(1000))


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"[" + b"{}," * 3_000_000 + b"{}]",
        lambda: b"[" + b'"",' * 3_000_000 + b"0]",
        lambda: b"[" + b'"[[",' * 2_000_000 + b"0]",
        lambda: b"[" * 9_000_000,
        lambda: b'{"a":' * 2_000_000,
    ],
)
def test_counting_takes_little_memory(make: Callable[[], bytes]) -> None:
    """Nine megabytes of JSON that would be a gigabyte of objects are refused for a few copies of it."""
    body = make()
    tracemalloc.start()
    with pytest.raises(TooMuchJson):
        read_bounded(body, JsonBounds(10_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(body)


@pytest.mark.parametrize("body", [b"", b"[", b"]", b'"', b"[1,]", b"[}", b"\xff", b"9" * 5000])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    """What JSON's reader refuses is told as the same kind of error, whatever it is."""
    with pytest.raises(ValueError, match=r"."):
        read_bounded(body, JsonBounds(1000))


def test_what_closes_more_than_it_opens_is_no_json() -> None:
    """Its levels are not counted: 64 MiB of closing brackets took twenty seconds, a pass for each level."""
    for body in (b"]" * 1000 + b"[" * 101 + b"]" * 101, b"[" * 101 + b"]" * 102):
        check_bounds(body, JsonBounds(1000))
        with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
            read_bounded(body, JsonBounds(1000))


def test_text_that_never_ends_is_looked_at_once() -> None:
    """A text of nothing but escaped quotes, which are never closed, is no JSON and no endless work."""
    with pytest.raises(json.JSONDecodeError):
        read_bounded(b'"' + b'\\"' * 1_000_000, JsonBounds(1000))
    check_bounds(b'["' + b"[{,:" * 1_000_000 + b'"]', JsonBounds(1000))


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * 200_000 + b"{}]",
        b"[" + b'{"a":1},' * 200_000 + b"0]",
        b"[" + b"[]," * 200_000 + b"0]",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'["\\"",' + b"{}," * 200_000 + b"0]",
    ],
)
def test_stored_json_of_nothing_but_brackets_is_refused(body: bytes) -> None:
    """A stored object that would be thirty times as large in memory is none of ours."""
    with pytest.raises(TooMuchJson, match="more lists and objects"):
        check_density(body)
    with pytest.raises(ValueError, match=r"."):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[0,3,1],0,0," * 200_000 + b"0]",
        b"[" + b'{"date":"2026-01-01","count":0,"level":0},' * 200_000 + b"0]",
        b"[" + b"0," * 300_000 + b"0]",
        b'["' + b"{}[]," * 300_000 + b'"]',
        b'["a\\"' + b"{}[]," * 300_000 + b'"]',
        b"[" + b"{}," * 50_000 + b"0]",
    ],
)
def test_stored_json_of_any_length_is_read(body: bytes) -> None:
    """Weeks, days, numbers and texts with brackets are what is stored, and short files are any JSON."""
    assert read_json(body) == json.loads(body)
