"""What a TLS handshake that failed means: a certificate that is not accepted, a port without TLS.

It reads the errors of Python's `ssl` by their fields (`verify_code`, `reason`), wherever they
stand in the chain of another error, so that every client can ask it about its own errors.

Codes: OpenSSL, `x509_vfy.h` (`X509_V_ERR_…`) and `sslerr.h`.
"""

from collections.abc import Iterator
from typing import NamedTuple

_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
"""No issuer that is trusted: it cannot be found, or the certificate vouches for itself."""

_OTHER_NAME = frozenset({62, 64})
"""The certificate names other hosts, or other IP addresses."""

_NO_TLS = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "UNKNOWN_PROTOCOL",
    }
)
"""The first bytes of the answer are none of TLS, as when a server speaks plain http."""

_NO_COMMON_VERSION = frozenset(
    {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}
)
_UNKNOWN_HOST = frozenset({"TLSV1_UNRECOGNIZED_NAME", "SSLV3_ALERT_HANDSHAKE_FAILURE"})
_CLIENT_CERTIFICATE = frozenset(
    {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE"}
)


class TlsFault(NamedTuple):
    """Why a handshake failed; trying again is pointless until somebody changes something.

    Attributes:
        said: what happened, as the rest of a sentence that begins with the server's name and a
            colon.
        hint: what to do next.
    """

    said: str
    hint: str


def tls_fault(
    error: BaseException, setting: str = "", schemes: tuple[str, str] = ("http://", "https://")
) -> TlsFault | None:
    """What a failed handshake means; None when the error has another cause.

    Args:
        error: of a client, with the error of `ssl` somewhere in its chain.
        setting: the name of the setting that holds the server's address; empty for an address
            that does not come from a setting.
        schemes: how an address without TLS begins, and one with it.
    """
    where = setting or "its address"
    for cause in chain(error):
        code = getattr(cause, "verify_code", None)
        if isinstance(code, int) and code:
            said = f"its certificate is not accepted ({_text(cause, 'verify_message')})"
            return TlsFault(said, _certificate_hint(code, where))
        if type(cause).__name__ == "CertificateError":  # urllib3 compares the names itself
            said = "its certificate is not accepted (it is for another name)"
            return TlsFault(said, f"Check the host in {where}: the certificate does not name it.")
        fault = _handshake_fault(_text(cause, "reason"), where, schemes)
        if fault is not None:
            return fault
    return None


def _certificate_hint(code: int, where: str) -> str:
    if code == _EXPIRED:
        return (
            "Check this machine's clock (date -u). If it is right, the certificate has ended: have"
            " the server's renewed."
        )
    if code == _NOT_YET_VALID:
        return (
            "Check this machine's clock (date -u): by it the certificate is not valid yet. If it is"
            " right, have the server's certificate made anew."
        )
    if code in _OTHER_NAME:
        return f"Check the host in {where}: the certificate does not name it."
    if code in _UNKNOWN_ISSUER:
        return (
            "Set SSL_CERT_FILE to a file (PEM) with the certificate of the private CA that issued"
            " it, or with its own where it is self-signed. The file counts in place of the public"
            " ones: put those before it, where public sites are asked too (on Debian: cat"
            " /etc/ssl/certs/ca-certificates.crt own.pem > all.pem)."
        )
    return (
        "Have the server's certificate made anew; set SSL_CERT_FILE for a private CA, or check this"
        " machine's clock (date -u)."
    )


def _handshake_fault(reason: str, where: str, schemes: tuple[str, str]) -> TlsFault | None:
    if reason in _NO_TLS:
        plain, encrypted = schemes
        return TlsFault(
            f"it does not speak TLS at this port ({reason})",
            f"Check scheme and port in {where}: {plain} for a port without TLS, else the port of"
            f" {encrypted.removesuffix('://')}.",
        )
    if reason in _NO_COMMON_VERSION:
        return TlsFault(
            f"it speaks no version of TLS that is accepted here ({reason})",
            "Have TLS 1.2 or 1.3 switched on at the server.",
        )
    if reason in _UNKNOWN_HOST:
        return TlsFault(
            f"it refuses to speak TLS under this name ({reason})",
            f"Check the host in {where}; the server may have no certificate for it.",
        )
    if reason in _CLIENT_CERTIFICATE:
        return TlsFault(
            f"it asks for a certificate of the client ({reason})",
            f"datafetch sends none: check {where}, or ask for an address that needs none.",
        )
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and every other that caused it or that it carries."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        found = todo.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        carried = (getattr(found, "reason", None), *found.args)
        todo += [found.__cause__, found.__context__, *carried]


def _text(error: BaseException, name: str) -> str:
    """A field of an error that holds text; empty when it has none."""
    value: object = getattr(error, name, None)
    return value if isinstance(value, str) else ""
