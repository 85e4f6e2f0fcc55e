"""Reads a large JSON list or object member by member, so that it never is in memory as objects."""

import json
import re
from collections.abc import Iterator
from typing import Any

_FILLING = re.compile(rb"[ \t\r\n,:]*")
_DECODER = json.JSONDecoder()

_WINDOW = 1024
"""Bytes of a member that are looked at first; more when it is larger."""


def members(body: bytes, *path: str) -> Iterator[tuple[str, Any]]:
    """Name and value of each member of the object, or empty name and value of each of the list.

    `path`: names of the members that lead to it from the outermost object. Beside the body one
    member is in memory at a time.

    Raises:
        ValueError: it is not JSON, or there is neither object nor list under the path.
    """
    position = _skip(body, 0)
    for name in path:
        position = _find(body, position, name)
    for start, value_start in _starts(body, position):
        name = _name(body, start, value_start) if start < value_start else ""
        yield name, json.loads(body[value_start : _end(body, value_start)])


def _find(body: bytes, position: int, name: str) -> int:
    """Where the value of a member starts; it is not read itself."""
    if body[position : position + 1] == b"{":
        for start, value_start in _starts(body, position):
            if start < value_start and _name(body, start, value_start) == name:
                return value_start
    raise ValueError(f"there is no {name}")


def _name(body: bytes, start: int, value_start: int) -> str:
    return str(json.loads(body[start:value_start].rstrip(b" \t\r\n:")))


def _starts(body: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Where each member starts, and where its value does: in a list both are one."""
    opening = body[position : position + 1]
    if opening not in (b"{", b"["):
        raise ValueError("neither an object nor a list")
    closing = b"}" if opening == b"{" else b"]"
    position = _skip(body, position + 1)
    while body[position : position + 1] != closing:
        if opening == b"{" and body[position : position + 1] != b'"':
            raise ValueError("a member without a name")
        value_start = _skip(body, _end(body, position)) if opening == b"{" else position
        yield position, value_start
        position = _skip(body, _end(body, value_start))


def _skip(body: bytes, position: int) -> int:
    found = _FILLING.match(body, position)
    return found.end() if found else position


def _end(body: bytes, position: int) -> int:
    """Where the value ends that starts here."""
    size = _WINDOW
    while True:
        # One byte a character, and JSON's own characters are the same: positions fit the bytes.
        window = body[position : position + size].decode("latin-1")
        is_rest = position + size >= len(body)
        try:
            end = _DECODER.raw_decode(window)[1]
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        except ValueError:
            if is_rest:
                raise
        else:
            # A number that ends with the window may go on behind it.
            if is_rest or end < len(window):
                return position + end
        size *= 4
