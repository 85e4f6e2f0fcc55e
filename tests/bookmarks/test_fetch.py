"""How much of the list is read, and the second look before a deletion."""

import json
from dataclasses import replace
from typing import Any

import pytest

from datafetch.bookmarks.fetch import ListReader
from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.bookmarks.state import BookmarkState, Snapshot, StoredIndex
from datafetch.models.run import RunOptions
from tests.bookmarks.world import NEWEST, SETTINGS, AppHttp, World
from tests.fakes import karakeep
from tests.fakes.faults import reply
from tests.fakes.message import Response
from tests.stores import MemoryStore
from tests.support import FakeClock, make_context

LONG = replace(SETTINGS, full_sync_max_items=100)
PAGE = f"/lists/{SETTINGS.list_id}/bookmarks"
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("stored", "read_hours_ago", "options", "trusted", "full"),
    [
        (101, 1, RunOptions(), True, False),
        (100, 1, RunOptions(), True, True),
        (101, 23.9, RunOptions(), True, False),
        (101, 24, RunOptions(), True, True),
        (101, None, RunOptions(), True, True),
        (101, 1, RunOptions(force=True), True, True),
        (101, 1, RunOptions(full=True), True, True),
        (101, 1, RunOptions(), False, True),
    ],
    ids=["recent", "short", "not-due", "due", "never", "forced", "asked", "untrusted"],
)
def test_when_the_whole_list_is_read(
    stored: int, read_hours_ago: float | None, options: RunOptions, trusted: bool, full: bool
) -> None:
    """Short lists are always read whole, long ones every 24 hours, when asked, and without a state."""
    clock = FakeClock()
    context = make_context(LONG, MemoryStore(), clock=clock, options=options)
    now = int(clock.now() * 1000)
    state = BookmarkState(
        last_modified="",
        layout="",
        mapping="",
        full_sync_at=None if read_hours_ago is None else now - int(read_hours_ago * HOUR_MS),
        retired_slugs={},
        sources={},
        objects={},
    )
    snapshot = Snapshot(None, StoredIndex(), None, state, trusted)
    reader = ListReader(context, BookmarkApi(AppHttp(karakeep.KarakeepApp()), LONG))
    assert reader.is_full(snapshot, stored) is full


def test_pending_bookmarks_keep_the_reading_going() -> None:
    """A page with a bookmark that is still being crawled is not settled, until a week has passed."""
    world = World.of(250, settings=LONG)
    world.app.crawl("b050", crawlStatus="pending")
    world.clock.time = NEWEST.timestamp()
    world.run()
    world.run()
    assert len(world.asked) == 2
    world.clock.advance(8 * 24 * 3600 - 7200)
    world.run(limit=None)
    world.clock.time -= 3600
    world.run()
    assert len(world.asked) == 1


def test_unreadable_item_is_quarantined() -> None:
    """One null `imageUrl` failed the whole refresh for days; now one bad item is set aside."""
    world = World.of(30)
    world.run()
    stored = world.item("b004")
    world.app.malform("b004", tags="broken")
    world.app.edit("b005", title="New")
    report = world.run()
    assert (report.failed, report.newly_failed, report.processed) == (1, 1, 30)
    assert world.item("b004") == stored
    world.assert_whole()
    report = world.run()
    assert (report.failed, report.newly_failed, report.change_detected) == (1, 0, False)
    world.app.malform("b004", tags=[])
    report = world.run()
    assert report.failed == 0
    assert world.context is not None
    assert not world.context.dead_letters.letters
    world.assert_whole()


def test_an_item_that_is_named_is_looked_for_in_the_whole_list() -> None:
    """`dead-letters retry` did not come to what stands deep in a long list, nor counted that it had."""
    world = World.of(250, settings=LONG)
    world.app.malform("b200", tags="broken")
    world.clock.time = NEWEST.timestamp() + 8 * 24 * 3600
    world.run()
    world.run()
    assert len(world.asked) == 1
    assert world.context is not None
    (letter,) = world.context.dead_letters.letters.values()
    world.run(only=(letter.item,))
    assert len(world.asked) == 3
    (again,) = world.context.dead_letters.letters.values()
    assert (letter.attempts, again.attempts) == (1, 2)
    world.app.malform("b200", tags=[])
    world.run()
    assert list(world.context.dead_letters.letters) == [letter.id]
    world.run(only=(letter.item,))
    assert world.context.dead_letters.letters == {}
    world.assert_whole()


def test_item_without_an_id_shields_all_absent_ones() -> None:
    """An item whose id cannot be read may be any stored one: then nothing is taken for deleted."""
    world = World.of(30)
    world.run()
    world.app.malform("b004", id=7)
    report = world.run()
    assert (report.failed, report.processed) == (1, 30)
    world.assert_whole()


def test_absence_gets_a_second_look() -> None:
    """Items moved between pages while paging; some never came, and are not deleted for that."""
    world = World.of(30)
    world.run()
    for name in ("b003", "b007"):
        world.app.inject(without(name), PAGE, times=1)
    report = world.run()
    assert not report.change_detected
    assert [path for path in world.asked if path.endswith("/lists")] == [
        "/api/v1/bookmarks/b003/lists"
    ]
    world.app.leave_list("b009")
    world.app.heal()
    report = world.run()
    assert report.changed == 1
    assert "b009" not in world.slugs()
    world.assert_whole()


def test_many_absent_ones_are_looked_for_in_a_second_reading() -> None:
    """More than twenty absent bookmarks: the whole list is read once more."""
    world = World.of(150)
    world.run()
    gone = [f"b{number:03d}" for number in range(30)]
    world.app.inject(without(*gone), PAGE, times=2)
    assert not world.run().change_detected
    assert len(world.asked) == 4
    world.app.remove(*gone[:25])
    report = world.run()
    assert (report.changed, report.processed) == (25, 125)
    world.assert_whole()


def test_second_look_that_fails_keeps_the_bookmark() -> None:
    """What cannot be confirmed is not deleted."""
    world = World.of(30)
    world.run()
    world.app.remove("b003")
    world.app.inject(reply(503), "/lists", after=1)
    assert "b003" in world.slugs()
    assert not world.run().change_detected
    world.app.heal()
    assert world.run().changed == 1


def test_item_that_comes_twice_is_stored_once() -> None:
    """Items moved between pages while paging; some came twice."""
    world = World.of(5)
    world.app.inject(doubled, PAGE)
    assert world.run().processed == 5
    world.assert_whole()


def without(*names: str) -> Any:
    """The proper answer less some items."""

    def act(request: Any, answer: Any) -> Any:
        value = json.loads(answer(request).body)
        value["bookmarks"] = [item for item in value["bookmarks"] if item["id"] not in names]
        return Response.json(value)

    return act


def doubled(request: Any, answer: Any) -> Any:
    """The proper answer with each item twice."""
    value = json.loads(answer(request).body)
    value["bookmarks"] *= 2
    return Response.json(value)
