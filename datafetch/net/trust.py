"""Loads the certificates that are trusted, and says which variable is wrong when that fails."""

import os
import ssl
from dataclasses import dataclass

import httpx2

from datafetch.ca_files import file_problem, folder_problem
from datafetch.errors import ConfigurationError

_FILE, _FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"


def trusted_certificates() -> ssl.SSLContext:
    """The certificates of `SSL_CERT_FILE`, else of `SSL_CERT_DIR`, else those of the system.

    Raises:
        ConfigurationError: they cannot be loaded; it names the variable and the file.
    """
    file, folder = os.environ.get(_FILE), os.environ.get(_FOLDER)
    look = file_problem if file else folder_problem
    problem = look(os.environ, _FILE if file else _FOLDER)
    if problem is not None:
        raise ConfigurationError([problem])
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        name = f"{_FILE}: {file}" if file else f"{_FOLDER}: {folder}"
        raise ConfigurationError([f"{name}: certificates cannot be loaded: {error}"]) from error


@dataclass(frozen=True, slots=True)
class Trusted:
    """The certificates that are trusted.

    Attributes:
        origin: where they come from, in words.
        number: how many authorities were loaded; those of a folder are loaded when they are needed,
            and not counted.
    """

    origin: str
    number: int


def trusted() -> Trusted:
    """Where the trusted certificates come from, and how many they are.

    Raises:
        ConfigurationError: as `trusted_certificates`.
    """
    context = trusted_certificates()
    name = next((name for name in (_FILE, _FOLDER) if os.environ.get(name)), None)
    origin = f"{name} ({os.environ[name]})" if name else "the system"
    return Trusted(origin, context.cert_store_stats()["x509_ca"])
