"""An upstream on loopback, for every test of the network."""

from collections.abc import Iterator

import pytest

from tests.fakes.base import FakeServer
from tests.net.upstreams import Echo


@pytest.fixture
def echo() -> Echo:
    """An upstream that says what it was asked."""
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[FakeServer]:
    """It, on loopback."""
    with FakeServer(echo) as server:
        yield server
