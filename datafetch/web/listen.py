"""The sockets at which the server listens, bound before anything else is made."""

import errno
import os
import socket
from contextlib import suppress

from datafetch.errors import DatafetchError

_BACKLOG = 2048


class CannotListen(DatafetchError):
    """The server cannot listen at the address that was named."""


def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at all addresses of a host; with port 0 at a free port, the same for all.

    Raises:
        CannotListen: the host is none of this machine's, or the port is taken or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListen(
            f"--host {host}: there is no such host or address",
            hint="Name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them.",
        ) from error
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    bound: list[socket.socket] = []
    try:
        for family, address in addresses:
            at = port or (bound[0].getsockname()[1] if bound else 0)
            bound.append(_bound(family, (address[0], at, *address[2:])))
    except OSError as error:
        for each in bound:
            each.close()
        raise _refused(host, port, error) from error
    return bound


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    # With the protocol named: else asyncio does not know that it is TCP, and leaves Nagle's algorithm
    # on. An answer in two parts then waits 40 ms for the client's acknowledgement of the first.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Without it a restart has to wait until old connections are forgotten (socket(7)).
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with suppress(OSError):  # 0.0.0.0 has a socket of its own
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _refused(host: str, port: int, error: OSError) -> CannotListen:
    match error.errno:
        case errno.EADDRINUSE:
            what, hint = "the port is taken", "Stop what listens there, or name another --port."
        case errno.EACCES:
            what = "this user may not listen there"
            hint = "Name a --port from 1024 on, and let a proxy listen at 80 and 443."
        case errno.EADDRNOTAVAIL:
            what = "this machine has no such address"
            hint = "Name one of its addresses, such as 127.0.0.1, or 0.0.0.0 for all of them."
        case _:
            what, hint = os.strerror(error.errno) if error.errno else str(error), ""
    return CannotListen(f"cannot listen at {host}, port {port}: {what}", hint=hint)
