"""Lists that their readers accept: what is left out, what stored items become, what is said."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.bookmarks.publish import enrich_bookmarks
from datafetch.errors import GuardRefused
from datafetch.models.job_settings import TagPages
from datafetch.store.base import ObjectStore
from datafetch.store.local import LocalStore
from tests.bookmarks.world import KEYS, NEWEST, SETTINGS, World, link
from tests.fakes import karakeep
from tests.job_settings import ALL_TAGS
from tests.readers.bookmarks import refusals
from tests.readers.site import Site
from tests.stores import MemoryStore

STATE = KEYS.dataset("bookmarks")
INCLUDED = replace(SETTINGS, include_unlinked=True)


def note(name: str, **fields: Any) -> karakeep.Json:
    """A note without a web address."""
    return karakeep.text(name, "something", NEWEST, **fields)


def world_with_notes(links: int = 30, notes: int = 4, **options: Any) -> World:
    """A list of links and notes."""
    world = World.of(links, **options)
    world.app.add(*(note(f"n{number}") for number in range(notes)))
    return world


def assert_accepted(world: World) -> None:
    """Readers accept every object of the bookmarks, and the objects agree."""
    world.assert_whole()
    objects = {key: world.store.get(key).body for key in world.stored("json/bookmarks/")}
    assert list(refusals(objects, Site(suffix="-test"))) == []


def rewrite(world: World, change: Any) -> None:
    """Change every stored item in every object that holds it, with a state that knows them.

    `change` is called with each item. The state is that of older rules, as their run left it.
    """
    state = world.json(STATE)
    for key in world.stored("json/bookmarks/"):
        value = world.json(key)
        items = value if isinstance(value, list) else [value] if "/by-id" in key else []
        for item in items:
            change(item)
        if items:
            body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            state["objects"][key.removeprefix("json/bookmarks/")] = [
                world.store.put(key, body),
                "",
            ]
    mapping = world.json(KEYS.slug_mapping())
    mapping["checksum"] = world.index()["checksum"]
    world.store.put(KEYS.slug_mapping(), json.dumps(mapping).encode())
    state["layout"] = "rules=3 tags=all"
    del state["leftOut"]
    world.store.put(STATE, json.dumps(state).encode())


def spoil(item: dict[str, Any]) -> None:
    """An item as older rules made it, with what readers refuse."""
    item["ogImage"] = "/api/assets/a1"
    item["ogUrl"] = "javascript:alert(1)"
    item["ogTitle"] = "kept"
    item["domain"] = "WWW.example.com"
    item["content"] = {"type": "link", "url": item["url"], "title": None}


def test_notes_are_left_out_and_named() -> None:
    """One item without a web address made readers refuse the whole list."""
    world = world_with_notes()
    report = world.run()
    assert (report.processed, report.skipped) == (34, 4)
    assert len(world.master()) == 30
    assert_accepted(world)
    said = " ".join(report.notes)
    assert "4 items (n3, n2, n1, …)" in said
    assert "BOOKMARKS_INCLUDE_UNLINKED=true" in said
    again = world.run()
    assert (again.processed, again.skipped, again.change_detected) == (34, 4, False)
    assert "4 items" in " ".join(again.notes)


def test_what_is_left_out_keeps_its_slug_and_is_no_shrinkage() -> None:
    """Notes that were published go without `--allow-shrink`, and come back with their slugs."""
    world = world_with_notes(10, 20, settings=INCLUDED)
    world.run()
    slugs = world.slugs()
    assert len(slugs) == 30
    assert all("url" not in world.item(f"n{number}") for number in range(20))
    world.settings = SETTINGS
    report = world.run()
    assert (report.skipped, report.changed, len(world.master())) == (20, 20, 10)
    assert KEYS.bookmark_by_id("n1") not in world.stored()
    assert_accepted(world)
    taken = link(70, url="https://elsewhere.example.com/", title="x")
    world.app.add(taken)
    world.settings = INCLUDED
    world.run()
    assert {key: world.slugs()[key] for key in slugs} == slugs
    world.assert_whole()


def test_what_is_left_out_counts_for_the_minimum() -> None:
    """A list of 6 links and 4 notes has 10 bookmarks; with 3 notes it is refused."""
    world = world_with_notes(6, 4, production=True)
    world.run()
    assert len(world.master()) == 6
    world.app.remove("n0")
    world.app.edit("b001", title="New")
    with pytest.raises(GuardRefused, match="9 bookmarks, and production takes no fewer than 10"):
        world.run()


def test_notes_do_not_hide_a_shrunken_list() -> None:
    """Links that are gone are missed, however many notes came instead."""
    world = World.of(30)
    world.run()
    world.app.remove(*(f"b{number:03d}" for number in range(15)))
    world.app.add(*(note(f"n{number}") for number in range(15)))
    with pytest.raises(GuardRefused, match="from 30 to 15"):
        world.run()
    assert len(world.master()) == 30


def test_a_list_of_notes_alone_is_refused() -> None:
    """The refusal names the setting by which it could be published."""
    with pytest.raises(GuardRefused, match="none of the list's 3 items has a web address"):
        world_with_notes(0, 3).run()


def test_notes_do_not_make_incremental_runs_read_everything() -> None:
    """A page with notes that are known is as old as one without."""
    settings = replace(SETTINGS, full_sync_max_items=50)
    world = world_with_notes(250, 30, settings=settings)
    world.run()
    report = world.run()
    assert len([path for path in world.asked if "cursor" in path or "bookmarks" in path]) == 1
    assert report.skipped == 30
    world.app.add(note("n99"))
    assert world.run().skipped == 31
    assert len(world.asked) == 2
    report = world.run()
    assert (len(world.asked), report.skipped, report.change_detected) == (1, 31, False)


def test_the_rules_reach_what_is_stored() -> None:
    """Items that did not change at the server kept what older rules had let through for ever."""
    world = World.of(60)
    world.run()
    slugs = world.slugs()
    rewrite(world, spoil)
    report = world.run()
    assert report.changed == 60
    assert world.slugs() == slugs
    assert_accepted(world)
    assert {item["ogTitle"] for item in world.master()} == {"kept"}
    assert not any({"ogImage", "ogUrl"} & item.keys() for item in world.master())
    assert not world.run().change_detected
    assert world.faulty is not None
    assert len(world.faulty.calls) <= 16


def test_the_rules_reach_what_does_not_come() -> None:
    """An item that cannot be read any more is made over too, by what is stored of it."""
    world = World.of(30)
    world.run()
    slugs = world.slugs()
    rewrite(world, spoil)
    world.app.malform("b007", tags="none")
    report = world.run()
    assert report.failed == 1
    assert world.slugs() == slugs
    assert_accepted(world)
    assert world.item("b007")["ogTitle"] == "kept"


def test_a_backup_of_older_rules_is_made_over() -> None:
    """A restored list is one that readers accept, whoever made the backup."""
    world = World.of(30)
    world.run()
    rewrite(world, spoil)
    world.run()
    world.run(restore=1)
    assert_accepted(world)
    assert {item["ogTitle"] for item in world.master()} == {"kept"}


def test_a_mapping_with_the_old_checksum_is_rewritten_once() -> None:
    """It was made of the list, where readers demand the MD5 of the pairs; nothing else changed."""
    world = World.of(30)
    world.run()
    before = world.index()
    rewrite(world, lambda _: None)
    report = world.run()
    assert (report.changed, report.change_detected) == (0, False)
    assert world.index()["lastModified"] == before["lastModified"]
    assert_accepted(world)
    body = world.store.get(KEYS.slug_mapping())
    world.run()
    assert world.store.get(KEYS.slug_mapping()).etag == body.etag


def test_enrichment_before_the_first_sync_does_not_hide_that_rules_changed() -> None:
    """OpenGraph may publish first: the items are made over by the bookmark run all the same."""
    world = World.of(30)
    world.run()
    rewrite(world, spoil)
    assert world.context is not None
    enrich_bookmarks(world.context, ALL_TAGS, lambda _: {"ogDescription": "new"})
    assert world.json(STATE)["layout"] == "rules=3 tags=all"
    assert world.item("b001")["ogImage"] == "/api/assets/a1"
    world.run()
    assert_accepted(world)
    assert world.item("b001")["ogDescription"] == "new"


def test_pages_of_tags_move_to_the_slugs_that_readers_link() -> None:
    """A mixed name had a slug that no link leads to; its old pages go."""
    world = World.of(30)
    world.app.edit("b001", tags=[karakeep.tag("日本語 AI")])
    world.run()
    assert KEYS.tag_page("ai", 1) in world.stored()
    key = KEYS.tag_page("日本語-ai", 1)
    world.store.put(key, world.store.get(KEYS.tag_page("ai", 1)).body)
    rewrite(world, lambda _: None)
    world.run()
    assert key not in world.stored()
    assert_accepted(world)


@pytest.mark.parametrize("tags", [ALL_TAGS, TagPages(enabled=False, maximum=None)])
@pytest.mark.parametrize("folder", [False, True])
def test_stale_pages_of_tags_go_whatever_their_name(
    tags: TagPages, folder: bool, tmp_path: Path
) -> None:
    """What the old system had left under `tags//` ended every run; a folder cannot hold that name."""
    store: ObjectStore = LocalStore(tmp_path) if folder else MemoryStore()
    world = World.of(30, store=store, settings=replace(SETTINGS, tags=tags))
    world.run()
    names = ["old tag/page-1.json", "İ/index.json", "a/b/page-1.json"]
    stale = [KEYS.tags_prefix() + name for name in names]
    if folder:
        for key in stale:
            file = tmp_path / key
            file.parent.mkdir(parents=True)
            file.write_bytes(b"[]")
    else:
        stale += [f"{KEYS.tags_prefix()}/page-1.json", f"{KEYS.tags_prefix()}../page-1.json"]
        for key in stale:
            store.put(key, b"[]")
    report = world.run(force=True)
    assert (report.failed, report.change_detected) == (0, False)
    assert not set(stale) & set(world.stored())
    if tags.enabled:
        assert_accepted(world)


def test_the_first_hundred_tags_are_published_and_the_rest_counted() -> None:
    """One item with thousands of tags filled the disk."""
    world = World.of(30)
    tags = [karakeep.tag(f"t{number:04d}") for number in range(2003)]
    world.app.edit("b001", tags=tags)
    for _ in range(2):
        report = world.run()
        note = "more than 100 tags: 1 item (b001). The first 100 of each are published, and 1903"
        assert note in " ".join(report.notes)
    assert len(world.item("b001")["tags"]) == 100
    assert_accepted(world)


def test_an_index_of_which_nobody_knows_when_it_was_fetched_has_a_number() -> None:
    """Readers demand one, and took null for a broken index."""
    world = World.of(30)
    world.run()
    world.store.delete(KEYS.bookmarks_index())
    assert world.context is not None
    enrich_bookmarks(world.context, ALL_TAGS, lambda _: {"ogTitle": "new"})
    assert world.index()["lastFetchedAt"] == 0
    world.assert_whole()


def test_stored_pictures_that_visitors_should_not_ask_for_go() -> None:
    """What older rules had let through goes from every object; slugs and good pictures stay."""
    world = World.of(30)
    world.run()
    slugs = world.slugs()

    def lead_astray(item: dict[str, Any]) -> None:
        item["ogImageExternal"] = "http://10.0.0.1/i.png"
        item["ogImage"] = "https://cdn.example.com/images/opengraph/x.png"
        item["content"]["favicon"] = "http://169.254.169.254/latest"

    rewrite(world, lead_astray)
    assert world.run().changed == 30
    assert world.slugs() == slugs
    assert_accepted(world)
    for key in world.stored("json/bookmarks/"):
        assert not re.search(rb"10\.0\.0\.1|169\.254", world.store.get(key).body)
    images = {item["ogImage"] for item in world.master()}
    assert images == {"https://cdn.example.com/images/opengraph/x.png"}
    assert not world.run().change_detected


def test_pictures_come_and_go_with_the_hosts_that_are_allowed() -> None:
    """A host that is taken from DATAFETCH_ALLOW_HOSTS is in no published picture after the next run."""
    app = karakeep.KarakeepApp(
        karakeep.link(f"b{n}", f"https://e{n}.com/", NEWEST, {"imageUrl": "http://10.0.0.1/i.png"})
        for n in range(12)
    )
    world = World(app)
    for allowed, shown in ((set(), 0), ({"10.0.0.1"}, 12), (set(), 0)):
        world.allowed = frozenset(allowed)
        world.run()
        assert sum("ogImageExternal" in item for item in world.master()) == shown
        assert not world.run().change_detected
