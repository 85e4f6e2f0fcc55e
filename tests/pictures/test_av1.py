"""What an AVIF costs to decode is added up from its frames, not taken from the size that it states."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from datafetch.pictures.av1 import coded_pixels
from datafetch.pictures.containers import avif_parts
from datafetch.pictures.images import inspect
from datafetch.upstream_errors import Malformed, TooLarge

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow has no AVIF")


def saved(size=(40, 30), mode="RGB", **options) -> bytes:
    """An AVIF with some grain."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, "AVIF", speed=10, **options)
    return out.getvalue()


def coded(data: bytes) -> int:
    """The pixels of all frames of an AVIF."""
    file = io.BytesIO(data)
    return sum(coded_pixels(file, meta) for meta in avif_parts(file).metas)


def bits(*numbers: tuple[int, int]) -> bytes:
    """Numbers and their widths in bits, one after the other."""
    text = "".join(f"{number:0{width}b}" for number, width in numbers)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def still(width: int, height: int) -> bytes:
    """The sequence header of a still picture."""
    return bits((0, 3), (1, 1), (1, 1), (0, 5), (15, 4), (15, 4), (width - 1, 16), (height - 1, 16))


def film(width_bits: int, height_bits: int, *, timed: bool = False) -> bytes:
    """The sequence header of a film of 1 x 1 pixels, whose frames may have more."""
    start = [(0, 3), (0, 1), (0, 1), (int(timed), 1)]
    if timed:
        # Timing with an equal interval (two zeros before its number), and a decoder model.
        start += [(1, 32), (1, 32), (1, 1), (0b00101, 5), (1, 1), (3, 5), (1, 32), (3, 5), (3, 5)]
    start += [(int(timed), 1), (0, 5), (0, 12), (8, 5), (0, 1)]
    if timed:
        start += [(1, 1), (0, 4), (0, 4), (0, 1), (1, 1), (9, 4)]
    return bits(
        *start, (width_bits - 1, 4), (height_bits - 1, 4), (0, width_bits), (0, height_bits)
    )


def unit(kind: int, content: bytes = b"", *, sized: bool = True) -> bytes:
    """One unit of a stream."""
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([kind << 3 | 2 * sized]) + (size if sized else b"") + content


def box(kind: bytes, content: bytes = b"") -> bytes:
    """A part of an AVIF."""
    return struct.pack(">I", len(content) + 8) + kind + content


def meta(*spans: tuple[int, int], kind: bytes = b"av01", version=0, idat: bytes = b"") -> bytes:
    """The description of one picture, whose data lie at these positions."""
    entry = box(b"infe", struct.pack(">IHH", 2 << 24, 7, 0) + kind)
    method = struct.pack(">H", 1 if idat else 0) if version else b""
    places = struct.pack(">IBBH", version << 24, 0x44, 0, 1) + struct.pack(">H", 7) + method
    places += struct.pack(">HH", 0, len(spans))
    places += b"".join(struct.pack(">II", *span) for span in spans)
    found = box(b"iinf", struct.pack(">IH", 0, 1) + entry) + box(b"iloc", places)
    return found + (box(b"idat", idat) if idat else b"")


STREAM = unit(2) + unit(1, still(300, 200)) + unit(6, b"pixels")


@pytest.mark.parametrize(
    ("stream", "pixels"),
    [
        (STREAM, 60_000),
        (STREAM * 3, 180_000),
        (STREAM + unit(6) * 4, 300_000),
        (STREAM + unit(3) + unit(4) + unit(5) + unit(15), 120_000),
        (unit(1, still(5, 4)) + unit(1, still(50, 40)) + unit(6, b"x" * 300, sized=False), 2_000),
        (bytes([1 << 3 | 2 | 4, 0, 7]) + still(9, 9) + unit(6), 81),
        (unit(1, film(8, 9)) + unit(6), 256 * 512),
        (unit(1, film(8, 9, timed=True)) + unit(6), 256 * 512),
        (unit(6), 0),
        (b"", 0),
    ],
)
def test_all_frames_count_whether_shown_or_not(stream: bytes, pixels: int) -> None:
    """Frames of the largest size that the stream allows; a film's may be larger than it states."""
    assert coded_pixels(io.BytesIO(b"xx" + stream + b"tail"), meta((2, len(stream)))) == pixels
    inside = meta((0, len(stream)), version=1, idat=stream or b"x")
    assert coded_pixels(io.BytesIO(b"xx"), inside) == pixels


def test_parts_of_a_picture_are_joined() -> None:
    """The data may lie in several places; a length of 0 means the rest, and other kinds are none."""
    file = io.BytesIO(STREAM[:5] + b"gap" + STREAM[5:])
    assert coded_pixels(file, meta((0, 5), (8, len(STREAM) - 5))) == 60_000
    assert coded_pixels(file, meta((0, 5), (8, 0))) == 60_000
    assert coded_pixels(file, meta((0, 5), (8, 0), kind=b"Exif")) == 0


@pytest.mark.parametrize(
    "described",
    [
        b"",
        meta((0, 9))[:-1],
        box(b"iinf", bytes(6)),
        meta(*[(0, 500_000)] * 9),
        meta((0, len(STREAM) - 3)),
        b"\0\0\0\3iinf" + meta((0, 9)),
        box(b"iinf", bytes(6)) + box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, 9999)),
    ],
    ids=["nothing", "cut", "no places", "overlap", "stream cut", "short", "many"],
)
def test_what_does_not_say_where_its_pixels_lie_is_malformed(described: bytes) -> None:
    """A decoder could find more there than was added up."""
    with pytest.raises(Malformed):
        coded_pixels(io.BytesIO(STREAM + bytes(500_000)), described)


def test_thousands_of_units_are_no_picture() -> None:
    """Small units without a frame are not walked for seconds."""
    with pytest.raises(Malformed, match="too many parts"):
        coded_pixels(io.BytesIO(unit(15) * 9999), meta((0, 0)))


def test_parts_that_take_no_bytes_are_counted_before_they_are_kept() -> None:
    """Six kilobytes stated 65 million parts of no length, which took gigabytes."""
    item = struct.pack(">HHH", 7, 0, 65_535)
    places = box(b"iloc", struct.pack(">IBBH", 0, 0, 0, 1000) + item * 1000)
    with pytest.raises(Malformed, match="too many parts"):
        coded_pixels(io.BytesIO(STREAM), box(b"iinf", bytes(6)) + places)


def test_descriptions_of_one_film_are_not_read_again_and_again() -> None:
    """A file of a megabyte had 10,000 of them, each of which named the same thousand units."""
    size = box(b"ispe", bytes(4) + struct.pack(">II", 40, 30))
    one = box(b"meta", bytes(4) + meta((0, 0)) + size)
    start = box(b"ftyp", b"avif" + bytes(4) + b"avif")
    assert coded(start + one * 10) == 0
    with pytest.raises(Malformed, match="too many parts"):
        coded(start + one * 11)


def test_a_number_in_a_header_has_at_most_32_bits() -> None:
    """Zeros say how long a number is; megabytes of them were read bit by bit."""
    timing = bits((0, 3), (0, 1), (0, 1), (1, 1), (1, 32), (1, 32), (1, 1))
    stream = unit(1, timing + bytes(50) + b"\xff" * 200) + unit(6)
    with pytest.raises(Malformed, match="no header"):
        coded_pixels(io.BytesIO(stream), meta((0, len(stream))))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_added_up_or_malformed(described: bytes, stream: bytes) -> None:
    """Hostile bytes raise our errors only."""
    for found in (described, meta((0, len(stream)))):
        try:
            assert coded_pixels(io.BytesIO(stream), found) >= 0
        except Malformed:
            continue


@needs_avif
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"quality": 100}, {"subsampling": "4:4:4"}])
def test_real_pictures_have_the_pixels_that_they_state(mode: str, options) -> None:
    """Files as libavif writes them; transparency that is there doubles them."""
    assert coded(saved((64, 48), mode, **options)) == 64 * 48
    clear = Image.effect_noise((64, 48), 60).convert("RGBA")
    clear.putalpha(Image.effect_noise((64, 48), 60))
    out = io.BytesIO()
    clear.save(out, "AVIF", speed=10, **options)
    assert coded(out.getvalue()) == 2 * 64 * 48


@needs_avif
def test_a_frame_larger_than_the_picture_is_not_decoded() -> None:
    """80 megapixels that state to be 10 x 10 are refused; a film is checked by its parts only."""
    out = io.BytesIO()
    Image.new("L", (10_000, 8_000)).save(out, "AVIF", speed=10)
    lie = out.getvalue().replace(struct.pack(">II", 10_000, 8_000), struct.pack(">II", 10, 10))
    with pytest.raises(TooLarge, match="many more pixels than it shows"):
        inspect(io.BytesIO(lie))
    moving = saved(save_all=True, append_images=[Image.new("RGB", (40, 30), "red")] * 2)
    seen: list[object] = []
    assert inspect(io.BytesIO(moving), seen.append).width == 40
    assert inspect(io.BytesIO(saved()), seen.append).width == 40
    assert len(seen) == 1


@needs_avif
def test_a_thousand_hidden_frames_are_not_decoded() -> None:
    """Their number counts, since each is decoded before the first is shown."""
    data = saved((400, 300))
    at = data.index(b"mdat") + 4
    stream = data[at:]
    place = data.index(struct.pack(">II", at, len(stream)))
    count = 64_000_000 // (400 * 300) + 1
    many = stream + unit(6) * (count - 1)
    longer = data[:place] + struct.pack(">II", at, len(many)) + data[place + 8 : at - 8]
    with pytest.raises(TooLarge, match="many more pixels"):
        inspect(io.BytesIO(longer + struct.pack(">I", len(many) + 8) + b"mdat" + many))
