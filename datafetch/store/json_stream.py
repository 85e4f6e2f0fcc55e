"""Reads a large JSON list or object member by member, so that it never is in memory as a whole."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_FILLING = re.compile(r"[ \t\r\n,:]*")
_DECODER = json.JSONDecoder()

_TAIL = 2
"""A number may go on in the next piece: behind `12`, this one may end with `.`, `e` or `e+`."""


def members(chunks: Iterable[bytes], *path: str) -> Iterator[tuple[str, Any]]:
    """Name and value of each member of the object, or empty name and value of each of the list.

    `chunks`: the document in pieces of any size. `path`: names of the members that lead to it
    from the outermost object. One member is in memory at a time, and about two pieces.

    Raises:
        ValueError: it is not JSON, or there is neither object nor list under the path.
    """
    text = _found(chunks, path)
    if text.next() == "[":
        for _ in text.places():
            yield "", text.value()
    else:
        yield from _fields(text)


def fields(chunks: Iterable[bytes], *path: str) -> Iterator[tuple[str, Any]]:
    """As `members`, of an object only.

    Raises:
        ValueError: also when there is a list.
    """
    yield from _fields(_found(chunks, path))


def _fields(text: "_Text") -> Iterator[tuple[str, Any]]:
    for name in text.names():
        yield name, text.value()


def _found(chunks: Iterable[bytes], path: tuple[str, ...]) -> "_Text":
    """The document, at the place where the value under the path starts."""
    text = _Text(chunks)
    for wanted in path:
        for name in text.names():
            if name == wanted:
                break
            text.value()
        else:
            raise ValueError(f"there is no {wanted}")
    return text


class _Text:
    """The part of the document that is being looked at, and the position in it.

    The bytes are held as Latin-1, a character each, in which JSON's own characters are the
    same: so a member is found wherever the pieces were cut.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._text = ""
        self._at = 0

    def next(self) -> str:
        """The next character that is not filling, which stays the next; empty at the end."""
        while True:
            match = _FILLING.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def names(self) -> Iterator[str]:
        """The names of the object that starts here; after each, its value is to be read."""
        self._enter("{")
        while (character := self.next()) != "}":
            if character != '"':
                raise ValueError("a member without a name")
            name = str(self.value())
            self.next()
            yield name

    def places(self) -> Iterator[None]:
        """The members of the list that starts here; after each step, one is to be read."""
        self._enter("[")
        while self.next() != "]":
            yield

    def value(self) -> Any:
        """The value that starts here."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise ValueError("nested too deeply") from error
            except ValueError:
                if not self._more():
                    raise
            else:
                if end + _TAIL < len(self._text) or not self._more():
                    break
        found, self._at = self._text[self._at : end], end
        return value if found.isascii() else json.loads(found.encode("latin-1"))

    def _enter(self, opening: str) -> None:
        if self.next() != opening:
            raise ValueError(f"expected {opening}")
        self._at += 1

    def _more(self) -> bool:
        """Take as much more as is left, so that a large value is not begun too often."""
        left = self._text[self._at :]
        pieces = [left]
        size = 0
        for chunk in self._chunks:
            pieces.append(chunk.decode("latin-1"))
            size += len(chunk)
            if size > len(left):
                break
        if size:
            self._text, self._at = "".join(pieces), 0
        return size > 0
