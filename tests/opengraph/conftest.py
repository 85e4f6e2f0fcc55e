"""What the tests of single modules are given."""

from pathlib import Path

import pytest

from tests.opengraph.parts import Parts


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """An empty folder."""
    return Parts(tmp_path / "store")
