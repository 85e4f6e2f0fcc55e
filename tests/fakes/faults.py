"""Actions for `App.inject`: the ways in which an upstream misbehaves."""

import itertools
import threading
from collections.abc import Iterator, Mapping

from tests.fakes.base import Action, Answer
from tests.fakes.message import Ending, Request, Response


def reply(status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Action:
    """Answer this instead; the app does not see the request."""
    content = body.encode() if isinstance(body, str) else body
    return lambda _request, _answer: Response(
        status, {"Content-Type": "text/plain", **(headers or {})}, content
    )


def held(gate: threading.Event) -> Action:
    """The proper answer, once the event is set; `request.abandoned` is set when the client gives up before."""
    return lambda request, answer: answer(request).changed(gate=gate)


def dropped(ending: Ending = "reset") -> Action:
    """End the connection without a byte; the app does not see the request."""
    return lambda _request, _answer: Response(silent=True, ending=ending)


def answer_lost(ending: Ending = "reset") -> Action:
    """The app does what was asked, then the connection ends without a byte."""
    return lambda request, answer: answer(request).changed(silent=True, ending=ending)


def cut(at: int, ending: Ending = "close") -> Action:
    """The proper answer with its full Content-Length, of which only the first `at` bytes are sent."""
    return lambda request, answer: answer(request).changed(send=at, ending=ending)


def lying_length(length: int) -> Action:
    """The proper body under a wrong Content-Length; the connection then closes."""
    return lambda request, answer: answer(request).changed(declared_length=length, ending="close")


def dripping(drops: threading.Semaphore, size: int = 1) -> Action:
    """The proper answer in pieces of `size` bytes, one for each release of the semaphore."""

    def pieces(body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), size):
            drops.acquire()
            yield body[start : start + size]

    def act(request: Request, answer: Answer) -> Response:
        proper = answer(request)
        return proper.changed(chunks=pieces(proper.body), declared_length=len(proper.body))

    return act


def endless(
    chunk: bytes = b" " * 65536, head: bytes = b"", headers: Mapping[str, str] | None = None
) -> Action:
    """`head`, then `chunk` for ever, until the client hangs up."""
    given = {"Content-Type": "text/html", **(headers or {})}
    return lambda _request, _answer: Response(
        200, given, chunks=itertools.chain([head or chunk], itertools.repeat(chunk))
    )


def large(
    size: int, headers: Mapping[str, str] | None = None, chunk: bytes = b"x" * 65536
) -> Action:
    """A body of about `size` bytes with its true Content-Length, made while it is sent."""
    count = max(1, size // len(chunk))
    given = {"Content-Type": "text/html", **(headers or {})}
    return lambda _request, _answer: Response(
        200, given, chunks=itertools.repeat(chunk, count), declared_length=count * len(chunk)
    )


def redirect(location: str, status: int = 302) -> Action:
    """Send the client elsewhere."""
    return lambda _request, _answer: Response(status, {"Location": location})
