"""Reads the sizes of WebP and AVIF pictures from their parts, and finds files cut short."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.pictures.headers import Size
from datafetch.upstream_errors import Malformed

_MAX_PARTS = 10_000
_MAX_META = 1024 * 1024
_MAX_METAS = 10
"""Of these boxes there is one; each could say anew that the pictures lie in the whole file."""

_CONTAINERS = frozenset({b"iprp", b"ipco"})
_BOXES = frozenset({b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid"})
"""What an AVIF is made of; anything else after them does not belong to it."""


def webp_size(file: BinaryIO) -> Size:
    """Check that all chunks of a WebP are there; return its size.

    https://developers.google.com/speed/webp/docs/riff_container

    Raises:
        Malformed: it is cut short, or does not begin with its size.
    """
    end = file.seek(0, 2)
    file.seek(4)
    (length,) = struct.unpack("<I", _take(file, 4))
    if 8 + length > end:
        raise Malformed("the picture is cut short")
    at, size = 12, None
    for _ in range(_MAX_PARTS):
        file.seek(at)
        kind, count = struct.unpack("<4sI", _take(file, 8))
        if size is None:
            size = _webp_header(kind, _take(file, 10))
        at += 8 + count + count % 2
        # Some programs forget the byte that fills up the last chunk.
        if at - count % 2 > 8 + length:
            raise Malformed("the picture is cut short")
        if at + 8 > 8 + length:
            return size
    raise Malformed("the picture has too many parts")


def _webp_header(kind: bytes, data: bytes) -> Size:
    if kind == b"VP8X":
        return (
            int.from_bytes(data[4:7], "little") + 1,
            int.from_bytes(data[7:10], "little") + 1,
        )
    if kind == b"VP8L" and data[0] == 0x2F:  # noqa: PLR2004 - RFC 9649, 3.4
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":  # RFC 6386, 9.1
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise Malformed("the picture has no header")


@dataclass(frozen=True, slots=True)
class AvifParts:
    """What the boxes of an AVIF say.

    Attributes:
        size: of its largest picture.
        metas: the contents of its boxes `meta`, without version and flags; normally one.
        moving: whether it holds a film.
    """

    size: Size
    metas: list[bytes]
    moving: bool


def avif_parts(file: BinaryIO) -> AvifParts:
    """Check that all boxes of an AVIF are there, and read those that describe its pictures.

    https://aomediacodec.github.io/av1-avif/, on ISO/IEC 14496-12 and 23008-12 (`ispe`)

    Raises:
        Malformed: it is cut short, or does not say its size.
    """
    end = file.seek(0, 2)
    at, sizes = 0, list[Size]()
    metas, moving = list[bytes](), False
    for _ in range(_MAX_PARTS):
        file.seek(at)
        if file.read(8)[4:] not in _BOXES:
            break
        kind, start, after = _box(file, at, end)
        if kind == b"meta":
            if after - start > _MAX_META or len(metas) == _MAX_METAS:
                raise Malformed("the picture has too many parts")
            file.seek(start + 4)  # after its version and flags
            metas.append(file.read(max(0, after - start - 4)))
            sizes += _sizes_in(metas[-1])
        moving = moving or kind == b"moov"
        at = after
    if not sizes:
        raise Malformed("the picture has no size")
    return AvifParts(max(sizes, key=lambda size: size[0] * size[1]), metas, moving)


def _box(file: BinaryIO, at: int, end: int) -> tuple[bytes, int, int]:
    """The kind of a box, and where its content begins and ends."""
    file.seek(at)
    count, kind = struct.unpack(">I4s", _take(file, 8))
    start = at + 8
    if count == 1:
        (count,) = struct.unpack(">Q", _take(file, 8))
        start += 8
    after = end if count == 0 else at + count
    if after > end or after < start:
        raise Malformed("the picture is cut short")
    return kind, start, after


def _sizes_in(content: bytes) -> Iterator[Size]:
    """The sizes that the properties of the pictures say (`ispe`), through the boxes around them."""
    at = 0
    while at + 8 <= len(content):
        count, kind = struct.unpack_from(">I4s", content, at)
        if kind in _CONTAINERS:
            at += 8
            continue
        if kind == b"ispe" and at + 20 <= len(content):
            yield struct.unpack_from(">II", content, at + 12)
        at += max(count, 8)


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise Malformed("the picture is cut short")
    return data
