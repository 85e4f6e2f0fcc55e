"""Loads the certificates that are trusted, and says which variable is wrong when that fails."""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx2

from datafetch.errors import ConfigurationError

_HASHED = re.compile(r"[0-9a-fA-F]{8}\.\d+")
"""The names by which OpenSSL finds the certificates of a folder (openssl-rehash(1))."""

_FILE, _FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"


def trusted_certificates() -> ssl.SSLContext:
    """The certificates of `SSL_CERT_FILE`, else of `SSL_CERT_DIR`, else those of the system.

    Raises:
        ConfigurationError: they cannot be loaded; it names the variable and the file.
    """
    problem = _problem(os.environ)
    if problem is not None:
        raise ConfigurationError([problem])
    try:
        return httpx2.create_ssl_context()
    except ssl.SSLError as error:
        said = f"{os.environ.get(_FILE) or os.environ.get(_FOLDER)} holds no certificates (PEM)"
        raise ConfigurationError([f"{_name(os.environ)}: {said}"]) from error
    except OSError as error:
        said = f"the certificates cannot be read: {error.strerror or error}"
        raise ConfigurationError([f"{_name(os.environ)}: {said}"]) from error


def _name(environment: Mapping[str, str]) -> str:
    """The variable that says where certificates are, or both when none does."""
    return next((name for name in (_FILE, _FOLDER) if environment.get(name)), f"{_FILE}, {_FOLDER}")


def _problem(environment: Mapping[str, str]) -> str | None:
    """What is wrong with the path in a variable; None when nothing seems to be."""
    file, folders = environment.get(_FILE), environment.get(_FOLDER)
    if file:
        return _file_problem(file)
    if folders:
        return _folder_problem(folders)
    return None


def _file_problem(file: str) -> str | None:
    try:
        with Path(file).open("rb") as opened:
            is_empty = not opened.read(1)
    except IsADirectoryError:
        return f"{_FILE}: {file} is a folder, whose variable is {_FOLDER}"
    except FileNotFoundError:
        return f"{_FILE}: there is no file {file}"
    except (OSError, ValueError) as error:
        return f"{_FILE}: {file} cannot be read: {getattr(error, 'strerror', None) or error}"
    return f"{_FILE}: {file} is empty, it holds no certificates (PEM)" if is_empty else None


def _folder_problem(folders: str) -> str | None:
    """What is wrong with folders, with colons between them; one with certificates is enough."""
    problems = []
    for folder in folders.split(os.pathsep):
        try:
            names = [entry.name for entry in Path(folder).iterdir()]
        except (OSError, ValueError) as error:
            problems.append(f"{_FOLDER}: {folder}: {getattr(error, 'strerror', None) or error}")
            continue
        if any(map(_HASHED.fullmatch, names)):
            return None
        problems.append(
            f"{_FOLDER}: {folder} holds no certificates under the names that OpenSSL looks for; "
            f"`openssl rehash {folder}` makes them"
        )
    return problems[0]
