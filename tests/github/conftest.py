"""Fixtures that several test modules of one job share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.github_data import Activity
from tests.github.world import World, github_world, worked


@pytest.fixture(name="small")
def three_repositories(tmp_path: Path) -> Iterator[World]:
    """A GitHub with three ordinary repositories: tools, web-app and data."""
    names = ("tools", "web-app", "data")
    activity = Activity(repositories=[worked(n, name) for n, name in enumerate(names, start=1)])
    with github_world(tmp_path, activity) as made:
        yield made
