"""Reads a large JSON list or object member by member, so that it never is in memory as objects."""

import json
import re
from collections.abc import Iterator
from typing import Any

_FILLING = re.compile(r"[ \t\r\n,:]*")
_DECODER = json.JSONDecoder()


def members(body: bytes, *path: str) -> Iterator[tuple[str, Any]]:
    """Name and value of each member of the object, or empty name and value of each of the list.

    `path`: names of the members that lead to it from the outermost object. The body is let go
    of once reading has begun; a caller that does the same holds the document once.

    Raises:
        ValueError: it is not JSON, or there is neither object nor list under the path.
    """
    # One byte a character, and JSON's own characters are the same: positions fit the bytes.
    text = body.decode("latin-1")
    del body
    position = _skip(text, 0)
    for name in path:
        position = _find(text, position, name)
    for start, value_start in _starts(text, position):
        end = _end(text, value_start)
        name = _read(text[start:value_start].rstrip(" \t\r\n:")) if start < value_start else ""
        yield name, _read(text[value_start:end])


def _read(text: str) -> Any:
    return json.loads(text.encode("latin-1"))


def _find(text: str, position: int, name: str) -> int:
    """Where the value of a member starts; it is not read itself."""
    if text[position : position + 1] == "{":
        for start, value_start in _starts(text, position):
            if start < value_start and _DECODER.raw_decode(text, start)[0] == name:
                return value_start
    raise ValueError(f"there is no {name}")


def _starts(text: str, position: int) -> Iterator[tuple[int, int]]:
    """Where each member starts, and where its value does: in a list both are one."""
    opening = text[position : position + 1]
    if opening not in ("{", "["):
        raise ValueError("neither an object nor a list")
    closing = "}" if opening == "{" else "]"
    position = _skip(text, position + 1)
    while text[position : position + 1] != closing:
        if opening == "{" and text[position : position + 1] != '"':
            raise ValueError("a member without a name")
        value_start = _skip(text, _end(text, position)) if opening == "{" else position
        yield position, value_start
        position = _skip(text, _end(text, value_start))


def _skip(text: str, position: int) -> int:
    found = _FILLING.match(text, position)
    return found.end() if found else position


def _end(text: str, position: int) -> int:
    try:
        return _DECODER.raw_decode(text, position)[1]
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
