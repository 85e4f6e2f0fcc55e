"""Answers of servers as inputs: `200 OK`, headers, an empty line and a body, read as from a socket."""

import re
from collections.abc import Callable, Mapping
from io import BytesIO

from datafetch.net.base import Answer, Download, Request
from datafetch.net.body import read_body
from datafetch.net.guard import public_url
from datafetch.net.outcomes import error_for, is_answer
from datafetch.upstream_errors import TransientError
from tests.support import START

_CHUNK = 16 * 1024
_STATUS = re.compile(rb"([1-5][0-9][0-9])\b")


def answer_of(body: bytes, status: int = 200, **headers: str) -> bytes:
    """An input that is an answer; `content_type` is the header `Content-Type`."""
    lines = [f"{status}", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
    return "\n".join(lines).encode() + b"\n\n" + body


def parts_of(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an input; what is no status counts as 200."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    found = _STATUS.match(first)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip(" \t\r")
    return int(found[1]) if found else 200, headers, body


class Canned:
    """The `HttpClient` protocol over one answer, as the real client reads it after its sockets.

    Who asks again gets none, so that a test costs what one answer costs.
    """

    def __init__(self, data: bytes) -> None:
        self._status, self._headers, self._body = parts_of(data)
        self._answered = False

    def fetch(self, request: Request) -> Answer:
        """The answer, or the error that the real client makes of it."""
        if self._answered:
            raise TransientError("answered before")
        self._answered = True
        out = BytesIO()
        url = public_url(request.url)
        if not is_answer(self._status, request):
            error = error_for(self._status, self._headers, url, START)
            error.body = self._body[: 64 * 1024] if request.error_body else b""
            raise error
        at = range(0, len(self._body), _CHUNK)
        chunks = (self._body[start : start + _CHUNK] for start in at)
        write: Callable[[bytes], object] = out.write
        read_body(chunks, self._headers, url, request, write)
        return Answer(self._status, request.url, self._headers, out.getvalue())

    def download(self, request: Request) -> Download:
        raise NotImplementedError

    def prepare(self) -> None:
        """Nothing to load."""

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        return {}

    def close(self) -> None:
        """Nothing is open."""
