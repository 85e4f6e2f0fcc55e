"""What readers see of the pages while the job writes them, and when it dies there."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datafetch.errors import BaseMoved, StoreUnavailable
from datafetch.store.base import Condition
from tests.bookmarks.world import KEYS, NEWEST, World, at_request
from tests.fakes import karakeep
from tests.stores import Killed, MemoryStore

Shown = dict[str, frozenset[str]]
"""The ids on the pages of the list, and of each tag, by the folder of the pages."""

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Watched(MemoryStore):
    """A store that remembers what its pages showed after each write."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, frozenset[str]] = {}
        self.moments: list[Shown] = []
        self.largest = 0

    def shown(self) -> Shown:
        """What the pages show now."""
        found: dict[str, frozenset[str]] = {}
        for key, ids in self.pages.items():
            folder = key.rpartition("/")[0]
            found[folder] = found.get(folder, frozenset()) | ids
        return found

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        etag = super().put_once(key, body, condition)
        if key.rpartition("/")[2].startswith("page-"):
            self.pages[key] = frozenset(item["id"] for item in json.loads(body))
            self.largest = max(self.largest, len(self.pages[key]))
            self.moments.append(self.shown())
        return etag

    def delete(self, key: str) -> None:
        super().delete(key)
        if self.pages.pop(key, None):
            self.moments.append(self.shown())

    def assert_nobody_was_away(self) -> None:
        """Whatever the pages showed at first and show now, they showed at each moment between."""
        first, last = self.moments[0], self.shown()
        for folder, ids in first.items():
            staying = ids & last.get(folder, frozenset())
            for moment in self.moments:
                assert moment.get(folder, frozenset()) >= staying


def watched(count: int) -> tuple[World, Watched]:
    """A world with a list of so many bookmarks, once synced, whose store is watched."""
    store = Watched()
    world = World.of(count, store=store)
    world.run()
    store.moments = [store.shown()]
    store.largest = 0
    return world, store


def page_writes(world: World) -> list[str]:
    """The pages of the list that the last run wrote, in order."""
    assert world.faulty is not None
    prefix = KEYS.bookmark_pages_prefix()
    keys = [key for key in world.faulty.keys("put") if key.startswith(prefix)]
    return [key.removeprefix(f"{prefix}page-").removesuffix(".json") for key in keys]


def insert(world: World, number: int) -> None:
    """Somebody saves a new bookmark."""
    made, tags = NEWEST + timedelta(hours=number), [karakeep.tag(f"Tag {number % 3}")]
    world.app.add(
        karakeep.link(f"n{number:03d}", f"https://new{number}.example.com/", made, tags=tags)
    )


def test_an_insertion_and_a_deletion_leave_nobody_out() -> None:
    """One order of pages for a change that both inserts and deletes: an item was on no page."""
    world, store = watched(100)
    insert(world, 1)
    insert(world, 2)
    world.app.remove("b005", "b060", "b061", "b062")
    world.run()
    assert sorted(page_writes(world)) == ["1", "2", "3", "4", "5"]
    assert store.largest == 24
    store.assert_nobody_was_away()
    world.assert_whole()


def test_one_insertion_or_deletion_costs_one_write_a_page() -> None:
    """A page is written once when bookmarks only come or go, from the last one or from the first."""
    world, _ = watched(100)
    insert(world, 1)
    world.run()
    assert page_writes(world) == ["5", "4", "3", "2", "1"]
    world.app.remove("b050")
    world.run()
    assert page_writes(world) == ["3", "4", "5"]


def test_a_bookmark_that_is_saved_again_costs_one_write_more() -> None:
    """It jumps to the first page while others slide down: that page has 25 between two writes."""
    world, store = watched(100)
    world.app.resave("b090", NEWEST + timedelta(hours=1))
    world.run()
    assert page_writes(world) == ["1", "4", "3", "2", "1"]
    assert store.largest == 25
    store.assert_nobody_was_away()
    assert all(len(world.json(KEYS.bookmark_page(number))) == 24 for number in (1, 2, 3, 4))
    world.assert_whole()


def test_pages_whose_items_only_change_are_written_each_by_itself() -> None:
    """An edit of one bookmark writes its page, and none beside it."""
    world, store = watched(100)
    world.app.edit("b030", title="New")
    world.app.edit("b080", title="New")
    world.run()
    assert sorted(page_writes(world)) == ["2", "4"]
    store.assert_nobody_was_away()


def test_a_page_that_somebody_writes_between_its_two_writes_ends_the_publish() -> None:
    """The second write of a page has the condition that it still is as the first one left it."""
    world, store = watched(100)
    world.app.resave("b090", NEWEST + timedelta(hours=1))
    first = KEYS.bookmark_page(1)

    def meddle(call: Any, _: int) -> None:
        if call.method == "put" and call.key == KEYS.bookmark_page(2) and not meddled:
            meddled.append(call)
            store.objects[first] = b"[]"

    meddled: list[Any] = []
    world.run(fault=meddle)
    assert meddled
    world.assert_whole()
    assert [item["id"] for item in world.master()] == world.app.ids()


@pytest.mark.parametrize("kind", ["kill", "gone"])
def test_wherever_a_publish_with_crossing_moves_dies_the_next_run_heals(kind: str) -> None:
    """A kill between two writes of a page lasted until the next run, which has to end it."""
    for at in range(200):
        world, store = watched(60)
        world.app.resave("b050", NEWEST + timedelta(hours=1))
        world.app.resave("b020", NEWEST + timedelta(hours=2))
        world.app.remove("b040")
        insert(world, 3)
        with suppress(Killed, StoreUnavailable):
            world.run(fault=at_request(at, kind))
        reached = world.faulty is not None and world.faulty.count() > at
        store.assert_nobody_was_away()
        world.run()
        store.assert_nobody_was_away()
        world.assert_whole()
        assert [item["id"] for item in world.master()] == world.app.ids()
        if not reached:
            return
    raise AssertionError("the publish did not end")


@st.composite
def changes(draw: st.DrawFn, *, tags: bool = False) -> Callable[[World, int], None]:
    """Some changes of a list of 60 bookmarks."""
    numbers = st.integers(0, 59)
    insertions = draw(st.integers(0, 30))
    deletions = draw(st.lists(numbers, max_size=20, unique=True))
    resaved = draw(st.lists(numbers, max_size=4, unique=True))
    moved = draw(st.lists(st.tuples(numbers, numbers), max_size=4))
    tagged = draw(st.lists(st.tuples(numbers, st.integers(0, 3)), max_size=10 if tags else 0))

    def make(world: World, start: int) -> None:
        there = set(world.app.ids())
        for number in range(insertions):
            insert(world, start + number)
        for number, hours in [*((number, -start - 50) for number in resaved), *moved]:
            if f"b{number:03d}" in there:
                world.app.resave(f"b{number:03d}", NEWEST - timedelta(hours=hours, minutes=1))
        for number, tag in tagged:
            if f"b{number:03d}" in there:
                world.app.edit(f"b{number:03d}", tags=[karakeep.tag(f"Tag {tag}")])
        world.app.remove(*(f"b{number:03d}" for number in deletions if f"b{number:03d}" in there))

    return make


@FEW
@given(changes(tags=True), changes(), st.integers(0, 60), st.sampled_from(["kill", "gone", "lost"]))
def test_whatever_changes_and_wherever_a_run_dies_nobody_is_away(
    first: Any, second: Any, at: int, kind: str
) -> None:
    """Of the list and of each tag, what stays was on a page at each moment, in the healing too."""
    world, store = watched(60)
    first(world, 100)

    with suppress(Killed, StoreUnavailable, BaseMoved):
        world.run(fault=at_request(at, kind), allow_shrink=True)
    store.assert_nobody_was_away()
    second(world, 200)
    world.run(allow_shrink=True)
    store.assert_nobody_was_away()
    world.run(allow_shrink=True, force=True)
    world.assert_whole()
    assert [item["id"] for item in world.master()] == world.app.ids()
