"""Reads size and end of raster pictures from their bytes, before anything is decoded."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.errors import Malformed

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

Size = tuple[int, int]

_MAX_PARTS = 200_000
"""Chunks or blocks of one file; a hostile file of ten megabytes could hold millions."""

_MAX_ICONS = 256

_BITMAP_HEADERS = frozenset({40, 52, 56, 64, 108, 124})
"""Lengths of the headers of Windows bitmaps, which say their version."""


@dataclass(frozen=True, slots=True)
class Icon:
    """One picture of an icon file: its true size, where it stands, and its directory entry."""

    size: Size
    is_png: bool
    offset: int
    length: int
    entry: bytes


def sniff(head: bytes) -> str | None:
    """The format that the first bytes say, None for anything else.

    https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
    """
    if head.startswith(PNG_MAGIC):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"\x00\x00\x01\x00"):
        return "ico"
    return None


def png_size(file: BinaryIO) -> Size:
    """Size of a PNG whose chunks are all there (https://www.w3.org/TR/png-3/#5Chunk-layout).

    Raises:
        Malformed: it is cut short.
    """
    file.seek(len(PNG_MAGIC))
    size: Size | None = None
    for _ in range(_MAX_PARTS):
        length, kind = struct.unpack(">I4s", _take(file, 8))
        if size is None:
            if kind != b"IHDR" or length != 13:  # noqa: PLR2004 - the specification, 11.2.1
                raise Malformed("the picture has no header")
            size = struct.unpack(">II", _take(file, 8))
            length -= 8
        _skip(file, length)
        _take(file, 4)
        if kind == b"IEND":
            return size
    raise Malformed("the picture has too many parts")


def gif_size(file: BinaryIO) -> Size:
    """Size of a GIF whose blocks are all there (GIF89a specification, appendix B).

    Raises:
        Malformed: it is cut short.
    """
    file.seek(6)
    width, height, flags = struct.unpack("<HHBxx", _take(file, 7))
    _skip_colours(file, flags)
    left = _MAX_PARTS
    while left > 0:
        kind = _take(file, 1)
        if kind == b";":
            return width, height
        if kind == b",":
            _skip_colours(file, _take(file, 9)[8])
        elif kind != b"!":
            raise Malformed("the picture holds an unknown block")
        _take(file, 1)
        while (length := _take(file, 1)[0]) and left > 0:
            _skip(file, length)
            left -= 1
        left -= 1
    raise Malformed("the picture has too many parts")


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        _skip(file, 3 * 2 ** ((flags & 7) + 1))


def webp_size(file: BinaryIO) -> Size:
    """Size of a WebP that is all there (RFC 9649, 2.7).

    Raises:
        Malformed: it is cut short.
    """
    file.seek(0)
    head = _take(file, 30)
    if struct.unpack_from("<I", head, 4)[0] + 8 > _length(file):
        raise Malformed("the picture is cut short")
    kind = head[12:16]
    if kind == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise Malformed("the picture has no header")


def largest_icon(file: BinaryIO) -> Icon:
    """The largest picture of an icon file, by the true sizes, not those of its directory.

    Raises:
        Malformed: it holds none, or is cut short.
    """
    file.seek(4)
    (count,) = struct.unpack("<H", _take(file, 2))
    if not 0 < count <= _MAX_ICONS:
        raise Malformed("the icon file holds no pictures, or too many")
    entries = [_take(file, 16) for _ in range(count)]
    icons = [_icon(file, entry) for entry in entries]
    return max(icons, key=lambda icon: (icon.size[0] * icon.size[1], icon.is_png, icon.length))


def _icon(file: BinaryIO, entry: bytes) -> Icon:
    length, offset = struct.unpack_from("<II", entry, 8)
    if offset + length > _length(file):
        raise Malformed("the icon file is cut short")
    file.seek(offset)
    head = _take(file, 24)
    if head.startswith(PNG_MAGIC):
        return Icon(struct.unpack_from(">II", head, 16), True, offset, length, entry)
    kind, width, height = struct.unpack_from("<Iii", head)
    if kind not in _BITMAP_HEADERS:
        raise Malformed("the icon file holds what is no picture")
    # A bitmap's header counts the rows of its mask as well.
    return Icon((abs(width), abs(height) // 2), False, offset, length, entry)


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise Malformed("the picture is cut short")
    return data


def _skip(file: BinaryIO, count: int) -> None:
    file.seek(count, 1)


def _length(file: BinaryIO) -> int:
    place = file.tell()
    file.seek(0, 2)
    end = file.tell()
    file.seek(place)
    return end
