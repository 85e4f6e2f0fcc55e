"""A connection of the network, by itself."""

import os
import resource
import socket
import ssl

import httpcore2
import pytest

from datafetch.net.network import OpenConnections, Stream, system_dial
from tests.fakes.base import FakeServer
from tests.net.upstreams import Echo


def test_a_handshake_without_a_free_file_number_closes_its_connection(
    echo: Echo, server: FakeServer
) -> None:
    """A process at its limit of open files left sockets behind with each try."""
    dialled = system_dial("127.0.0.1", server.port, 5)
    dialled.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 5)
    echo.log.wait_for()  # the server has taken all the numbers that it needs
    stream, context = Stream(dialled, OpenConnections()), ssl.create_default_context()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with pytest.raises(httpcore2.ConnectError, match="Too many open files"):
            stream.start_tls(context, "localhost", 5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    sock = stream.get_extra_info("socket")
    assert isinstance(sock, socket.socket)
    assert sock.fileno() == -1
