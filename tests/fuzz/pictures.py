"""Pictures of every format, drawings, and `data:` URLs; the pictures are made here, small."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image

from datafetch.pictures.data_urls import is_data_url, read_data_url
from datafetch.pictures.images import MAX_PREVIEW_PIXELS, inspect
from datafetch.pictures.looks import inspect_with_spread, look_of
from tests.fuzz.target import KB, Shape, Target, shapes, text_of

PIXELS_EXTRA_S = 1.0
"""A picture costs time for its pixels, too: of 16 megapixels, which are decoded at the most."""

_MOST = 10 * KB * KB


def saved(kind: str, mode: str = "RGB", size: tuple[int, int] = (24, 18), **options: Any) -> bytes:
    """A small picture with some grain."""
    grain = Image.frombytes("L", (8, 8), random.Random(7).randbytes(64)).resize(size)
    out = io.BytesIO()
    grain.convert(mode).save(out, kind, **options)
    return out.getvalue()


def _moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90, 180)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def _picture(data: bytes) -> None:
    facts = inspect(io.BytesIO(data))
    inspect_with_spread(io.BytesIO(data))
    look_of(io.BytesIO(data), str(facts.width))


def _preview(data: bytes) -> None:
    inspect(io.BytesIO(data), max_pixels=MAX_PREVIEW_PIXELS)


def _drawing(data: bytes) -> None:
    inspect(io.BytesIO(data))


def _data_url(data: bytes) -> None:
    text = text_of(data)
    if is_data_url(text):
        inspect(io.BytesIO(read_data_url(text).body))
    else:
        read_data_url(text)


def _chunk(kind: bytes, content: bytes = b"") -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def _segment(code: int, content: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def _box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


_PNG, _JPEG, _GIF = saved("PNG"), saved("JPEG"), saved("GIF", "L")
_PROGRESSIVE = saved("JPEG", progressive=True)
_LAST_SCAN = _PROGRESSIVE[_PROGRESSIVE.rindex(b"\xff\xda") : -2]
_WEBP, _AVIF = saved("WEBP"), saved("AVIF", speed=10)
_PNG_MAGIC = _PNG[:8]
_IHDR = _PNG[8:33]
_RASTERS = (
    *(_PNG, saved("PNG", "P"), saved("PNG", "LA"), saved("PNG", "I;16"), saved("PNG", "1")),
    *(_JPEG, _PROGRESSIVE, saved("JPEG", "CMYK"), saved("JPEG", "L"), _JPEG[:-2]),
    *(_GIF, _moving("GIF"), _WEBP, saved("WEBP", lossless=True), saved("WEBP", "RGBA"), _moving("WEBP")),
    *(_AVIF, saved("AVIF", "RGBA", speed=10)),
    *(saved("ICO", "RGBA", (32, 32)), saved("ICO", "RGBA", (16, 16), bitmap_format="bmp")),
)  # fmt: skip
_RASTER_SHAPES = (
    *shapes(_PNG_MAGIC + _IHDR, (_chunk(b"IDAT"), _chunk(b"tEXt", b"a\0b"), _chunk(b"tRNS", b"\0\0"), b"\0")),
    *shapes(_PNG[:-12], (_chunk(b"IDAT", b"x"), _chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 9000))), _PNG[-12:]),
    *shapes(_PNG_MAGIC + _IHDR, (_chunk(b"iCCP", b"a\0\0x"), _chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0")), _PNG[33:]),
    *shapes(b"\xff\xd8", (_segment(0xFE, b"c"), _segment(0xE1, b"Exif\0\0MM\0*"), b"\xff\xd0", b"\xff\x01", b"\xff")),
    *shapes(b"\xff\xd8" + _segment(0xDB, b"\0" * 65), (_segment(0xC4, b"\0" * 17), _segment(0xE2, b"ICC_PROFILE\0\1\1")), _JPEG[2:]),
    *shapes(_PROGRESSIVE[:-2], (_LAST_SCAN, b"\xff\xd0", b"\xff\xda\0\x08\1\1\0\0\0\0"), b"\xff\xd9"),
    *shapes(_GIF[:13], (b",\0\0\0\0\1\0\1\0\0\2\1\0\0", b"!\xfe\0", b"\0", b"!\xf9\4\0\0\0\0\0")),
    *shapes(_GIF[:-1], (b"\1\0", b"!\xff\1a\0", b"\0")),
    *shapes(b"RIFF\xff\xff\x9f\0WEBP", (b"VP8X\x0a\0\0\0" + b"\0" * 10, b"XXXX\0\0\0\0", b"\0")),
    *shapes(_AVIF[:32], (_box(b"meta", b"\0" * 4), _box(b"free"), _box(b"meta", b"\0" * 4 + _box(b"iprp", _box(b"ipco"))))),
    *shapes(b"\0\0\1\0\xff\0", (b"\x10\x10\0\0\1\0\x20\0\x28\0\0\0\x16\0\0\0", b"\0")),
)  # fmt: skip

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="20" height="10">'
_DRAWINGS = (
    _SVG + b'<style>.a{fill:url(#g)}</style><g id="g"><path d="M0 0 1 1"/></g><use xlink:href="#g"/></svg>',
    b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY a "b">]>' + _SVG + b"</svg>",
    b'<?xpacket begin="" id="x"?>' + _SVG + b"<script/><metadata>x</metadata><?xpacket end='w'?></svg>",
    _SVG + b'<image href="data:image/png;base64,AAAA"/><set attributeName="fill" to="red"/></svg>',
    ("<?xml version='1.0' encoding='utf-16'?>" + _SVG.decode() + "<text>&#233;&amp;</text></svg>").encode("utf-16"),
    b"<svg:svg xmlns:svg='http://www.w3.org/2000/svg' viewBox='0 0 4 5'><svg:g/></svg:svg>",
)  # fmt: skip
_DRAWING_UNITS = (
    *(b"<g>", b"<g/>", b"<g></g>", b"<a:g xmlns:a='b'>", b"<g a='", b"<style>", b"<style/>", b"<!---->", b"<![CDATA[x]]>"),
    *(b"<script/>", b"<script></script>", b"<?xpacket a?>", b"<?a b?>", b"&amp;", b"&#65;", b"&a;", b"a", b" ", b"]]>"),
    *(b"<g fill='url(#a)'/>", b"<use href='#a'/>", b"<path d='M0 0'/>", b"<style>a{b:url(#c)}</style>", b"\xc3\xa9"),
)  # fmt: skip
_DRAWING_SHAPES = (
    *shapes(_SVG, _DRAWING_UNITS),
    *shapes(_SVG, _DRAWING_UNITS, b"</svg>"),
    *shapes(_SVG + b"<style>", (b"url(", b"url(#a)", b"@im", b"image-set", b"expression ", b"a\n", b"/**/", b"behavior "), b"</style></svg>"),
    *shapes(b"<svg xmlns='http://www.w3.org/2000/svg' style='", (b"url (", b"image(", b"a", b" ", b"java\tscript"), b"'/>"),
    *shapes(b"<svg xmlns='http://www.w3.org/2000/svg' width='", (b"1", b"1e", b" ", b"."), b"'/>"),
    *shapes(b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='", (b"1 ", b" ", b","), b"'/>"),
    *shapes(b"<!DOCTYPE svg [", (b"<!ENTITY a 'b'>", b"<!ATTLIST a b CDATA 'c'>", b"<!ELEMENT a ANY>", b"%a;", b"<!---->", b" "), b"]>" + _SVG + b"</svg>"),
    *shapes(b"<!DOCTYPE svg [<!ENTITY a 'bbbbbbbb'>", (b"<!ENTITY b '&a;&a;'>", b"<!ENTITY % p '&#37;q;'>"), b"]>" + _SVG + b"&a;</svg>"),
    *shapes(b"", (b"<!---->", b"<", b"<?a?>", b" ", b"<svg", b"<!doctype "), _SVG + b"</svg>"),
)  # fmt: skip

TARGETS = (
    Target("picture", _picture, _RASTERS, _RASTER_SHAPES, _MOST, extra_s=3 * PIXELS_EXTRA_S),
    Target(
        "preview",
        _preview,
        (_PNG, _JPEG, _PROGRESSIVE),
        _RASTER_SHAPES,
        _MOST,
        extra_s=PIXELS_EXTRA_S,
    ),
    Target("drawing", _drawing, _DRAWINGS, _DRAWING_SHAPES, KB * KB),
    Target(
        "data-url",
        _data_url,
        (
            b"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
            b"data:image/svg+xml;charset=utf-8,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E#a",
            b" DATA:image/gif ; base64 ,R0lG",
        ),
        (
            *shapes(b"data:image/png;base64,", (b"A", b" ", b"=", b"%", b"%41")),
            *shapes(b"data:", (b";", b" ", b"image/", b",", b";base64")),
            Shape(b"data:image/svg+xml,", b"%3Csvg"),
        ),
        512 * KB,
    ),
)
