"""Prefetch of the bookmarks: what is written is what is stored and agrees, or nothing is written."""

from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import CorruptObject, Inconsistent, ObjectNotFound, Stale, StoreUnavailable
from datafetch.store.keys import Keys
from tests.bookmarks.world import World
from tests.build.bookmarks import (
    INDEX,
    MAPPING,
    MASTER,
    NAMES,
    assert_stored,
    bookmark_folder,
    publish,
)
from tests.build.world import KEYS, Build, at


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    return bookmark_folder(tmp_path / "store")


@pytest.fixture
def build(world: World, tmp_path: Path) -> Build:
    """Nothing is written yet."""
    return Build(tmp_path / "site" / "generated", world.store, world.clock)


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


def test_a_list_that_was_fetched_at_an_unknown_time_has_no_age(build: Build) -> None:
    """Its index says 0, since readers demand a number; that is not the year 1970."""
    build.change(INDEX, lambda v: v.update(lastFetchedAt=0))
    with pytest.raises(Stale, match="at an unknown time, the limit is 2 d"):
        build.prefetch(max_age_s=48 * 3600).bookmarks()
    assert build.prefetch().bookmarks().last_fetched_at is None


def test_an_index_without_a_fetch_is_refused(build: Build) -> None:
    """Readers demand its time; the next sync has one."""
    build.change(INDEX, lambda v: v.update(lastFetchedAt=None))
    with pytest.raises(CorruptObject, match="lastFetchedAt") as caught:
        build.prefetch().bookmarks()
    assert "`datafetch bookmarks --force`" in caught.value.hint


def test_a_list_that_readers_would_refuse_is_refused(build: Build) -> None:
    """The item, its field and the command that mends it are named, and the files stay."""
    build.prefetch().bookmarks()
    before = build.files()
    build.change(MASTER, lambda items: items[3].update(ogImage="/api/assets/1"))
    with pytest.raises(CorruptObject, match="readers refuse the bookmark b003: ogImage") as caught:
        build.prefetch().bookmarks()
    assert "Run `datafetch bookmarks --force`, which stores it anew" in caught.value.hint
    assert build.files() == before


def test_a_mapping_with_the_checksum_of_older_programs_is_accepted(build: Build) -> None:
    """What ties it to the list is its pairs."""
    build.change(MAPPING, lambda value: value.update(checksum="d41d8cd98f00b204e9800998ecf8427e"))
    assert build.prefetch().bookmarks().changed == 3


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
