"""Pictures: what their bytes say, whole, within bounds; everything else is refused by our errors."""

import io
import struct
import tempfile
import zlib
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, features

from datafetch.pictures.images import PictureFacts, inspect
from datafetch.pictures.looks import look_of
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
    """A cut-off download never reaches the store, wherever it was cut.

    A JPEG whose pixels are all there, and only its end mark is not, is whole.
    """
    data = SAMPLES[name]
    rest = data[: -min(missing, len(data))]
    if missing <= 2 and name in ("jpeg", "photo"):
        assert look(rest).bytes == len(rest)
        return
    with pytest.raises(Malformed):
        look(rest)


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


def preview(data: bytes) -> PictureFacts:
    """What is said of these bytes as the preview of a page."""
    return inspect(io.BytesIO(data), max_pixels=40_000_000)


def large(kind: str, size: tuple[int, int] = (8000, 5000), **options: Any) -> bytes:
    """A grey picture of many pixels."""
    out = io.BytesIO()
    Image.new("L", size, 128).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("GIF", {}),
        ("PNG", {}),
        ("WEBP", {"lossless": True, "method": 0}),
    ],
)
def test_a_preview_may_have_forty_megapixels(kind: str, options: dict[str, Any]) -> None:
    """Photographs of 40 megapixels are previews; more are refused, and so are those cut short."""
    data = large(kind, **options)
    assert (preview(data).width, preview(data).height) == (8000, 5000)
    for missing in (1, 2, len(data) // 2):
        with pytest.raises(Malformed):
            preview(data[:-missing])
    with pytest.raises(TooLarge, match="8001 x 5000 pixels, more than 40000000"):
        preview(large(kind, (8001, 5000), **options))
    with pytest.raises(TooLarge, match="more than 16000000"):
        look(data)


def test_a_large_preview_is_not_decoded() -> None:
    """Above 16 megapixels only parts and end are looked at, so no memory is taken for pixels."""
    seen: list[object] = []
    data = bomb_png(8000, 5000)
    assert inspect(io.BytesIO(data), seen.append, max_pixels=40_000_000).width == 8000
    assert seen == []
    with pytest.raises(Malformed):
        preview(bomb_png(4000, 3999).replace(b"IDAT", b"zzzz"))


def test_a_large_photograph_is_decoded_small() -> None:
    """A baseline JPEG of 40 megapixels is read to its end, at an eighth of its width and height."""
    data = large("JPEG")
    scan = data.index(b"\xff\xda") + 2
    with pytest.raises(Malformed):
        preview(data[:scan] + b"\0\2" + data[scan + 2 :])


def with_chunk(kind: bytes, content: bytes, check: int | None = None) -> bytes:
    """A PNG with one more chunk after its header; `check` is its checksum."""
    data = picture("png", 64, 48)
    value = zlib.crc32(kind + content) if check is None else check
    return (
        data[:33]
        + struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", value)
        + data[33:]
    )


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"tEXt", b"a\0b", 0),
        with_chunk(b"gAMA", b"\0\0\1", 7),
        with_chunk(b"iCCP", b"no profile"),
        with_chunk(b"pHYs", b""),
        with_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000))),
        with_chunk(b"acTL", b"\0"),
        picture("png", 64, 48) + b"tail",
        picture("gif", 64, 48)[:-1] + b"\0\0;",
        picture("gif", 64, 48)[:-1] + b"?stray",
        picture("gif", 64, 48) + b"tail",
        picture("jpeg", 64, 48) + b"tail",
        picture("webp", 64, 48) + b"tail",
        icon((64, 48, with_chunk(b"tEXt", b"a\0b", 0))) + b"tail",
    ],
)
def test_what_browsers_show_is_no_failure(data: bytes) -> None:
    """Broken texts and profiles, stray bytes between blocks and after the end cost no pixel."""
    found = look(data)
    assert (found.width, found.height, found.bytes) == (64, 48, len(data))
    assert found.cleaned is None


def test_a_damaged_part_with_pixels_is_a_failure() -> None:
    """A wrong checksum of the pixels of a PNG means that some of them are wrong."""
    data = bytearray(picture("png", 64, 48))
    data[data.index(b"IDAT") + 12] ^= 1
    with pytest.raises(Malformed):
        look(bytes(data))


def test_transparency_of_a_png_is_kept() -> None:
    """What is left out of a PNG before it is decoded does not change how it looks."""
    seen: list[Any] = []
    image = Image.new("P", (20, 20), 1)
    data = saved_image(image, "PNG", transparency=1, dpi=(72, 72))
    inspect(io.BytesIO(data), lambda found: seen.append(found.has_transparency_data))
    assert seen == [True]


def saved_image(image: Image.Image, kind: str, **options: Any) -> bytes:
    """This picture in a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_an_avif_is_a_picture_where_pillow_reads_it() -> None:
    """Its type and extension are those of AVIF; pixels that are missing are noticed."""
    data = saved("AVIF")
    found = look(data)
    assert (found.format, found.content_type, found.extension) == ("avif", "image/avif", "avif")
    assert (found.width, found.height, found.bytes) == (40, 30, len(data))
    moving = saved("AVIF", save_all=True, append_images=[Image.new("RGB", (40, 30), "red")] * 2)
    assert look(moving).width == 40
    for missing in (1, 20, len(data) // 2):
        with pytest.raises(Malformed):
            look(data[:-missing])
    wide = data.replace(struct.pack(">II", 40, 30), struct.pack(">II", 8000, 5000))
    assert preview(wide).width == 8000
    with pytest.raises(TooLarge):
        look(wide)


def old_bitmap(depth: int, side: int) -> bytes:
    """A Windows bitmap of that many bits a pixel, as icon files hold it, with its mask."""
    row = (side * depth + 31) // 32 * 4
    mask = (side + 31) // 32 * 4
    colours = bytes(range(256)) * 4 if depth == 8 else bytes(4 * 2**depth if depth < 8 else 0)
    header = struct.pack("<IiiHHIIiiII", 40, side, 2 * side, 1, depth, 0, 0, 0, 0, 0, 0)
    return header + colours + bytes(row * side) + bytes(mask * side)


@pytest.mark.parametrize("depth", [1, 4, 8, 24, 32])
@pytest.mark.parametrize("side", [16, 48, 256])
def test_icons_of_every_depth_are_pictures(depth: int, side: int) -> None:
    """Bitmaps of 1 to 32 bits, up to 256 pixels, for which the directory has no number."""
    data = icon((side, side, old_bitmap(depth, side)))
    assert (look(data).width, look(data).height, look(data).format) == (side, side, "ico")


@pytest.mark.parametrize(
    ("kind", "image", "options"),
    [
        ("JPEG", Image.new("CMYK", (40, 30), (10, 20, 30, 40)), {}),
        ("PNG", Image.new("I;16", (40, 30), 30_000), {}),
        ("PNG", Image.new("1", (40, 30)), {}),
        ("PNG", Image.new("LA", (40, 30)), {}),
        ("PNG", Image.new("RGB", (40, 30)), {"save_all": True}),
        ("ICO", Image.new("RGBA", (256, 256), "red"), {"sizes": [(256, 256)]}),
    ],
)
def test_unusual_kinds_of_pixels_pass(kind: str, image: Image.Image, options: Any) -> None:
    """CMYK, 16 bits, one bit, grey with transparency: browsers show them all."""
    data = saved_image(image, kind, **options)
    assert (look(data).width, look(data).height) == image.size
    assert look_of(io.BytesIO(data), "x").sha256 == "x"


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
