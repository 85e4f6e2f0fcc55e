"""Pictures: what their bytes say, whole, within bounds; everything else is refused by our errors."""

import io
import struct
import tempfile
import zlib
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from datafetch.pictures.images import PictureFacts, inspect
from datafetch.upstream_errors import Malformed, Refused, TooLarge
from tests.fakes.pictures import CONTENT_TYPES, photo, picture

RASTER = ("png", "jpeg", "gif", "webp", "ico")


def saved(kind: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """A picture as Pillow writes it."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, kind, **options)
    return out.getvalue()


SAMPLES = {
    **{kind: picture(kind, 40, 30) for kind in RASTER},
    "photo": photo(300, 200),
    "progressive": saved("JPEG", progressive=True),
    "grey": saved("PNG", "L"),
    "palette": saved("PNG", "P"),
    "lossless": saved("WEBP", lossless=True),
    "moving": saved("WEBP", save_all=True, append_images=[Image.new("RGB", (40, 30), "red")] * 2),
    "bitmaps": saved("ICO", "RGBA", sizes=[(16, 16), (32, 24)], bitmap_format="bmp"),
    "animation": saved("GIF", "P", save_all=True, append_images=[Image.new("P", (40, 30), 7)] * 2),
}


def look(data: bytes) -> PictureFacts:
    """What is said of these bytes."""
    return inspect(io.BytesIO(data))


@pytest.mark.parametrize("kind", [*RASTER, "svg"])
def test_a_picture_is_what_its_bytes_say(kind: Any) -> None:
    """Format, type, extension, size and length come from the bytes."""
    data = picture(kind, 64, 48)
    found = look(data)
    assert (found.format, found.content_type) == (kind, CONTENT_TYPES[kind])
    assert found.extension == ("jpg" if kind == "jpeg" else kind)
    assert (found.width, found.height, found.bytes) == (64, 48, len(data))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_pictures_of_all_kinds_pass(name: str) -> None:
    """Progressive, grey, palette, lossless, animated and old icons are pictures."""
    assert look(SAMPLES[name]).width > 0


def test_a_downloaded_file_is_left_at_its_start() -> None:
    """What was looked at can be uploaded right after, also when it was refused."""
    with tempfile.SpooledTemporaryFile(max_size=64) as file:
        file.write(picture("png", 64))
        assert inspect(cast("BinaryIO", file)).width == 64
        assert file.tell() == 0
    page = io.BytesIO(b"<!doctype html>")
    with pytest.raises(Malformed):
        inspect(page)
    assert page.tell() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG",
        b"<!DOCTYPE html><html><body><svg xmlns='http://www.w3.org/2000/svg'/></body></html>",
        b"<html><svg/></html>",
        b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><svg/></html>",
        b'{"error":"not found"}',
        b"BM" + bytes(100),
        b"%PDF-1.7",
        b"II*\0" + bytes(100),
    ],
)
def test_a_page_is_no_picture(data: Any) -> None:
    """HTML error pages were stored as `.png`: only known magic bytes make a picture."""
    with pytest.raises(Malformed):
        look(data)


@given(st.sampled_from(sorted(SAMPLES)), st.integers(1, 10_000))
def test_a_picture_cut_short_is_noticed(name: str, missing: Any) -> None:
    """A cut-off download never reaches the store, wherever it was cut."""
    data = SAMPLES[name]
    with pytest.raises(Malformed):
        look(data[: -min(missing, len(data))])


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of that size that holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(((width + 7) // 8 + 1) * height, 2_100_000)))
    magic = b"\x89PNG\r\n\x1a\n"
    return magic + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def icon(*pictures: tuple[int, int, bytes]) -> bytes:
    """An icon file with these pictures under the sizes that its directory claims."""
    offset = 6 + 16 * len(pictures)
    directory, content = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for width, height, data in pictures:
        place = offset + len(content)
        directory += struct.pack(
            "<BBBBHHII", width % 256, height % 256, 0, 0, 1, 32, len(data), place
        )
        content += data
    return directory + content


@pytest.mark.parametrize("size", [(4001, 4000), (16_001, 16_001), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_not_decoded(size: tuple[int, int]) -> None:
    """A small file that decodes to gigabytes is refused by its header, in an icon file too."""
    with pytest.raises(TooLarge):
        look(bomb_png(*size))
    with pytest.raises(TooLarge):
        look(icon((16, 16, bomb_png(*size))))


def test_the_bound_is_sixteen_megapixels() -> None:
    """The largest picture that is allowed passes."""
    found = look(bomb_png(4000, 4000))
    assert found.width * found.height == 16_000_000


def test_an_old_icon_has_the_bound() -> None:
    """A bitmap inside an icon file says its own size, too."""
    header = struct.pack("<IiiHHIIiiII", 40, 5000, 8000, 1, 1, 0, 0, 0, 0, 0, 0)
    with pytest.raises(TooLarge):
        look(icon((16, 16, header)))


def test_a_picture_without_its_pixels_is_noticed() -> None:
    """Parts that are all there, with less in them than the header says, are no whole picture."""
    with pytest.raises(Malformed):
        look(bomb_png(4000, 3999).replace(b"IDAT", b"zzzz"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "JPEG"])
def test_every_format_has_the_bound(kind: str) -> None:
    """The bound holds for formats whose size stands elsewhere."""
    out = io.BytesIO()
    Image.new("L", (5000, 3300)).save(out, kind, method=0)
    with pytest.raises(TooLarge):
        look(out.getvalue())


def test_of_an_icon_file_the_largest_counts() -> None:
    """Sizes are those of the pictures, not those that the directory claims."""
    data = icon(
        (16, 16, picture("png", 16)), (32, 32, picture("png", 300)), (255, 255, picture("png", 48))
    )
    assert (look(data).width, look(data).format) == (300, "ico")
    assert (
        look(
            saved("ICO", "RGBA", size=(64, 64), sizes=[(16, 16), (64, 64)], bitmap_format="bmp")
        ).width
        == 64
    )


@pytest.mark.parametrize(
    "data",
    [
        icon(),
        icon((16, 16, b"x" * 200)),
        icon((16, 16, b"")),
        icon((16, 16, picture("jpeg", 16))),
        icon((16, 16, picture("png", 16)[:-20])),
        icon(*[(1, 1, b"")] * 300),
        icon((16, 16, picture("png", 16)))[:-1],
    ],
)
def test_a_broken_icon_file_is_refused(data: Any) -> None:
    """An icon file without a picture, with one of another format, or with one cut short, is none."""
    with pytest.raises(Malformed):
        look(data)


def refused_or_picture(data: bytes) -> None:
    """Any other error fails the test."""
    try:
        found = look(data)
    except (Malformed, Refused):
        return
    assert found.width > 0
    assert found.height > 0
    assert found.format == "svg" or found.width * found.height <= 16_000_000


MAGIC = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBP",
    b"\0\0\1\0\1\0",
    b"<svg ",
    b"<?xml",
]


@given(st.sampled_from(MAGIC), st.binary(max_size=400))
@example(b"\0\0\1\0\1\0", struct.pack("<BBBBHHII", 0, 0, 0, 0, 0, 0, 40, 22) + bytes(40))
def test_any_bytes_are_a_picture_or_refused(magic: Any, data: Any) -> None:
    """Hostile bytes raise our errors, never those of a library, and no warning."""
    refused_or_picture(magic + data)


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_spoilt_pictures_are_pictures_or_refused(name: str, changes: Any) -> None:
    """A real picture with some bytes changed, most of all in its header, is the same story."""
    data = bytearray(SAMPLES[name])
    for place, value in changes:
        data[place % min(len(data), 10_000)] = value
    refused_or_picture(bytes(data))
