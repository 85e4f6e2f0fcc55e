"""Turns the exceptions of connections and of HTTP parsing into errors of datafetch."""

import socket
import ssl

import httpcore2

from datafetch.errors import Malformed, Refused, TooLarge, TransientError, UpstreamError

_HEADER_TOO_LARGE = 431  # RFC 6585, 5

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


def error_of(error: Exception, url: str, *, in_body: bool) -> UpstreamError:
    """The error to raise in place of a fault.

    Args:
        error: one of `FAULTS`.
        url: for the message, without query.
        in_body: whether the fault came after the headers of the answer had been read.
    """
    cause = error.args[0] if error.args else None
    if isinstance(error, httpcore2.LocalProtocolError):
        return Refused(f"{url}: cannot be sent as it is", url=url)
    if isinstance(error, httpcore2.RemoteProtocolError) and isinstance(cause, Exception):
        # h11 hints at the status by which a server would refuse such a message.
        if getattr(cause, "error_status_hint", None) == _HEADER_TOO_LARGE:
            return TooLarge(f"{url}: the header is too large", url=url)
        if not in_body:
            return Malformed(f"{url}: the answer is not HTTP", url=url)
    return TransientError(f"{url}: {_reason(error, cause, in_body=in_body)}", url=url)


def _reason(error: Exception, cause: object, *, in_body: bool) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpcore2.ProxyError):
        return "the proxy did not connect"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({cause.verify_message})"
    if isinstance(cause, socket.gaierror | UnicodeError):
        return "its name does not resolve"
    if isinstance(error, httpcore2.ConnectError):
        return "no connection"
    return "the connection broke" + (", the body was cut short" if in_body else "")
