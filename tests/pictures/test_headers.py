"""Headers of pictures: sizes without decoding, and the end of every file is looked for."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import pytest
from PIL import Image

from datafetch.pictures.headers import Size, gif_size, largest_icon, png_parts, sniff
from datafetch.upstream_errors import Malformed
from tests.fakes.pictures import picture


def png_size(file: BinaryIO) -> Size:
    """The size of a PNG that is whole."""
    return png_parts(file).size


def moving_gif() -> bytes:
    """A GIF of three frames, with a colour table for each."""
    frames = [Image.effect_noise((40, 30), 60 + step).quantize(8) for step in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> io.BytesIO:
    """A PNG of these parts."""
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


SIZE = chunk(b"IHDR", struct.pack(">IIBBBBB", 70_000, 5, 1, 0, 0, 0, 0))
END = chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nx", "png"),
        (b"\x89PNG\r\n", None),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"GIF88a", None),
        (b"RIFF\1\2\3\4WEBP", "webp"),
        (b"RIFF\1\2\3\4WAVE", None),
        (b"\0\0\1\0", "ico"),
        (b"\0\0\2\0", None),
        (b"BM", None),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "avif"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf", "avif"),
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", None),
        (b"\0\0\0\x14ftypmp42\0\0\0\0mp41avif", None),
        (b"", None),
    ],
)
def test_a_format_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    """A web page that is called `logo.png` is no picture, nor is a format that nobody shows."""
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("read", "data", "size"),
    [
        (png_size, picture("png", 64, 48), (64, 48)),
        (png_size, png(SIZE, chunk(b"tEXt", b"x" * 900), END).getvalue(), (70_000, 5)),
        (gif_size, picture("gif", 64, 48), (64, 48)),
        (gif_size, moving_gif(), (40, 30)),
    ],
)
def test_a_size_is_read_and_the_end_is_found(
    read: Callable[[BinaryIO], Size], data: bytes, size: Size
) -> None:
    """A file that lacks its last byte, or any more, is cut short; what follows its end is ignored."""
    assert read(io.BytesIO(data)) == size
    assert read(io.BytesIO(data + b"more")) == size
    for length in range(8, len(data)):
        with pytest.raises(Malformed):
            read(io.BytesIO(data[:length]))


@pytest.mark.parametrize(
    "first",
    [chunk(b"tEXt", b"x" * 13), chunk(b"IHDR", bytes(12)), chunk(b"IHDR", bytes(14)), END],
)
def test_a_png_begins_with_its_size(first: bytes) -> None:
    """A PNG without its size where the specification wants it has none."""
    with pytest.raises(Malformed, match="no header"):
        png_size(png(first, SIZE, END))


def test_bytes_between_the_blocks_of_a_gif_are_no_failure() -> None:
    """As in browsers: zeros are skipped, and what is no block ends the picture after an image."""
    data = picture("gif", 64, 48)
    for stray in (b"\0\0\0;", b"?", b"?;", b"\0\xff" + bytes(9)):
        assert gif_size(io.BytesIO(data[:-1] + stray)) == (64, 48)
    small = b"GIF89a\1\0\1\0\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\1\x44\0;"
    assert gif_size(io.BytesIO(small)) == (1, 1)
    with pytest.raises(Malformed, match="unknown block"):
        gif_size(io.BytesIO(b"GIF89a" + bytes(7) + b"?;"))


def test_a_png_is_damaged_where_its_pixels_need_it() -> None:
    """A wrong checksum spoils a critical part; one of a text, or of transparency, is left out."""
    text, clear = chunk(b"tEXt", b"x"), chunk(b"tRNS", b"\0\1")
    pixels = chunk(b"IDAT", b"x" * 70_000)
    whole = png(SIZE, text, clear, pixels, text, END)
    begin, shown = 8 + len(SIZE), len(clear) + len(pixels)
    middle = begin + len(text)
    end = middle + shown + len(text)
    spans = [(0, begin), (middle, middle + shown), (end, end + len(END))]
    assert png_parts(whole).needed == spans
    spoilt = text[:-1] + b"?"
    assert png_parts(png(SIZE, spoilt, clear, pixels, spoilt, END)).needed == spans
    spans[1] = (middle + len(clear), middle + shown)
    assert png_parts(png(SIZE, text, clear[:-1] + b"?", pixels, text, END)).needed == spans
    for parts in ((SIZE[:-1] + b"?", pixels, END), (SIZE, pixels[:-1] + b"?", END)):
        with pytest.raises(Malformed, match="checksum"):
            png_parts(png(*parts))


def test_millions_of_parts_are_not_walked() -> None:
    """A file made of nothing but tiny parts does not keep the processor busy."""
    small = chunk(b"tEXt", b"")
    assert png_size(png(SIZE, small * 199_998, END)) == (70_000, 5)
    with pytest.raises(Malformed, match="too many"):
        png_size(png(SIZE, small * 199_999, END))
    with pytest.raises(Malformed, match="too many"):
        gif_size(io.BytesIO(b"GIF89a" + bytes(7) + b"!\xfe" + b"\x01x" * 200_000 + b"\0;"))


def icon_file(*pictures: bytes, claimed: int = 1) -> io.BytesIO:
    """An icon file with these pictures, all under the same size in its directory."""
    offset, directory = 6 + 16 * len(pictures), struct.pack("<HHH", 0, 1, len(pictures))
    for data in pictures:
        sizes = struct.pack("<BBBBHH", claimed, claimed, 0, 0, 1, 32)
        directory += sizes + struct.pack("<II", len(data), offset)
        offset += len(data)
    return io.BytesIO(directory + b"".join(pictures))


def bitmap(width: int, height: int, header: int = 40) -> bytes:
    """A Windows bitmap as icon files hold it: its height counts picture and mask."""
    return struct.pack("<Iii", header, width, 2 * height) + bytes(28)


def test_the_largest_icon_is_found_by_its_true_size() -> None:
    """The directory may claim anything; what counts is what the pictures say."""
    small, large = picture("png", 16), picture("png", 48)
    icon = largest_icon(icon_file(small, bitmap(32, 32), large, bitmap(24, -24)))
    assert (icon.size, icon.is_png, icon.length) == ((48, 48), True, len(large))
    assert icon.offset == 6 + 4 * 16 + len(small) + 40
    assert icon.entry[:2] == b"\1\1"


def test_of_icons_of_one_size_the_png_is_taken() -> None:
    """A PNG keeps its transparency; a bitmap of the same size comes second."""
    assert largest_icon(icon_file(bitmap(16, 16) + bytes(5000), picture("png", 16))).is_png


@pytest.mark.parametrize("header", [40, 52, 56, 64, 108, 124])
def test_bitmaps_of_every_version_are_read(header: int) -> None:
    """The length of a bitmap's header says its version; its height may count downwards."""
    assert largest_icon(icon_file(bitmap(20, -10, header))).size == (20, 10)


@pytest.mark.parametrize(
    "file",
    [
        icon_file(),
        icon_file(*[bitmap(1, 1)] * 257),
        icon_file(bitmap(1, 1, 41)),
        icon_file(b"x" * 23),
        io.BytesIO(icon_file(bitmap(1, 1)).getvalue()[:-1]),
    ],
    ids=["none", "too many", "no bitmap", "tiny", "cut short"],
)
def test_a_broken_icon_file_is_refused(file: BinaryIO) -> None:
    """An icon file that holds no picture, too many, another thing or half of one is malformed."""
    with pytest.raises(Malformed):
        largest_icon(file)
    assert largest_icon(icon_file(*[bitmap(1, 1)] * 256)).size == (1, 1)
