"""What pictures look like: the same in another size or packing, another in another colour or shape."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from datafetch.logos.rules.generic import is_generic, may_be_generic
from datafetch.models.picture import Look
from datafetch.pictures.looks import inspect_with_spread, look_of
from datafetch.upstream_errors import Malformed
from tests.fakes.pictures import globe, picture

DRAWN = Image.open(io.BytesIO(globe(64))).convert("RGB")


def look(data: bytes) -> Look:
    """What these bytes look like."""
    file = io.BytesIO(data)
    found = look_of(file, str(hash(data)))
    assert file.tell() == 0
    return found


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture in a file of that kind."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def tinted(*steps: int) -> Image.Image:
    """The globe with so much more of each colour."""
    bands = zip(DRAWN.split(), steps, strict=True)
    return Image.merge(
        "RGB", [band.point(lambda shade, step=step: shade + step) for band, step in bands]
    )


SAME = {
    "size": saved(DRAWN.resize((256, 256), Image.Resampling.LANCZOS), "PNG"),
    "small": saved(DRAWN.resize((32, 32), Image.Resampling.BOX), "PNG"),
    "jpeg": saved(DRAWN, "JPEG", quality=90),
    "webp": saved(DRAWN, "WEBP"),
    "ico": saved(DRAWN, "ICO", sizes=[(64, 64)]),
    "palette": saved(DRAWN.quantize(64), "GIF"),
}


@pytest.mark.parametrize("name", SAME)
def test_a_picture_in_another_size_or_packing_looks_the_same(name: str) -> None:
    """The generic globe comes at the size that was asked for, and as what a cache makes of it."""
    assert is_generic(look(SAME[name]), [look(globe(64))])


@pytest.mark.parametrize(
    "other",
    [
        saved(tinted(-8, 0, -4), "PNG"),
        saved(tinted(-8, -9, -7), "PNG"),
        saved(DRAWN.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"),
        saved(DRAWN.transpose(Image.Transpose.ROTATE_90), "PNG"),
    ],
    ids=["tint", "grey", "mirrored", "turned"],
)
def test_another_picture_does_not_look_the_same(other: bytes) -> None:
    """Logos of one shape in two colours are two logos."""
    assert not is_generic(look(other), [look(globe(64))])


@pytest.mark.parametrize(
    "plain",
    [
        saved(Image.new("RGB", (64, 64), (119, 119, 119)), "PNG"),
        saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"),
        saved(Image.linear_gradient("L").resize((64, 64)), "PNG"),
        picture("svg", 64),
        picture("png", 600),
    ],
    ids=["grey", "clear", "gradient", "drawing", "large"],
)
def test_what_has_no_contours_is_known_by_its_bytes_only(plain: bytes) -> None:
    """Plain areas are all alike; drawings and large pictures are not what a service shows for none."""
    assert look(plain).shape is None


def test_what_is_no_picture_looks_like_nothing() -> None:
    """A page has no look."""
    with pytest.raises(Malformed):
        look(b"<html>words</html>")


def spread(data: bytes) -> bytes:
    """The spread of colours of some pixels of these bytes."""
    file = io.BytesIO(data)
    picture, found = inspect_with_spread(file)
    assert picture.bytes == len(data)
    assert file.tell() == 0
    return found


@pytest.mark.parametrize("name", SAME)
def test_what_looks_the_same_is_looked_at(name: str) -> None:
    """The few pixels that are read first never keep a copy of the globe from being looked at."""
    assert may_be_generic(spread(SAME[name]), [look(globe(64))])


def test_most_logos_are_told_apart_by_a_few_pixels() -> None:
    """A picture with a colour that the globe has not is not worth a look, which takes its time."""
    known = [look(globe(64))]
    assert known[0].spread
    for kind in ("png", "jpeg", "gif", "webp", "ico"):
        assert not may_be_generic(spread(picture(kind, 64, 64, (200, 16, 32))), known)


def short_palette() -> bytes:
    """A picture that points beyond the colours it names, as sloppy programs write them."""
    rows = (b"\0" + bytes([11] * 8 + [1] * 8)) * 16
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 16, 16, 8, 3, 0, 0, 0),
        b"PLTE": bytes([0, 0, 0, 200, 20, 30]),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


CLEAR = Image.new("RGBA", (16, 16), (200, 0, 0, 0))
CLEAR.paste((10, 20, 30, 255), (0, 0, 8, 16))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (saved(Image.new("RGB", (3, 50), (1, 2, 3)), "PNG"), "010203 010203"),
        (saved(CLEAR, "PNG"), "0a141e ffffff"),
        (saved(CLEAR.convert("RGB").quantize(4), "PNG"), "0a0000 c8141e"),
        (short_palette(), "000000 c8141e"),
        (saved(CLEAR.convert("L"), "PNG"), ""),
        (saved(CLEAR.quantize(4), "PNG"), ""),
        (saved(CLEAR.convert("RGB"), "PNG", transparency=(200, 20, 30)), ""),
        (picture("svg", 64), ""),
    ],
    ids=[
        "rgb",
        "alpha",
        "palette",
        "short-palette",
        "grey",
        "clear-palette",
        "clear-colour",
        "drawing",
    ],
)
def test_a_spread_is_that_of_what_is_seen(data: bytes, found: str) -> None:
    """Colours count as they show on white; of unusual kinds there is none, so that they are looked at."""
    assert spread(data) == bytes.fromhex(found)


def test_sixteen_bits_look_as_eight_do() -> None:
    """A grey PNG of 65,536 shades is known again in one of 256."""
    grey = DRAWN.convert("L")
    deep = Image.new("I;16", grey.size)
    fine = struct.pack(f"<{len(grey.tobytes())}H", *(shade * 257 for shade in grey.tobytes()))
    deep.frombytes(fine)
    found, known = look(saved(deep, "PNG")), look(saved(grey, "PNG"))
    assert (found.shape, found.colours) == (known.shape, known.colours)
    assert known.shape is not None
