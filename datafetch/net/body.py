"""Reads bodies of strangers: decodes within limits, however small they were packed."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from datafetch.errors import Malformed, TooLarge, TransientError

ACCEPT_ENCODING = "gzip, deflate"

_PIECE = 64 * 1024
"""Decoded bytes held at once; the limit is looked at between pieces."""

_GZIP_BITS = 16 + zlib.MAX_WBITS
_WRAPPER = 2

_GZIP = frozenset({"gzip", "x-gzip"})
_UNSUPPORTED = frozenset(
    {"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"}
)


class Sink(Protocol):
    """Where a body goes."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a body is read; see `Request`."""

    limit: int
    truncate: bool = False
    stop_after: bytes | None = None


class Decoder(Protocol):
    """Turns bytes of the wire into bytes of the body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most `_PIECE` bytes."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the body may end here."""
        ...


class _Plain:
    finished = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Inflate:
    """gzip (of several members, too) and deflate, with or without its zlib wrapper."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._started = False
        self._held = b""
        self._inflate = zlib.decompressobj(_GZIP_BITS) if gzip else None

    @property
    def finished(self) -> bool:
        return not self._started or (self._inflate is not None and self._inflate.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._started = self._started or bool(data)
        if self._inflate is None:
            data = self._begin(data)
        full = False
        # A full piece may leave more behind in zlib though all input is taken.
        while self._inflate is not None and (data or full):
            if self._inflate.eof and not self._next_member(data):
                return
            piece = self._inflate.decompress(data, _PIECE)
            full = len(piece) == _PIECE
            yield piece
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def _begin(self, data: bytes) -> bytes:
        """Tell deflate with zlib's wrapper from deflate without it, as old servers send it.

        A raw stream never has the two bytes of a wrapper: they would be a stored block
        with bits set that are zero (RFC 1950, 2.2; RFC 1951, 3.2.4).
        """
        data, self._held = self._held + data, b""
        if len(data) < _WRAPPER:
            self._held = data
            return b""
        wrapped = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return data

    def _next_member(self, data: bytes) -> bool:
        """Whether another gzip member begins here; what else follows is padding."""
        if not self._gzip or data[:1] != b"\x1f":
            return False
        self._inflate = zlib.decompressobj(_GZIP_BITS)
        return True


def decoder_for(headers: Mapping[str, str], url: str) -> Decoder:
    """The decoder that `Content-Encoding` asks for.

    Raises:
        Malformed: an encoding that was not asked for, or one inside another.
    """
    names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    packed = [name for name in names if name in _GZIP or name == "deflate"]
    if len(packed) > 1 or any(name in _UNSUPPORTED for name in names):
        raise Malformed(f"{url}: the body is packed in a way that was not asked for", url=url)
    # Other names ("utf-8", "none") are mistakes for a plain body; browsers ignore them.
    return _Inflate(gzip=packed[0] in _GZIP) if packed else _Plain()


def read_body(
    chunks: Iterable[bytes], headers: Mapping[str, str], url: str, limits: Limits, sink: Sink
) -> bool:
    """Decode a body into the sink; says whether it was cut before its end.

    Args:
        chunks: bytes of the wire.
        headers: of the answer.
        url: for messages, without query.
        limits: how much to read.
        sink: takes at most `limits.limit` bytes.

    Raises:
        TooLarge: it is larger than its limit, or says so.
        Malformed: it cannot be decoded.
        TransientError: it ends before its end.
    """
    decoder = decoder_for(headers, url)
    if isinstance(decoder, _Plain) and not limits.truncate and limits.stop_after is None:
        _check_declared(headers, url, limits.limit)
    room = limits.limit
    marker = _Marker(limits.stop_after) if limits.stop_after else None
    try:
        for chunk in chunks:
            for piece in decoder.feed(chunk):
                end = marker.find(piece) if marker else None
                data = piece if end is None else piece[:end]
                if len(data) > room:
                    if not limits.truncate:
                        raise TooLarge(
                            f"{url}: the body is larger than {limits.limit} bytes", url=url
                        )
                    sink.write(data[:room])
                    return True
                sink.write(data)
                room -= len(data)
                if end is not None:
                    return True
    except zlib.error as error:
        raise Malformed(f"{url}: the body is not what its encoding says", url=url) from error
    if not decoder.finished:
        raise TransientError(f"{url}: the packed body was cut short", url=url)
    return False


def _check_declared(headers: Mapping[str, str], url: str, limit: int) -> None:
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise TooLarge(f"{url}: the body is larger than {limit} bytes", url=url)


class _Marker:
    """Finds bytes in a stream, in either case, across pieces."""

    def __init__(self, wanted: bytes) -> None:
        self._wanted = wanted.lower()
        self._tail = b""

    def find(self, piece: bytes) -> int | None:
        """Where in this piece the first occurrence ends."""
        text = self._tail + piece.lower()
        place = text.find(self._wanted)
        if place >= 0:
            return place + len(self._wanted) - len(self._tail)
        keep = len(self._wanted) - 1
        self._tail = text[-keep:] if keep else b""
        return None
