"""Turns the exceptions of connections and of HTTP parsing into errors of datafetch."""

import errno
import socket
from dataclasses import dataclass

import httpcore2

from datafetch.certificates import tls_fault
from datafetch.net.guard import authority
from datafetch.net.proxies import ProxyAddress
from datafetch.upstream_errors import (
    CannotConnect,
    Malformed,
    Refused,
    TooLarge,
    TransientError,
    UpstreamError,
)

_HEADER_TOO_LARGE = 431  # RFC 6585, 5

_NEXT_RUN = TransientError.hint

UNSENDABLE_HINT = (
    "Its address or a header, such as a token, holds characters that HTTP cannot carry: look for "
    "line breaks and quotes that were copied along."
)

FAULTS: tuple[type[Exception], ...] = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    OSError,
    ValueError,
)
"""The exceptions of httpcore2 and its sockets, also when another thread closes them meanwhile."""


class HandshakeError(httpcore2.ConnectError):
    """A TLS handshake failed.

    Attributes:
        host: the name by which the server was called.
    """

    def __init__(self, cause: object, host: str) -> None:
        super().__init__(cause)
        self.host = host


class HandshakeTimeout(httpcore2.ConnectTimeout):
    """A TLS handshake did not end in time; see `HandshakeError`."""

    def __init__(self, cause: object, host: str) -> None:
        super().__init__(cause)
        self.host = host


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked when a fault happened.

    Attributes:
        url: for messages, without query and credentials.
        proxy: what the request went through; None when it went to the server directly.
        timeout_s: seconds that connecting, and each read and write, may take.
        total_s: seconds that the whole exchange may take.
        is_over: whether those of the whole exchange have passed.
    """

    url: str
    proxy: ProxyAddress | None
    timeout_s: float
    total_s: float
    is_over: bool


def error_of(error: Exception, asked: Asked, *, in_body: bool) -> UpstreamError:
    """The error to raise in place of a fault.

    Args:
        error: one of `FAULTS`.
        asked: for the message.
        in_body: whether the fault came after the headers of the answer had been read.
    """
    if asked.proxy is not None and _is_of_proxy(error, asked.proxy):
        return _proxy_error(error, asked, asked.proxy)
    url, cause = asked.url, error.args[0] if error.args else None
    if isinstance(error, httpcore2.LocalProtocolError):
        return Refused(f"{url}: cannot be sent as it is", url=url, hint=UNSENDABLE_HINT)
    if isinstance(error, httpcore2.RemoteProtocolError) and isinstance(cause, Exception):
        # h11 hints at the status by which a server would refuse such a message.
        if getattr(cause, "error_status_hint", None) == _HEADER_TOO_LARGE:
            return TooLarge(
                f"{url}: the header is too large",
                url=url,
                hint="The server sends more headers than is read of any answer.",
            )
        if not in_body:
            return Malformed(f"{url}: the answer is not HTTP/1.1", url=url, hint=_other_port(url))
    tls = tls_fault(error)
    if tls is not None:
        return CannotConnect(f"{url}: {tls.said}", url=url, hint=tls.hint)
    said, hint = _reason(error, asked, authority(url), in_body=in_body)
    through = "" if asked.proxy is None else f" (through the proxy of {asked.proxy.name})"
    return TransientError(f"{url}: {said}{through}", url=url, hint=hint)


def _is_of_proxy(error: Exception, proxy: ProxyAddress) -> bool:
    """Whether the connection to the proxy failed, or the proxy did not pass the request on."""
    if isinstance(error, HandshakeError | HandshakeTimeout):
        # Of two handshakes over one connection, that with an https proxy comes first.
        return proxy.scheme == "https" and error.host == proxy.host
    # Nothing but the proxy is connected to.
    kinds = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.ProxyError)
    return isinstance(error, kinds)


def _proxy_error(error: Exception, asked: Asked, proxy: ProxyAddress) -> UpstreamError:
    """The error when the proxy fails or refuses; its message names the proxy by its variable.

    `by_proxy` is set unless the proxy only says that it cannot, or may not, connect to the server.
    """
    failed: UpstreamError
    if isinstance(error, httpcore2.ProxyError):
        # It says nothing of the proxy that it cannot or may not reach one host.
        return _refusal(str(error), asked, proxy)
    if (tls := tls_fault(error, proxy.name)) is not None:
        failed = CannotConnect(f"{proxy.label}: {tls.said}", url=asked.url, hint=tls.hint)
    else:
        said, hint = _reason(error, asked, proxy.authority, in_body=False)
        hint = f"Check {proxy.name}, or unset it where no proxy is needed. {hint}"
        failed = TransientError(f"{proxy.label}: {said}", url=asked.url, hint=hint)
    failed.by_proxy = True
    return failed


def _refusal(answer: str, asked: Asked, proxy: ProxyAddress) -> UpstreamError:
    """The error of a proxy that answered a CONNECT, such as with "407 Proxy Authentication Required"."""
    status, url = answer.split(" ", 1)[0], asked.url
    if status == "407":  # RFC 9110, 15.5.8
        return proxy_wants_password(proxy, url)
    said = f"{proxy.label}: it does not connect to {authority(url)} (status {status})"
    if status.startswith("5"):
        hint = "The proxy cannot reach it, or its name does not resolve there. " + _NEXT_RUN
        return TransientError(said, url=url, hint=hint)
    hint = (
        f"Have the proxy allow {authority(url)}, or name the host in NO_PROXY where it can be "
        "reached without the proxy."
    )
    return CannotConnect(said, url=url, hint=hint)


def proxy_wants_password(proxy: ProxyAddress, url: str) -> CannotConnect:
    """The error of a proxy that answered 407 to a request for the URL."""
    said = "it does not accept the user and password" if proxy.auth else "it wants a password"
    # Not as one address: what stands before an @ in an address is cut out of every message.
    hint = (
        f"Set {proxy.name} to {proxy.url} with `USER:PASSWORD@` before {proxy.authority}; write "
        "@, : and / in a password as %40, %3A and %2F."
    )
    failed = CannotConnect(f"{proxy.label}: {said} (status 407)", url=url, hint=hint)
    failed.by_proxy = True
    return failed


def _reason(error: Exception, asked: Asked, server: str, *, in_body: bool) -> tuple[str, str]:
    """What happened, as the rest of a sentence, and what to do about it."""
    cause = error.args[0] if error.args else None
    if isinstance(error, httpcore2.TimeoutException):
        return _late(error, asked, in_body=in_body), _NEXT_RUN
    if isinstance(cause, socket.gaierror | UnicodeError):
        return _nameless(cause, server)
    if isinstance(error, httpcore2.ConnectError):
        return _unconnected(error, cause, server)
    number = cause.errno if isinstance(cause, OSError) else None
    reset = number in (errno.ECONNRESET, errno.EPIPE)
    said = "the connection broke (reset by the server)" if reset else "the connection broke"
    return said + (", the body was cut short" if in_body else ""), _NEXT_RUN


def _late(error: Exception, asked: Asked, *, in_body: bool) -> str:
    """What did not come in time, and after how many seconds it was given up."""
    if isinstance(error, httpcore2.PoolTimeout):
        what = "no connection was free"
    elif isinstance(error, HandshakeTimeout):
        what = "no TLS handshake"
    elif isinstance(error, httpcore2.ConnectTimeout):
        what = "no connection"
    elif isinstance(error, httpcore2.WriteTimeout):
        what = "the request was not taken"
    elif in_body:
        what = "the body did not come"
    else:
        what = "no answer"
    limit = f"{asked.total_s:.3g} s in all" if asked.is_over else f"{asked.timeout_s:.3g} s"
    return f"{what} in time ({limit})"


def _nameless(cause: object, server: str) -> tuple[str, str]:
    host = server.rpartition(":")[0] or server
    if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN:
        said = "its name does not resolve (no name server answers)"
        return said, f"Check this machine's network and DNS (getent hosts {host})."
    said = "its name does not resolve"
    return said, f"Check the spelling of {host}, and this machine's DNS (getent hosts {host})."


def _unconnected(error: Exception, cause: object, server: str) -> tuple[str, str]:
    if isinstance(error, HandshakeError):
        return "the connection broke during the TLS handshake", _other_port(f"https://{server}")
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.ECONNREFUSED:
        hint = f"Nothing listens at {server}: check that the server runs, and its port."
        return "no connection (refused)", hint
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        hint = "Check this machine's network: a VPN that is off, a firewall, no route for IPv6."
        return "no connection (no way there from this machine)", hint
    if number in (errno.EMFILE, errno.ENFILE):
        hint = "Raise the limit of open files (ulimit -n), or lower DATAFETCH_CONCURRENCY."
        return "no connection (this machine has no file descriptor left)", hint
    return "no connection", _NEXT_RUN


def _other_port(url: str) -> str:
    """What to do where a server may speak something else at its port."""
    if url.startswith("https:"):
        return "Check the port; a server without TLS is asked with http://."
    return "Check the port; a server that speaks TLS there is asked with https://."
