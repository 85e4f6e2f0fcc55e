"""Sends single exchanges with httpx2 over our own connection pools; raises only our errors."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import httpcore2
import httpx2

from datafetch.errors import Cancelled, ConfigurationError
from datafetch.net.body import ACCEPT_ENCODING
from datafetch.net.deadline import Deadline, deadline
from datafetch.net.faults import FAULTS, UNSENDABLE_HINT, Asked, error_of, proxy_wants_password
from datafetch.net.guard import Resolver, guarded, public_url
from datafetch.net.hops import Hop
from datafetch.net.network import Backend, Dial, OpenConnections, system_dial, system_resolver
from datafetch.net.options import NetOptions
from datafetch.net.pools import Pool
from datafetch.net.proxies import Proxies, ProxyAddress
from datafetch.net.trust import trusted_certificates
from datafetch.upstream_errors import Refused, TransientError
from datafetch.urls import DEFAULT_PORTS

_KIND = "datafetch.kind"
_HEADERS = "datafetch.headers"
_PROXY_WANTS_PASSWORD = 407  # RFC 9110, 15.5.8


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer whose body is still to be read from the network.

    Attributes:
        status: the HTTP status.
        headers: by name in lower case.
        chunks: the body, not decoded; iterating may raise `TransientError` or `Cancelled`.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Wire:
    """Sends single exchanges; `GuardedClient` follows redirects and retries.

    Args:
        options: see `NetOptions`; `allow_hosts` has to be spelt as by `canonical_host`.
        resolve: looks up the addresses of a host.
        dial: connects to an address.
    """

    def __init__(
        self,
        options: NetOptions,
        *,
        resolve: Resolver = system_resolver,
        dial: Dial = system_dial,
    ) -> None:
        self._connections = OpenConnections()
        self._proxies = options.proxies or Proxies()
        self._transport = _PoolTransport(
            options.width,
            trusted=Backend(self._connections, resolve, dial),
            guarded=Backend(self._connections, guarded(resolve, options.allow_hosts), dial),
        )
        self._client = httpx2.Client(
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": options.user_agent},
        )

    @contextmanager
    def exchange(self, hop: Hop, limit: Deadline, timeout_s: float) -> Iterator[RawAnswer]:
        """Send one request and read the headers of its answer; the body is read inside the block.

        Afterwards the connection is kept for another request, or closed when the body was not
        read to its end.

        Args:
            hop: what to send.
            limit: when the exchange has to be over.
            timeout_s: for connecting, and for each read and write.

        Raises:
            UpstreamError: one of those that `HttpClient` names, except for those by status.
            Cancelled: the run was asked to stop, or the client was closed.
        """
        mark = deadline.set(limit)
        try:
            sent = _Sent(public_url(hop.url.href), hop, self.proxy_for(hop), limit, timeout_s)
            response = self._send(sent)
            try:
                is_forwarded = sent.proxy is not None and hop.url.scheme == "http"
                if response.status_code == _PROXY_WANTS_PASSWORD and is_forwarded:
                    assert sent.proxy is not None
                    raise proxy_wants_password(sent.proxy, sent.url)
                headers = _joined(response.extensions[_HEADERS])
                yield RawAnswer(response.status_code, headers, self._chunks(response, sent))
            finally:
                response.close()
        finally:
            deadline.reset(mark)

    def proxy_for(self, hop: Hop) -> ProxyAddress | None:
        """The proxy that the request goes through; None when it goes to its server directly."""
        return self._proxies.proxy_for(hop.url)

    def _send(self, sent: "_Sent") -> httpx2.Response:
        url, hop = sent.url, sent.hop
        late = TransientError(
            f"{url}: no time was left to ask ({sent.limit.seconds:.3g} s)", url=url
        )
        waiting = sent.limit.within(None, lambda: late)
        kind = _Kind(sent.proxy, hop.trusted, hop.url.scheme)
        try:
            request = self._client.build_request(
                hop.method,
                hop.url.href,
                headers={"accept-encoding": ACCEPT_ENCODING, **hop.headers},
                content=hop.body,
                timeout=httpx2.Timeout(sent.timeout_s, pool=waiting),
                extensions={_KIND: kind},
            )
        except (httpx2.InvalidURL, ValueError, TypeError) as error:
            raise Refused(
                f"{url}: cannot be sent as it is", url=url, hint=UNSENDABLE_HINT
            ) from error
        host, port = request.url.raw_host.decode("ascii"), request.url.port
        if (host, port or DEFAULT_PORTS[request.url.scheme]) != hop.url.origin[1:]:
            raise Refused(f"{url}: can be read in two ways", url=url)
        try:
            return self._client.send(request, stream=True)
        except FAULTS as error:
            raise self._error_of(error, sent, in_body=False) from error

    def _chunks(self, response: httpx2.Response, sent: "_Sent") -> Iterator[bytes]:
        try:
            yield from response.iter_raw()
        except FAULTS as error:
            raise self._error_of(error, sent, in_body=True) from error

    def _error_of(self, error: Exception, sent: "_Sent", *, in_body: bool) -> Exception:
        if self._connections.closed:
            return Cancelled("the client was closed while it was asking")
        asked = Asked(
            sent.url,
            sent.proxy,
            sent.timeout_s,
            sent.limit.seconds,
            sent.limit.is_over,
        )
        return error_of(error, asked, in_body=in_body)

    def prepare(self) -> None:
        """Load the trusted certificates, so that the first TLS request need not wait for them."""
        # When they cannot be loaded, the first TLS request raises the error.
        with contextlib.suppress(ConfigurationError):
            self._transport.tls()

    def close(self) -> None:
        """Close all connections at once, those in use too; nothing can be sent any more."""
        self._connections.shut_all()


class _Sent(NamedTuple):
    """An exchange that is under way.

    Attributes:
        url: for messages, without query and credentials.
        proxy: what it goes through; None when it goes to the server directly.
    """

    url: str
    hop: Hop
    proxy: ProxyAddress | None
    limit: Deadline
    timeout_s: float


class _Kind(NamedTuple):
    """Requests of one kind share connections; so untrusted ones never use a trusted connection.

    `proxy`: None to connect to the host directly.
    """

    proxy: ProxyAddress | None
    trusted: bool
    scheme: str


class _PoolTransport(httpx2.BaseTransport):
    """Sends the requests of httpx2 over a `Pool` for each kind of request.

    Args:
        width: the most open connections of each kind.
        trusted: opens the connections to proxies and to the user's own servers.
        guarded: opens all others.
    """

    def __init__(self, width: int, *, trusted: Backend, guarded: Backend) -> None:
        self._width = width
        self._trusted = trusted
        self._guarded = guarded
        self._pools: dict[_Kind, Pool] = {}
        self._lock = threading.RLock()
        self._tls: ssl.SSLContext | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and read the headers of its answer."""
        kind = request.extensions[_KIND]
        with self._lock:
            if kind not in self._pools:
                self._pools[kind] = Pool(self._maker(kind), self._width)
            pool = self._pools[kind]
        answer = pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        # The headers are hidden from httpx2. It would store cookies, and send them for all jobs,
        # and parse `Location`, which raises for some values although it follows no redirects.
        assert isinstance(answer.stream, httpx2.SyncByteStream)
        return httpx2.Response(
            answer.status, stream=answer.stream, extensions={_HEADERS: answer.headers}
        )

    def _maker(self, kind: _Kind) -> Callable[[httpcore2.Origin], httpcore2.ConnectionInterface]:
        """The function that makes connections of a kind; only this part of httpcore2's pool is used."""
        proxy = None
        if kind.proxy is not None:
            inner = self.tls() if kind.proxy.scheme == "https" else None
            proxy = httpcore2.Proxy(kind.proxy.url, auth=kind.proxy.auth, ssl_context=inner)
        # The user chose the proxy, so its address may be private. It looks up the hosts itself.
        trusted = proxy is not None or kind.trusted
        return httpcore2.ConnectionPool(
            ssl_context=self.tls() if kind.scheme == "https" else None,
            proxy=proxy,
            network_backend=self._trusted if trusted else self._guarded,
        ).create_connection

    def tls(self) -> ssl.SSLContext:
        """The trusted certificates, those of `SSL_CERT_FILE` and `SSL_CERT_DIR` included.

        They are loaded only once, because that is slow.

        Raises:
            ConfigurationError: they cannot be loaded.
        """
        with self._lock:
            if self._tls is None:
                self._tls = trusted_certificates()
            return self._tls


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name in lower case.

    The values of a repeated header are joined by commas (RFC 9110, 5.3), except for `Location`:
    its first value is taken, as browsers do.
    """
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("ascii", "replace").lower()
        try:
            value = raw_value.decode("utf-8")
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        if name not in joined:
            joined[name] = value
        elif name != "location":
            joined[name] += f", {value}"
    return joined
