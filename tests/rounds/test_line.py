"""The line to the S3 server: it hangs, is cut, and goes on."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.fakes.base import App, Request, Response
from tests.rounds.line import Line


class _Hello(App):
    def answer(self, request: Request) -> Response:
        return Response.text("hello")


@pytest.fixture
def line() -> Iterator[Line]:
    """A line to a server that says hello."""
    with _Hello().served() as server, Line(server.port) as made:
        yield made


def asking(line: Line) -> socket.socket:
    """A connection on which the question has been sent."""
    port = int(line.url.rpartition(":")[2])
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return connection


def told(connection: socket.socket) -> bytes:
    """All that comes back."""
    with connection, connection.makefile("rb") as file:
        return file.read()


@pytest.mark.parametrize("slow", [False, True])
def test_it_passes_on_both_ways(line: Line, slow: bool) -> None:
    """Late or at once, all of it."""
    if slow:
        line.slow(0.01)
    assert told(asking(line)).endswith(b"hello")


def test_what_hung_goes_on(line: Line) -> None:
    """Connections that were made meanwhile wait, and are served then."""
    line.hang()
    connection = asking(line)
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    line.mend()
    connection.settimeout(20)
    assert told(connection).endswith(b"hello")


def test_what_is_cut_is_cut_for_everybody(line: Line) -> None:
    """Old connections and new ones, until it is mended."""
    line.hang()
    old = asking(line)
    line.cut()
    line.mend()
    line.cut()
    with suppress(ConnectionError):
        assert told(old) == b""
    with suppress(ConnectionError):
        assert told(asking(line)) == b""
    line.mend()
    assert told(asking(line)).endswith(b"hello")
