"""The part of a file that is sent, and the temporary file that what comes is kept in."""

import hashlib
import io
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import StoreError
from datafetch.store.base import FilePart
from datafetch.store.streams import Window, spooled


def window(before: bytes, body: bytes, after: bytes = b"") -> Window:
    """A window on the body, in a file that begins and ends with other bytes."""
    file = io.BytesIO(before + body + after)
    file.seek(len(before))
    return Window("images/x.png", FilePart(file, len(body)))


@given(
    st.binary(max_size=9),
    st.binary(max_size=30),
    st.binary(max_size=9),
    st.lists(
        st.one_of(
            st.tuples(st.just("read"), st.none() | st.integers(-1, 40)),
            st.tuples(st.just("seek"), st.integers(0, 40)),
        ),
        max_size=8,
    ),
)
def test_a_window_is_a_file_of_its_own(
    before: bytes, body: bytes, after: bytes, steps: list[tuple[str, int | None]]
) -> None:
    """Reads and rewinds of a retry give what a file with the body alone would give."""
    ours, alone = window(before, body, after), io.BytesIO(body)
    for step, number in steps:
        if step == "read":
            assert ours.read(number) == alone.read(number)
        else:
            assert ours.seek(number or 0) == alone.seek(number or 0)
        assert ours.tell() == alone.tell()
    assert b"".join(ours.pieces()) == body
    assert ours.sha256() == hashlib.sha256(body).hexdigest()


def test_a_window_is_measured_by_seeking() -> None:
    """An HTTP client finds out the length of a body by its end, and goes on from where it was."""
    ours = window(b"before", b"0123456789", b"after")
    assert ours.seek(-4, os.SEEK_END) == 6
    assert ours.read(2) == b"67"
    assert ours.seek(1, os.SEEK_CUR) == 9
    assert ours.read() == b"9"
    assert ours.seek(-11, os.SEEK_END) == 0
    assert ours.read() == b"0123456789"
    assert (ours.readable(), ours.seekable(), ours.size) == (True, True, 10)


def test_pieces_are_of_bounded_size() -> None:
    """A large file is never in memory as a whole."""
    body = bytes(150_000)
    assert [len(piece) for piece in window(b"x", body).pieces()] == [65_536, 65_536, 18_928]


def test_a_file_that_is_too_short_is_refused_at_once() -> None:
    """A download that was cut off is noticed before anything is sent."""
    file = io.BytesIO(b"before" + b"cut")
    file.seek(6)
    with pytest.raises(StoreError, match="after 3 of 4") as caught:
        Window("images/x.png", FilePart(file, 4))
    assert caught.value.key == "images/x.png"


def test_what_comes_is_read_from_its_start() -> None:
    """A body that is larger than the memory it may take comes back whole."""
    with spooled("key", [b"a" * 70_000, b"", b"b"]) as file:
        assert file.read() == b"a" * 70_000 + b"b"


def test_a_body_that_breaks_off_leaves_no_file() -> None:
    """The error of the source goes through."""

    def broken() -> Iterator[bytes]:
        yield b"first"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        spooled("key", broken())
