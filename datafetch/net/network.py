"""Opens connections: to checked addresses only, within a deadline, and so that they can be shut."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

import httpcore2

from datafetch.errors import Cancelled
from datafetch.net.deadline import deadline
from datafetch.net.guard import Resolver, checked_addresses

Dial = Callable[[str, int, float | None], httpcore2.NetworkStream]
"""Connects to an address and port within so many seconds; raises errors of httpcore2."""


class OpenConnections:
    """All that is open or being opened, so that another thread can shut it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, Callable[[], None]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether everything was shut, for good."""
        return self._closed

    def add(self, thing: object, shut: Callable[[], None]) -> None:
        """From now on it is shut with the others; at once when they already are."""
        with self._lock:
            if not self._closed:
                self._open[id(thing)] = shut
                return
        shut()

    def discard(self, thing: object) -> None:
        """It is closed."""
        with self._lock:
            self._open.pop(id(thing), None)

    def shut_all(self) -> None:
        """Shut everything; nothing can be opened any more."""
        with self._lock:
            self._closed = True
            things = list(self._open.values())
        for shut in things:
            shut()


class Stream(httpcore2.NetworkStream):
    """A connection whose every step keeps to the deadline of the exchange that uses it."""

    def __init__(self, inner: httpcore2.NetworkStream, connections: OpenConnections) -> None:
        self._inner = inner
        self._connections = connections
        self._lock = threading.Lock()
        self._busy = False
        connections.add(self, self._shut)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to so many bytes."""
        left = deadline.get().within(timeout, httpcore2.ReadTimeout)
        with self._step():
            return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of the buffer, in portions, so that a slow reader cannot hold it for ever."""
        for start in range(0, len(buffer), _PORTION):
            left = deadline.get().within(timeout, httpcore2.WriteTimeout)
            with self._step():
                self._inner.write(buffer[start : start + _PORTION], left)

    def close(self) -> None:
        """Close the connection."""
        self._connections.discard(self)
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """The same connection, encrypted from now on; closed when that fails."""
        # The handshake takes the socket out of our hands; a second handle can still shut it.
        try:
            spare = socket.socket(fileno=os.dup(self._inner.get_extra_info("socket").fileno()))
        except OSError as error:  # no file numbers are left
            self.close()
            raise httpcore2.ConnectError(error) from error
        self._connections.add(spare, lambda: _shut_down(spare))
        try:
            left = deadline.get().within(timeout, httpcore2.ConnectTimeout)
            return Stream(
                self._inner.start_tls(ssl_context, server_hostname, left), self._connections
            )
        except BaseException:
            # httpcore2 forgets a connection that did not come about.
            self._inner.close()
            raise
        finally:
            self._connections.discard(self)
            self._connections.discard(spare)
            spare.close()

    def get_extra_info(self, info: str) -> Any:
        """What httpcore2 asks for."""
        return self._inner.get_extra_info(info)

    @contextlib.contextmanager
    def _step(self) -> Iterator[None]:
        with self._lock:
            self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _shut(self) -> None:
        """End it from another thread.

        Under a thread that reads or writes it is only shut down, which wakes that thread:
        a file number that is closed in its hands could be another connection's the next moment.
        """
        with self._lock:
            if self._busy:
                _shut_down(self._inner.get_extra_info("socket"))
            else:
                self._inner.close()


def _shut_down(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The plain method: that of SSLSocket would drop TLS under the reader's hands.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


_PORTION = 64 * 1024


class Backend(httpcore2.NetworkBackend):
    """Opens connections for a pool of httpcore2.

    With `guarded`, names are resolved and checked here, and the address that was checked is
    the one that is connected to; TLS and the Host header keep the name.
    """

    def __init__(
        self,
        *,
        guarded: bool,
        allow_hosts: frozenset[str],
        connections: OpenConnections,
        resolve: Resolver,
        dial: Dial,
    ) -> None:
        self._guarded = guarded
        self._allow_hosts = allow_hosts
        self._connections = connections
        self._resolve = resolve
        self._dial = dial

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore2's signature
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Connect within the deadline.

        A thread of its own does it, because neither a look-up of a name nor a connect can be
        broken off from outside; who waits for it can be.

        Raises:
            Refused: an address of the name is not public.
        """
        if self._connections.closed:
            raise Cancelled("the client is closed")
        left = deadline.get().within(timeout, httpcore2.ConnectTimeout)
        future: Future[httpcore2.NetworkStream] = Future()
        self._connections.add(future, lambda: _fail(future, Cancelled("the client was closed")))
        threading.Thread(
            target=self._open,
            args=(future, host, port, left),
            name="datafetch-connect",
            daemon=True,
        ).start()
        try:
            return Stream(_await(future, left), self._connections)
        finally:
            self._connections.discard(future)

    def _open(
        self, future: "Future[httpcore2.NetworkStream]", host: str, port: int, timeout: float
    ) -> None:
        try:
            stream = self._connect(host, port, timeout)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            _fail(future, error)
            return
        try:
            future.set_result(stream)
        except InvalidStateError:
            stream.close()

    def _connect(self, host: str, port: int, timeout: float) -> httpcore2.NetworkStream:
        try:
            addresses = self._addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(error) from error
        failure: Exception | None = None
        for address in addresses:
            try:
                return self._dial(address, port, timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("the name has no address")

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        if self._guarded and host not in self._allow_hosts:
            return checked_addresses(host, port, self._resolve)
        return self._resolve(host, port)


def _await(future: "Future[httpcore2.NetworkStream]", timeout: float) -> httpcore2.NetworkStream:
    try:
        return future.result(timeout)
    except FutureTimeout:
        # Either it fails here and the stream is closed over there, or it has just come.
        _fail(future, httpcore2.ConnectTimeout("out of time"))
        return future.result()


def _fail(future: "Future[httpcore2.NetworkStream]", error: Exception) -> None:
    with contextlib.suppress(InvalidStateError):
        future.set_exception(error)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Addresses of a name, or the literal itself, by the system's resolver.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def system_dial(address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
    """Connect by the system's network."""
    return httpcore2.SyncBackend().connect_tcp(address, port, timeout, socket_options=[])
