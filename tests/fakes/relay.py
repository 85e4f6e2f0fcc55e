"""A relay before a server that speaks TCP: it can refuse everybody, and lose answers."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

_SCRIPT = b"EVAL"
_POLL_S = 0.5


class Relay:
    """Passes on what clients and a server on loopback say to each other; a thread for each client."""

    def __init__(self, server_port: int) -> None:
        """Listen on a port of its own, `port`; nothing is accepted before the `with` block."""
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                relay._handle(self.request, server_port)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="relay", daemon=True
        )
        self._guard = threading.Lock()
        self._is_down = False
        self._to_lose = 0
        self.lost = 0
        """How many answers were lost."""
        self.scripts = 0
        """How many scripts came."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    def lose_answers(self, times: int = 1) -> None:
        """Have the server run so many more scripts, and end the connection in place of each answer."""
        with self._guard:
            self._to_lose += times

    @contextmanager
    def down(self) -> Iterator[None]:
        """Close every connection as it is opened, while the block runs."""
        self._is_down = True
        try:
            yield
        finally:
            self._is_down = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handle(self, client: socket.socket, server_port: int) -> None:
        if self._is_down:
            return
        with socket.create_connection(("127.0.0.1", server_port)) as server:
            other = {client: server, server: client}
            loses = False
            while True:
                for ready in select.select([*other], [], [], _POLL_S)[0]:
                    data = _received(ready)
                    if ready is client and _SCRIPT in data:
                        loses = self._takes_one()
                    if not data or (ready is server and loses):
                        return
                    other[ready].sendall(data)

    def _takes_one(self) -> bool:
        with self._guard:
            self.scripts += 1
            if not self._to_lose:
                return False
            self._to_lose -= 1
            self.lost += 1
            return True


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(64 * 1024)
    except ConnectionError:
        return b""
