"""Why a server of S3 or DynamoDB gave no whole answer, what to do about it, and which attempts are worth repeating."""

import errno
import os
from collections.abc import Iterator
from typing import Protocol

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from datafetch.certificates import chain, tls_fault
from datafetch.store.s3_dialect import host_of
from datafetch.store.s3_place import BucketAddress

_NO_SUCH_NAME = frozenset({-2, -5, 7, 8})
"""`EAI_NONAME` and `EAI_NODATA` of Linux and macOS: the name is not there, now or later."""

_TLS_ALERT = "\x15\x03"
"""How a TLS server's alert begins (RFC 8446, 5.1); it answers so to a request in plain http."""

_OF_A_FILE = frozenset({"X509", "PEM", "ASN1"})
"""The parts of OpenSSL (`ssl.SSLError.library`) that read certificates from a file."""

_PROXY_HINT = "Check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names the hosts that are asked directly."


class ServerAddress(Protocol):
    """What messages say of a server."""

    @property
    def server(self) -> str:
        """Its address, without credentials."""
        ...

    @property
    def setting(self) -> str:
        """The setting that says which server is asked."""
        ...

    @property
    def from_settings(self) -> bool:
        """Whether that setting holds the server's address; else it is a service of Amazon's."""
        ...


def silence(error: Exception, at: ServerAddress) -> tuple[str, str | None]:
    """What happened when there was no whole answer, and a hint, or None for the usual one.

    The first is the rest of a sentence that begins with the object's key and a colon. It holds
    nothing of the error's own text, in which the whole URL may stand.
    """
    fault = tls_fault(error, at.setting)
    if fault is not None:
        return f"{at.server}: {fault.said}", _with_bundle(fault.hint)
    if isinstance(error, EndpointConnectionError):
        return _not_connected(error, at)
    if _is_bundle_unread(error):
        name = bundle_variable()
        return (
            f"the certificates of {name} cannot be loaded",
            f"Set {name} to a readable file with certificates (PEM), or leave it empty.",
        )
    if is_lasting(error):
        return (
            f"{at.server} does not answer in plain http",
            f"Write https:// in {at.setting}, or the port of plain http.",
        )
    for kind, said, hint in (
        (ProxyConnectionError, "the proxy did not connect to {}", _PROXY_HINT),
        (ConnectTimeoutError, "no connection to {} in time", _listening_hint(at)),
        (ReadTimeoutError, "no answer from {} in time", None),
        (ConnectionClosedError, "{} hung up without an answer", _hung_up_hint(at)),
        (SSLError, "the connection to {} broke during the TLS handshake", _plain_hint(at)),
    ):
        if isinstance(error, kind):
            return said.format(at.server), hint
    return f"no whole answer from {at.server} ({type(error).__name__})", None


def is_lasting(error: BaseException | None) -> bool:
    """Whether a call that failed so will fail again, until somebody changes something."""
    if error is None:
        return False
    if (
        tls_fault(error) is not None
        or _is_bundle_unread(error)
        or any(_is_unknown(cause) for cause in chain(error))
    ):
        return True
    return isinstance(error, ConnectionClosedError) and any(
        isinstance(text, str) and _TLS_ALERT in text
        for cause in chain(error)
        for text in cause.args
    )


def stop_what_cannot_pass(
    *, caught_exception: BaseException | None = None, **_: object
) -> bool | None:
    """Tell botocore not to repeat a call that will fail again; a handler of `needs-retry`.

    False ends the attempts; None leaves the decision to botocore's own handlers.
    """
    return False if is_lasting(caught_exception) else None


def bundle_variable() -> str:
    """The variable whose certificates the S3 client trusts: boto3's own counts before the other."""
    return "AWS_CA_BUNDLE" if os.environ.get("AWS_CA_BUNDLE") else "SSL_CERT_FILE"


def _is_bundle_unread(error: BaseException) -> bool:
    """Whether the file with the trusted certificates is missing, not to be read, or holds none."""
    return isinstance(error, SSLError) and any(
        isinstance(cause, FileNotFoundError | PermissionError | IsADirectoryError)
        or getattr(cause, "library", "") in _OF_A_FILE
        for cause in chain(error)
    )


def _with_bundle(hint: str) -> str:
    """The hint, and what hides the variable that it names, if anything does."""
    if "SSL_CERT_FILE" in hint and bundle_variable() != "SSL_CERT_FILE":
        return f"{hint} AWS_CA_BUNDLE is set, and counts before it: set that one."
    return hint


def _not_connected(error: EndpointConnectionError, at: ServerAddress) -> tuple[str, str | None]:
    host = host_of(str(error.kwargs.get("endpoint_url", "")))
    if any(type(cause).__name__ in ("gaierror", "NameResolutionError") for cause in chain(error)):
        return f"the name {host} does not resolve", _name_hint(host, at)
    numbers = {cause.errno for cause in _os_errors(error)}
    if errno.ECONNREFUSED in numbers:
        return f"nothing listens at {at.server} (connection refused)", _listening_hint(at)
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return f"no way to {at.server} from this machine (network unreachable)", None
    return f"no connection to {at.server}", _listening_hint(at)


def _name_hint(host: str, at: ServerAddress) -> str:
    hint = f"Check {at.setting} and this machine's network (DNS)."
    if (
        isinstance(at, BucketAddress)
        and at.addressing == "virtual"
        and at.from_settings
        and host.startswith(f"{at.bucket}.")
    ):
        return f"Set S3_ADDRESSING=path if the server has no host for each bucket. {hint}"
    return hint


def _hung_up_hint(at: ServerAddress) -> str | None:
    if not at.server.startswith("http://"):
        return None
    return (
        f"If this port is for https, write https:// in {at.setting}; else see what the server says"
        " in its log, and try again."
    )


def _plain_hint(at: ServerAddress) -> str:
    return (
        f"If this port is for plain http, write http:// in {at.setting}; else see what the server"
        " says in its log, and try again."
    )


def _listening_hint(at: ServerAddress) -> str:
    if at.from_settings:
        return f"Check host and port in {at.setting}, and that the server runs."
    return f"Check {at.setting} and this machine's network, with its proxy (HTTPS_PROXY)."


def _is_unknown(cause: BaseException) -> bool:
    """Whether a name was looked up, and is not there."""
    return type(cause).__name__ == "gaierror" and cause.args[:1] in [(n,) for n in _NO_SUCH_NAME]


def _os_errors(error: BaseException) -> Iterator[OSError]:
    for cause in chain(error):
        if isinstance(cause, OSError):
            yield cause
