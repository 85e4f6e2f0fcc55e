"""httpx2 as this project uses it: our own pools, no cookies, no redirects, errors of ours only."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Protocol

import httpcore2
import httpx2

from datafetch.errors import (
    Cancelled,
    DatafetchError,
    Refused,
    TransientError,
)
from datafetch.net.body import ACCEPT_ENCODING
from datafetch.net.deadline import Deadline, deadline
from datafetch.net.faults import FAULTS, error_of
from datafetch.net.guard import Resolver, public_url
from datafetch.net.hops import Hop
from datafetch.net.network import Dial, OpenConnections, system_dial, system_resolver
from datafetch.net.pools import Kind, Pools
from datafetch.net.proxies import Proxies
from datafetch.urls import DEFAULT_PORTS


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer, and its body as it comes over the wire."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Wire:
    """Sends one hop at a time over one httpx2 client.

    Args:
        width: connections of each kind; more requests at once wait for one.
        user_agent: sent with every request.
        allow_hosts: canonical hosts whose addresses are not looked at.
        proxies: which URL goes through which proxy.
        resolve: names to addresses.
        dial: connects.
    """

    def __init__(
        self,
        *,
        width: int,
        user_agent: str,
        allow_hosts: frozenset[str],
        proxies: Proxies,
        resolve: Resolver = system_resolver,
        dial: Dial = system_dial,
    ) -> None:
        self._connections = OpenConnections()
        self._proxies = proxies
        self._pools = Pools(width, allow_hosts, self._connections, resolve, dial)
        self._client = httpx2.Client(
            transport=_PoolTransport(self._pools, self._connections),
            trust_env=False,
            follow_redirects=False,
            cookies=_NoCookies(),
            headers={"user-agent": user_agent},
        )

    @contextmanager
    def exchange(self, hop: Hop, limit: Deadline, timeout_s: float) -> Iterator[Reply]:
        """Send it; the connection is given back, or closed when the body was not read.

        Raises:
            UpstreamError: as `HttpClient` says, statuses apart.
            Cancelled: the run was asked to stop, or the client closed.
        """
        mark = deadline.set(limit)
        try:
            response = self._send(hop, limit, timeout_s)
            try:
                yield Reply(response.status_code, _headers(response), response.iter_raw())
            finally:
                response.close()
        finally:
            deadline.reset(mark)

    def _send(self, hop: Hop, limit: Deadline, timeout_s: float) -> httpx2.Response:
        url = public_url(hop.target.url)
        waiting = limit.within(None, lambda: TransientError(f"{url}: out of time", url=url))
        kind = Kind(self._proxies.proxy_for(hop.target), hop.trusted, hop.target.scheme)
        try:
            request = self._client.build_request(
                hop.method,
                hop.target.url,
                headers={"accept-encoding": ACCEPT_ENCODING, **hop.headers},
                content=hop.body,
                timeout=httpx2.Timeout(timeout_s, pool=waiting),
                extensions={_KIND: kind, _SHOWN: url},
            )
        except (httpx2.InvalidURL, ValueError, TypeError) as error:
            raise Refused(f"{url}: cannot be sent as it is", url=url) from error
        if (
            request.url.raw_host.decode("ascii") != hop.target.host
            or _port(request) != hop.target.port
        ):
            raise Refused(f"{url}: can be read in two ways", url=url)
        return self._client.send(request, stream=True)

    def prepare(self) -> None:
        """Load what the first request would wait for."""
        self._pools.prepare()

    def close(self) -> None:
        """Shut all connections at once, those in use too; nothing can be sent any more."""
        self._connections.shut_all()


_KIND = "datafetch.kind"
_SHOWN = "datafetch.url"
_LOCATION = "datafetch.location"


class _NoCookies(CookieJar):
    """Keeps nothing: sites shall not recognise a client that many threads share."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Leave the answer's cookies alone."""

    def add_cookie_header(self, request: object) -> None:
        """Add none."""


class _PoolTransport(httpx2.BaseTransport):
    """Our pools, as httpx2 asks them; raises errors of ours only."""

    def __init__(self, pools: Pools, connections: OpenConnections) -> None:
        self._pools = pools
        self._connections = connections

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it by the pool it belongs to."""
        url = request.extensions[_SHOWN]
        pool = self._pools.of(request.extensions[_KIND])
        with self._translated(url, in_body=False):
            found = pool.handle_request(
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
        # httpx2 reads `Location` even when it shall not follow, and chokes on odd ones.
        places = [value for name, value in found.headers if name.lower() == b"location"]
        return httpx2.Response(
            found.status,
            headers=[pair for pair in found.headers if pair[0].lower() != b"location"],
            stream=_Body(found, self._translated, url),
            extensions={**found.extensions, _LOCATION: places},
        )

    @contextmanager
    def _translated(self, url: str, *, in_body: bool) -> Iterator[None]:
        try:
            yield
        except DatafetchError:
            raise
        except FAULTS as error:
            if self._connections.closed:
                raise Cancelled("the client was closed while it was asking") from error
            raise error_of(error, url, in_body=in_body) from error


class _Body(httpx2.SyncByteStream):
    """The body's bytes, with errors of ours."""

    def __init__(self, found: httpcore2.Response, translated: "_Translator", url: str) -> None:
        self._found = found
        self._translated = translated
        self._url = url

    def __iter__(self) -> Iterator[bytes]:
        with self._translated(self._url, in_body=True):
            yield from self._found.iter_stream()

    def close(self) -> None:
        self._found.close()


class _Translator(Protocol):
    def __call__(self, url: str, *, in_body: bool) -> AbstractContextManager[None]: ...


def _port(request: httpx2.Request) -> int:
    return request.url.port or DEFAULT_PORTS[request.url.scheme]


def _headers(response: httpx2.Response) -> dict[str, str]:
    """Names in lower case; of repeated ones the values are joined (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("ascii", "replace").lower(), _text(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    for place in response.extensions[_LOCATION][:1]:
        found["location"] = _text(place)
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
