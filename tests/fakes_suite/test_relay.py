"""The relay before a TCP server: it passes on what is said, loses one answer, and can be away."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.fakes.relay import Relay


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.server.heard.append(line)  # type: ignore[attr-defined]
            self.wfile.write(b"+" + line)


@pytest.fixture
def heard() -> list[bytes]:
    """What the server heard."""
    return []


@pytest.fixture
def relay(heard: list[bytes]) -> Iterator[Relay]:
    """A relay before a server that says again what it hears."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        server.heard = heard  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with Relay(server.server_address[1]) as opened:
            yield opened
        server.shutdown()


def _said(relay: Relay, *lines: bytes) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", relay.port)) as link, link.makefile("rwb") as file:
        found = []
        for line in lines:
            file.write(line)
            file.flush()
            found.append(file.readline())
        return found


def test_what_is_said_is_passed_on(relay: Relay, heard: list[bytes]) -> None:
    """Both ways, and on one connection more than once."""
    assert _said(relay, b"one\n", b"EVAL two\n") == [b"+one\n", b"+EVAL two\n"]
    assert heard == [b"one\n", b"EVAL two\n"]


def test_one_answer_is_lost(relay: Relay, heard: list[bytes]) -> None:
    """The server runs the script, the client hears nothing; the next script is answered, and so is all that is none."""
    relay.lose_answers()
    assert _said(relay, b"one\n", b"EVAL two\n") == [b"+one\n", b""]
    assert heard == [b"one\n", b"EVAL two\n"]
    assert relay.lost == 1
    assert _said(relay, b"EVAL three\n") == [b"+EVAL three\n"]


def test_it_can_be_away(relay: Relay, heard: list[bytes]) -> None:
    """Connections end without a word, and the server hears none."""
    # The connection may be gone before the word is sent.
    with relay.down(), suppress(ConnectionError):
        assert _said(relay, b"one\n") == [b""]
    assert heard == []
    assert _said(relay, b"two\n") == [b"+two\n"]
