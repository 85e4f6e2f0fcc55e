"""Changes of an input, as values: hypothesis makes and shrinks them, `scripts/fuzz` draws them at random."""

from collections.abc import Sequence
from enum import IntEnum
from random import Random
from typing import NamedTuple

MOST_EDITS = 6
_LONGEST = 64
"""Bytes that one edit removes or copies, at the most."""

ODD_PIECES = (
    *(b"\0", b"\xff", b"\x80", b"\r\n", b"<", b">", b'"', b"'", b"&", b"\\", b"%", b"[", b"]", b"{", b"}", b"=", b":"),
    *(b"-1", b"0", b"9" * 20, b"9" * 5000, b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""', b"0.1", b"-0"),
    *(b"\xed\xa0\x80", b"\\ud800", "\u202e\u2028".encode(), "\ufeff".encode(), "日本".encode(), "\u0301".encode()),
    *(b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01", b"../", b"//", b"http://", b"\x1b[", b"<!--", b"]]>", b"&#x110000;"),
)  # fmt: skip
"""What parsers stumble over."""


class Kind(IntEnum):
    """What an edit does at its place."""

    FLIP = 0
    REMOVE = 1
    INSERT = 2
    COPY = 3
    REPEAT = 4
    CUT = 5
    SPLICE = 6


class Edit(NamedTuple):
    """One change; its numbers may be any, they are fitted to the input.

    Attributes:
        kind: see `Kind`.
        at: the place.
        size: how many bits, bytes, or times.
        which: which of `ODD_PIECES`, of the places to copy from, or of the other inputs.
    """

    kind: Kind
    at: int
    size: int
    which: int


def edited(data: bytes, edits: Sequence[Edit], others: Sequence[bytes]) -> bytes:
    """The input after these changes; `others` are inputs of which parts may be taken."""
    for edit in edits:
        data = _edited(data, edit, others)
    return data


def _edited(  # noqa: PLR0911 - a way for each kind
    data: bytes, edit: Edit, others: Sequence[bytes]
) -> bytes:
    at = edit.at % (len(data) + 1)
    size = 1 + edit.size % _LONGEST
    match edit.kind:
        case Kind.FLIP:
            changed = bytes(byte ^ 1 << edit.which % 8 for byte in data[at : at + 1])
            return data[:at] + changed + data[at + 1 :]
        case Kind.REMOVE:
            return data[:at] + data[at + size :]
        case Kind.INSERT:
            return data[:at] + ODD_PIECES[edit.which % len(ODD_PIECES)] + data[at:]
        case Kind.COPY:
            start = edit.which % (len(data) + 1)
            return data[:at] + data[start : start + size] + data[at:]
        case Kind.REPEAT:
            piece = data[at : at + 1 + edit.which % 8]
            return data[:at] + piece * size + data[at:]
        case Kind.CUT:
            return data[:at]
        case Kind.SPLICE:
            other = others[edit.which % len(others)] if others else b""
            return data[:at] + other[edit.size % (len(other) + 1) :]


def random_edits(rng: Random) -> list[Edit]:
    """Some edits."""
    return [
        Edit(Kind(rng.randrange(len(Kind))), *(rng.randrange(2**24) for _ in range(3)))
        for _ in range(rng.randint(1, MOST_EDITS))
    ]
