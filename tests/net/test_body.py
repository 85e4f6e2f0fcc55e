"""Bodies: decoded piece by piece within their limit, cut where wanted, never believed."""

import gzip
import io
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.net.base import Request
from datafetch.net.body import read_body
from datafetch.upstream_errors import Malformed, TooLarge, TransientError

URL = "https://example.com/x"


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's wrapper."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate, identity": raw_deflate,
    "identity": bytes,
    "utf-8": bytes,
}


def read(
    data: Any, encoding: str = "identity", size: int = 7, headers: Any = None, **limits: Any
) -> tuple[bytes, bool]:
    """The body out of chunks of that size, and whether it was cut."""
    limits.setdefault("limit", 1 << 20)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    sink = io.BytesIO()
    given_headers = {"content-encoding": encoding, **(headers or {})}
    request = Request(URL, "data", "site", **limits)
    cut = read_body(chunks, given_headers, URL, request, sink.write)
    return sink.getvalue(), cut


@given(st.binary(max_size=500), st.sampled_from(sorted(PACKERS)), st.integers(1, 600))
def test_bodies_come_out_as_they_went_in(data: Any, encoding: str, size: int) -> None:
    """Every encoding that is asked for is decoded, wherever the network cuts it."""
    assert read(PACKERS[encoding](data), encoding, size) == (data, False)


@pytest.mark.parametrize("over", [-1, 0, 1, 200])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate, identity"])
def test_nothing_is_left_behind_in_the_decoder(encoding: str, over: Any) -> None:
    """A body that ends just where a piece is full is whole."""
    data = bytes(3 * 65536 + over)
    assert read(PACKERS[encoding](data), encoding, size=1 << 20) == (data, False)


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "gzip, gzip", "deflate, gzip", "gzip, br", "compress"]
)
def test_what_was_not_asked_for_is_not_decoded(encoding: str) -> None:
    """Packing inside packing multiplies what a bomb gains; it is refused unread."""
    with pytest.raises(Malformed):
        read(gzip.compress(gzip.compress(b"x")), encoding)


@pytest.mark.parametrize("packer", [gzip.compress, raw_deflate, zlib.compress])
def test_a_small_page_that_inflates_is_stopped_at_its_limit(packer: Any) -> None:
    """A small page that inflates to hundreds of megabytes was read whole before it was cut."""
    encoding = "gzip" if packer is gzip.compress else "deflate"
    bomb = packer(bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            read(bomb, encoding, size=len(bomb), limit=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_members_of_one_gzip_file_are_one_body() -> None:
    """Gzip files may be strung together; padding after them is ignored."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 20
    assert read(packed, "gzip")[0] == b"one two"


@given(st.integers(1, 200))
def test_a_packed_body_that_was_cut_is_noticed(missing: Any) -> None:
    """A body cut short inside its packing is a fault that may pass, not half an answer."""
    packed = gzip.compress(bytes(range(256)) * 4)
    with pytest.raises(TransientError):
        read(packed[:-missing], "gzip")


@given(st.binary(min_size=1, max_size=300))
def test_garbage_is_malformed_or_cut(data: Any) -> None:
    """Bytes that are not what their encoding says never get through as something else."""
    for encoding in ("gzip", "deflate"):
        try:
            read(data, encoding)
        except (Malformed, TransientError):
            continue


@given(st.binary(max_size=300), st.integers(1, 300), st.integers(1, 50))
def test_the_limit_is_exact(data: Any, limit: int, size: int) -> None:
    """As much as the limit passes; one byte more is too large, or is cut there when wanted."""
    body, cut = read(data, size=size, limit=limit, truncate=True)
    assert (body, cut) == (data[:limit], len(data) > limit)
    if len(data) > limit:
        with pytest.raises(TooLarge):
            read(data, size=size, limit=limit)


def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    """A body that says it is too large is not even begun."""
    with pytest.raises(TooLarge):
        read(b"", headers={"content-length": "2000000"})
    assert read(b"", headers={"content-length": "2000000"}, truncate=True) == (b"", False)


@given(st.integers(1, 40), st.integers(0, 30), st.sampled_from(["identity", "gzip"]))
def test_reading_stops_after_the_marker(size: int, before: int, encoding: str) -> None:
    """Of a page only the head is read: up to and with the marker, in either case, across chunks."""
    head = b"h" * before + b"</HEAD><Bo" + b"dY"
    packed = PACKERS[encoding](head + b" class=x>" + b"<body" * 100)
    assert read(packed, encoding, size, stop_after=b"<body", limit=len(head)) == (head, True)


def test_without_the_marker_all_is_read() -> None:
    """A page without the marker is whole."""
    assert read(b"no such thing", stop_after=b"<body") == (b"no such thing", False)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (10 << 20, "10 MiB"),
        (512 << 10, "512 KiB"),
        (1000, "1000 bytes"),
        ((1 << 20) + 1, "1048577 bytes"),
    ],
)
def test_a_body_over_its_limit_says_the_limit(limit: int, said: str) -> None:
    """The size is told in a unit that people read; the hint names no setting, because there is none."""
    request = Request("https://a.example/", "data", "site", limit=limit)
    with pytest.raises(TooLarge, match=f"larger than {said}") as caught:
        read_body([], {"content-length": str(limit + 1)}, request.url, request, bytes)
    assert "cannot be set" in caught.value.hint
