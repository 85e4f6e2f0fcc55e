"""Reads the sizes of pictures from their bytes, and finds files cut short, without decoding."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.upstream_errors import Malformed

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

Size = tuple[int, int]
"""Width and height in pixels."""

_MAX_PARTS = 200_000
"""The most chunks or blocks of a file that are read; ten megabytes can hold millions of them."""

_MAX_ICONS = 256

_BITMAP_HEADERS = frozenset({40, 52, 56, 64, 108, 124})
"""The lengths that the header of a Windows bitmap can have; each stands for a version of it."""


@dataclass(frozen=True, slots=True)
class Icon:
    """One picture of an icon file.

    Attributes:
        size: from the picture's own header, not from its directory entry.
        is_png: whether it is a PNG; otherwise it is a Windows bitmap.
        offset: where it begins in the file.
        length: in bytes.
        entry: its 16 bytes in the directory of the file.
    """

    size: Size
    is_png: bool
    offset: int
    length: int
    entry: bytes


def sniff(head: bytes) -> str | None:
    """The format of a raster picture by its first bytes; None when they are of no format we know.

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
    """Check that all chunks of a PNG are there (w3.org/TR/png-3/#5Chunk-layout); return its size.

    Raises:
        Malformed: it is cut short, or does not begin with its size.
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
        file.seek(length, 1)
        _take(file, 4)
        if kind == b"IEND":
            return size
    raise Malformed("the picture has too many parts")


def gif_size(file: BinaryIO) -> Size:
    """Check that all blocks of a GIF are there (GIF89a, appendix B); return its size.

    Raises:
        Malformed: it is cut short, or holds an unknown block.
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
            file.seek(length, 1)
            left -= 1
        left -= 1
    raise Malformed("the picture has too many parts")


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 7) + 1), 1)


def largest_icon(file: BinaryIO) -> Icon:
    """The largest picture of an icon file.

    Raises:
        Malformed: the file is cut short, or holds no pictures, too many, or other data.
    """
    file.seek(4)
    (count,) = struct.unpack("<H", _take(file, 2))
    if not 0 < count <= _MAX_ICONS:
        raise Malformed("the icon file holds no pictures, or too many")
    entries = [_take(file, 16) for _ in range(count)]
    end = file.seek(0, 2)
    icons = [_icon(file, entry, end) for entry in entries]
    return max(icons, key=lambda icon: (icon.size[0] * icon.size[1], icon.is_png, icon.length))


def _icon(file: BinaryIO, entry: bytes, end: int) -> Icon:
    length, offset = struct.unpack_from("<II", entry, 8)
    if offset + length > end:
        raise Malformed("the icon file is cut short")
    file.seek(offset)
    head = _take(file, 24)
    if head.startswith(PNG_MAGIC):
        return Icon(struct.unpack_from(">II", head, 16), True, offset, length, entry)
    kind, width, height = struct.unpack_from("<Iii", head)
    if kind not in _BITMAP_HEADERS:
        raise Malformed("the icon file holds what is no picture")
    # The height in its header is that of the picture and of its mask together.
    return Icon((abs(width), abs(height) // 2), False, offset, length, entry)


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise Malformed("the picture is cut short")
    return data
