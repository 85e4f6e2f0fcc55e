"""Pytest fixtures over the fakes; loaded as a plugin by the root `conftest.py`."""

import uuid
from collections.abc import Iterator

import pytest

from tests.fakes.base import FakeServer
from tests.fakes.s3 import MotoApp, S3Fake
from tests.fakes.tables import TableFake
from tests.fakes.world import World


@pytest.fixture(scope="session")
def moto_server() -> Iterator[FakeServer]:
    """One S3 server for the whole session; moto takes a second to import."""
    with FakeServer(MotoApp()) as server:
        yield server


@pytest.fixture
def s3_fake(moto_server: FakeServer) -> Iterator[S3Fake]:
    """A fresh bucket, with counters at zero and no faults."""
    with S3Fake(f"bucket-{uuid.uuid4().hex[:12]}", server=moto_server) as fake:
        yield fake


@pytest.fixture
def lock_table(moto_server: FakeServer) -> Iterator[TableFake]:
    """A fresh table for locks."""
    with TableFake(f"locks-{uuid.uuid4().hex[:12]}", moto_server) as table:
        yield table


@pytest.fixture
def world() -> Iterator[World]:
    """A small world behind its proxy: 30 bookmarks, 12 hosts, 12 repositories."""
    with World(bookmarks=30, domains=12, repositories=12) as small:
        yield small
