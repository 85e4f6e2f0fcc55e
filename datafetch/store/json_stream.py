"""Reads a large JSON list or object member by member, so that memory never holds all of it."""

import json
import re
from collections.abc import Iterable, Iterator

from datafetch.models.json_bounds import check_density

_FILLING = re.compile(r"[ \t\r\n,:]*")
_DECODER = json.JSONDecoder()

_LARGE = 4 * 1024 * 1024
"""Characters; only a single value that is larger makes the text so long."""

_TAIL = 2
"""A value is complete when more than this many characters follow it. A number may go on in the next
piece: when this piece ends with `12e+`, the decoder takes `12` for a value that `e+` follows."""


def members(chunks: Iterable[bytes], *path: str) -> Iterator[tuple[str, object]]:
    """Name and value of each member of an object, or each value of a list with an empty name.

    One member is in memory at a time, and about two pieces of the document.

    Args:
        chunks: the document in pieces of any size.
        path: names of the members that lead from the outermost object to the one to read.

    Raises:
        ValueError: it is not JSON, there is neither object nor list under the path, or a member is
            much larger in memory than in the document (`check_density`).
    """
    text = _Text(chunks)
    for name in path:
        text.enter_member(name)
    if text.next() == "[":
        for _ in text.places():
            yield "", text.value()
    else:
        for name in text.names():
            yield name, text.value()


def fields(chunks: Iterable[bytes]) -> Iterator[tuple[str, object]]:
    """Name and value of each member of the outermost object; unlike `members`, refuses a list.

    Raises:
        ValueError: it is not JSON, or no object.
    """
    text = _Text(chunks)
    for name in text.names():
        yield name, text.value()


class _Text:
    """The part of the document that is being read, and the position in it.

    A piece may end in the middle of a character. So bytes are held as Latin-1, in which each
    byte is a character, and JSON's own characters (all ASCII) are the same as in UTF-8.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._text = ""
        self._at = 0

    def next(self) -> str:
        """Go to the next character that is no space, comma or colon; empty at the end."""
        while True:
            match = _FILLING.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def names(self) -> Iterator[str]:
        """The names of the object that starts here; the caller takes the value after each."""
        self._enter("{")
        while (character := self.next()) != "}":
            if character != '"':
                raise ValueError("a member without a name")
            name = str(self.value())
            self.next()
            yield name

    def places(self) -> Iterator[None]:
        """Yield before each value of the list that starts here; the caller takes the value."""
        self._enter("[")
        while self.next() != "]":
            yield

    def enter_member(self, wanted: str) -> None:
        """Go from the object that starts here to the value of one of its members."""
        for name in self.names():
            if name == wanted:
                return
            self.value()
        raise ValueError(f"there is no {wanted}")

    def value(self) -> object:
        """Take the value that starts here."""
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
        # Characters beyond ASCII were read as Latin-1: such a value is read again as UTF-8.
        return value if found.isascii() else json.loads(found.encode("latin-1"))

    def _enter(self, opening: str) -> None:
        if self.next() != opening:
            raise ValueError(f"expected {opening}")
        self._at += 1

    def _more(self) -> bool:
        """Read more of the document; returns whether there was more.

        It at least doubles the text that is left. A large value, which is decoded from its start
        after each call, then takes few calls.
        """
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
        if len(self._text) > _LARGE:
            check_density(self._text.encode("latin-1"))
        return size > 0
