"""The line to the S3 server: it hangs, is cut, and goes on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.fakes.base import App, Request, Response
from tests.rounds.line import Line


class _Hello(App):
    def answer(self, request: Request) -> Response:
        return Response.text("hello")


class _Busy(App):
    """It is at work until it may end."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end = threading.Event(), threading.Event()

    def answer(self, request: Request) -> Response:
        self.begun.set()
        self.may_end.wait(20)
        return Response.text("done")


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


@pytest.mark.parametrize("cut", [False, True])
def test_it_is_idle_when_the_server_has_done_what_a_killed_client_asked_for(cut: bool) -> None:
    """A write that was under way came into the store after it was looked at."""
    app = _Busy()
    with app.served() as server, Line(server.port) as line:
        connection = asking(line)
        assert app.begun.wait(20)
        if cut:
            line.cut()
        connection.close()
        with pytest.raises(TimeoutError):
            line.wait_until_idle(0.1)
        app.may_end.set()
        line.wait_until_idle()
