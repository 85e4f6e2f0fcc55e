"""Clients that are slow, send too much, or speak HTTP as they like, against a real socket."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from datafetch.web.app import routed
from datafetch.web.counters import Counters
from datafetch.web.guards import LARGEST_BODY, Guards
from datafetch.web.protocol import TimedProtocol
from datafetch.web.room import room_for
from tests.web.support import Server, served_here

_LONGEST_S = 60
_MIB = 1024 * 1024

ENDED = threading.Event()
"""That the endless answer has been given up."""


class Hurried(TimedProtocol):
    """The same protocol, for tests that do not wait for ten seconds."""

    headers_s = 0.3
    read_s = 0.3


class Endpoints:
    """An application that says what it was sent, and one endpoint that sends without end."""

    def __init__(self) -> None:
        self.app = routed(
            [
                Route("/said", self.said, methods=["GET", "POST"]),
                Route("/endless", self.endless),
                Route("/broken", self.broken),
            ]
        )

    async def said(self, request: Request) -> Response:
        body = await request.body()
        return PlainTextResponse(f"{request.scope['client'][0]} {len(body)}")

    async def endless(self, _request: Request) -> Response:
        async def chunks():
            try:
                while True:
                    yield b"x" * _MIB
                    await asyncio.sleep(0)  # so that the loop sees that the client is gone
            finally:
                ENDED.set()

        return StreamingResponse(chunks())

    async def broken(self, _request: Request) -> Response:
        raise RuntimeError("with a secret inside")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The endpoints behind guards and deadlines."""
    guarded = Guards(Endpoints().app, Counters(), body_s=0.3)
    with served_here(
        guarded, Hurried, h11_max_incomplete_event_size=16 * 1024, timeout_keep_alive=1
    ) as found:
        yield found


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """A connection to the server."""
    with socket.create_connection(("127.0.0.1", server.port), _LONGEST_S) as made:
        yield made


def exchanged(server: Server, *parts: bytes) -> bytes:
    """What the server answers to these bytes until it closes the connection."""
    with connected(server) as made:
        for part in parts:
            try:
                made.sendall(part)
            except OSError:  # it has closed the connection already
                break
        return to_the_end(made)


def to_the_end(made: socket.socket) -> bytes:
    """What comes until the connection is closed or reset."""
    answered = b""
    try:
        while part := made.recv(65536):
            answered += part
    except ConnectionResetError:
        pass
    return answered


def test_a_client_that_says_nothing_is_cut_off(server):
    """It would hold a connection for ever."""
    assert exchanged(server) == b""


def test_headers_that_drip_are_cut_off(server):
    """The first byte of a request does not buy more time, nor does the second."""
    with connected(server) as made:
        made.sendall(b"GET /said HTTP/1.1\r\nHost: a\r\nX: ")
        assert to_the_end(made) == b""


def test_headers_of_a_second_request_that_drip_are_cut_off(server):
    """A connection that was used once is not trusted more."""
    with connected(server) as made:
        made.sendall(b"GET /said HTTP/1.1\r\nHost: a\r\n\r\nGET /said HT")
        assert to_the_end(made).count(b"HTTP/1.1 200") == 1


def test_a_flood_of_headers_is_refused(server):
    """16 KiB are enough for every honest request."""
    flood = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(10_000))
    answered = exchanged(server, b"GET /said HTTP/1.1\r\nHost: a\r\n", flood)
    assert not answered or answered.startswith(b"HTTP/1.1 400")
    assert server.get("/said").status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(server, chunked):
    """Whether its size is told first or not; the connection ends, with the rest unread."""
    head = b"POST /said HTTP/1.1\r\nHost: a\r\n"
    if chunked:
        chunk = b"%x\r\n%s\r\n" % (LARGEST_BODY, b"x" * LARGEST_BODY)
        answered = exchanged(server, head + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk)
    else:
        answered = exchanged(server, head + b"Content-Length: 999999999999\r\n\r\n", b"xxxx")
    assert answered.startswith(b"HTTP/1.1 413")
    assert b"TOO_LARGE" in answered


def test_a_body_as_large_as_it_may_be_is_taken(server):
    """The limit is the last size that fits."""
    assert server.post("/said", b"x" * LARGEST_BODY).text == f"127.0.0.1 {LARGEST_BODY}"


def test_a_body_that_drips_is_refused(server):
    """The client is told so, and the connection ends."""
    head = b"POST /said HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nxx"
    answered = exchanged(server, head)
    assert answered.startswith(b"HTTP/1.1 408")


def test_a_client_that_does_not_read_is_cut_off(server):
    """What it is sent would pile up in memory."""
    with connected(server) as made:
        made.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        assert ENDED.wait(_LONGEST_S)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /said HTTP/1.1\r\n\r\n",  # no host
        b"GET /said HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /said HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /said HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /said HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /said HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        b"GET /said HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /sa id HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(server, request_bytes):
    """A proxy may read it in another way: such requests are not guessed at."""
    answered = exchanged(server, request_bytes)
    assert not answered or answered.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert server.get("/said").status == 200


def test_two_lengths_do_not_smuggle_a_request(server):
    """Of a body with a length and chunks the chunks count (RFC 9112, 6.3), and nothing follows."""
    smuggled = (
        b"POST /said HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /endless HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    answered = exchanged(server, smuggled[: smuggled.index(b"GET")])
    assert answered.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize(
    "path",
    [
        *("//evil.example/said", "/said/", "/said/../said", "/%2e%2e/said", "/said%00", "/SAID"),
        *("/said%0d%0aX:y", "http://evil.example/nothing", "/" + "a" * 8000),
    ],
)
def test_paths_that_look_like_another_lead_nowhere(server, path):
    """No path is another one's, and there is no redirect, whose host a client could choose."""
    answer = server.get(path, host="evil.example")
    assert answer.status == 404
    assert "location" not in answer.headers


def test_an_address_as_target_is_no_other_path(server):
    """Proxies are asked so; the path of it is not routed, and its host goes nowhere."""
    assert server.get("http://evil.example/said").status == 404


@pytest.mark.parametrize("method", ["DELETE", "TRACE", "FOO"])
def test_a_method_that_is_not_there_is_refused(server, method):
    """With the methods that are."""
    answer = server.ask("/said", method)
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_an_upgrade_is_ignored(server):
    """There are no web sockets: the request is answered as if nothing had been asked."""
    answer = server.get("/said", connection="upgrade", upgrade="websocket")
    assert answer.status == 200


def test_a_forwarded_address_of_anybody_is_not_believed(server):
    """Only of trusted proxies."""
    answer = server.get("/said", x_forwarded_for="203.0.113.7", x_real_ip="203.0.113.7")
    assert answer.text == "127.0.0.1 0"


def test_an_error_tells_the_client_nothing(server):
    """What went wrong is in the log, not in the answer."""
    answer = server.get("/broken")
    assert answer.status == 500
    assert answer.json["code"] == "INTERNAL_ERROR"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("sent", [b"", b"GET /sa", b"GET /said HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_a_crowd_of_idle_connections_makes_room_for_requests(sent):
    """Whether they have said nothing yet, a part of a request, or a whole one before."""
    app = Guards(Endpoints().app, Counters())
    with (
        served_here(app, limit_concurrency=4, timeout_keep_alive=60) as small,
        ExitStack() as stack,
    ):
        for _ in range(20):
            made = stack.enter_context(connected(small))
            made.sendall(sent)
            if sent.endswith(b"\n"):
                assert made.recv(12) == b"HTTP/1.1 200"
        assert small.get("/said").status == 200


@pytest.mark.parametrize("files", [64, 256, 1024, 4096, 8192, 10**6])
def test_there_is_always_a_file_left_for_the_work(files):
    """Connections, and those that are about to be closed, leave some; more files are more room."""
    room = room_for(files)
    assert room.connections >= 8
    assert room.backlog >= 1
    if files >= 256:
        assert room.connections + 3 * room.backlog <= files - 128
    assert room_for(8192).connections == 2048
