"""Reads the markers of a JPEG: its size, how it is coded, and whether its end is there."""

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.pictures.headers import Size
from datafetch.upstream_errors import Malformed

END_MARK = b"\xff\xd9"

_MARKER = re.compile(rb"\xff([^\x00\xff])")
"""`ff 00` stands for a byte of the pixels (ITU-T T.81, B.1.1.5)."""

_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: restarts, the start of a picture, and one without a meaning."""

_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_END = 0xD9
_SCAN = 0xDA

_MAX_SEGMENTS = 10_000
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class JpegMarkers:
    """What the markers of a JPEG say.

    Attributes:
        size: of the picture.
        progressive: whether each scan makes the whole picture better.
        scans: how many scans there are.
        ended: whether the mark of its end is there.
    """

    size: Size
    progressive: bool
    scans: int
    ended: bool

    @property
    def in_one_pass(self) -> bool:
        """Whether it can be decoded row by row, without the coefficients of all pixels in memory."""
        return self.scans == 1 and not self.progressive


def read_markers(file: BinaryIO) -> JpegMarkers:
    """Read the markers from the start of the file to the end of the picture.

    What follows the end is not looked at; phones put a second picture there.

    Raises:
        Malformed: it is cut short before the first pixels, or has no size or too many parts.
    """
    size: Size | None = None
    progressive, scans, at = False, 0, 2
    for _ in range(_MAX_SEGMENTS):
        found = _next_marker(file, at)
        if found is None or found[0] == _END:
            if size is None or scans == 0:
                raise Malformed("the picture is cut short")
            return JpegMarkers(size, progressive, scans, ended=found is not None)
        code, at = found
        if code in _ALONE:
            continue
        file.seek(at)
        segment = file.read(7)
        if len(segment) < 2:  # noqa: PLR2004 - the length of a segment
            continue
        length = int.from_bytes(segment[:2], "big")
        if code in _SIZES and size is None and len(segment) == 7:  # noqa: PLR2004 - T.81, B.2.2
            height, width = struct.unpack_from(">HH", segment, 3)
            size, progressive = (width, height), code in _PROGRESSIVE
        scans += code == _SCAN
        at += max(length, 2)
    raise Malformed("the picture has too many parts")


def _next_marker(file: BinaryIO, at: int) -> tuple[int, int] | None:
    """The code of the next marker, and the position after it; None at the end of the file."""
    file.seek(at)
    near = file.read(2)
    if len(near) == 2 and near[0] == 0xFF and near[1] not in (0x00, 0xFF):  # noqa: PLR2004
        return near[1], at + 2
    before = b""
    file.seek(at)
    while piece := file.read(_PIECE):
        window = before + piece
        found = _MARKER.search(window)
        if found is not None:
            return found[1][0], file.tell() - len(window) + found.end()
        before = b"\xff" if piece.endswith(b"\xff") else b""
    return None
