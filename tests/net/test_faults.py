"""Exceptions of connections: each becomes one error of datafetch, which says what to do next."""

import errno
import socket
import ssl
from dataclasses import replace

import h11
import httpcore2
import pytest

from datafetch.net.faults import FAULTS, Asked, HandshakeError, HandshakeTimeout, error_of
from datafetch.net.proxies import ProxyAddress
from datafetch.redaction import redact
from datafetch.upstream_errors import CannotConnect, Malformed, Refused, TooLarge, TransientError

URL = "https://example.com:8443/x"
DIRECT = Asked(URL, None, timeout_s=15.0, total_s=60.0, is_over=False)
PROXY = ProxyAddress("http", "proxy.lan", 3128, ("me", "p4ssw0rd"), "HTTPS_PROXY")
THROUGH = replace(DIRECT, proxy=PROXY)


def untrusted(code: int = 18) -> ssl.SSLCertVerificationError:
    """A certificate that is not accepted; 18 is self-signed, 10 expired (OpenSSL, x509_vfy.h)."""
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    error.verify_message = "self-signed certificate"
    return error


def foreign(status: int = 400) -> httpcore2.RemoteProtocolError:
    """An answer that h11 cannot read."""
    return httpcore2.RemoteProtocolError(h11.RemoteProtocolError("odd", error_status_hint=status))


def unconnected(number: int) -> httpcore2.ConnectError:
    """A connection that failed with this error of the system."""
    return httpcore2.ConnectError(OSError(number, "some words"))


def nameless(number: int) -> httpcore2.ConnectError:
    """A name that does not resolve."""
    return httpcore2.ConnectError(socket.gaierror(number, "some words"))


@pytest.mark.parametrize(
    ("fault", "kind", "said", "hint"),
    [
        (httpcore2.ReadTimeout(), TransientError, "no answer in time (15 s)", "next run"),
        (httpcore2.ConnectTimeout(), TransientError, "no connection in time (15 s)", "next run"),
        (
            HandshakeTimeout(None, "example.com"),
            TransientError,
            "no TLS handshake in time (15 s)",
            "",
        ),
        (httpcore2.WriteTimeout(), TransientError, "was not taken in time (15 s)", "next run"),
        (httpcore2.PoolTimeout(), TransientError, "no connection was free in time (15 s)", ""),
        (HandshakeError(untrusted(), ""), CannotConnect, "not accepted (self-signed", "SSL_CERT_F"),
        (HandshakeError(untrusted(10), ""), CannotConnect, "certificate is not accepted", "clock"),
        (
            HandshakeError(ssl.SSLError(1, "odd"), "example.com"),
            TransientError,
            "broke during the TLS handshake",
            "http://",
        ),
        (
            nameless(socket.EAI_NONAME),
            TransientError,
            "its name does not resolve",
            "spelling of example.com",
        ),
        (nameless(socket.EAI_AGAIN), TransientError, "no name server answers", "DNS"),
        (
            unconnected(errno.ECONNREFUSED),
            TransientError,
            "no connection (refused)",
            "Nothing listens at example.com:8443",
        ),
        (unconnected(errno.ENETUNREACH), TransientError, "no way there from this machine", "VPN"),
        (unconnected(errno.EMFILE), TransientError, "no file descriptor", "ulimit -n"),
        (httpcore2.ReadError(), TransientError, "the connection broke", "next run"),
        (
            httpcore2.ReadError(ConnectionResetError(errno.ECONNRESET, "")),
            TransientError,
            "the connection broke (reset by the server)",
            "next run",
        ),
        (OSError("reset"), TransientError, "the connection broke", "next run"),
        (httpcore2.RemoteProtocolError("hung up"), TransientError, "the connection broke", ""),
        (
            httpcore2.LocalProtocolError("odd"),
            Refused,
            "cannot be sent as it is",
            "line breaks",
        ),
        (foreign(431), TooLarge, "the header is too large", "headers"),
        (foreign(), Malformed, "the answer is not HTTP/1.1", "http://"),
    ],
)
def test_a_fault_is_one_error_that_says_what_to_do(
    fault: Exception, kind: type[Exception], said: str, hint: str
) -> None:
    """What happened, to which address, after how many seconds, and what to check next."""
    assert isinstance(fault, FAULTS)
    error = error_of(fault, DIRECT, in_body=False)
    assert type(error) is kind
    assert str(error).startswith(f"{URL}: ")
    assert said in str(error)
    assert hint in error.hint
    assert error.hint
    assert error.url == URL
    assert not error.by_proxy


def test_the_time_for_the_whole_is_told_from_that_of_one_read() -> None:
    """A server that drips is given up after the time for the whole exchange, and it says so."""
    error = error_of(httpcore2.ReadTimeout(), replace(DIRECT, is_over=True), in_body=True)
    assert "the body did not come in time (60 s in all)" in str(error)


def test_tls_at_a_plain_address_is_said() -> None:
    """`http://` in place of `https://` gets bytes that are no HTTP; the hint names the other scheme."""
    plain = replace(DIRECT, url="http://example.com:8443/x")
    assert "https://" in error_of(foreign(), plain, in_body=False).hint


@pytest.mark.parametrize("fault", [foreign(), httpcore2.ReadError(), OSError("reset")])
def test_in_a_body_every_fault_may_pass(fault: Exception) -> None:
    """After good headers a broken body is half an answer, not another protocol."""
    error = error_of(fault, DIRECT, in_body=True)
    assert type(error) is TransientError
    assert str(error) == f"{URL}: the connection broke, the body was cut short"


@pytest.mark.parametrize(
    ("fault", "kind", "said", "hint"),
    [
        (nameless(socket.EAI_NONAME), TransientError, "its name does not resolve", "proxy.lan"),
        (unconnected(errno.ECONNREFUSED), TransientError, "refused", "listens at proxy.lan:3128"),
        (httpcore2.ConnectTimeout(), TransientError, "no connection in time (15 s)", "unset it"),
        (
            httpcore2.ProxyError("407 Proxy Authentication Required"),
            CannotConnect,
            "does not accept the user and password (status 407)",
            "USER:PASSWORD@",
        ),
        (
            httpcore2.ProxyError("403 Forbidden"),
            CannotConnect,
            "does not connect to example.com:8443 (status 403)",
            "NO_PROXY",
        ),
        (
            httpcore2.ProxyError("502 Bad Gateway"),
            TransientError,
            "does not connect to example.com:8443 (status 502)",
            "cannot reach it",
        ),
    ],
)
def test_a_proxy_is_blamed_by_its_variable(
    fault: Exception, kind: type[Exception], said: str, hint: str
) -> None:
    """The message names the variable and the proxy's address, never the password.

    That it does not reach one host is no failure of the proxy itself.
    """
    error = error_of(fault, THROUGH, in_body=False)
    assert type(error) is kind
    assert str(error).startswith("HTTPS_PROXY (proxy.lan:3128): ")
    assert said in str(error)
    assert hint in error.hint
    assert error.by_proxy is ("to example.com" not in said)
    assert error.url == URL
    assert "p4ssw0rd" not in f"{error}{error.hint}{error!r}"


def test_a_proxy_that_asks_for_a_password_is_told_one() -> None:
    """Without user and password in its variable, the message says that it wants some."""
    bare = replace(THROUGH, proxy=replace(PROXY, auth=None))
    error = error_of(httpcore2.ProxyError("407"), bare, in_body=False)
    assert "it wants a password (status 407)" in str(error)
    assert "Set HTTPS_PROXY to http://proxy.lan:3128 with `USER:PASSWORD@`" in redact(error.hint)


def test_of_two_handshakes_each_blames_its_own_side() -> None:
    """An https proxy has a certificate too; the upstream's is told from it by the name."""
    secure = replace(THROUGH, proxy=replace(PROXY, scheme="https"))
    proxys = error_of(HandshakeError(untrusted(), "proxy.lan"), secure, in_body=False)
    servers = error_of(HandshakeError(untrusted(), "example.com"), secure, in_body=False)
    assert (proxys.by_proxy, servers.by_proxy) == (True, False)
    assert str(proxys).startswith("HTTPS_PROXY (proxy.lan:3128): its certificate")
    assert str(servers).startswith(f"{URL}: its certificate")


def test_behind_a_proxy_a_silent_upstream_is_named_with_the_way() -> None:
    """Who was silent cannot be told, so both are named."""
    error = error_of(httpcore2.ReadTimeout(), THROUGH, in_body=False)
    assert str(error) == (f"{URL}: no answer in time (15 s) (through the proxy of HTTPS_PROXY)")
    assert not error.by_proxy
