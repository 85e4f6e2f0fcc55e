"""The client and hostile servers: no body, header or drip outlasts its limits."""

import gzip
import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from datafetch.upstream_errors import Malformed, Missing, Refused, TooLarge, TransientError
from tests.fakes import faults
from tests.fakes.base import FakeServer, Response
from tests.net.upstreams import Echo, Raw, ask, client, told
from tests.support import FakeClock

MIB = 1 << 20


def raw(*parts: Any) -> Any:
    """A server that sends these bytes and hangs up."""
    return Raw(lambda: iter(parts))


def test_an_endless_body_is_left(echo: Echo, server: FakeServer) -> None:
    """A page of hundreds of megabytes was read whole: reading ends at the limit, and hangs up."""
    rule = echo.inject(faults.endless())
    with client() as http:
        with pytest.raises(TooLarge):
            http.fetch(ask(server.url, limit=MIB))
        cut = http.fetch(ask(server.url, limit=MIB, truncate=True))
        assert len(cut.body) == MIB
        assert http.counts()["site"]["bytes"] < 3 * MIB
    assert rule.hits == 2


def test_only_the_head_of_a_page_is_read(echo: Echo, server: FakeServer) -> None:
    """Reading stops after the marker, however much more the page would send."""
    echo.inject(faults.endless(head=b"<html><head><title>x</title></head><BODY class='a'>"))
    with client() as http:
        page = http.fetch(ask(server.url, stop_after=b"<body"))
    assert page.body == b"<html><head><title>x</title></head><BODY"


def test_reading_goes_on_when_the_head_is_not_enough(echo: Echo, server: FakeServer) -> None:
    """Who asks is shown the head and its headers, once; when that is not enough, all is read."""
    echo.inject(faults.reply(200, b"<title>x</title><body><body>rest", {"X-Kind": "page"}))
    shown: list[tuple[bytes, str]] = []

    def enough(body: bytes, headers: Mapping[str, str]) -> bool:
        shown.append((body, headers["x-kind"]))
        return len(shown) > 1

    with client() as http:
        request = ask(server.url, stop_after=b"<body", enough=enough)
        assert http.fetch(request).body == b"<title>x</title><body><body>rest"
        assert http.fetch(request).body == b"<title>x</title><body"
    assert shown == [(b"<title>x</title><body", "page")] * 2


def test_redirects_that_were_followed_before_count(echo: Echo, server: FakeServer) -> None:
    """A caller that follows redirects of its own says how many; the answer says how many there were."""
    echo.inject(faults.redirect("/there"), "/here")
    with client() as http:
        assert http.fetch(ask(f"{server.url}/there")).redirects == 0
        assert http.fetch(ask(f"{server.url}/here", redirected=4)).redirects == 5
        with closing(http.download(ask(f"{server.url}/here"))) as download:
            assert download.redirects == 1
        with pytest.raises(Refused, match="more than 5 redirects"):
            http.fetch(ask(f"{server.url}/here", redirected=5))


def test_a_rest_that_never_comes_is_no_fault(echo: Echo, server: FakeServer) -> None:
    """The rest of a short page is read to keep its connection; that it ends early changes nothing."""
    page = Response(body=b"<title>x</title><body>", declared_length=9000, ending="close")
    echo.inject(lambda _request, _answer: page)
    with client() as http:
        answer = http.fetch(ask(server.url, stop_after=b"<body"))
    assert answer.body == b"<title>x</title><body"


def test_a_bomb_is_stopped_while_it_inflates(echo: Echo, server: FakeServer) -> None:
    """A small answer that inflates to hundreds of megabytes ends at the limit of decoded bytes."""
    bomb = gzip.compress(bytes(16 * MIB))
    echo.inject(faults.reply(200, bomb, {"Content-Encoding": "gzip"}))
    with client() as http:
        with pytest.raises(TooLarge):
            http.fetch(ask(server.url, limit=MIB))
        with pytest.raises(TooLarge):
            http.download(ask(server.url, limit=MIB))


@pytest.mark.parametrize(
    "action",
    [faults.cut(20), faults.cut(20, "reset"), faults.cut(0), faults.lying_length(10_000)],
)
def test_a_body_cut_short_is_a_fault(echo: Echo, server: FakeServer, action: Any) -> None:
    """A body cut short, or a length that lies, is a fault that may pass, never half an answer."""
    echo.inject(action)
    with client() as http, pytest.raises(TransientError, match="cut short"):
        http.fetch(ask(server.url))
    with client() as http, pytest.raises(TransientError):
        http.download(ask(server.url))


def test_what_comes_after_the_declared_length_is_not_read(echo: Echo, server: FakeServer) -> None:
    """Bytes after the declared length are neither body nor the next answer."""
    echo.inject(faults.lying_length(4), times=1)
    with client() as http:
        assert len(http.fetch(ask(server.url)).body) == 4
        assert told(http.fetch(ask(server.url)))["method"] == "GET"


@pytest.mark.parametrize("action", [faults.dropped("close"), faults.dropped("reset")])
def test_a_connection_without_an_answer_is_a_fault(
    echo: Echo, server: FakeServer, action: Any
) -> None:
    """A server that hangs up without a word may answer the next time."""
    echo.inject(action)
    with client() as http, pytest.raises(TransientError):
        http.fetch(ask(server.url))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * (1 << 20) + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 40_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"O" * (1 << 20),
    ],
)
def test_a_huge_header_is_refused(head: bytes) -> None:
    """Headers have a limit, too, in length and in number."""
    with raw(head) as server, client() as http, pytest.raises(TooLarge):
        http.fetch(ask(server.url))


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 200]
)
def test_what_is_not_http_is_malformed(answer: Any) -> None:
    """Another protocol on the port is not an outage."""
    with raw(answer) as server, client() as http, pytest.raises(Malformed):
        http.fetch(ask(server.url))


def test_a_status_without_its_body_leaves_no_doubt(echo: Echo, server: FakeServer) -> None:
    """A 404 whose body is cut short is a 404."""
    echo.inject(lambda _request, _answer: Response(404, body=b"x" * 1000, send=5, ending="reset"))
    with client() as http, pytest.raises(Missing):
        http.fetch(ask(server.url))


def dripping(clock: FakeClock, head: bytes = b"", count: int = 10_000) -> Iterator[Any]:
    """Bytes one by one, each taking a second by the clock."""
    yield head
    for _ in range(count):
        clock.advance(1)
        yield b"x"


def test_a_body_that_drips_ends_in_time(echo: Echo, server: FakeServer) -> None:
    """Each byte in time, the whole never: the time for a try counts from its beginning."""
    clock = FakeClock()
    echo.inject(lambda _request, _answer: Response(chunks=dripping(clock)))
    with client(clock=clock) as http, pytest.raises(TransientError, match="in time"):
        http.fetch(ask(server.url, total_s=60))


def test_a_header_that_drips_ends_in_time() -> None:
    """The same inside a header, where no body has come that one could look at the time between."""
    clock = FakeClock()
    head = b"HTTP/1.1 200 OK\r\nX-Slow: "
    with (
        Raw(lambda: dripping(clock, head)) as server,
        client(clock=clock) as http,
        pytest.raises(TransientError, match="in time"),
    ):
        http.fetch(ask(server.url, total_s=60))


def test_interim_answers_end_in_time() -> None:
    """A server that goes on saying 100 Continue does not hold the client for ever."""
    clock = FakeClock()

    def interim() -> Iterator[Any]:
        for _ in range(10_000):
            clock.advance(1)
            yield b"HTTP/1.1 103 Early Hints\r\n\r\n"

    with (
        Raw(interim) as server,
        client(clock=clock) as http,
        pytest.raises(TransientError, match="in time"),
    ):
        http.fetch(ask(server.url, total_s=60))


def test_redirects_share_the_time_of_the_try(echo: Echo, server: FakeServer) -> None:
    """A chain of slow redirects has no more time than one answer."""
    clock = FakeClock()
    steps = itertools.count()

    def slow(_request: Any, _answer: Any) -> Any:
        clock.advance(25)
        return Response(302, {"Location": f"/{next(steps)}"})

    echo.inject(slow)
    with client(clock=clock) as http, pytest.raises(TransientError, match="time"):
        http.fetch(ask(server.url, total_s=60))
    assert echo.log.count() == 3


@pytest.mark.parametrize(("timeout_s", "total_s"), [(0.05, 60), (60, 0.05)])
def test_a_silent_server_is_left(
    echo: Echo, server: FakeServer, timeout_s: float, total_s: float
) -> None:
    """A server that accepts and says nothing is given up after the time of one read, or of the try."""
    echo.inject(faults.held(threading.Event()))
    with client() as http, pytest.raises(TransientError, match="in time"):
        http.fetch(ask(server.url, timeout_s=timeout_s, total_s=total_s))
