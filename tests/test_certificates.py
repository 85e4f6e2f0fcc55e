"""What failed TLS handshakes are said to be: real ones, between two ends in memory."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from urllib3.util.ssl_match_hostname import CertificateError

from datafetch.certificates import tls_fault

HOST = "s3.example.net"
NOW = datetime.now(UTC)
CA = trustme.CA()


def server(certificate: trustme.LeafCert, **_: object) -> ssl.SSLContext:
    """A server's end with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def client(trusted: trustme.CA = CA) -> ssl.SSLContext:
    """A client's end that trusts this authority."""
    context = ssl.create_default_context()
    trusted.configure_trust(context)
    return context


def failed(ours: ssl.SSLContext, theirs: ssl.SSLContext | bytes, host: str = HOST) -> ssl.SSLError:
    """The error of a handshake with a server, or with what answers these bytes."""
    to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
    us = ours.wrap_bio(to_us, to_them, server_hostname=host)
    if isinstance(theirs, bytes):
        to_us.write(theirs)
        them = None
    else:
        them = theirs.wrap_bio(to_them, to_us, server_side=True)
    for _ in range(10):
        try:
            us.do_handshake()
            us.read()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            return error
        if them is not None:
            try:
                them.do_handshake()
                them.read()
            except ssl.SSLError:
                pass
    raise AssertionError("the handshake succeeded")


def of_a_stranger() -> ssl.SSLError:
    """A certificate of an authority that is not trusted."""
    return failed(client(), server(trustme.CA().issue_cert(HOST)))


def expired() -> ssl.SSLError:
    """A certificate that ended yesterday."""
    return failed(client(), server(CA.issue_cert(HOST, not_after=NOW - timedelta(days=1))))


def early() -> ssl.SSLError:
    """A certificate that begins tomorrow."""
    leaf = CA.issue_cert(
        HOST, not_before=NOW + timedelta(days=1), not_after=NOW + timedelta(days=2)
    )
    return failed(client(), server(leaf))


def of_another_name() -> ssl.SSLError:
    """A certificate for another host."""
    return failed(client(), server(CA.issue_cert("other.example.net")))


def of_another_address() -> ssl.SSLError:
    """A certificate for another IP address."""
    return failed(client(), server(CA.issue_cert("127.0.0.1")), host="127.0.0.2")


def plain_http() -> ssl.SSLError:
    """A port that speaks http without TLS."""
    return failed(client(), b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def too_old() -> ssl.SSLError:
    """A server that says with an alert that it takes no such version (RFC 8446, 6.2)."""
    return failed(client(), b"\x15\x03\x01\x00\x02\x02\x46")


def unknown_host() -> ssl.SSLError:
    """A server that says with an alert that it has no such name (RFC 6066, 3)."""
    return failed(client(), b"\x15\x03\x01\x00\x02\x02\x70")


def wants_a_certificate() -> ssl.SSLError:
    """A server that asks the client for a certificate, and gets none."""
    theirs = server(CA.issue_cert(HOST))
    theirs.verify_mode = ssl.CERT_REQUIRED
    CA.configure_trust(theirs)
    return failed(client(), theirs)


CASES = [
    (of_a_stranger, "certificate is not accepted", "SSL_CERT_FILE"),
    (expired, "certificate is not accepted", "clock"),
    (early, "certificate is not accepted", "clock"),
    (of_another_name, "certificate is not accepted", "the host in S3_SERVER_URL"),
    (of_another_address, "certificate is not accepted", "the host in S3_SERVER_URL"),
    (plain_http, "does not speak TLS", "http:// "),
    (too_old, "version of TLS", "TLS 1.2"),
    (unknown_host, "under this name", "the host in S3_SERVER_URL"),
    (wants_a_certificate, "certificate of the client", "S3_SERVER_URL"),
]


def test_a_certificate_that_nobody_vouches_for_may_be_its_own() -> None:
    """A self-signed one has no authority to look for; and the file replaces the public certificates."""
    fault = tls_fault(of_a_stranger())
    assert fault is not None
    assert "self-signed" in fault.hint
    assert "in place of the public ones" in fault.hint


ADVICE = ("SSL_CERT_FILE", "clock", "the host in S3_SERVER_URL", "TLS 1.2", "http://")


@pytest.mark.parametrize(
    ("make", "said", "hint"), CASES, ids=[make.__name__ for make, _, _ in CASES]
)
def test_each_failed_handshake_has_its_sentence_and_its_way_out(
    make: Callable[[], ssl.SSLError], said: str, hint: str
) -> None:
    """Whoever reads it knows what is wrong, and is not sent to look for another cause."""
    fault = tls_fault(make(), "S3_SERVER_URL")
    assert fault is not None
    assert said in fault.said
    assert hint in fault.hint
    others = [advice for advice in ADVICE if advice in fault.hint and advice not in hint]
    assert others in ([], ["http://"])


@pytest.mark.parametrize("how", ["raised from", "while handling", "in its arguments", "as reason"])
def test_the_cause_is_found_wherever_a_client_keeps_it(how: str) -> None:
    """One client raises its error from the first, another keeps it in a field of its own."""
    inner = of_a_stranger()
    outer = OSError("no connection")
    match how:
        case "raised from":
            outer.__cause__ = inner
        case "while handling":
            outer.__context__ = inner
        case "in its arguments":
            outer = OSError(OSError(inner))
        case _:
            outer.reason = inner  # type: ignore[attr-defined]
    fault = tls_fault(outer)
    assert fault is not None
    assert "SSL_CERT_FILE" in fault.hint


def test_a_name_that_the_client_compares_itself_is_told_too() -> None:
    """The library below boto3 has an error of its own for it, without a code."""
    fault = tls_fault(CertificateError("hostname 'a' doesn't match 'b'"), "S3_SERVER_URL")
    assert fault is not None
    assert "the host in S3_SERVER_URL" in fault.hint


def test_an_address_without_a_setting_is_called_its_address() -> None:
    """A page's address comes from data, so no setting can be wrong."""
    fault = tls_fault(of_another_name())
    assert fault is not None
    assert "S3_" not in fault.hint
    assert "its address" in fault.hint


@pytest.mark.parametrize(
    "error", [OSError("no route"), ConnectionResetError(), ssl.SSLEOFError(8, "EOF occurred")]
)
def test_a_connection_that_broke_is_no_failed_handshake(error: OSError) -> None:
    """It may pass, so it is worth another attempt."""
    assert tls_fault(error) is None


def test_an_error_that_is_its_own_cause_ends_the_search() -> None:
    """A chain in a circle must not hang the run."""
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert tls_fault(first) is None


def test_a_code_without_a_sentence_of_its_own_names_both_ways_out() -> None:
    """OpenSSL has a hundred codes; newer versions are stricter with old private authorities."""
    error = of_a_stranger()
    error.verify_code = 85  # type: ignore[attr-defined]
    fault = tls_fault(error)
    assert fault is not None
    assert "SSL_CERT_FILE" in fault.hint
    assert "clock" in fault.hint
