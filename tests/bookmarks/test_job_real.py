"""The bookmark job over real HTTP into a real folder, with threads."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.bookmarks.job import sync_bookmarks
from datafetch.models.run import JobReport, RunOptions
from datafetch.store.local import LocalStore
from tests.bookmarks.world import SETTINGS, World, link
from tests.fakes.base import FakeServer
from tests.fakes.faults import reply
from tests.fakes.karakeep import KarakeepApp
from tests.support import FakeClock, make_context


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A served list of 130 bookmarks."""
    with KarakeepApp(link(number) for number in range(130)).served() as server:
        yield server


def run(server: FakeServer, folder: Path, clock: FakeClock) -> JobReport:
    """One run with a client of its own."""
    clock.advance(3600)
    settings = replace(SETTINGS, api_url=f"{server.url}/api/v1")
    context = make_context(settings, folder, clock=clock, options=RunOptions(), width=8)
    try:
        return sync_bookmarks(context)
    finally:
        context.http.close()
        context.store.close()


def test_sync_over_http_into_a_folder(server: FakeServer, tmp_path: Path) -> None:
    """A first sync, an unchanged one, and a changed one after a passing fault leave a whole dataset."""
    app, clock = server.app, FakeClock()
    assert isinstance(app, KarakeepApp)
    world = World(app, store=LocalStore(tmp_path))
    assert run(server, tmp_path, clock).changed == 130
    world.assert_whole()
    assert not run(server, tmp_path, clock).change_detected
    app.inject(reply(503), times=1)
    app.remove("b007")
    app.edit("b099", title="New")
    assert run(server, tmp_path, clock).changed == 2
    world.assert_whole()
    assert [item["id"] for item in world.master()] == app.ids()
