"""Connections kept for later exchanges: what one costs does not depend on how many there are."""

import contextlib
import ssl
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpcore2
import httpx2

from datafetch.errors import ConfigurationError
from datafetch.net.guard import Resolver
from datafetch.net.network import Backend, Dial, OpenConnections
from datafetch.net.proxies import ProxyAddress

KEEP_ALIVE_S = 4.0
"""Below the five seconds after which Node's servers hang up, often just as one asks again."""

_Connection = httpcore2.ConnectionInterface
_Origin = tuple[bytes, bytes, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """What may share connections: trusted ones never carry what is guarded."""

    proxy: ProxyAddress | None
    trusted: bool
    scheme: str


class Pools:
    """A pool for each kind, made when it is first asked for.

    Args:
        width: connections of each kind.
        allow_hosts: canonical hosts whose addresses are not looked at.
        connections: told of all that is opened.
        resolve: names to addresses.
        dial: connects.
    """

    def __init__(
        self,
        width: int,
        allow_hosts: frozenset[str],
        connections: OpenConnections,
        resolve: Resolver,
        dial: Dial,
    ) -> None:
        self._width = width
        self._backends = {
            guarded: Backend(
                guarded=guarded,
                allow_hosts=allow_hosts,
                connections=connections,
                resolve=resolve,
                dial=dial,
            )
            for guarded in (True, False)
        }
        self._pools: dict[Kind, Pool] = {}
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def of(self, kind: Kind) -> "Pool":
        """The one pool of that kind."""
        with self._lock:
            if kind not in self._pools:
                self._pools[kind] = Pool(self._maker(kind), self._width)
            return self._pools[kind]

    def prepare(self) -> None:
        """Load the trusted certificates, which the first connection with TLS would wait for."""
        # Certificates that cannot be loaded are told of by the request that needs them.
        with self._lock, contextlib.suppress(ConfigurationError):
            self._context()

    def _maker(self, kind: Kind) -> Callable[[httpcore2.Origin], _Connection]:
        """What makes its connections: a pool of httpcore2, of which no more is used."""
        proxy = None
        if kind.proxy is not None:
            inner = self._context() if kind.proxy.scheme == "https" else None
            proxy = httpcore2.Proxy(kind.proxy.url, auth=kind.proxy.auth, ssl_context=inner)
        return httpcore2.ConnectionPool(
            ssl_context=self._context() if kind.scheme == "https" else None,
            proxy=proxy,
            # A proxy is the user's own choice of address, and resolves names itself.
            network_backend=self._backends[proxy is None and not kind.trusted],
        ).create_connection

    def _context(self) -> ssl.SSLContext:
        """One for all, with `SSL_CERT_FILE` and `SSL_CERT_DIR`; loading them is slow.

        Raises:
            ConfigurationError: they cannot be loaded.
        """
        if self._tls is None:
            try:
                self._tls = httpx2.create_ssl_context()
            except OSError as error:
                problem = "the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be loaded"
                raise ConfigurationError([f"{problem}: {error}"]) from error
        return self._tls


class Pool:
    """The connections of one kind, each in the hands of one exchange at a time.

    The pool of httpcore2 walks all its connections twice for each request and polls the idle
    ones, under a lock: dozens of threads then wait for each other. Here only the connection
    that is taken is polled, and nothing is polled, opened or closed under the lock.

    Connections whose keep-alive is over are closed with the next request, whatever its origin.

    Args:
        make: a connection to an origin, which opens with its first request.
        width: connections at most, those in use and the idle ones together.
        keep_alive_s: how long an idle one is kept.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(
        self,
        make: Callable[[httpcore2.Origin], _Connection],
        width: int,
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._width = width
        self._keep_alive_s = keep_alive_s
        self._monotonic = monotonic
        self._changed = threading.Condition(threading.Lock())
        self._in_use = 0
        self._idle = _Idle()

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Send it; with the close of the answer the connection waits for the next request.

        It is closed instead when the body was not read to its end.

        Raises:
            httpcore2.PoolTimeout: for so long as the time-out `pool` says all were in use.
            Exception: what the connection raises; it is closed.
        """
        origin = request.url.origin
        connection = self._take(origin, request.extensions["timeout"]["pool"])
        try:
            found = connection.handle_request(request)
        except BaseException:
            self._give_back(origin, connection)
            raise
        return httpcore2.Response(
            found.status,
            headers=found.headers,
            content=_Body(found, lambda: self._give_back(origin, connection)),
            extensions=found.extensions,
        )

    def _take(self, origin: httpcore2.Origin, wait_s: float) -> _Connection:
        with self._changed:
            if not self._changed.wait_for(lambda: self._in_use < self._width, wait_s):
                raise httpcore2.PoolTimeout("all connections are in use")
            self._in_use += 1
        try:
            while (kept := self._take_idle(_key(origin))) is not None:
                # httpcore2 calls it expired when the other side has hung up.
                if not kept.has_expired():
                    return kept
                kept.close()
            return self._make(origin)
        except BaseException:
            self._leave()
            raise

    def _take_idle(self, origin: _Origin) -> _Connection | None:
        """The one used last, as it is the least likely to be hung up; None to make one."""
        with self._changed:
            unwanted = self._idle.take_until(self._monotonic() - self._keep_alive_s)
            found = self._idle.take_newest(origin)
            if found is None and self._in_use + len(self._idle) > self._width:
                unwanted.append(self._idle.take_oldest())
        for connection in unwanted:
            connection.close()
        return found

    def _give_back(self, origin: httpcore2.Origin, connection: _Connection) -> None:
        if connection.is_available():
            self._leave((_key(origin), connection))
            return
        try:
            connection.close()
        finally:
            self._leave()

    def _leave(self, kept: tuple[_Origin, _Connection] | None = None) -> None:
        with self._changed:
            self._in_use -= 1
            if kept is not None:
                self._idle.add(*kept, self._monotonic())
            self._changed.notify()


class _Idle:
    """Idle connections, by origin and by age; all in constant time, and none of it touches them."""

    def __init__(self) -> None:
        self._by_age: OrderedDict[_Connection, tuple[_Origin, float]] = OrderedDict()
        self._by_origin: dict[_Origin, deque[_Connection]] = {}

    def __len__(self) -> int:
        return len(self._by_age)

    def add(self, origin: _Origin, connection: _Connection, now: float) -> None:
        """It is idle from now on."""
        self._by_age[connection] = origin, now
        self._by_origin.setdefault(origin, deque()).append(connection)

    def take_newest(self, origin: _Origin) -> _Connection | None:
        """That of the origin which was used last."""
        if origin not in self._by_origin:
            return None
        connection = self._by_origin[origin].pop()
        del self._by_age[connection]
        self._forget_empty(origin)
        return connection

    def take_oldest(self) -> _Connection:
        """That of all which has been idle for longest."""
        connection, (origin, _) = self._by_age.popitem(last=False)
        self._by_origin[origin].popleft()
        self._forget_empty(origin)
        return connection

    def take_until(self, moment: float) -> list[_Connection]:
        """All that were idle at that moment already."""
        taken = []
        while self._by_age and next(iter(self._by_age.values()))[1] <= moment:
            taken.append(self.take_oldest())
        return taken

    def _forget_empty(self, origin: _Origin) -> None:
        if not self._by_origin[origin]:
            del self._by_origin[origin]


class _Body:
    """The body of an answer; when it is closed, its connection goes back."""

    def __init__(self, found: httpcore2.Response, give_back: Callable[[], None]) -> None:
        self._found = found
        self._give_back = give_back
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._found.iter_stream()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._found.close()
        finally:
            self._give_back()


def _key(origin: httpcore2.Origin) -> _Origin:
    return origin.scheme, origin.host, origin.port
