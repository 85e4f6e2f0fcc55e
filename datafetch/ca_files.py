"""Finds what is wrong with the files of trusted certificates before a TLS library meets them.

Libraries take a file without certificates for "nobody is trusted", or end in words of their own.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

_HASHED = re.compile(r"[0-9a-fA-F]{8}\.\d+")
"""The names by which OpenSSL finds the certificates of a folder (openssl-rehash(1))."""

_BEGINS = b"-----BEGIN "
"""How a certificate begins in a PEM file (RFC 7468, 2)."""


def file_problem(environment: Mapping[str, str], name: str) -> str | None:
    """What is wrong with the file of certificates that a variable names.

    Args:
        environment: the variables.
        name: the variable, such as `SSL_CERT_FILE`.

    Returns:
        One sentence with the variable and the file; None when the variable is not set, or nothing
        seems to be wrong.
    """
    path = environment.get(name)
    if not path:
        return None
    try:
        content = Path(path).read_bytes()
    except IsADirectoryError:
        return f"{name}: {path} is a folder, and has to be a file of certificates (PEM)"
    except FileNotFoundError:
        return f"{name}: there is no file {path}"
    except (OSError, ValueError) as error:
        return f"{name}: {path} cannot be read: {getattr(error, 'strerror', None) or error}"
    if not content.strip():
        return f"{name}: {path} is empty, and has to hold certificates (PEM)"
    return None if _BEGINS in content else f"{name}: {path} holds no certificates (PEM)"


def folder_problem(environment: Mapping[str, str], name: str) -> str | None:
    """What is wrong with the folders of certificates that a variable names, as `file_problem`.

    Colons stand between folders; one that holds certificates is enough.
    """
    problems = []
    for path in (environment.get(name) or "").split(os.pathsep):
        if not path:
            continue
        try:
            names = [entry.name for entry in Path(path).iterdir()]
        except (OSError, ValueError) as error:
            problems.append(f"{name}: {path}: {getattr(error, 'strerror', None) or error}")
            continue
        if any(map(_HASHED.fullmatch, names)):
            return None
        problems.append(
            f"{name}: {path} holds no certificates under the names that OpenSSL looks for; "
            f"`openssl rehash {path}` makes them"
        )
    return problems[0] if problems else None
