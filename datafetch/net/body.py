"""Decodes the bodies of answers, and stops at a limit of decoded bytes (decompression bombs)."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from datafetch.net.base import KIB, MIB, Request
from datafetch.upstream_errors import Malformed, TooLarge, TransientError

ACCEPT_ENCODING = "gzip, deflate"

_PIECE = 64 * 1024
"""The most bytes that are decoded at once; the limit is checked for each such piece."""

_GZIP_BITS = 16 + zlib.MAX_WBITS
_WRAPPER = 2

_GZIP = frozenset({"gzip", "x-gzip"})
_UNSUPPORTED = frozenset(
    {"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"}
)


_PACKING_HINT = (
    "The server, or a proxy before it, packs what it sends in a wrong way (Content-Encoding)."
)
_SHOWN = 60


def declared_length(headers: Mapping[str, str]) -> int | None:
    """The length of the body in bytes that `Content-Length` states; None without a valid one."""
    text = headers.get("content-length", "")
    return int(text[:20]) if text.isascii() and text.isdigit() else None


def read_body(
    chunks: Iterable[bytes],
    headers: Mapping[str, str],
    url: str,
    request: Request,
    write: Callable[[bytes], object],
) -> bool:
    """Decode a body and write it piece by piece.

    Args:
        chunks: the body as it comes over the network.
        headers: those of the answer.
        url: for error messages, without query.
        request: its `limit`, `truncate`, `stop_after` and `enough` say how much to read.
        write: is given the decoded bytes, at most `limit` in all.

    Returns:
        Whether reading stopped before the body's end.

    Raises:
        TooLarge: the body is longer than its limit, or `Content-Length` says so.
        Malformed: the body cannot be decoded.
        TransientError: the compressed body is incomplete.
    """
    inflate = _inflate_for(headers, url)
    too_large = f"{url}: the body is larger than {_in_words(request.limit)}, the limit for its kind"
    whole = inflate is None and not request.truncate and request.stop_after is None
    if whole and (declared_length(headers) or 0) > request.limit:
        raise TooLarge(too_large, url=url)
    room = request.limit
    stop = _Stop(request, headers)
    try:
        for chunk in chunks:
            for piece in (chunk,) if inflate is None else inflate.feed(chunk):
                end = stop.find(piece)
                data = piece if end is None else piece[:end]
                if len(data) > room:
                    if not request.truncate:
                        raise TooLarge(too_large, url=url)
                    write(data[:room])
                    return True
                write(data)
                room -= len(data)
                if end is not None:
                    return True
    except zlib.error as error:
        raise Malformed(
            f"{url}: the body is not what its encoding says", url=url, hint=_PACKING_HINT
        ) from error
    if inflate is not None and not inflate.finished:
        raise TransientError(f"{url}: the packed body was cut short", url=url)
    return False


def _in_words(size: int) -> str:
    """A size in the largest unit that divides it: `10 MiB`, `512 KiB`, `1000 bytes`."""
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"


class _Inflate:
    """Decodes gzip (of several members, too) and deflate (with or without zlib's wrapper)."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._started = False
        self._held = b""
        self._inflate = zlib.decompressobj(_GZIP_BITS) if gzip else None

    @property
    def finished(self) -> bool:
        """Whether the body may end here: it is empty, or its last member is complete."""
        return not self._started or (self._inflate is not None and self._inflate.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes into pieces of at most `_PIECE` bytes."""
        self._started = self._started or bool(data)
        if self._inflate is None:
            data = self._begin(data)
        full = False
        # After a full piece zlib may hold more output, even when it has taken all input.
        while self._inflate is not None and (data or full):
            if self._inflate.eof:
                if not self._gzip or data[:1] != b"\x1f":
                    return  # no further gzip member begins here: the rest is padding
                self._inflate = zlib.decompressobj(_GZIP_BITS)
            piece = self._inflate.decompress(data, _PIECE)
            full = len(piece) == _PIECE
            yield piece
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def _begin(self, data: bytes) -> bytes:
        """Tell deflate with zlib's wrapper from raw deflate by its first two bytes.

        Some servers send raw deflate. Its first bytes never look like a wrapper: they would be
        a stored block with padding bits set (RFC 1950, 2.2; RFC 1951, 3.2.4).

        Returns:
            The bytes to decode; none until there are two.
        """
        data, self._held = self._held + data, b""
        if len(data) < _WRAPPER:
            self._held = data
            return b""
        wrapped = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return data


def _inflate_for(headers: Mapping[str, str], url: str) -> _Inflate | None:
    """The decoder that `Content-Encoding` asks for; None when the body is not compressed.

    Raises:
        Malformed: the body has an encoding that was not asked for, or more than one.
    """
    names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    packed = [name for name in names if name in _GZIP or name == "deflate"]
    if len(packed) > 1 or any(name in _UNSUPPORTED for name in names):
        what = ", ".join(name for name in names if name)[:_SHOWN]
        raise Malformed(
            f"{url}: the body is packed in a way that was not asked for ({what})",
            url=url,
            hint=_PACKING_HINT,
        )
    # Other names ("utf-8", "none") are mistakes for a plain body; browsers ignore them.
    return _Inflate(gzip=packed[0] in _GZIP) if packed else None


class _Stop:
    """Finds where reading stops: after a request's `stop_after`, if its `enough` agrees."""

    def __init__(self, request: Request, headers: Mapping[str, str]) -> None:
        self._marker = _Marker(request.stop_after) if request.stop_after else None
        self._enough = request.enough
        self._headers = headers
        self._so_far = bytearray()

    def find(self, piece: bytes) -> int | None:
        """The index in this piece at which reading stops; None when it goes on."""
        if self._marker is None:
            return None
        end = self._marker.find(piece)
        if self._enough is None:
            return end
        self._so_far += piece[:end]
        if end is None:
            return None
        # Asked once only: a page that holds the marker thousands of times is not read as often.
        self._marker = None
        return end if self._enough(bytes(self._so_far), self._headers) else None


class _Marker:
    """Finds bytes in a stream, in either case, even when two pieces share them."""

    def __init__(self, wanted: bytes) -> None:
        self._wanted = wanted.lower()
        self._tail = b""

    def find(self, piece: bytes) -> int | None:
        """The index in this piece just after the wanted bytes; None when they do not end in it."""
        text = self._tail + piece.lower()
        place = text.find(self._wanted)
        if place >= 0:
            return place + len(self._wanted) - len(self._tail)
        keep = len(self._wanted) - 1
        self._tail = text[-keep:] if keep else b""
        return None
