"""Adds up how many pixels a decoder may make of an AVIF, which its stated size does not tell.

A file of two kilobytes can state 10 x 10 pixels and hold a frame of 256 megapixels, or thousands
of frames that are decoded and not shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from datafetch.upstream_errors import Malformed

_MAX_ITEMS = 1000
_MAX_SPANS = 10_000
"""The most parts in which the data of all items lie; without a length they take no bytes."""

_MAX_UNITS = 1000
"""The most units of the data of one item; a picture has some ten."""

_MAX_ZEROS = 31
"""Before a number of as many bits (AV1 Bitstream Specification, 4.10.3, `uvlc`)."""

_SEQUENCE = 1
_FRAMES = frozenset({3, 6})
"""A frame's header, and a frame with its header (AV1 Bitstream Specification, 6.2.2)."""

_MORE_THAN_ITS_LENGTH = 1024 * 1024
"""Bytes by which the parts of a file may be longer than the file; equal tiles are stored once."""


def coded_pixels(file: BinaryIO, meta: bytes) -> int:
    """At most how many pixels all frames of the pictures of an AVIF have, shown or not.

    Args:
        file: it is read wherever `meta` says that pictures lie.
        meta: the content of the box `meta`, without version and flags (ISO/IEC 14496-12, 8.11).

    Raises:
        Malformed: it does not say where its pictures lie, or they are cut short.
    """
    boxes = dict(_boxes(_Reader(meta)))
    try:
        pictures = frozenset(_pictures(_Reader(boxes[b"iinf"])))
        places = list(_places(_Reader(boxes[b"iloc"])))
    except KeyError as error:
        raise Malformed("the picture does not say where its pixels lie") from error
    end = file.seek(0, 2)
    left, total = end + _MORE_THAN_ITS_LENGTH, 0
    for place in places:
        if place.item not in pictures:
            continue
        pieces: list[bytes] = []
        for offset, length in place.spans:
            if place.in_meta:
                piece = boxes.get(b"idat", b"")[offset:][: length or None]
            else:
                file.seek(min(offset, end))
                piece = file.read(min(length or end, left))
            left -= len(piece)
            if left <= 0:
                raise Malformed("the parts of the picture overlap")
            pieces.append(piece)
        total += _frames_in(b"".join(pieces))
    return total


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the data of an item lie: the position and length of each part; 0 means to the end.

    `in_meta`: in the box `idat`, not in the file.
    """

    item: int
    in_meta: bool
    spans: list[tuple[int, int]]


class _Reader:
    """Reads numbers of so many bits or bytes from the start of some data to their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0  # in bits

    @property
    def left(self) -> int:
        """The bytes that are left."""
        return len(self._data) - self._at // 8

    def bits(self, count: int) -> int:
        """A number of so many bits.

        Raises:
            Malformed: there are fewer.
        """
        first, after = self._at // 8, (self._at + count + 7) // 8
        if after > len(self._data):
            raise Malformed("the picture is cut short")
        number = int.from_bytes(self._data[first:after], "big")
        self._at += count
        return number >> (after * 8 - self._at) & ((1 << count) - 1)

    def number(self, size: int) -> int:
        """A number of so many bytes."""
        return self.bits(8 * size)

    def take(self, size: int) -> bytes:
        """So many bytes, from the start of a byte."""
        at = self._at // 8
        if size < 0 or at + size > len(self._data):
            raise Malformed("the picture is cut short")
        self._at += 8 * size
        return self._data[at : at + size]


def _boxes(reader: _Reader) -> Iterator[tuple[bytes, bytes]]:
    while reader.left >= 8:  # noqa: PLR2004 - length and kind
        length, kind = reader.number(4), reader.take(4)
        yield kind, reader.take(length - 8 if length else reader.left)


def _pictures(reader: _Reader) -> Iterator[int]:
    """The numbers of the items that are coded as AV1 (`iinf`)."""
    version, _ = reader.number(1), reader.number(3)
    reader.number(4 if version else 2)
    for _kind, content in _boxes(reader):
        entry = _Reader(content)
        version, _ = entry.number(1), entry.number(3)
        item, _ = entry.number(4 if version > 2 else 2), entry.number(2)  # noqa: PLR2004
        if entry.take(4) == b"av01":
            yield item


def _places(reader: _Reader) -> Iterator[_Place]:
    """Where the data of each item lie (`iloc`)."""
    version, _ = reader.number(1), reader.number(3)
    offset_size, length_size, base_size, index_size = (reader.bits(4) for _ in range(4))
    wide = 4 if version > 1 else 2
    count = reader.number(wide)
    if count > _MAX_ITEMS:
        raise Malformed("the picture has too many parts")
    left = _MAX_SPANS
    for _ in range(count):
        item = reader.number(wide)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size)
        spans: list[tuple[int, int]] = []
        extents = reader.number(2)
        left -= extents
        if left < 0:
            raise Malformed("the picture has too many parts")
        for _extent in range(extents):
            if version:
                reader.number(index_size)
            offset = reader.number(offset_size)
            spans.append((base + offset, reader.number(length_size)))
        yield _Place(item, method == 1, spans)


def _frames_in(data: bytes) -> int:
    """At most how many pixels all frames in the data of one item have.

    Each frame counts as the largest that is allowed (AV1 Bitstream Specification, 5.3).
    """
    reader = _Reader(data)
    frames = largest = 0
    for _ in range(_MAX_UNITS):
        if not reader.left:
            return frames * largest
        reader.bits(1)
        kind, extended, sized = reader.bits(4), reader.bits(1), reader.bits(1)
        reader.bits(1 + 8 * extended)
        content = reader.take(_length(reader) if sized else reader.left)
        if kind == _SEQUENCE:
            largest = max(largest, _largest_frame(_Reader(content)))
        frames += kind in _FRAMES
    raise Malformed("the picture has too many parts")


def _length(reader: _Reader) -> int:
    """A number of up to eight bytes, of which each has seven bits (4.10.5)."""
    value = 0
    for at in range(8):
        more, part = reader.bits(1), reader.bits(7)
        value |= part << 7 * at
        if not more:
            break
    return value


def _largest_frame(reader: _Reader) -> int:
    """The pixels of the largest frame that a sequence header allows (5.5)."""
    reader.bits(4)
    is_reduced = reader.bits(1)
    if is_reduced:
        reader.bits(5)
    else:
        _skip_operating_points(reader)
    width_bits, height_bits = reader.bits(4) + 1, reader.bits(4) + 1
    width, height = reader.bits(width_bits) + 1, reader.bits(height_bits) + 1
    # Only a still picture cannot have frames of another size than the one stated.
    return width * height if is_reduced else 1 << width_bits + height_bits


def _skip_operating_points(reader: _Reader) -> None:
    delay_bits = 0
    if reader.bits(1):  # timing
        reader.bits(64)
        if reader.bits(1):
            zeros = 0
            while not reader.bits(1):
                zeros += 1
                if zeros > _MAX_ZEROS:
                    raise Malformed("the picture has no header")
            reader.bits(zeros)
        if reader.bits(1):  # decoder model
            delay_bits = reader.bits(5) + 1
            reader.bits(42)
    has_delays = reader.bits(1)
    for _ in range(reader.bits(5) + 1):
        reader.bits(12)
        if reader.bits(5) > 7:  # noqa: PLR2004 - levels from 4.0 on have tiers
            reader.bits(1)
        if delay_bits and reader.bits(1):
            reader.bits(2 * delay_bits + 1)
        if has_delays and reader.bits(1):
            reader.bits(4)
