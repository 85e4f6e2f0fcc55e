"""Parts of a file, shown as a file of their own."""

import io

from hypothesis import given
from hypothesis import strategies as st

from datafetch.pictures.parts import PartsOfFile

DATA = bytes(range(200))


@given(
    st.lists(st.integers(0, 200), min_size=2, max_size=12).map(sorted),
    st.lists(st.tuples(st.integers(0, 250), st.integers(-1, 250)), max_size=8),
)
def test_parts_read_as_their_bytes_do(edges, reads):
    """Whatever is read, from wherever, is what a copy of the parts would give."""
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    copy = io.BytesIO(b"".join(DATA[start:end] for start, end in spans))
    parts = PartsOfFile(io.BytesIO(DATA), spans)
    assert parts.readable()
    assert parts.seekable()
    for place, size in reads:
        assert parts.seek(place) == copy.seek(place)
        assert parts.read(size) == copy.read(size)
        assert parts.tell() == copy.tell()
    assert parts.seek(-1, io.SEEK_END) == max(0, len(copy.getvalue()) - 1)
    assert parts.seek(1, io.SEEK_CUR) == max(1, len(copy.getvalue()))


def test_the_file_stays_open_and_may_be_shorter():
    """Closing the parts leaves the file to its owner; a file that ends early gives what it has."""
    file = io.BytesIO(DATA[:20])
    with PartsOfFile(file, [(5, 10), (15, 30), (40, 50)]) as parts:
        assert parts.read() == DATA[5:10] + DATA[15:20]
    assert file.read(0) == b""
