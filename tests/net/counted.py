"""A pool on a loopback network whose connections are numbered and counted."""

import threading
from typing import Any

import httpcore2

from datafetch.net.pools import Pool
from tests.fakes.base import LoopbackServer
from tests.support import FakeClock


class Counted(httpcore2.NetworkStream):
    """A connection with a number; the network knows when it is closed. It knows no TLS."""

    def __init__(self, inner: httpcore2.NetworkStream, network: "Network", number: int) -> None:
        self._inner = inner
        self._network = network
        self.number = number

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()
        self._network.closed(self.number)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Network(httpcore2.NetworkBackend):
    """Every host is one loopback server; connections are counted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.opened = 0
        self.open: set[int] = set()
        self.most = 0
        self.troubles = 0
        """How many closes raise an error from now on."""
        self._streams: list[httpcore2.NetworkStream] = []
        self._lock = threading.Lock()

    def connect_tcp(self, host: str, port: int, *args: Any, **named: Any) -> Counted:
        with self._lock:
            number = self.opened
            self.opened += 1
            self.open.add(number)
            self.most = max(self.most, len(self.open))
        try:
            stream = httpcore2.SyncBackend().connect_tcp("127.0.0.1", self.port, 20)
        except httpcore2.ConnectError:
            self.closed(number)
            raise
        self._streams.append(stream)
        return Counted(stream, self, number)

    def closed(self, number: int) -> None:
        with self._lock:
            self.open.discard(number)
            troubled = self.troubles > 0
            self.troubles -= troubled
        if troubled:
            raise OSError("reset")

    def close(self) -> None:
        """Close what a test has left open."""
        for stream in self._streams:
            stream.close()


class Under:
    """A pool under test, and what is around it."""

    def __init__(
        self, server: LoopbackServer, width: int, proxy: httpcore2.Proxy | None = None
    ) -> None:
        self.network = Network(server.port)
        self.clock = FakeClock()
        make = httpcore2.ConnectionPool(proxy=proxy, network_backend=self.network).create_connection
        self.pool = Pool(make, width, monotonic=self.clock.monotonic)

    def begin(
        self, host: str = "a.example", wait_s: float = 0, scheme: str = "http"
    ) -> httpcore2.Response:
        """Send a request; its answer is not read yet."""
        url, timeout = f"{scheme}://{host}/of/{host}", {"pool": wait_s, "read": 20}
        request = httpcore2.Request(
            "GET", url, headers={"Host": host}, extensions={"timeout": timeout}
        )
        return self.pool.handle_request(request)

    def ask(self, host: str = "a.example", wait_s: float = 0) -> int:
        """Send a request and read its answer; gives the number of its connection."""
        return finish(self.begin(host, wait_s))


def number(answer: httpcore2.Response) -> int:
    """That of its connection."""
    return answer.extensions["network_stream"].number  # type: ignore[no-any-return]


def finish(answer: httpcore2.Response) -> int:
    """Read it; gives the number of its connection."""
    answer.read()
    answer.close()
    return number(answer)
