"""Opens connections that keep to the deadline of an exchange and that another thread can close."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout

import httpcore2

from datafetch.errors import Cancelled
from datafetch.net.deadline import deadline
from datafetch.net.faults import HandshakeError, HandshakeTimeout
from datafetch.net.guard import Resolver

Dial = Callable[[str, int, float | None], httpcore2.NetworkStream]
"""Connects to an address and port, with a time-out in seconds; raises exceptions of httpcore2."""

_PORTION = 64 * 1024


class OpenConnections:
    """Knows every connection that is open or being opened, so that another thread can close them.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, Callable[[], None]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `shut_all` was called."""
        return self._closed

    def add(self, thing: object, shut: Callable[[], None]) -> None:
        """Remember `shut`, which closes the thing; after `shut_all` it is called at once."""
        with self._lock:
            if not self._closed:
                self._open[id(thing)] = shut
                return
        shut()

    def discard(self, thing: object) -> None:
        """Forget a thing that is closed."""
        with self._lock:
            self._open.pop(id(thing), None)

    def shut_all(self) -> None:
        """Close everything that is open, and from now on whatever is added."""
        with self._lock:
            self._closed = True
            things = list(self._open.values())
        for shut in things:
            shut()


class Stream(httpcore2.NetworkStream):
    """A connection whose reads and writes keep to the deadline of the exchange in their thread.

    Args:
        inner: the connection itself.
        connections: told when this one is opened and closed.
    """

    def __init__(self, inner: httpcore2.NetworkStream, connections: OpenConnections) -> None:
        self._inner = inner
        self._connections = connections
        self._lock = threading.Lock()
        self._busy = False
        connections.add(self, self._shut)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to `max_bytes` bytes; none at the end."""
        left = deadline.get().within(timeout, httpcore2.ReadTimeout)
        with self._step():
            return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write the whole buffer, in portions, so that the deadline holds for a slow reader too."""
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
        """Begin TLS; returns the encrypted connection, and closes this one when that fails.

        Raises:
            HandshakeError: no TLS came about.
            HandshakeTimeout: it took too long.
            Cancelled: the run was asked to stop.
        """
        # During the handshake the socket belongs to a new SSLSocket that we do not have yet; a
        # duplicate of its file descriptor can still shut it down.
        try:
            spare = socket.socket(fileno=os.dup(self._inner.get_extra_info("socket").fileno()))
        except OSError as error:  # no file descriptors are left
            self.close()
            raise httpcore2.ConnectError(error) from error
        self._connections.add(spare, lambda: _shut_down(spare))
        try:
            left = deadline.get().within(timeout, httpcore2.ConnectTimeout)
            return Stream(
                self._inner.start_tls(ssl_context, server_hostname, left), self._connections
            )
        except BaseException as error:
            # httpcore2 does not close a connection whose handshake failed.
            self._inner.close()
            cause, host = error.args[0] if error.args else error, server_hostname or ""
            if isinstance(error, httpcore2.ConnectTimeout):
                raise HandshakeTimeout(cause, host) from error
            if isinstance(error, httpcore2.ConnectError | OSError):
                raise HandshakeError(cause, host) from error
            raise
        finally:
            self._connections.discard(self)
            self._connections.discard(spare)
            spare.close()

    def get_extra_info(self, info: str) -> object:
        """A fact about the connection, such as its `socket`, for httpcore2."""
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
        """Close the connection from another thread.

        While a thread reads or writes, the socket is only shut down, which wakes that thread.
        Its file descriptor must not be closed then: the system could give the same number to
        another connection, and the woken thread would read from that one.
        """
        with self._lock:
            if self._busy:
                _shut_down(self._inner.get_extra_info("socket"))
            else:
                self._inner.close()


def _shut_down(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not the method of SSLSocket, which would also drop the TLS state that a reader uses.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Backend(httpcore2.NetworkBackend):
    """Opens connections for httpcore2, to the addresses that `resolve` returns for a host.

    TLS and the `Host` header still use the name of the host.

    Args:
        connections: told of every connection.
        resolve: looks up the addresses of a host; `guarded` makes one that refuses private ones.
        dial: connects to an address.
    """

    def __init__(self, connections: OpenConnections, resolve: Resolver, dial: Dial) -> None:
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

        Neither looking up a name nor connecting can be interrupted, so a new thread does both
        and this thread waits for it until the deadline. A connection that comes later is closed.

        Raises:
            Refused: an address of the host is not public.
            Cancelled: the client was closed.
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
            stream = future.result(left)
        except FutureTimeout:
            # If a result came just now, it is used. Otherwise the other thread will find that
            # the future has failed, and close its connection.
            _fail(future, httpcore2.ConnectTimeout("out of time"))
            stream = future.result()
        finally:
            self._connections.discard(future)
        return Stream(stream, self._connections)

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
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(error) from error
        failure: Exception | None = None
        for address in addresses:
            try:
                return self._dial(address, port, timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("the name has no address")


def _fail(future: "Future[httpcore2.NetworkStream]", error: Exception) -> None:
    with contextlib.suppress(InvalidStateError):
        future.set_exception(error)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses of a host by the system's resolver; an IP address is its own.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def system_dial(address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
    """Connect over the machine's network."""
    return httpcore2.SyncBackend().connect_tcp(address, port, timeout, socket_options=[])
