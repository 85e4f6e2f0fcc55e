"""Reads the sizes of pictures from their bytes, and finds files cut short, without decoding."""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.upstream_errors import Malformed

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

Size = tuple[int, int]
"""Width and height in pixels."""

_MAX_PARTS = 200_000
"""The most chunks or blocks of a file that are read; ten megabytes can hold millions of them."""

_MAX_ICONS = 256
_PIECE = 64 * 1024

_AVIF = frozenset({b"avif", b"avis"})
_SHOWN = b"tRNS"
"""The one chunk besides the critical ones that says how pixels look: which are transparent."""

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
    return "avif" if head[4:8] == b"ftyp" and _is_avif(head) else None


def _is_avif(head: bytes) -> bool:
    """Whether AVIF is among the brands of the first box (ISO/IEC 14496-12, 4.3)."""
    (length,) = struct.unpack_from(">I", head)
    brands = head[8:12] + head[16 : min(length, 256)]
    return not _AVIF.isdisjoint(brands[at : at + 4] for at in range(0, len(brands), 4))


@dataclass(frozen=True, slots=True)
class PngParts:
    """What the chunks of a PNG say.

    Attributes:
        size: of the picture.
        needed: where the parts lie that its pixels need, in the file's order: the first byte of
            each, and the byte after its last. The other chunks are texts, colour profiles and the
            like; browsers show a picture also when these are broken.
    """

    size: Size
    needed: list[tuple[int, int]]


def png_parts(file: BinaryIO) -> PngParts:
    """Check that all chunks of a PNG are there, and those whole that its pixels need.

    https://www.w3.org/TR/png-3/#5Chunk-layout

    Raises:
        Malformed: it is cut short, does not begin with its size, or a critical chunk is damaged.
    """
    at = file.seek(len(PNG_MAGIC))
    size: Size | None = None
    needed = [(0, at)]
    for _ in range(_MAX_PARTS):
        length, kind = struct.unpack(">I4s", _take(file, 8))
        if size is None:
            if kind != b"IHDR" or length != 13:  # noqa: PLR2004 - the specification, 11.2.1
                raise Malformed("the picture has no header")
            size = struct.unpack(">II", _take(file, 8))
            file.seek(-8, 1)
        after = at + 12 + length
        if _is_needed(file, kind, length):
            if needed[-1][1] == at:
                needed[-1] = (needed[-1][0], after)
            else:
                needed.append((at, after))
        at = after
        if kind == b"IEND":
            return PngParts(size, needed)
    raise Malformed("the picture has too many parts")


def _is_needed(file: BinaryIO, kind: bytes, length: int) -> bool:
    """Read a chunk up to its end, and tell whether the pixels need it."""
    is_critical = not kind[0] & 0x20  # a small first letter says "ancillary" (5.4)
    if not is_critical and kind != _SHOWN:
        file.seek(length, 1)
        _take(file, 4)
        return False
    found, left = zlib.crc32(kind), length
    while left > 0:
        piece = _take(file, min(left, _PIECE))
        found = zlib.crc32(piece, found)
        left -= len(piece)
    is_whole = int.from_bytes(_take(file, 4), "big") == found
    if is_critical and not is_whole:
        raise Malformed("the picture is damaged: a part does not have the checksum that it states")
    return is_whole


def gif_size(file: BinaryIO) -> Size:
    """Check that all blocks of a GIF are there (GIF89a, appendix B); return its size.

    Bytes that belong to no block end the picture when they follow an image, as in browsers.

    Raises:
        Malformed: it is cut short, or holds no image before something that is no block.
    """
    file.seek(6)
    width, height, flags = struct.unpack("<HHBxx", _take(file, 7))
    _skip_colours(file, flags)
    left, images = _MAX_PARTS, 0
    while left > 0:
        kind = _take(file, 1)
        left -= 1
        if kind == b"\0":
            continue
        if kind not in (b",", b"!"):
            if kind != b";" and not images:
                raise Malformed("the picture holds an unknown block")
            return width, height
        if kind == b",":
            _skip_colours(file, _take(file, 9)[8])
        _take(file, 1)
        while (length := _take(file, 1)[0]) and left > 0:
            file.seek(length, 1)
            left -= 1
        images += kind == b","
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
