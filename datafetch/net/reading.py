"""Reads bodies of answers; an unwanted one only when it is short, to use its connection again."""

import collections
import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from datafetch.net.base import KIB, Request
from datafetch.net.body import declared_length, read_body
from datafetch.net.counts import Counts
from datafetch.net.deadline import hurried
from datafetch.net.guard import public_url
from datafetch.net.hops import Hop
from datafetch.upstream_errors import UpstreamError

if TYPE_CHECKING:
    from datafetch.net.transport import RawAnswer

_DRAIN_BYTES = 64 * KIB
_DRAIN_S = 1.0
"""An unwanted body of at most `_DRAIN_BYTES` is read, for at most `_DRAIN_S` seconds, because its
connection can be used again only when the body was read to its end."""

_BODILESS = frozenset({204, 304})


class BodyReader:
    """Reads the bodies of answers, and counts their bytes."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def read(
        self, request: Request, hop: Hop, answer: "RawAnswer", write: Callable[[bytes], object]
    ) -> bool:
        """Write the body of an answer; returns whether some of it is left unread."""
        chunks = self._counted(request.upstream, answer.chunks)
        if answer.status in _BODILESS:
            # A 304 may have the Content-Length of a body that it does not send (RFC 9110, 8.6).
            collections.deque(chunks, maxlen=0)
            return False
        return read_body(chunks, answer.headers, public_url(hop.url.href), request, write)

    def _counted(self, upstream: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        # Counted for each chunk and not in a `finally`: when a body is left half-read, the
        # garbage collector may close this generator in a thread that holds the counters' lock,
        # which would then wait for itself.
        for chunk in chunks:
            self._counts.add(upstream, "bytes", len(chunk))
            yield chunk

    def drain(self, request: Request, answer: "RawAnswer") -> bytes:
        """Read the body of an error or a redirect, if it is short; errors on the way are ignored.

        Returns:
            The body if the request asks for it (`error_body`) and all of it came, else `b""`.
        """
        body = io.BytesIO()
        # Proxies send errors in chunks, without saying how long they are.
        may_be_short = _is_short(answer) or declared_length(answer.headers) is None
        if request.error_body and may_be_short:
            chunks = self._counted(request.upstream, answer.chunks)
            all_of_it = replace(request, limit=_DRAIN_BYTES, truncate=False, stop_after=None)
            try:
                read_body(chunks, answer.headers, public_url(request.url), all_of_it, body.write)
            except UpstreamError:
                return b""
        self.drop_rest(request, answer)
        return body.getvalue()

    def drop_rest(self, request: Request, answer: "RawAnswer") -> None:
        """Read the rest of a short body, so that its connection can be used again."""
        if _is_short(answer):
            with contextlib.suppress(UpstreamError), hurried(_DRAIN_S):
                collections.deque(self._counted(request.upstream, answer.chunks), maxlen=0)


def _is_short(answer: "RawAnswer") -> bool:
    length = declared_length(answer.headers)
    return length is not None and length <= _DRAIN_BYTES
