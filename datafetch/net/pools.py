"""Keeps connections open for later requests to the same server."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpcore2
import httpx2

_KEEP_ALIVE_S = 4.0
"""Seconds that an idle connection is kept. Node's servers close one after five, and a request sent
in that moment fails."""

_Origin = tuple[bytes, bytes, int]


class _Idle(NamedTuple):
    """A connection that no request has used since the time `since` (monotonic seconds)."""

    connection: httpcore2.ConnectionInterface
    origin: _Origin
    since: float


class Pool:
    """Open connections to any servers, each used by one request at a time. Thread-safe.

    The pool of httpcore2 goes through all its connections twice for each request, and polls the
    idle ones, while it holds its lock: dozens of threads then wait for each other. Here only the
    connection that is to be used is polled, and no connection is polled, opened or closed under
    the lock.

    Connections that have been idle for too long are closed by the next request to any server.

    Args:
        make: makes a connection object for an origin, which connects with its first request.
        width: the most connections that are open at a time, idle ones included.
        monotonic: tells the seconds of a clock that never goes back.
    """

    def __init__(
        self,
        make: Callable[[httpcore2.Origin], httpcore2.ConnectionInterface],
        width: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._width = width
        self._monotonic = monotonic
        self._changed = threading.Condition(threading.Lock())
        self._in_use = 0
        self._idle: list[_Idle] = []
        """The one that has been idle for longest comes first."""

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send a request and read the headers of its answer.

        The connection is in use until the answer is closed. Then it becomes idle; when the body
        was not read to its end, it is closed instead.

        Raises:
            httpcore2.PoolTimeout: all connections were in use for as long as the `pool` time-out
                of the request says.
            Exception: any exception of the connection, which is then closed.
        """
        connection = self._take(request.url.origin, request.extensions["timeout"]["pool"])

        def give_back() -> None:
            self._give_back(request.url.origin, connection)

        try:
            answer = connection.handle_request(request)
        except BaseException:
            give_back()
            raise
        return httpcore2.Response(
            answer.status,
            headers=answer.headers,
            content=_LentBody(answer, give_back),
            extensions=answer.extensions,
        )

    def _take(self, origin: httpcore2.Origin, wait_s: float) -> httpcore2.ConnectionInterface:
        with self._changed:
            if not self._changed.wait_for(lambda: self._in_use < self._width, wait_s):
                raise httpcore2.PoolTimeout("all connections are in use")
            self._in_use += 1
        try:
            while (kept := self._take_idle(_key(origin))) is not None:
                # httpcore2 calls a connection expired when the server has closed it.
                if not kept.has_expired():
                    return kept
                kept.close()
            return self._make(origin)
        except BaseException:
            self._leave()
            raise

    def _take_idle(self, origin: _Origin) -> httpcore2.ConnectionInterface | None:
        """Take the most recently used idle connection to the origin; None when there is none.

        The server is least likely to have closed that one. When there is none and a new
        connection would exceed the width, the one that has been idle for longest is closed.
        """
        with self._changed:
            oldest = self._monotonic() - _KEEP_ALIVE_S
            unwanted = []
            while self._idle and self._idle[0].since <= oldest:
                unwanted.append(self._idle.pop(0))
            found = next((idle for idle in reversed(self._idle) if idle.origin == origin), None)
            if found is not None:
                self._idle.remove(found)
            elif self._in_use + len(self._idle) > self._width:
                unwanted.append(self._idle.pop(0))
        for idle in unwanted:
            idle.connection.close()
        return None if found is None else found.connection

    def _give_back(
        self, origin: httpcore2.Origin, connection: httpcore2.ConnectionInterface
    ) -> None:
        if connection.is_available():
            self._leave(_Idle(connection, _key(origin), self._monotonic()))
            return
        try:
            connection.close()
        finally:
            self._leave()

    def _leave(self, kept: _Idle | None = None) -> None:
        with self._changed:
            self._in_use -= 1
            if kept is not None:
                self._idle.append(kept)
            self._changed.notify()


def _key(origin: httpcore2.Origin) -> _Origin:
    return origin.scheme, origin.host, origin.port


class _LentBody(httpx2.SyncByteStream):
    """The body of an answer. Closing it gives the connection back to its pool."""

    def __init__(self, answer: httpcore2.Response, give_back: Callable[[], None]) -> None:
        self._answer = answer
        self._give_back = give_back
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._answer.close()
        finally:
            self._give_back()
