"""A forward proxy on loopback that answers as the whole web: its own certificate authority, apps chosen by host."""

import ssl
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import trustme

from tests.fakes.base import App, LoopbackServer, Request, Response
from tests.fakes.wire import Connection

Trouble = Literal["refused", "reset", "untrusted", "wrong-name"]


class ForwardProxy(LoopbackServer):
    """Takes CONNECT (and ends TLS itself) and absolute `http://` requests; hosts without an app get 502.

    `trouble[host]` spoils connections to a host: 502, a reset, a certificate of a stranger or for another name.
    """

    def __init__(self, route: Callable[[str], App | None]) -> None:
        super().__init__()
        self.route = route
        self.trouble: dict[str, Trouble] = {}
        self.connects: Counter[str] = Counter()
        """How often each host was connected to, the unknown ones included."""
        self.unknown: Counter[str] = Counter()
        """How often each host that no app answers for was asked for."""
        self._authority = trustme.CA()
        self._stranger: trustme.CA | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._issuing = threading.Lock()

    def write_bundle(self, folder: Path) -> Path:
        """Write the authority's certificate as the CA bundle to trust."""
        path = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(path))
        return path

    def serve(self, connection: Connection) -> None:
        """Answer until either side hangs up."""
        while (request := connection.read()) is not None:
            if request.method == "CONNECT":
                self._tunnel(connection, request)
                return
            app = self._find(request.hostname)
            response = app.handle(request) if app else _bad_gateway(request.hostname)
            if not connection.write(request, response):
                return

    def _find(self, host: str) -> App | None:
        self.connects[host] += 1
        app = self.route(host) if self.trouble.get(host) != "refused" else None
        if app is None:
            self.unknown[host] += 1
        return app

    def _tunnel(self, connection: Connection, opening: Request) -> None:
        host = opening.hostname
        app = self._find(host)
        if app is None:
            connection.write(opening, _bad_gateway(host))
            return
        if self.trouble.get(host) == "reset":
            connection.write(opening, Response(silent=True, ending="reset"))
            return
        try:
            connection.establish()
            connection.secure(self._context(host), opening.host)
        except OSError:
            # A client that distrusts the certificate hangs up; it is its right.
            return
        while (request := connection.read()) is not None:
            if not connection.write(request, app.handle(request)):
                return

    def _context(self, host: str) -> ssl.SSLContext:
        trouble = self.trouble.get(host)
        with self._issuing:
            if trouble in ("untrusted", "wrong-name"):
                return self._spoilt(host, trouble)
            if host not in self._contexts:
                self._contexts[host] = _server_context(self._authority.issue_cert(host))
            return self._contexts[host]

    def _spoilt(self, host: str, trouble: Trouble) -> ssl.SSLContext:
        if trouble == "wrong-name":
            return _server_context(self._authority.issue_cert("somebody-else.example.net"))
        self._stranger = self._stranger or trustme.CA()
        return _server_context(self._stranger.issue_cert(host))


def _server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    certificate.configure_cert(context)
    return context


def _bad_gateway(host: str) -> Response:
    return Response.text(f"no such host in this world: {host}", 502)
