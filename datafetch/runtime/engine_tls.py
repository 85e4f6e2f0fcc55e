"""Reads and checks the TLS files of Dask's configuration, with which a client or worker proves itself."""

import os
import ssl
from typing import TYPE_CHECKING, Literal

from datafetch.errors import ConfigurationError
from datafetch.models.text import one_line
from datafetch.redaction import redact

if TYPE_CHECKING:
    from distributed import Security

Role = Literal["client", "worker"]

_CA = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE"
_HINT = (
    "The files are named by Dask's own settings, in the environment or in its configuration files: "
    "https://distributed.dask.org/en/stable/tls.html. `datafetch guide scale` shows how to make them."
)
_MOST_CHARACTERS = 200


def security_of(address: str, role: Role) -> "Security":
    """What Dask's configuration says about TLS, checked if the address asks for TLS.

    Raises:
        ConfigurationError: a file is not named, cannot be read, or is no certificate or key; or
            Dask's configuration allows TLS only, and the address is `tcp://`.
    """
    from distributed import Security

    try:
        security = Security()
    except (TypeError, ValueError) as error:
        said = one_line(redact(str(error)), _MOST_CHARACTERS)
        raise ConfigurationError([f"Dask's TLS settings are wrong: {said}"], hint=_HINT) from error
    if security.require_encryption and not address.startswith("tls://"):
        raise ConfigurationError(
            ["DATAFETCH_CLUSTER: should be tls://HOST:PORT, since Dask's settings ask for TLS"],
            hint="DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION is true, here or in a file of Dask's.",
        )
    if address.startswith("tls://"):
        problems = _problems(security, role)
        if problems:
            raise ConfigurationError(problems, hint=_HINT)
    return security


def _problems(security: "Security", role: Role) -> list[str]:
    """What is wrong with the files, each named by its environment variable."""
    prefix = f"DASK_DISTRIBUTED__COMM__TLS__{role.upper()}"
    cert = security.tls_client_cert if role == "client" else security.tls_worker_cert
    key = security.tls_client_key if role == "client" else security.tls_worker_key
    files = [(_CA, security.tls_ca_file), (f"{prefix}__CERT", cert)]
    found = [
        f"{name} is not set, and the cluster's address asks for TLS"
        for name, value in files
        if not value
    ]
    named = [*files, (f"{prefix}__KEY", key)]
    found += [said for name, value in named if value and (said := _unreadable(name, str(value)))]
    if found:
        return found
    try:
        security.get_connection_args(role)
    except (OSError, ValueError) as error:  # `ssl.SSLError` is an OSError
        why = error.reason if isinstance(error, ssl.SSLError) and error.reason else str(error)
        said = one_line(redact(why), _MOST_CHARACTERS)
        found = [f"{_CA}, {prefix}__CERT and {prefix}__KEY do not fit together: {said}"]
    return found


def _unreadable(name: str, value: str) -> str:
    """Why a file cannot be read; empty when it can, or when the value is the certificate itself."""
    if "\n" in value:  # as `Security` tells a text from a path
        return ""
    try:
        with open(value, "rb") as file:  # noqa: PTH123 - the path is Dask's, and may be any
            os.fstat(file.fileno())
    except OSError as error:
        return f"{name} names a file that cannot be read: {error.strerror} ({one_line(value, 100)})"
    return ""
