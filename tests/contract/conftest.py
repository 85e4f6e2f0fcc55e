"""The kinds of leases, opened for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.lease_kinds import KINDS, LeaseKind, lease_kind
from tests.fakes.base import FakeServer


@pytest.fixture(params=KINDS)
def kind(
    request: pytest.FixtureRequest, moto_server: FakeServer, tmp_path: Path
) -> Iterator[LeaseKind]:
    """Each kind in turn, on services that nobody has used before."""
    folder = tmp_path / "leases"
    folder.mkdir()
    with lease_kind(request.param, folder, moto_server) as opened:
        yield opened
