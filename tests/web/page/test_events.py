"""Server-sent events: first bytes at once, news as they come, no more streams than allowed, an end."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from datafetch.errors import Cancelled, StoreUnavailable
from datafetch.models.run import JobName
from datafetch.web.app import make_app
from datafetch.web.page.events import Stream
from tests.ops.overviews import all_fine, failing
from tests.web.page.scenes import TOKEN, Scene, shown
from tests.web.page.test_sessions import logged_in
from tests.web.support import Server, bearer, served_here

_SOON_S = 30


class Listener:
    """One who reads a stream of events."""

    def __init__(self, server: Server, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_SOON_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", "/api/events", headers=named)
        self.answer = self._connection.getresponse()

    def line(self) -> str:
        """The next line; empty at the end."""
        return self.answer.readline().decode().rstrip("\n")

    def event(self) -> dict[str, Any]:
        """What the next event tells; comments are passed over."""
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream has ended"
            if line.startswith("data:"):
                found: dict[str, Any] = json.loads(line[5:])
                return found

    def close(self) -> None:
        """Go away."""
        self.answer.close()
        self._connection.close()


@contextmanager
def listening(server: Server, **headers: str) -> Iterator[Listener]:
    """A listener that goes away at the end."""
    made = Listener(server, **headers)
    try:
        yield made
    finally:
        made.close()


def test_the_first_bytes_come_before_the_store_is_asked():
    """Proxies and browsers see at once that the stream is open; the headers keep them from buffering."""
    with shown(Scene(all_fine())) as server, listening(server) as listener:
        answer = listener.answer
        assert answer.status == 200
        assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert answer.getheader("cache-control") == "no-store, no-transform"
        assert answer.getheader("x-accel-buffering") == "no"
        assert answer.getheader("content-length") is None
        padding = listener.line()
        assert padding.startswith(":")
        assert len(padding) > 2048
        assert listener.line().startswith("retry: ")
        assert listener.event() == {
            "number": 1,
            "status": "ok",
            "sentence": "All 3 jobs are fresh; next: bookmarks at 14:00 PST (in 115 min)",
        }


def test_browsers_return_one_after_the_other():
    """Not all at the same moment, when the server has been started again: within 2 to 6 seconds."""
    with shown(Scene(all_fine())) as server, ExitStack() as stack:
        waits = []
        for _ in range(8):
            listener = stack.enter_context(listening(server))
            listener.line()
            waits.append(int(listener.line().removeprefix("retry: ")))
        assert len(set(waits)) == 8
        assert all(2000 <= wait < 6000 for wait in waits)


def test_a_stream_ends_with_its_session():
    """Who logged in yesterday does not go on to hear of hosts and errors."""
    scene = Scene(all_fine())
    with shown(scene, DATAFETCH_METRICS_TOKEN=TOKEN) as server:
        cookie = logged_in(server, TOKEN)
        with listening(server, cookie=cookie) as listener:
            assert listener.event()["status"] == "ok"
            scene.overview = failing()
            scene.clock.advance(12 * 3600 + 1)
            assert b"failing" not in listener.answer.read()


def test_a_change_is_told_to_all():
    """A run of another process shows too: the store is read while somebody listens."""
    scene = Scene(all_fine())
    with shown(scene) as server, listening(server) as first, listening(server) as second:
        for listener in (first, second):
            assert listener.event()["status"] == "ok"
        scene.overview = failing()
        scene.clock.advance(5)
        for listener in (first, second):
            told = listener.event()
            assert (told["number"], told["status"]) == (2, "failing")


def test_a_run_of_this_server_is_told_at_once():
    """The reader does not wait for its next round: what the runs tell wakes it."""
    scene = Scene(all_fine())
    scene.put_letters([])
    site = scene.site()
    with served_here(make_app(site)) as server, listening(server) as listener:
        assert listener.event()["number"] == 1
        scene.overview = failing()
        site.runs.ask(JobName.BOOKMARKS)
        assert listener.event()["status"] == "failing"


def test_a_store_that_does_not_answer_is_told_and_its_return():
    """Nobody takes an old page for a new one."""
    scene = Scene(all_fine())
    with shown(scene) as server, listening(server) as listener:
        assert listener.event()["status"] == "ok"
        scene.failure = StoreUnavailable("it is down")
        scene.clock.advance(5)
        assert listener.event()["status"] == "unknown"
        scene.failure = None
        scene.clock.advance(5)
        assert listener.event()["status"] == "ok"


@pytest.mark.parametrize("identity", ["7", "", "x" * 200, "-1"])
def test_a_returning_browser_is_told_how_things_are(identity):
    """Whatever it says it saw last."""
    with shown(Scene(all_fine())) as server, listening(server, last_event_id=identity) as listener:
        assert listener.event()["number"] == 1


def test_nobody_without_the_token_listens():
    """The stream tells hosts and errors."""
    with shown(Scene(all_fine()), DATAFETCH_METRICS_TOKEN=TOKEN) as server:
        assert server.get("/api/events").status == 401
        with listening(server, **bearer(TOKEN)) as listener:
            assert listener.event()["status"] == "ok"


def test_one_client_has_twenty_streams_and_gets_them_back():
    """The next is refused until one has ended."""
    with shown(Scene(all_fine())) as server, ExitStack() as stack:
        listeners = [stack.enter_context(listening(server)) for _ in range(20)]
        refused = server.get("/api/events")
        assert refused.status == 429
        assert refused.headers["retry-after"] == "30"
        listeners[0].close()
        until(lambda: _status(server) == 200)


def test_there_are_a_hundred_streams_in_all():
    """Of many clients; the rest is told when to come again, and everything else is still answered."""
    scene = Scene(all_fine())
    scene.put_letters([])
    inner = make_app(scene.site())

    async def of_many_clients(scope: Scope, receive: Receive, send: Send) -> None:
        named = dict(scope["headers"]).get(b"x-client", b"0").decode()
        await inner({**scope, "client": (f"192.0.2.{named}", 1)}, receive, send)

    with served_here(of_many_clients) as server, ExitStack() as stack:
        for number in range(100):
            stack.enter_context(listening(server, x_client=str(number)))
        refused = server.get("/api/events", x_client="200")
        assert (refused.status, refused.headers["retry-after"]) == (503, "30")
        assert server.get("/").status == 200


def test_who_reads_slowly_gets_the_newest_only():
    """What was not sent yet is replaced: nothing piles up for a browser that sleeps."""
    site = Scene(all_fine()).site()
    first = asyncio.run(site.board.soon())

    async def told() -> list[int | None]:
        stream = Stream()
        for number in range(1, 1000):
            stream.tell(replace(first, number=number))
        found = await stream.next()
        stream.end()
        return [found and found.number, await stream.next()]  # type: ignore[list-item]

    assert asyncio.run(told()) == [999, None]


def test_streams_end_when_the_server_stops():
    """At once, with a proper end, so that nothing waits for browsers that stay."""
    scene = Scene(all_fine())
    with shown(scene) as server, listening(server) as listener:
        listener.event()
        scene.cancel.cancel(Cancelled("it stops"))
        assert listener.answer.read() in (b"\n", b"\n:\n\n")


def test_the_store_is_read_only_while_somebody_listens():
    """With the last listener the reading ends."""
    scene = Scene(all_fine())
    with shown(scene) as server:
        alone = scene.listeners()
        with listening(server) as listener:
            listener.event()
            assert scene.listeners() > alone
        until(lambda: scene.listeners() == alone)
        before = scene.looks
        scene.clock.advance(100)
        server.get("/healthz")
        assert scene.looks == before


def test_a_head_request_is_answered_without_a_stream():
    """Programs that look first are not kept waiting."""
    with shown(Scene(all_fine())) as server:
        assert server.ask("/api/events", "HEAD").body == b""


def test_a_client_that_resets_leaves_nothing_behind():
    """A connection that ends hard frees its place."""
    with shown(Scene(all_fine())) as server:
        for _ in range(3):
            raw = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
            for one in raw:
                one.sendall(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
                assert one.recv(1)
            for one in raw:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                one.close()
            until(lambda: _status(server) == 200)


def _status(server: Server) -> int:
    with listening(server) as listener:
        return listener.answer.status


def until(holds: Any) -> None:
    """Ask again until it holds."""
    ends = time.monotonic() + _SOON_S
    while not holds():
        assert time.monotonic() < ends
