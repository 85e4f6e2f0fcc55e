"""Exceptions of connections: each becomes one error of datafetch, with a reason to read."""

import socket
import ssl

import h11
import httpcore2
import pytest

from datafetch.errors import Malformed, Refused, TooLarge, TransientError
from datafetch.net.faults import FAULTS, error_of

URL = "https://example.com/x"


def untrusted() -> ssl.SSLCertVerificationError:
    """A certificate that nobody signed."""
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


def foreign(status: int = 400) -> httpcore2.RemoteProtocolError:
    """An answer that h11 cannot read."""
    return httpcore2.RemoteProtocolError(h11.RemoteProtocolError("odd", error_status_hint=status))


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (httpcore2.ReadTimeout(), TransientError, "no answer in time"),
        (httpcore2.PoolTimeout(), TransientError, "no answer in time"),
        (httpcore2.ProxyError("502"), TransientError, "the proxy did not connect"),
        (
            httpcore2.ConnectError(untrusted()),
            TransientError,
            "its certificate is not accepted (self-signed certificate)",
        ),
        (httpcore2.ConnectError(socket.gaierror(-2)), TransientError, "its name does not resolve"),
        (httpcore2.ConnectError(OSError(111)), TransientError, "no connection"),
        (httpcore2.ReadError(), TransientError, "the connection broke"),
        (OSError("reset"), TransientError, "the connection broke"),
        (httpcore2.RemoteProtocolError("hung up"), TransientError, "the connection broke"),
        (httpcore2.LocalProtocolError("odd"), Refused, "cannot be sent as it is"),
        (foreign(431), TooLarge, "the header is too large"),
        (foreign(), Malformed, "the answer is not HTTP"),
    ],
)
def test_a_fault_is_one_error_with_its_reason(
    fault: Exception, kind: type[Exception], reason: str
) -> None:
    """Type and words come from what happened, so that only what may pass is tried again."""
    assert isinstance(fault, FAULTS)
    error = error_of(fault, URL, in_body=False)
    assert type(error) is kind
    assert (str(error), error.url) == (f"{URL}: {reason}", URL)


@pytest.mark.parametrize("fault", [foreign(), httpcore2.ReadError(), OSError("reset")])
def test_in_a_body_every_fault_may_pass(fault: Exception) -> None:
    """After good headers a broken body is half an answer, not another protocol."""
    error = error_of(fault, URL, in_body=True)
    assert type(error) is TransientError
    assert str(error) == f"{URL}: the connection broke, the body was cut short"
