"""Real small pictures: deterministic, of any size and colour, cheap enough for thousands."""

import io
import random
import struct
import zlib
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

Format = Literal["png", "jpeg", "gif", "webp", "ico", "svg"]
Colour = tuple[int, int, int]

CONTENT_TYPES: dict[Format, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "ico": "image/x-icon",
    "svg": "image/svg+xml",
}
_NOISE_SIDE = 96


def colour_of(name: str) -> Colour:
    """A colour that belongs to a name."""
    red, green, blue = sha256(name.encode()).digest()[:3]
    return red, green, blue


@lru_cache(maxsize=4096)
def picture(
    kind: Format = "png", width: int = 64, height: int | None = None, colour: Colour = (200, 40, 40)
) -> bytes:
    """A plain picture with a frame and a few bright spots."""
    height = width if height is None else height
    if kind == "svg":
        return _svg(width, height, colour)
    if kind == "png":
        return _recoloured(_png_template(width, height), colour)
    image = _shape(width, height)
    image.putpalette([*colour, 255, 255, 255, 20, 20, 20, 240, 200, 60])
    out = io.BytesIO()
    if kind == "ico":
        image.convert("RGBA").save(out, "ICO", sizes=[(width, height)])
    elif kind == "gif":
        image.save(out, "GIF")
    else:
        image.convert("RGB").save(out, kind.upper())
    return out.getvalue()


@lru_cache(maxsize=512)
def photo(
    width: int = 600, height: int = 315, colour: Colour = (90, 120, 160), kind: Format = "jpeg"
) -> bytes:
    """A grainy picture of some ten kilobytes or more, as page previews and screenshots are."""
    tint = Image.new("RGB", (width, height), colour)
    image = Image.blend(_noise().resize((width, height)), tint, 0.6)
    out = io.BytesIO()
    image.save(out, kind.upper())
    return out.getvalue()


@lru_cache(maxsize=16)
def globe(size: int = 16) -> bytes:
    """The generic picture that stands for "no logo" at the favicon services: a blue-grey globe."""
    line = (82, 93, 161)
    image = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(image)
    for left, top in ((8, 8), (72, 8)):
        draw.ellipse((left, top, 255 - left, 255 - top), outline=line, width=20)
    for place in (78, 158):
        draw.rectangle((24, place, 231, place + 18), fill=line)
    draw.ellipse((60, 40, 120, 130), fill=line)
    out = io.BytesIO()
    image.resize((size, size), Image.Resampling.BOX).save(out, "PNG")
    return out.getvalue()


def _shape(width: int, height: int) -> Image.Image:
    image = Image.new("P", (width, height), 0)
    image.paste(2, (0, 0, width, max(1, height // 8)))
    image.paste(1, (width // 4, height // 3, width // 2, height // 2))
    image.paste(
        3,
        (
            width // 2,
            height // 2,
            max(width // 2 + 1, width * 3 // 4),
            max(height // 2 + 1, height * 3 // 4),
        ),
    )
    return image


@lru_cache(maxsize=64)
def _png_template(width: int, height: int) -> bytes:
    image = _shape(width, height)
    image.putpalette([0, 0, 0, 255, 255, 255, 20, 20, 20, 240, 200, 60])
    out = io.BytesIO()
    image.save(out, "PNG", bits=8, pnginfo=_comment())
    return out.getvalue()


def _comment() -> PngInfo:
    info = PngInfo()
    info.add_text("Software", "a text that keeps even the smallest picture above one hundred bytes")
    return info


def _recoloured(template: bytes, colour: Colour) -> bytes:
    """Swap the first palette entry, which is far cheaper than to encode again."""
    start = template.index(b"PLTE")
    length = struct.unpack(">I", template[start - 4 : start])[0]
    palette = b"PLTE" + bytes(colour) + template[start + 7 : start + 4 + length]
    return (
        template[:start]
        + palette
        + struct.pack(">I", zlib.crc32(palette))
        + template[start + 8 + length :]
    )


@lru_cache(maxsize=1)
def _noise() -> Image.Image:
    grain = random.Random(7).randbytes(_NOISE_SIDE * _NOISE_SIDE * 3)
    return Image.frombytes("RGB", (_NOISE_SIDE, _NOISE_SIDE), grain)


def _svg(width: int, height: int, colour: Colour) -> bytes:
    fill = "#{:02x}{:02x}{:02x}".format(*colour)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="{fill}"/><circle cx="8" cy="8" r="4" fill="#fff"/></svg>'
    ).encode()
