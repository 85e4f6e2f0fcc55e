"""What stands before every endpoint: limits on what is sent, security headers, one answer for errors.

These are plain ASGI applications around another one (https://asgi.readthedocs.io/en/latest/specs/www.html).
"""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datafetch.logs import bound_logger
from datafetch.models.text import one_line
from datafetch.web.answers import refused
from datafetch.web.counters import Counters

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body: a webhook has a few hundred, a form fewer."""

_BODY_S = 10.0
"""Seconds within which the whole body of a request has to come."""

_OTHER = "other"

_LONGEST_PATH = 200

_HEADERS: Mapping[str, str] = {
    # No script or style but the server's own files, no frames, no forms to anywhere else.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would send forms with `Origin: null` (Fetch, 3.2).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer that has none of its own by that name."""

_log = bound_logger()


class Guards:
    """Lets an application see only requests that keep the limits, and completes its answers."""

    def __init__(self, app: ASGIApp, counters: Counters, *, body_s: float = _BODY_S) -> None:
        """`body_s`: seconds within which the whole body of a request has to come."""
        self._app = app
        self._counters = counters
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        answer = _Answer(scope, send)
        try:
            body = await _whole_body(scope, receive, self._body_s)
            if isinstance(body, Response):
                await body(scope, receive, answer.send)
            else:
                await self._app(scope, _given(body, receive), answer.send)
        except Exception as error:
            _log.exception("request_failed", extra=_told(scope, error=str(error)))
            if answer.status is None:
                failed = refused(500, "INTERNAL_ERROR", "The server failed; its log says why.")
                await failed(scope, receive, answer.send)
            elif not answer.is_whole:
                raise  # so that the connection is closed: the client must not take it for whole
        finally:
            self._count(scope, answer.status)

    def _count(self, scope: Scope, status: int | None) -> None:
        # The route's pattern: counting by path would let anybody make series without end.
        route = getattr(scope.get("route"), "path", _OTHER)
        self._counters.add("datafetch_http_requests", route, str(status or "none"))
        if scope["method"] not in ("GET", "HEAD"):
            _log.info("request_answered", extra=_told(scope, status=status))


class _Answer:
    """Sends an answer on, with the headers that it lacks."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.status: int | None = None
        self.is_whole = False
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        """See ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            message = {**message, "headers": headers.raw}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_whole = True


async def _whole_body(scope: Scope, receive: Receive, longest_s: float) -> bytes | Response:
    """The body of a request, or the answer that refuses it: too large, too slow, or cut off."""
    if scope["method"] in ("GET", "HEAD"):
        return b""  # endpoints read none, and the server drops what comes
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(told) > LARGEST_BODY:  # the server has refused what is no number
        return _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(longest_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return refused(400, "CUT_OFF", "The request ended before its body did.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > LARGEST_BODY:
                    return _too_large()
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        text = f"The body did not come within {longest_s:g} s."
        return refused(408, "TOO_SLOW", text, {"Connection": "close"})


def _too_large() -> Response:
    text = f"The body is larger than {LARGEST_BODY // 1024} KiB."
    return refused(413, "TOO_LARGE", text, {"Connection": "close"})


def _given(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body first, and then what the server has to say."""
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


def _told(scope: Scope, **more: object) -> dict[str, object]:
    """What the log says of a request: no header, and no query, which may hold a secret."""
    path = one_line(scope["path"], _LONGEST_PATH)
    return {"method": scope["method"], "path": path, **more}
