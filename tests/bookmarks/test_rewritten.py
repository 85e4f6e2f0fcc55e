"""A store whose objects another tool has written anew with equal content."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from datafetch.errors import BaseMoved, StoreUnavailable
from tests.bookmarks.world import KEYS, SETTINGS, World, at_request, link
from tests.stores import Killed

STATE = KEYS.dataset("bookmarks")


def pretty(value: Any) -> bytes:
    """Printed for people, with every letter beyond ASCII escaped."""
    return json.dumps(value, indent=2).encode()


def resorted(value: Any) -> bytes:
    """With the keys in another order."""
    return json.dumps(value, sort_keys=True).encode()


def pointed(value: Any) -> bytes:
    """With the keys in another order and whole numbers as `1.0`."""

    def points(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {name: points(inner[name]) for name in reversed(inner)}
        if isinstance(inner, list):
            return [points(one) for one in inner]
        return float(inner) if type(inner) is int else inner

    return json.dumps(points(value)).encode()


PRINTERS = pytest.mark.parametrize("printed", [pretty, resorted, pointed])
Printer = Callable[[Any], bytes]


def synced(count: int = 60, **options: Any) -> World:
    """A list of long standing, with fields of other jobs and other systems."""
    world = World.of(count, **options)
    world.app.edit("b004", title="Ünïcode ☃")
    world.run()
    world.enrich("b003", ogTitle="Stored", wordCount=7, theirs={"z": 1, "a": [1, 2]})
    world.run(force=True)
    return world


def rewrite(world: World, printed: Printer, *keys: str) -> dict[str, bytes]:
    """Let another tool write these objects anew; everything that is stored then, by key."""
    for key in keys:
        body = printed(world.json(key))
        assert body != world.store.get(key).body
        world.store.put(key, body)
    return contents(world)


def contents(world: World) -> dict[str, bytes]:
    """Everything that is stored, without what says when a run was."""
    moving = (KEYS.bookmarks_index(), KEYS.bookmarks_heartbeat(), STATE)
    return {key: world.store.get(key).body for key in world.stored() if key not in moving}


MASTER = KEYS.bookmarks()
PAGES = [KEYS.bookmark_page(number) for number in (1, 2, 3)]
MAPPING = KEYS.slug_mapping()


@PRINTERS
@pytest.mark.parametrize(
    "keys",
    [[MASTER], PAGES, [MAPPING], [MASTER, *PAGES, MAPPING]],
    ids=["master", "pages", "mapping", "all"],
)
def test_equal_content_in_other_bytes_is_unchanged(
    keys: list[str], printed: Printer, caplog: pytest.LogCaptureFixture
) -> None:
    """A list that another tool had printed anew was taken for changed by somebody else: all of it was written again."""
    world = synced()
    modified = world.index()["lastModified"]
    before = rewrite(world, printed, *keys)
    report = world.run()
    assert (report.changed, report.change_detected) == (0, False)
    assert contents(world) == before
    assert world.index()["lastModified"] == modified
    assert world.index()["changeDetected"] is False
    assert world.index()["lastFetchedAt"] == report.last_fetched_at
    assert "bookmarks_touched" not in caplog.messages
    world.run()
    assert world.faulty is not None
    assert (
        sorted(call.method for call in world.faulty.calls) == ["get"] * 3 + ["head"] + ["put"] * 2
    )
    assert contents(world) == before


@PRINTERS
@pytest.mark.parametrize("force", [True, False])
def test_full_comparison_finds_equal_content_unchanged(printed: Printer, force: bool) -> None:
    """A lost state compares everything with the store, and what says the same is left; `--force` writes it, as no change."""
    world = synced()
    modified = world.index()["lastModified"]
    backups = world.stored(KEYS.bookmarks_backup_prefix())
    before = rewrite(world, printed, MASTER, *PAGES, MAPPING)
    if not force:
        world.store.delete(STATE)
    report = world.run(force=force)
    assert (report.changed, report.change_detected) == (0, False)
    left = contents(world)
    for key in (MASTER, *PAGES, MAPPING):
        assert json.loads(left[key]) == json.loads(before[key])
        assert force or left[key] == before[key]
    assert world.index()["lastModified"] == modified
    assert world.stored(KEYS.bookmarks_backup_prefix()) == backups
    world.assert_whole()
    assert not world.run().change_detected


@PRINTERS
def test_next_change_is_published_over_rewritten_objects(printed: Printer) -> None:
    """A real change after that is written; pages that it does not touch keep the bytes they had."""
    world = synced()
    before = rewrite(world, printed, MASTER, *PAGES, MAPPING)
    world.app.edit("b050", title="New")
    report = world.run()
    assert report.changed == 1
    world.assert_whole()
    assert world.item("b050")["title"] == "New"
    assert world.item("b003")["theirs"] == {"z": 1, "a": [1, 2]}
    left = contents(world)
    assert [left[key] for key in PAGES[:2]] == [before[key] for key in PAGES[:2]]
    assert not world.run().change_detected


@PRINTERS
def test_other_content_is_no_equal_one(printed: Printer) -> None:
    """A list whose content somebody changed is not taken for one that was only printed anew."""
    world = synced()
    items = world.master()
    items[7]["mine"] = True
    world.store.put(MASTER, printed(items))
    world.run()
    assert world.item("b007")["mine"] is True
    world.assert_whole()
    items = world.master()
    items[7]["title"] = "By hand"
    world.store.put(MASTER, printed(items))
    world.run(force=True)
    assert world.item("b007")["title"] == "Title of b007"
    world.assert_whole()


def test_true_is_not_one() -> None:
    """Python takes `true` and `1` for equal, readers do not."""
    world = synced()
    items = world.master()
    items[7]["archived"] = 0
    world.store.put(MASTER, resorted(items))
    assert world.run().change_detected
    assert world.item("b007")["archived"] is False
    world.assert_whole()


def test_single_items_prove_what_rewritten_pages_cannot() -> None:
    """Of copies that were published together, those that nobody touched say what was published."""
    world = synced()
    rewrite(world, resorted, *PAGES[1:], MASTER)
    before = contents(world)
    world.run()
    assert contents(world) == before
    rewrite(world, pretty, KEYS.bookmark_by_id("b030"))
    world.store.put(MASTER, pretty(world.master()))
    items = world.master()
    items[30]["ogTitle"] = "By hand"
    world.store.put(MASTER, resorted(items))
    world.run()
    assert world.item("b030")["ogTitle"] == "By hand"
    world.assert_whole()


def test_dry_run_remembers_nothing_of_it() -> None:
    """A dry run finds the list unchanged too, and writes nothing."""
    world = synced()
    rewrite(world, resorted, MASTER)
    before = {key: world.store.get(key).body for key in world.stored()}
    assert not world.run(dry_run=True).change_detected
    assert not world.run(dry_run=True, force=True).change_detected
    assert {key: world.store.get(key).body for key in world.stored()} == before


def test_long_list_is_compared_too() -> None:
    """On a list that is not read in full, the whole of it keeps its bytes."""
    world = synced(250, settings=replace(SETTINGS, full_sync_max_items=100))
    rewrite(world, resorted, MASTER)
    before = contents(world)
    assert not world.run().change_detected
    assert contents(world) == before
    world.app.add(link(0, title="Newest, edited"))
    world.run()
    world.assert_whole()
    assert sum(world.store.get(key).body != body for key, body in before.items()) < 10


@pytest.mark.parametrize("kind", ["fail", "kill"])
@pytest.mark.parametrize("at", range(16))
def test_fault_at_each_request_while_comparing(at: int, kind: str) -> None:
    """Whatever request fails while a rewritten list is compared, nothing is lost and the next run ends it."""
    world = synced()
    rewrite(world, resorted, MASTER, *PAGES, MAPPING)
    slugs = world.slugs()
    with suppress(StoreUnavailable, Killed, BaseMoved):
        world.run(fault=at_request(at, kind))
    world.run()
    world.assert_whole()
    assert world.slugs() == slugs
    assert world.item("b003")["ogTitle"] == "Stored"
    assert not world.run().change_detected
