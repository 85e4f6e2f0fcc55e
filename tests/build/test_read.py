"""Prefetch while others publish: the files are of one moment, and half a publish never reaches them."""

import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from datafetch.errors import Inconsistent
from tests.bookmarks.world import NEWEST, World
from tests.build.bookmarks import (
    INDEX,
    JOURNAL,
    MASTER,
    assert_agree,
    assert_stored,
    bookmark_folder,
    publish,
)
from tests.build.world import KEYS, Build, at, once
from tests.stores import Call, Killed, MemoryStore
from tests.support import unprivileged

PAUSES = [2.0, 8.0]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    return bookmark_folder(tmp_path / "store")


@pytest.fixture
def build(world: World, tmp_path: Path) -> Build:
    """Nothing is written yet."""
    return Build(tmp_path / "site" / "generated", world.store, world.clock)


def test_a_publish_between_any_two_requests_is_noticed(tmp_path: Path) -> None:
    """Whenever a publish falls into the reading, the files are those of after it, unmixed."""
    world = World.of(30)
    world.run()
    build = Build(tmp_path / "out", world.store, world.clock)
    build.prefetch().bookmarks()
    for number in range(len(build.calls)):
        world.clock.slept.clear()
        runs = world.runs

        def before(_: Call, at: int = number) -> None:
            if len(build.calls) == at + 1:
                publish(world, at + 100)

        build.prefetch(before=before).bookmarks()
        assert world.runs == runs + 1
        assert_stored(build)
        # Only a publish before the first look at the index goes unnoticed.
        assert world.clock.slept == ([] if number < 2 else PAUSES[:1])


def test_enrichment_that_is_published_meanwhile_is_noticed(build: Build, world: World) -> None:
    """A publish that moves neither ids nor times of items, such as a found picture, counts too."""

    def enrich() -> None:
        world.enrich("b003", ogImage=f"https://cdn.example.com/{len(world.clock.slept)}.png")
        world.run(force=True)

    build.prefetch(before=once(KEYS.bookmark_page(2), enrich)).bookmarks()
    assert world.clock.slept == PAUSES[:1]
    assert_stored(build)
    assert build.json("bookmarks/bookmarks.json")[3]["ogImage"].endswith("/0.png")


def test_a_store_that_never_rests_ends_the_build(build: Build, world: World) -> None:
    """After three readings, each caught by a publish, the build gives up and old files stay."""
    build.prefetch().bookmarks()
    before = build.files()

    def again(call: Call) -> None:
        if call == Call("get", MASTER):
            publish(world, 100 + world.runs)

    with pytest.raises(Inconsistent, match="is being published right now") as caught:
        build.prefetch(before=again).bookmarks()
    assert sum(call == Call("get", MASTER) for call in build.calls) == 3
    assert world.clock.slept == PAUSES
    assert "again" in caught.value.hint
    assert build.files() == before


@pytest.mark.parametrize("change", ["opens", "closes", "moves"])
def test_a_journal_that_changes_starts_the_reading_again(
    build: Build, world: World, change: str
) -> None:
    """A publish that begins, ends, or begins anew while the build reads is seen by its journal."""
    if change != "opens":
        world.store.put(JOURNAL, b'{"runId":"one"}')

    def move() -> None:
        if change == "closes":
            world.store.delete(JOURNAL)
        else:
            world.store.put(JOURNAL, b'{"runId":"two"}')

    build.prefetch(before=once(MASTER, move)).bookmarks()
    assert world.clock.slept == PAUSES[:1]
    assert_stored(build)


def test_an_open_publish_that_stands_still_is_no_obstacle(build: Build, world: World) -> None:
    """A run that died before it wrote anything must not stop every build until the next sync."""
    world.store.put(JOURNAL, json.dumps({"runId": "dead"}).encode())
    assert build.prefetch().bookmarks().changed == 3
    assert world.clock.slept == []


def test_a_publish_of_another_user_is_no_obstacle() -> None:
    """State in a folder is its owner's alone: the site builds as another user than cron's."""
    with tempfile.TemporaryDirectory() as volume:
        Path(volume).chmod(0o777)
        world = bookmark_folder(Path(volume) / "store")
        world.store.put(JOURNAL, b'{"runId":"dead"}')
        with unprivileged():
            build = Build(Path(volume) / "generated", world.store, world.clock)
            assert build.prefetch().bookmarks().changed == 3
            assert world.clock.slept == []
            assert_stored(build)


def test_what_disagrees_under_an_open_publish_is_waited_for(build: Build, world: World) -> None:
    """Half-written data is read again, and when it stays so, the build says why."""
    build.prefetch().bookmarks()
    before = build.files()
    world.store.put(JOURNAL, b'{"runId":"dead"}')
    good = world.store.get(KEYS.bookmark_page(2)).body
    world.store.put(KEYS.bookmark_page(2), b"[]")
    with pytest.raises(Inconsistent, match=r"died half-way: .*page-2\.json") as caught:
        build.prefetch().bookmarks()
    assert "`datafetch bookmarks`" in caught.value.hint
    assert world.clock.slept == PAUSES
    assert build.files() == before
    world.clock.slept.clear()

    def mend(call: Call) -> None:
        if call == Call("head", JOURNAL) and world.clock.slept:
            world.store.put(KEYS.bookmark_page(2), good)

    assert build.prefetch(before=mend).bookmarks().changed == 0
    assert world.clock.slept == PAUSES[:1]


def test_the_first_publish_is_waited_for(build: Build, world: World) -> None:
    """While the very first publish is under way there is no index yet, and that is no error."""
    index = world.store.get(INDEX).body
    world.store.delete(INDEX)
    world.store.put(JOURNAL, b'{"runId":"first"}')

    def end(call: Call) -> None:
        if call == Call("head", JOURNAL) and world.clock.slept:
            world.store.put(INDEX, index)

    assert build.prefetch(before=end).bookmarks().changed == 3


def shrink(world: World) -> None:
    """Eight bookmarks are deleted."""
    world.app.remove(*(f"b{one:03d}" for one in range(2, 10)))


def cross(world: World) -> None:
    """Bookmarks change pages in both directions: between two writes page 1 has more than 24."""
    world.app.resave("b027", NEWEST + timedelta(hours=1))
    world.app.resave("b028", NEWEST + timedelta(hours=2))


@pytest.mark.parametrize(("change", "left"), [(shrink, 22), (cross, 30)])
def test_a_publish_that_died_at_any_write_never_reaches_the_site(
    tmp_path: Path, change: Callable[[World], None], left: int
) -> None:
    """A crash left the index pointing at missing pages: a build takes what agrees, or nothing."""
    refused = taken = 0
    for number in range(200):
        world = World.of(30, store=MemoryStore())
        world.run()
        build = Build(tmp_path / str(number), world.store, world.clock)
        build.prefetch().bookmarks()
        before = build.files()
        change(world)
        try:
            world.run(fault=at(number, "kill"), allow_shrink=True)
        except Killed:
            pass
        else:
            break
        try:
            build.prefetch().bookmarks()
        except Inconsistent:
            refused += 1
            assert build.files() == before
        else:
            taken += 1
            assert_agree(build)
            assert_stored(build)
        world.run(allow_shrink=True)
        build.prefetch().bookmarks()
        assert len(build.json("bookmarks/bookmarks.json")) == left
    assert refused > 5
    assert taken > 5
