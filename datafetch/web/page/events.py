"""Server-sent events: who shows the status page is told when it says something new.

The protocol is https://html.spec.whatwg.org/multipage/server-sent-events.html. While anybody listens
the store is read each few seconds, once for all, so that runs of other processes show too.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from datafetch.web.answers import refused, unauthorized
from datafetch.web.board import Snapshot
from datafetch.web.loops import first_of, on_this_loop, until_gone
from datafetch.web.rates import client_of
from datafetch.web.site import Site

MOST_STREAMS, MOST_PER_CLIENT = 100, 20

COMMENT_S = 15.0
"""Seconds between two signs of life: proxies end connections on which nothing comes for a minute."""

_READ_S = 3.0
_SEND_S = 30.0
_RETRY_AFTER_S = 30
_RECONNECT_MS, _SPREAD_MS, _STEP_MS = 2000, 4000, 1237
"""Browsers return 2 to 6 seconds after a stream has ended, one after the other: a server that has just
begun again is not asked for a hundred pages at once."""

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",  # "no-transform": proxies that compress would buffer
    "X-Accel-Buffering": "no",  # nginx's proxy_buffering
}

_PADDING = f":{' ' * 2048}\n"
"""A comment that fills the buffers of proxies that pass on nothing until they have 2 kB."""

_ALIVE = b":\n\n"


def routes(site: Site) -> list[BaseRoute]:
    """The endpoint that tells of changes."""
    streams = Streams(site)

    async def events(request: Request) -> Response:
        if not site.keyring.may_see(request.scope):
            return unauthorized(site.keyring.why_closed())
        if request.method == "HEAD":
            return Response(None, 200, _HEADERS)
        return streams.answer(client_of(request.scope), request.scope)

    return [Route("/api/events", events)]


class Stream:
    """One listener: the newest news that it was not sent yet, and whether it is to end."""

    def __init__(self) -> None:
        self._news: Snapshot | None = None
        self._called = asyncio.Event()
        self.is_over = False

    def tell(self, news: Snapshot) -> None:
        """Have this sent, in place of what was not sent yet."""
        self._news = news
        self._called.set()

    def end(self) -> None:
        """Have the stream end."""
        self.is_over = True
        self._called.set()

    async def next(self) -> Snapshot | None:
        """The next news; None when 15 seconds have passed without any, or the stream is to end."""
        if not await first_of(self._called, COMMENT_S):
            return None
        self._called.clear()
        news, self._news = self._news, None
        return news


class Streams:
    """All listeners, and the reader that runs while there are any. Only for the thread of the loop."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._streams: set[Stream] = set()
        self._clients: Counter[str] = Counter()
        self._reader: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._answered = 0

    def answer(self, client: str, scope: Scope) -> Response:
        """A stream for this client, or a refusal when it, or all clients together, have too many."""
        wait = {"Retry-After": str(_RETRY_AFTER_S)}
        if len(self._streams) >= MOST_STREAMS:
            return refused(503, "TOO_MANY_STREAMS", "Too many listen already.", wait)
        if self._clients[client] >= MOST_PER_CLIENT:
            text = f"A client may have {MOST_PER_CLIENT} streams."
            return refused(429, "TOO_MANY_STREAMS", text, wait)
        may_stay = partial(self._site.keyring.may_see, scope)
        self._answered += 1
        return _EventAnswer(self, client, may_stay, _reconnect_ms(self._answered))

    def enter(self, client: str) -> Stream:
        """Begin a stream."""
        stream = Stream()
        self._streams.add(stream)
        self._clients[client] += 1
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        return stream

    def leave(self, client: str, stream: Stream) -> None:
        """End a stream; with the last one the reading ends."""
        self._streams.discard(stream)
        self._clients[client] -= 1
        if self._clients[client] <= 0:
            del self._clients[client]
        if not self._streams and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def current(self) -> Snapshot:
        """How things are now."""
        return await self._site.board.soon()

    async def _read(self) -> None:
        """Tell all listeners of each change, until nobody listens or the server stops."""
        forget_runs = self._site.runs.on_change(on_this_loop(self._woken.set))
        forget_stop = self._site.cancel.listen(on_this_loop(self._end))
        known: int | None = None
        try:
            while not self._site.cancel.cancelled:
                self._woken.clear()
                found = await self.current()
                if found.number != known:
                    known = found.number
                    for stream in self._streams:
                        stream.tell(found)
                await first_of(self._woken, _READ_S)
        finally:
            forget_runs()
            forget_stop()

    def _end(self) -> None:
        self._woken.set()
        for stream in self._streams:
            stream.end()


class _EventAnswer(Response):
    """The answer that goes on until its client has gone, does not read, has no session any more, or the server stops."""

    def __init__(
        self, streams: Streams, client: str, may_stay: Callable[[], bool], reconnect_ms: int
    ) -> None:
        super().__init__(None, 200, _HEADERS)
        self._streams = streams
        self._client = client
        self._may_stay = may_stay
        self._reconnect_ms = reconnect_ms

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - as ASGI has it
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer; see ASGI."""
        stream = self._streams.enter(self._client)
        gone = asyncio.ensure_future(until_gone(receive))
        gone.add_done_callback(lambda _: stream.end())
        try:
            # Without a length: HTTP/1.1 sends it in chunks.
            headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _sent(send, f"{_PADDING}retry: {self._reconnect_ms}\n\n".encode())
            found: Snapshot | None = await self._streams.current()
            number: int | None = None
            while not stream.is_over and self._may_stay():
                is_news = found is not None and found.number != number
                await _sent(send, _event(found) if is_news and found is not None else _ALIVE)
                number = found.number if found is not None else number
                found = await stream.next()
            await _sent(send, b"", more=False)
        except TimeoutError:
            return  # nobody reads it; the server closes an answer that has not ended
        finally:
            gone.cancel()
            self._streams.leave(self._client, stream)


def _reconnect_ms(number: int) -> int:
    """After how many milliseconds the browser of the stream with this number returns."""
    return _RECONNECT_MS + number * _STEP_MS % _SPREAD_MS


async def _sent(send: Send, body: bytes, *, more: bool = True) -> None:
    """Send a part of the answer.

    Raises:
        TimeoutError: the client has not read what was sent before for 30 seconds.
    """
    async with asyncio.timeout(_SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


def _event(found: Snapshot) -> bytes:
    told = {"number": found.number, **{name: found.document[name] for name in _TOLD}}
    return f"event: status\nid: {found.number}\ndata: {json.dumps(told)}\n\n".encode()


_TOLD = ("status", "sentence")
"""Members of the document that an event repeats."""
