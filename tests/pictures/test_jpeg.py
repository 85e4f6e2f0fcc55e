"""JPEGs: their markers are read to the end of the picture, whatever stands between and after."""

import io
import random
import struct

import pytest
from PIL import Image

from datafetch.pictures.images import inspect
from datafetch.pictures.jpeg import read_markers
from datafetch.upstream_errors import Malformed, TooLarge
from tests.fakes.pictures import photo, picture

START, END = b"\xff\xd8", b"\xff\xd9"


def saved(size=(64, 48), mode="RGB", **options) -> bytes:
    """A JPEG with some grain."""
    out = io.BytesIO()
    grain = Image.frombytes("L", (16, 16), random.Random(7).randbytes(256))
    grain.resize(size).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def segment(code: int, data: bytes = b"") -> bytes:
    """A part of a JPEG."""
    return struct.pack(">BBH", 0xFF, code, len(data) + 2) + data


def with_scans(count: int, size=(64, 48)) -> bytes:
    """A progressive JPEG whose last scan comes so often that it has that many."""
    data: bytes = saved(size, progressive=True)
    at = data.rindex(b"\xff\xda")
    more = count - read_markers(io.BytesIO(data)).scans
    return data[:-2] + data[at:-2] * more + END


def look(data: bytes):
    """What is said of these bytes."""
    return inspect(io.BytesIO(data))


def test_the_markers_say_how_a_picture_is_coded():
    """Size, kind, number of scans and the end are read without decoding."""
    plain = read_markers(io.BytesIO(saved()))
    assert (plain.size, plain.progressive, plain.scans, plain.ended) == ((64, 48), False, 1, True)
    assert plain.in_one_pass
    better = read_markers(io.BytesIO(saved(progressive=True)))
    assert (better.progressive, better.ended, better.in_one_pass) == (True, True, False)
    assert better.scans > 3


def test_what_stands_between_and_after_does_not_mislead():
    """Thumbnails in segments, filling bytes, stray bytes and a second picture are passed over."""
    data, small = saved(), saved((8, 8))
    odd = START + segment(0xE1, small) + b"stray\xff\0\xff\xff" + data[2:] + small + b"tail"
    markers = read_markers(io.BytesIO(odd))
    assert (markers.size, markers.scans, markers.ended) == ((64, 48), 1, True)
    assert (look(odd).width, look(data + small).width) == (64, 64)


def test_markers_are_found_where_pieces_of_reading_meet():
    """A marker whose two bytes are read at two times is seen."""
    data = photo(600, 315)
    scan = data.index(b"\xff\xda") + 2 + 12
    for length in (65_534, 65_535, 65_536, 65_537, 131_071):
        markers = read_markers(io.BytesIO(data[:scan] + b"x" * length + END))
        assert markers.ended


@pytest.mark.parametrize(
    "data",
    [
        START,
        START + END,
        START + segment(0xE0, b"JFIF"),
        START + segment(0xDA, bytes(6)) + b"x" + END,
        START + b"\xff" * 300_000,
        START + segment(0xE0) * 20_000 + END,
        START + b"\xff\xe0\0\0" * 20_000,
    ],
    ids=["start", "empty", "head", "no size", "filling", "parts", "no length"],
)
def test_what_has_no_pixels_is_malformed(data: bytes):
    """Marks alone, or thousands of them, make no picture."""
    with pytest.raises(Malformed):
        read_markers(io.BytesIO(data))
    with pytest.raises(Malformed):
        look(data)


def test_scans_are_counted_before_they_are_decoded():
    """Each scan costs the time of a whole picture: 64 pass, 65 are refused unread."""
    assert look(with_scans(64)).width == 64
    for count in (65, 1000):
        with pytest.raises(TooLarge, match="more than 64 scans"):
            look(with_scans(count))


def test_the_larger_a_picture_the_fewer_scans_it_may_have():
    """All scans together pass over 320 megapixels at most."""
    assert look(with_scans(20, (4000, 2000))).width == 4000
    with pytest.raises(TooLarge, match="too many scans for its size"):
        look(with_scans(41, (4000, 2000)))


@pytest.mark.parametrize(
    "data",
    [
        picture("jpeg", 64, 48),
        saved(),
        saved(quality=100),
        saved(mode="CMYK"),
        saved(mode="L"),
        photo(300, 200),
    ],
    ids=["plain", "grain", "fine", "cmyk", "grey", "photo"],
)
def test_a_picture_that_lacks_only_its_end_is_shown(data: bytes):
    """Browsers show all its pixels; when bytes of them are missing as well, it is cut short."""
    size = (look(data).width, look(data).height)
    for end in (b"", b"\xff"):
        found = look(data[:-2] + end)
        assert (found.width, found.height, found.bytes) == (*size, len(data) - 2 + len(end))
    for missing in (*range(4, 40), len(data) // 3):
        with pytest.raises(Malformed, match="cut short"):
            look(data[:-missing])


def test_of_several_scans_the_last_may_be_missing():
    """A progressive picture without its end may lack scans, so it is cut short."""
    with pytest.raises(Malformed, match="cut short"):
        look(saved(progressive=True)[:-2])
