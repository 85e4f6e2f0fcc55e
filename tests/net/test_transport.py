"""Single exchanges: what of an answer is told, and what is never sent."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.net.base import Request
from datafetch.net.deadline import Deadline
from datafetch.net.hops import Hop, first_hop
from datafetch.net.options import NetOptions
from datafetch.net.proxies import Proxies
from datafetch.net.transport import Wire
from datafetch.upstream_errors import Refused, TransientError
from tests.fakes import faults
from tests.fakes.base import FakeServer
from tests.net.upstreams import ALLOWED, Echo, Raw
from tests.support import FakeClock

OPTIONS = NetOptions("agent", width=2, allow_hosts=ALLOWED, proxies=Proxies({}))


@pytest.fixture
def wire() -> Iterator[Wire]:
    """It, on the machine's network."""
    wire = Wire(OPTIONS)
    yield wire
    wire.close()


def hop_to(url: str, **fields: Any) -> Hop:
    """What is sent first for a URL."""
    return first_hop(Request(url, "data", "site", **fields), OPTIONS)


def limit(seconds: float = 60, clock: FakeClock | None = None) -> Deadline:
    """So much time from now."""
    return Deadline(clock or FakeClock(), CancelToken(), seconds)


def heads(*lines: bytes) -> Raw:
    """A server that answers with these header lines."""
    head = b"\r\n".join([b"HTTP/1.1 302 Found", b"Content-Length: 0", *lines, b"", b""])
    return Raw(lambda: iter([head]))


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ([b"ETag: a"], "etag", "a"),
        ([b"Vary: a", b"VARY: b", b"vary: c"], "vary", "a, b, c"),
        ([b"Location: /a", b"location: /b"], "location", "/a"),
        ([b"Location: http://a:b/"], "location", "http://a:b/"),
        ([b"X-A: \xc3\xbc"], "x-a", "ü"),
        ([b"X-A: \xfc"], "x-a", "ü"),
    ],
)
def test_headers_have_one_name_and_one_text(
    wire: Wire, lines: list[bytes], name: str, value: str
) -> None:
    """Names in lower case, repeated values joined, but the first `Location`; any bytes are text."""
    with heads(*lines) as server, wire.exchange(hop_to(server.url), limit(), 5) as answer:
        assert (answer.status, answer.headers[name]) == (302, value)


@pytest.mark.parametrize(("body", "method"), [(None, "GET"), ({"a": 1}, "POST"), ({}, "POST")])
def test_what_has_a_body_is_posted(
    wire: Wire, echo: Echo, server: FakeServer, body: object, method: str
) -> None:
    """JSON goes out with POST, even when it is empty; everything else is a GET."""
    with wire.exchange(hop_to(server.url, json_body=body), limit(), 5) as answer:
        assert list(answer.chunks)
    assert [request.method for request in echo.log.all()] == [method]


def test_a_body_that_is_left_costs_its_connection(
    wire: Wire, echo: Echo, server: FakeServer
) -> None:
    """What is left of a body is never read as the next answer; a body that is read keeps it."""
    echo.inject(faults.reply(200, b"x" * 500_000), times=1)
    with wire.exchange(hop_to(server.url), limit(), 5) as answer:
        next(answer.chunks)
    for _ in range(2):
        with wire.exchange(hop_to(server.url), limit(), 5) as answer:
            assert b"".join(answer.chunks).startswith(b"{")
    assert server.open_connections == 1


@pytest.mark.parametrize("href", ["http://b.example/", "http://a.example:81/"])
def test_a_url_that_can_be_read_in_two_ways_is_not_sent(wire: Wire, href: str) -> None:
    """When httpx2 reads another host or port than the guard has checked, nothing is sent."""
    checked = hop_to("http://a.example/")
    hop = replace(checked, url=checked.url._replace(href=href))
    with pytest.raises(Refused, match="two ways"), wire.exchange(hop, limit(), 5):
        pass


def test_nothing_is_sent_when_no_time_is_left(wire: Wire, echo: Echo, server: FakeServer) -> None:
    """An exchange whose time is over does not begin."""
    clock = FakeClock()
    over = limit(60, clock)
    clock.advance(60)
    hop = hop_to(server.url)
    with pytest.raises(TransientError, match="no time was left"), wire.exchange(hop, over, 5):
        pass
    assert echo.log.count() == 0


def test_a_closed_wire_sends_nothing(wire: Wire, echo: Echo, server: FakeServer) -> None:
    """After the close no connection is opened, and the error says that it was us."""
    wire.close()
    with pytest.raises(Cancelled), wire.exchange(hop_to(server.url), limit(), 5):
        pass
    assert echo.log.count() == 0
