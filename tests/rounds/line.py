"""A TCP line to a server on loopback, which can hang, be cut, or be slow, while the server is well."""

import contextlib
import socket
import struct
import threading
from typing import Self

_RESET = struct.pack("ii", 1, 0)
_BYTES = 64 * 1024


class Line:
    """Listens on a port of its own and passes on what comes, both ways."""

    def __init__(self, port: int) -> None:
        """The server's `port`; nothing listens before the `with` block."""
        self._server = port
        self._flows = threading.Event()
        self._flows.set()
        self._is_cut = False
        self._delay_s = 0.0
        self._clients: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._carried = 0
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    @property
    def url(self) -> str:
        """Where clients find the server through this line."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def hang(self) -> None:
        """Pass on nothing any more, new connections neither."""
        self._flows.clear()

    def cut(self) -> None:
        """Reset all connections, and each new one."""
        self._is_cut = True
        self._reset_all()

    def slow(self, delay_s: float) -> None:
        """Pass on each piece late."""
        self._delay_s = delay_s

    def mend(self) -> None:
        """Pass on everything again, at once; what hung goes on."""
        self._is_cut, self._delay_s = False, 0.0
        self._flows.set()

    def wait_until_idle(self, limit_s: float = 20) -> None:
        """Wait until all clients are gone and the server has done what they asked for.

        Raises:
            TimeoutError: one of them stays.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._carried, limit_s):
                raise TimeoutError(f"{self._carried} connections are open")

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.mend()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._count, args=(client,), daemon=True).start()

    def _count(self, client: socket.socket) -> None:
        with self._changed:
            self._carried += 1
        try:
            self._carry(client)
        finally:
            with self._changed:
                self._carried -= 1
                self._changed.notify_all()

    def _carry(self, client: socket.socket) -> None:
        self._flows.wait()
        if self._is_cut:
            _reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._server))
        except OSError:
            _reset(client)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            self._clients.add(client)
        back = threading.Thread(target=self._pass_on, args=(server, client), daemon=True)
        back.start()
        self._pass_on(client, server)
        back.join()
        with self._guard:
            self._clients.discard(client)
        client.close()
        server.close()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on all that comes; what nobody wants any more is still read to its end.

        So the server's end is over when it has done what a client asked for that is gone.
        """
        is_wanted = True
        with contextlib.suppress(OSError):
            while piece := source.recv(_BYTES):
                self._flows.wait()
                if self._delay_s:
                    threading.Event().wait(self._delay_s)
                is_wanted = is_wanted and _sent(target, piece)
        # Whoever waits at the other end of the line wakes.
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _reset_all(self) -> None:
        with self._guard:
            clients = list(self._clients)
        for client in clients:
            with contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.shutdown(socket.SHUT_RDWR)


def _sent(target: socket.socket, piece: bytes) -> bool:
    try:
        target.sendall(piece)
    except OSError:
        return False
    return True


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.close()
