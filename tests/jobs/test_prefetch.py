"""Prefetch of the bookmarks: what is written agrees and is of one moment, or nothing is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import (
    CorruptObject,
    Inconsistent,
    ObjectNotFound,
    Stale,
    StoreUnavailable,
)
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.jobs.bookmark_world import World, link
from tests.jobs.prefetch_world import KEYS, Build, once
from tests.stores import Call, Fault, Killed, MemoryStore
from tests.support import FakeClock

INDEX, MASTER = KEYS.bookmarks_index(), KEYS.bookmarks()
MAPPING, JOURNAL = KEYS.slug_mapping(), KEYS.publish_journal("bookmarks")
NAMES = {
    "bookmarks/bookmarks.json": MASTER,
    "bookmarks/slug-mapping.json": MAPPING,
    "bookmarks/index.json": INDEX,
}
PAUSES = [2.0, 8.0]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    clock = FakeClock()
    made = World.of(30, store=LocalStore(tmp_path / "store", clock), clock=clock)
    made.run()
    return made


@pytest.fixture
def build(world: World, tmp_path: Path) -> Build:
    """Nothing is written yet."""
    return Build(tmp_path / "site" / "generated", world.store, world.clock)


def publish(world: World, number: int = 100) -> None:
    """Somebody adds a bookmark and syncs."""
    world.app.add(link(number))
    world.run()


def at(number: int, what: str) -> Fault:
    """Misbehaves at the n-th request."""
    return lambda _, count: what if count == number else None


def assert_stored(build: Build) -> None:
    """The files are, byte for byte, what is stored, and nothing else is there."""
    assert build.contents() == {name: build.store.get(key).body for name, key in NAMES.items()}


def assert_agree(build: Build) -> None:
    """The files belong together."""
    items, index, mapping = (
        build.json(f"bookmarks/{name}.json") for name in ("bookmarks", "index", "slug-mapping")
    )
    assert index["count"] == len(items) == mapping["count"]
    assert index["checksum"] == mapping["checksum"]
    assert {item["slug"]: item["id"] for item in items} == mapping["reverseMap"]


def test_files_are_what_is_stored(build: Build, world: World) -> None:
    """A build gets list, slug mapping and index byte for byte, without the environment's suffix."""
    report = build.prefetch(width=4).bookmarks()
    assert_stored(build)
    assert (report.processed, report.changed, report.change_detected) == (3, 3, True)
    assert report.last_fetched_at == world.index()["lastFetchedAt"]


def test_the_store_is_only_read(build: Build) -> None:
    """Read-only credentials are enough: no write, no list, no upstream, and each page once."""
    build.prefetch().bookmarks()
    assert {call.method for call in build.calls} == {"get", "head"}
    read = [call.key for call in build.calls if call.method == "get"]
    pages = [KEYS.bookmark_page(1), KEYS.bookmark_page(2)]
    assert sorted(read) == sorted([INDEX, MASTER, MAPPING, *pages])


def test_what_is_the_same_is_left_alone(build: Build) -> None:
    """A second run touches no file, so that a build's own caches stay good."""
    build.prefetch().bookmarks()
    before = build.files()
    report = build.prefetch().bookmarks()
    assert build.files() == before
    assert (report.processed, report.changed, report.change_detected) == (3, 0, False)


def test_only_what_differs_is_written(build: Build, world: World) -> None:
    """After a sync that changed nothing, the index alone is another one."""
    build.prefetch().bookmarks()
    before = build.files()
    world.run()
    assert build.prefetch().bookmarks().changed == 1
    after = build.files()
    assert [name for name in NAMES if after[name] != before[name]] == ["bookmarks/index.json"]
    assert_stored(build)


def test_production_objects_have_no_suffix(tmp_path: Path, world: World) -> None:
    """A production build reads production's objects, and never development's instead."""
    build = Build(tmp_path / "out", world.store, world.clock, keys=Keys())
    with pytest.raises(ObjectNotFound, match=r"json/bookmarks/index\.json is not in"):
        build.prefetch().bookmarks()
    for key in (INDEX, MASTER, MAPPING, KEYS.bookmark_page(1), KEYS.bookmark_page(2)):
        world.store.put(key.replace("-test", ""), world.store.get(key).body)
    assert build.prefetch().bookmarks().changed == 3


# ------------------------------------------------------------ missing, broken


@pytest.mark.parametrize("key", [INDEX, MASTER, MAPPING, KEYS.bookmark_page(2)])
@pytest.mark.parametrize("built", [True, False])
def test_a_missing_object_is_named_and_files_stay(
    build: Build, world: World, key: str, *, built: bool
) -> None:
    """A missing object ends the build with its key and what to run; older files stay as they are."""
    if built:
        build.prefetch().bookmarks()
    before = build.files()
    world.store.delete(key)
    with pytest.raises(ObjectNotFound, match="run `datafetch bookmarks") as caught:
        build.prefetch().bookmarks()
    assert caught.value.key == key
    assert key in str(caught.value)
    assert build.files() == before
    assert world.clock.slept == []


@pytest.mark.parametrize("key", [INDEX, MASTER, MAPPING, KEYS.bookmark_page(1)])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xef\xbb\xbf[]", b"[NaN]"])
def test_a_broken_object_is_named_and_files_stay(
    build: Build, world: World, key: str, body: bytes
) -> None:
    """A corrupt object in the store is never passed on to the site."""
    build.prefetch().bookmarks()
    before = build.files()
    world.store.put(key, body)
    with pytest.raises(CorruptObject, match="is not JSON") as caught:
        build.prefetch().bookmarks()
    assert caught.value.key == key
    assert "datafetch bookmarks --force" in caught.value.hint
    assert build.files() == before


@pytest.mark.parametrize(
    ("key", "edit"),
    [
        pytest.param(INDEX, lambda v: v.update(count=31), id="count"),
        pytest.param(INDEX, lambda v: v.update(checksum="0" * 64), id="checksum"),
        pytest.param(MASTER, lambda v: v.reverse(), id="order"),
        pytest.param(MASTER, lambda v: v[3].update(note="another"), id="item"),
        pytest.param(KEYS.bookmark_page(2), lambda v: v[:-1], id="short page"),
        pytest.param(MAPPING, lambda v: v["reverseMap"].clear(), id="reverse map"),
    ],
)
def test_objects_that_disagree_are_refused(build: Build, world: World, key: str, edit: Any) -> None:
    """The index was written before its pages, a page is old, a slug is missing: all are refused."""
    build.prefetch().bookmarks()
    before = build.files()
    build.change(key, edit)
    with pytest.raises(Inconsistent):
        build.prefetch(width=4).bookmarks()
    assert build.files() == before
    assert world.clock.slept == []


def test_stale_bookmarks_are_refused_with_their_age(build: Build, world: World) -> None:
    """`--max-age` counts from the last successful fetch, and says how old the data is."""
    build.prefetch().bookmarks()
    before = build.files()
    world.clock.advance(50 * 3600)
    with pytest.raises(Stale, match=r"2 d 2 h ago, the limit is 2 d") as caught:
        build.prefetch(max_age_s=48 * 3600).bookmarks()
    assert "datafetch bookmarks" in caught.value.hint
    assert build.files() == before
    assert build.prefetch(max_age_s=50 * 3600).bookmarks().changed == 0


def test_bookmarks_that_were_never_fetched_are_stale(build: Build) -> None:
    """An index without a successful fetch is as old as can be, but no error without a limit."""
    build.change(INDEX, lambda v: v.update(lastFetchedAt=None))
    with pytest.raises(Stale, match="unknown time"):
        build.prefetch(max_age_s=1e9).bookmarks()
    assert build.prefetch().bookmarks().last_fetched_at is None


def test_a_store_that_fails_at_any_request_leaves_the_files(build: Build, world: World) -> None:
    """A store error is never read as "not found", and at no point does it cost a file."""
    build.prefetch().bookmarks()
    requests = len(build.calls)
    before = build.files()
    publish(world)
    for number in range(requests):
        with pytest.raises(StoreUnavailable):
            build.prefetch(fault=at(number, "fail")).bookmarks()
        assert build.files() == before


# ---------------------------------------------------------------------- races


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


def test_a_publish_that_died_at_any_write_never_reaches_the_site(tmp_path: Path) -> None:
    """A crash left the index pointing at missing pages: a build takes what agrees, or nothing."""
    refused = taken = 0
    for number in range(200):
        world = World.of(30, store=MemoryStore())
        world.run()
        build = Build(tmp_path / str(number), world.store, world.clock)
        build.prefetch().bookmarks()
        before = build.files()
        world.app.remove(*(f"b{one:03d}" for one in range(2, 10)))
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
        assert len(build.json("bookmarks/bookmarks.json")) == 22
    assert refused > 5
    assert taken > 5
