"""HTTP/1.1 on one loopback connection: small, quick, with keep-alive, `Expect: 100-continue` and delivery faults."""

import contextlib
import select
import socket
import ssl
import struct
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote

from tests.fakes.message import Request, Response

_MAX_LINE = 256 * 1024
_BODILESS = frozenset({204, 304})
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_HARD_CLOSE = struct.pack("ii", 1, 0)
_POLL_S = 0.02


class Connection:
    """A server's end of a connection; requests are read and answered one after the other."""

    def __init__(self, sock: socket.socket, scheme: str = "http", host: str = "") -> None:
        """Serve `sock`; `host` is believed when a request names none."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._reader = sock.makefile("rb", 64 * 1024)
        self._scheme = scheme
        self._host = host

    def read(self) -> Request | None:
        """The next request, or None when the client has hung up."""
        try:
            line = self._reader.readline(_MAX_LINE)
            if not line.strip():
                return None
            method, target, _version = line.decode("latin-1").split()
            headers = self._read_headers()
            if headers.get("expect", "").lower() == "100-continue":
                self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self._read_body(headers)
        except (OSError, ValueError):
            return None
        return self._request(method, target, headers, body)

    def _request(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
        host, scheme = headers.get("host", self._host), self._scheme
        if method == "CONNECT":
            return Request(method, target, "", headers=headers, body=body, scheme=scheme)
        if not target.startswith("/") and "://" in target:
            scheme, _, rest = target.partition("://")
            host, slash, path = rest.partition("/")
            target = slash + path or "/"
        path, _, query = target.partition("?")
        return Request(method, host, unquote(path), query, headers, body, scheme)

    def _read_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while (line := self._reader.readline(_MAX_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            length = int(headers.get("content-length") or 0)
            body = self._reader.read(length) if length else b""
            if len(body) < length:
                raise ConnectionError(f"body ended after {len(body)} of {length} bytes")
            return body
        parts: list[bytes] = []
        while size := int(self._reader.readline(_MAX_LINE).partition(b";")[0], 16):
            parts.append(self._reader.read(size))
            self._reader.readline(_MAX_LINE)
        self._read_headers()
        return b"".join(parts)

    def write(self, request: Request, response: Response) -> bool:
        """Send the answer; False when the connection is of no further use."""
        try:
            return self._write(request, response)
        except OSError:
            request.abandoned.set()
            return False

    def _write(self, request: Request, response: Response) -> bool:
        if response.gate is not None and not self._wait(request, response):
            return False
        if response.silent:
            self.close(hard=response.ending == "reset")
            return False
        bodiless = request.method == "HEAD" or response.status in _BODILESS
        keep = (
            response.ending == "keep"
            and response.send is None
            and request.headers.get("connection") != "close"
        )
        head = _head(response, bodiless=bodiless, keep=keep)
        if bodiless:
            self._sock.sendall(head)
        elif response.chunks is None:
            self._sock.sendall(head + response.body[: response.send])
        else:
            self._sock.sendall(head)
            self._stream(response)
        if not keep:
            self.close(hard=response.ending == "reset")
        return keep

    def _stream(self, response: Response) -> None:
        plain = response.declared_length is not None
        left = response.send
        for chunk in filter(None, response.chunks or ()):
            piece = chunk if left is None else chunk[:left]
            self._sock.sendall(piece if plain else b"%x\r\n%b\r\n" % (len(piece), piece))
            left = left if left is None else left - len(piece)
            if left is not None and left <= 0:
                return
        if not plain:
            self._sock.sendall(b"0\r\n\r\n")

    def _wait(self, request: Request, response: Response) -> bool:
        """Wait for the answer's gate; False when the client gives up first."""
        assert response.gate is not None
        while not response.gate.wait(_POLL_S):
            # Clients here do not pipeline: anything readable before the answer is the end of the connection.
            try:
                gone = bool(select.select([self._sock], [], [], 0)[0])
            except (OSError, ValueError):
                gone = True
            if gone:
                request.abandoned.set()
                self.close()
                return False
        return True

    def establish(self) -> None:
        """Tell the client of a CONNECT that its tunnel stands. Raises OSError."""
        self._sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Go on over TLS as `host`. Raises OSError when the handshake fails."""
        self._reader.close()
        self._sock = context.wrap_socket(self._sock, server_side=True)
        self._reader = self._sock.makefile("rb", 64 * 1024)
        self._scheme, self._host = "https", host

    def shut(self) -> None:
        """Wake whoever reads or writes here; safe from another thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self, *, hard: bool = False) -> None:
        """End the connection, with a reset when `hard`."""
        with contextlib.suppress(OSError):
            if hard:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD_CLOSE)
            elif not isinstance(self._sock, ssl.SSLSocket):
                self._sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError, ValueError):
            self._reader.close()
        self._sock.close()


def _head(response: Response, *, bodiless: bool, keep: bool) -> bytes:
    headers = {
        name: value for name, value in response.headers.items() if name.lower() != "content-length"
    }
    given = {name.lower(): value for name, value in response.headers.items()}
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    if "date" not in given:
        lines.append(f"Date: {formatdate(usegmt=True)}")
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    lines.extend(f"Set-Cookie: {cookie}" for cookie in response.cookies)
    if response.declared_length == "":
        pass
    elif response.declared_length is not None:
        lines.append(f"Content-Length: {response.declared_length}")
    elif response.chunks is not None:
        lines.append("Transfer-Encoding: chunked")
    elif response.body or not bodiless:
        lines.append(f"Content-Length: {len(response.body)}")
    elif "content-length" in given:
        lines.append(f"Content-Length: {given['content-length']}")
    if not keep:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
