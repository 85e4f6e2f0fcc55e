"""Cuts a JSON object into its parts without reading them, so that one bad part costs itself only."""

import json
import re
from itertools import islice

from datafetch.models.json_bounds import TooMuchJson

_MARK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},:]', re.DOTALL)
"""A text, also one that never ends, or one of the characters that hold JSON together."""

_MOST_MARKS = 3_000_000
"""In one JSON text; read one by one, so many take a second."""

_OPENING, _CLOSING = b"[{", b"]}"
_IN_A_LIST = 2


def cut_object(body: bytes, name: str, most: int) -> tuple[dict[str, bytes], list[bytes] | None]:
    """The members of a JSON object as they are written, and the entries of the list with this name.

    Of the parts nothing is checked but that their brackets close. The list itself is not among the
    members; None when there is no such list.

    Raises:
        TooMuchJson: the list has more than `most` entries, or the text too many parts.
        ValueError: it is no JSON object.
    """
    cut = _Cut(body, name, most)
    for match in islice(_MARK.finditer(body), _MOST_MARKS):
        if cut.take(body[match.start()], match.start(), match.end()):
            if body[match.end() :].strip():
                break
            return cut.members, cut.entries
    else:
        if next(islice(_MARK.finditer(body), _MOST_MARKS, None), None) is not None:
            raise TooMuchJson(f"it has more than {_MOST_MARKS:,} parts")
    raise ValueError("it is no JSON object")


class _Cut:
    """The position in an object that is being cut, and its parts so far."""

    def __init__(self, body: bytes, name: str, most: int) -> None:
        self.members: dict[str, bytes] = {}
        self.entries: list[bytes] | None = None
        self._body = body
        self._wanted = name
        self._most = most
        self._depth = 0
        self._start = 0
        self._name = ""
        self._in_list = False

    def take(self, mark: int, start: int, end: int) -> bool:
        """Go on to a mark; returns whether the object ends with it."""
        if self._depth == 0 and (mark != ord("{") or self._body[:start].strip()):
            raise ValueError("it is no JSON object")
        if mark in _OPENING:
            self._open(mark, end)
        elif mark in _CLOSING:
            self._end_part(start, end)
            self._depth -= 1
            if self._in_list and self._depth < _IN_A_LIST:
                self._in_list = False
            return self._depth == 0
        elif mark == ord(","):
            self._end_part(start, end)
        elif mark == ord(":") and self._depth == 1:
            self._name = str(json.loads(self._body[self._start : start]))
            self._start = end
        return False

    def _open(self, mark: int, end: int) -> None:
        self._depth += 1
        begins = self._depth == _IN_A_LIST and mark == ord("[") and self._name == self._wanted
        if begins:
            self._in_list, self.entries = True, []
        if begins or self._depth == 1:
            self._start = end

    def _end_part(self, start: int, end: int) -> None:
        """Keep the entry or member that ends here, if one does."""
        if self._in_list and self._depth == _IN_A_LIST and self.entries is not None:
            entry = self._body[self._start : start]
            if entry.strip() or self.entries:
                self.entries.append(entry)
            if len(self.entries) > self._most:
                raise TooMuchJson(f"it has more than {self._most:,} {self._wanted}")
            self._start = end
        elif self._depth == 1:
            if self._name != self._wanted or self.entries is None:
                self.members[self._name] = self._body[self._start : start]
            self._start, self._name = end, ""
