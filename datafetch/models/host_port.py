"""Reads `HOST:PORT`, with which settings name servers that are not asked over HTTP."""

import re

from datafetch.urls import dns_name, read_host

_LARGEST_PORT = 65535

_DIGITS = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"[0-9a-z._:-]+")
"""Narrower than what browsers take: no comma, which other programs put between several hosts."""


def host_and_port(text: str, default: int, form: str) -> tuple[str, int]:
    """The host, and the port, which is `default` when the text has none.

    An IPv6 address is returned without its brackets.

    Raises:
        ValueError: there is no host, or no valid port. The message says that the text should look
            like `form`, and repeats no part of it, since it may hold a password.
    """
    host, colon, port = text, "", ""
    if not text.endswith("]"):
        before, colon, port = text.rpartition(":")
        host = before if colon else text
    if colon and (_DIGITS.fullmatch(port) is None or not 0 < int(port) <= _LARGEST_PORT):
        raise ValueError(f"should have a port from 1 to {_LARGEST_PORT} behind the host: {form}")
    written = read_host(host)
    name = None if written is None else dns_name(written)
    if name is None or _HOST.fullmatch(name) is None:
        raise ValueError(f"names no host: it should be {form}")
    return name, int(port) if colon else default
