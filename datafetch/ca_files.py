"""Finds what is wrong with the files of trusted certificates before a TLS library meets them.

Libraries take a file without certificates for "nobody is trusted", or end in words of their own.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from datafetch.regular_files import may_be_endless, open_regular

_HASHED = re.compile(r"[0-9a-fA-F]{8}\.\d+")
"""The names by which OpenSSL finds the certificates of a folder (openssl-rehash(1))."""

_LONGEST = 16 * 1024 * 1024
"""Bytes of a file of certificates; all that the world trusts are half a megabyte."""

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
        with open_regular(path) as file:
            # As much memory is taken as is asked for, however small the file is.
            content = file.read(min(os.fstat(file.fileno()).st_size, _LONGEST) + 1)
    except IsADirectoryError:
        return f"{name}: {path} is a folder, and has to be a file of certificates (PEM)"
    except FileNotFoundError:
        return f"{name}: there is no file {path}"
    except (OSError, ValueError) as error:
        return f"{name}: {path} cannot be read: {getattr(error, 'strerror', None) or error}"
    trouble = _trouble(content)
    return f"{name}: {path} {trouble}" if trouble else None


def _trouble(content: bytes) -> str | None:
    """What is wrong with the content of a file of certificates; None when nothing seems to be."""
    if len(content) > _LONGEST:
        return "is larger than 16 MiB, and has to hold certificates (PEM)"
    if not content.strip():
        return "is empty, and has to hold certificates (PEM)"
    return None if _BEGINS in content else "holds no certificates (PEM)"


def folder_problem(environment: Mapping[str, str], name: str) -> str | None:
    """What is wrong with the folders of certificates that a variable names, as `file_problem`.

    Colons stand between folders; one that holds certificates is enough.
    """
    problems = []
    for path in (environment.get(name) or "").split(os.pathsep):
        if not path:
            continue
        try:
            found = [entry for entry in Path(path).iterdir() if _HASHED.fullmatch(entry.name)]
            endless = [entry for entry in found if may_be_endless(entry)]
        except (OSError, ValueError) as error:
            problems.append(f"{name}: {path}: {getattr(error, 'strerror', None) or error}")
            continue
        if endless:
            return f"{name}: {endless[0]} is no file, and has to be one of certificates (PEM)"
        if found:
            return None
        problems.append(
            f"{name}: {path} holds no certificates under the names that OpenSSL looks for; "
            f"`openssl rehash {path}` makes them"
        )
    return problems[0] if problems else None
