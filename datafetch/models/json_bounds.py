"""Reads JSON of others within bounds that are checked on its bytes, before any object is made.

A few bytes of JSON become a large object: `{},` takes three bytes in a text and ninety in memory,
and a thousand times less on the network. So a limit of bytes alone does not limit memory.
"""

import json
import re
from dataclasses import dataclass

_MOST_DEPTH = 100
"""Levels; deep enough for what people store. Writers and readers of ours end near 1,000."""

_SAME_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_MARKS = bytes(code for code in range(256) if code not in b'[]{},"')

_FEW = 100_000
_BYTES_OF_AN_OBJECT, _BYTES_OF_A_LIST = 24, 6
"""The fewest bytes that each takes in a long JSON text of ours, on average: `[0,3,1],` is a week of
lines. So a list of `{}` is none of ours, and its objects would take thirty times as much memory."""

_TEXT = re.compile(rb'"[^"]*+"?')
_QUOTES_OF_A_VALUE = 4
"""A value that is a text, and its name in an object, have two quotes each."""


class TooMuchJson(ValueError):
    """JSON that has more values or levels than its bounds allow; the message says which bound."""


@dataclass(frozen=True, slots=True)
class JsonBounds:
    """How much JSON is made into objects.

    Attributes:
        values: the most values: texts, numbers, lists, objects and so on, each with its name.
        depth: the most levels of lists and objects in each other.
    """

    values: int
    depth: int = _MOST_DEPTH


def read_bounded(body: bytes, bounds: JsonBounds) -> object:
    """Read JSON whose size is within the bounds.

    Raises:
        TooMuchJson: it has more values or levels. No object was made of it.
        json.JSONDecodeError: it is not JSON.
        ValueError: it is not UTF-8, UTF-16 or UTF-32, or has an integer of more than 4,300 digits,
            which Python does not read.
    """
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "surrogatepass")
    check_bounds(body if encoding.startswith("utf-8") else text.encode(errors="replace"), bounds)
    try:
        value: object = json.loads(text)
    except RecursionError:
        raise _too_deep(bounds) from None
    return value


def check_bounds(body: bytes, bounds: JsonBounds) -> None:
    """Check how many values and levels a JSON text in UTF-8 has, without making objects of it.

    A text that is no JSON may pass. It takes time in proportion to the length of the text.

    Raises:
        TooMuchJson: it has more than the bounds allow.
    """
    marks = _marks(body, bounds)
    # A value is followed by a comma or by the end of what it is in.
    if 1 + len(marks) - marks.count(b"]") > bounds.values:
        raise _too_many(bounds)
    brackets = marks.translate(None, b",")
    if 2 * brackets.count(b"]") > len(brackets):
        return  # it is no JSON, and each pass below could go over millions that nothing has opened
    for _ in range(bounds.depth):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    if b"[]" in brackets:
        raise _too_deep(bounds)


def check_density(body: bytes) -> None:
    """Check that a stored JSON text does not become many times as large in memory as it is.

    A file of any size may be ours, so that the bounds go by its length.

    Raises:
        TooMuchJson: it consists of lists and objects with hardly anything in them.
    """
    most_objects = max(_FEW, len(body) // _BYTES_OF_AN_OBJECT)
    most_lists = max(_FEW, len(body) // _BYTES_OF_A_LIST)
    if body.count(b"{") <= most_objects and body.count(b"[") <= most_lists:
        return
    # Some of them may stand within texts.
    outside = _outside_of_texts(body)
    if outside.count(b"{") > most_objects or outside.count(b"[") > most_lists:
        raise TooMuchJson("it has more lists and objects than such a file can hold")


def _outside_of_texts(body: bytes) -> bytes:
    """The brackets, commas and lone quotes of JSON that do not stand within texts."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(None, _NO_MARKS).replace(b'""', b"")
    return _TEXT.sub(b"", marks)


def _marks(body: bytes, bounds: JsonBounds) -> bytes:
    """The commas and brackets outside of texts; brackets of objects become those of lists.

    Those within texts have to go: `["]",["]",[…` would seem to be flat.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(_SAME_BRACKETS, _NO_MARKS).replace(b'""', b"")
    quotes = marks.count(b'"')
    if quotes > _QUOTES_OF_A_VALUE * bounds.values:  # before each piece is an object
        raise _too_many(bounds)
    return b"".join(marks.split(b'"')[::2]) if quotes else marks


def _too_many(bounds: JsonBounds) -> TooMuchJson:
    return TooMuchJson(f"it has more than {bounds.values:,} values")


def _too_deep(bounds: JsonBounds) -> TooMuchJson:
    return TooMuchJson(f"it is nested more than {bounds.depth} levels deep")
