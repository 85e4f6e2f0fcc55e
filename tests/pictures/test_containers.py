"""WebP and AVIF: sizes and ends are found in their parts, without decoding."""

import io
import struct

import pytest
from PIL import Image, features

from datafetch.pictures.containers import avif_parts, webp_size
from datafetch.upstream_errors import Malformed

HAS_AVIF = features.check("avif")


def saved(kind: str, mode="RGB", **options) -> bytes:
    """A picture with some grain."""
    out = io.BytesIO()
    Image.effect_noise((40, 30), 60).convert(mode).save(out, kind, **options)
    return out.getvalue()


def moving(kind: str, **options) -> bytes:
    """A picture of three frames."""
    more = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    return saved(kind, save_all=True, append_images=more, **options)


def size_of(file: io.BytesIO) -> tuple[int, int]:
    """The size that the boxes of an AVIF state."""
    return avif_parts(file).size


WEBP = {
    "lossy": saved("WEBP"),
    "lossless": saved("WEBP", lossless=True),
    "clear": saved("WEBP", "RGBA"),
    "moving": moving("WEBP"),
    "texts": saved("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>"),
}


@pytest.mark.parametrize("name", WEBP)
def test_a_webp_is_walked_to_its_end(name: str):
    """Its size stands in its first chunk; a byte less is cut short, bytes after its end are not its."""
    data = WEBP[name]
    assert webp_size(io.BytesIO(data)) == (40, 30)
    assert webp_size(io.BytesIO(data + b"tail")) == (40, 30)
    for length in range(12, len(data)):
        with pytest.raises(Malformed):
            webp_size(io.BytesIO(data[:length]))


@pytest.mark.parametrize(
    "chunks",
    [
        b"",
        b"JUNK" + struct.pack("<I", 10) + bytes(10),
        b"VP8 " + struct.pack("<I", 10) + bytes(10),
        b"VP8L" + struct.pack("<I", 10) + bytes(10),
        WEBP["lossy"][12:16] + struct.pack("<I", 2**31) + WEBP["lossy"][20:],
        WEBP["lossy"][12:] + b"JUNK\0\0\0\0" * 10_000,
    ],
    ids=["nothing", "other", "no key", "no signature", "longer", "parts"],
)
def test_a_broken_webp_is_malformed(chunks: bytes):
    """What does not begin with its size, or claims more than is there, is no picture."""
    with pytest.raises(Malformed):
        webp_size(io.BytesIO(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks))


def box(kind: bytes, content: bytes = b"") -> bytes:
    """A part of an AVIF."""
    return struct.pack(">I", len(content) + 8) + kind + content


def avif(*sizes: tuple[int, int], rest: bytes = box(b"mdat", b"pixels")) -> bytes:
    """The frame of an AVIF that names these sizes."""
    named = b"".join(box(b"ispe", bytes(4) + struct.pack(">II", *size)) for size in sizes)
    properties = box(b"iprp", box(b"ipco", box(b"pixi", bytes(8)) + named) + box(b"ipma"))
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(25)) + properties)
    return box(b"ftyp", b"avif\0\0\0\0avif") + meta + rest


def test_an_avif_is_as_large_as_its_largest_picture():
    """Tiles and thumbnails are smaller than the picture that they belong to."""
    assert size_of(io.BytesIO(avif((64, 64), (300, 200), (5, 5)))) == (300, 200)
    assert size_of(io.BytesIO(avif((7, 5)) + b"tail of other bytes")) == (7, 5)


@pytest.mark.parametrize(
    "data",
    [
        avif(),
        avif((5, 5))[:-1],
        avif((5, 5), rest=struct.pack(">I4sQ", 1, b"mdat", 2**63)),
        avif((5, 5), rest=struct.pack(">I4sQ", 1, b"mdat", 3)),
        avif((5, 5), rest=struct.pack(">I4s", 3, b"mdat")),
        avif((5, 5))[:40],
        b"\0\0\0\0ftypavif",
        box(b"ftyp", b"avif") + box(b"meta", box(b"iprp", b"\0\0\0\0ispe" * 9)),
    ],
)
def test_a_broken_avif_is_malformed(data: bytes):
    """Without a size, or with less than its boxes claim, it is no picture."""
    with pytest.raises(Malformed):
        size_of(io.BytesIO(data))


def test_a_box_may_reach_to_the_end():
    """A length of 0 means the rest of the file, and 1 that it stands in the next eight bytes."""
    for rest in (b"\0\0\0\0mdat....", struct.pack(">I4sQ", 1, b"mdat", 20) + b"...."):
        assert size_of(io.BytesIO(avif((5, 5), rest=rest))) == (5, 5)


def test_a_meta_box_of_thousands_of_boxes_is_walked_once():
    """A hostile length of a box inside does not keep the reader in its place."""
    data = avif((3, 4), rest=box(b"meta", bytes(4) + b"\0\0\0\0free" * 100_000))
    assert size_of(io.BytesIO(data)) == (3, 4)


@pytest.mark.skipif(not HAS_AVIF, reason="this Pillow was built without AVIF")
@pytest.mark.parametrize("options", [{}, {"quality": 100}, {"subsampling": "4:4:4"}])
def test_real_avifs_are_read(options):
    """Files as libavif writes them, still and moving."""
    for data in (saved("AVIF", **options), saved("AVIF", "RGBA", **options), moving("AVIF")):
        assert size_of(io.BytesIO(data)) == (40, 30)
