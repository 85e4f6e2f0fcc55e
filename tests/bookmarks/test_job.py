"""The bookmark job in its normal path: what it reads, what it writes, what it leaves alone."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from datafetch.errors import CorruptObject, GuardRefused, UsageError
from datafetch.models.job_settings import TagPages
from tests.bookmarks.world import KEYS, NEWEST, SETTINGS, World, at_request, link
from tests.fakes import karakeep
from tests.stores import Killed

LONG = replace(SETTINGS, full_sync_max_items=100)


def test_first_sync_writes_every_object() -> None:
    """After the first sync list, pages, tags, single items, mapping and index are there and agree."""
    world = World.of(60)
    report = world.run()
    world.assert_whole()
    assert (report.processed, report.changed, report.full_sync) == (60, 60, True)
    assert [item["id"] for item in world.master()] == world.app.ids()
    index = world.index()
    assert index["changeDetected"] is True
    assert index["lastFetchedAt"] == index["lastAttemptedAt"] == report.last_fetched_at
    heartbeat = world.json(KEYS.bookmarks_heartbeat())
    assert heartbeat == {"runAt": report.last_fetched_at, "success": True, "changeDetected": True}
    assert not world.stored(KEYS.bookmarks_backup_prefix())


def test_unchanged_run_moves_last_fetched_only() -> None:
    """Data never got older on the status page, because a no-change run did not move `lastFetchedAt`."""
    world = World.of(60)
    world.run()
    before = world.index()
    report = world.run()
    after = world.index()
    assert not report.change_detected
    assert after["lastFetchedAt"] == after["lastAttemptedAt"] == before["lastFetchedAt"] + 3_600_000
    assert after["changeDetected"] is False
    assert after["lastModified"] == before["lastModified"]
    world.assert_whole()


def test_unchanged_run_costs_little() -> None:
    """An unchanged run made 1,486 store requests for 250 bookmarks; now six, and one upstream."""
    world = World.of(250, settings=LONG)
    world.run()
    world.run()
    assert world.faulty is not None
    assert len(world.asked) == 1
    assert (
        sorted(call.method for call in world.faulty.calls) == ["get"] * 3 + ["head"] + ["put"] * 2
    )


def test_full_run_reads_the_whole_list_and_writes_no_more_than_another() -> None:
    """A run that is asked for the whole list finds a deletion deep in it; equal objects stay."""
    world = World.of(250, settings=LONG)
    world.run()
    assert not world.run(full=True).change_detected
    assert len(world.asked) == 3
    assert world.faulty is not None
    written = [KEYS.bookmarks_index(), KEYS.dataset("bookmarks"), KEYS.bookmarks_heartbeat()]
    assert world.faulty.keys("put") == written
    world.app.remove("b240")
    assert world.run().change_detected is False
    assert world.run(full=True).changed == 1
    assert "b240" not in [item["id"] for item in world.master()]


def test_one_new_bookmark_writes_only_what_changed() -> None:
    """A new bookmark on a long list costs two upstream requests and the objects whose bytes change."""
    world = World.of(250, settings=LONG)
    world.run()
    world.app.add(link(900, url="https://new.example.com/", tags=[karakeep.tag("Tag 1")]))
    world.app.resave("b900", NEWEST + timedelta(days=1))
    report = world.run()
    world.assert_whole()
    assert (report.changed, report.processed, len(world.asked)) == (1, 251, 2)
    assert world.faulty is not None
    written = world.faulty.keys("put")
    assert [key for key in written if "/by-id" in key] == [KEYS.bookmark_by_id("b900")]
    assert not [key for key in written if "/tags-test/tag-0/" in key]
    pages = [key for key in written if "/pages" in key]
    assert pages == [KEYS.bookmark_page(number) for number in range(11, 0, -1)]
    assert [item["id"] for item in world.master()] == world.app.ids()


def test_shrinking_list_writes_its_lowest_page_first() -> None:
    """A deletion caught half-way may show an item twice but never lacks one."""
    world = World.of(60)
    world.run()
    world.app.remove("b000")
    report = world.run()
    world.assert_whole()
    assert report.changed == 1
    assert world.faulty is not None
    pages = [key for key in world.faulty.keys("put") if "/pages" in key]
    assert pages == [KEYS.bookmark_page(number) for number in (1, 2, 3)]
    assert KEYS.bookmark_by_id("b000") in world.faulty.keys("delete")


def test_commit_is_the_last_of_the_content() -> None:
    """The index was written before its pages; a crash left it pointing at missing pages."""
    world = World.of(60)
    world.run()
    assert world.faulty is not None
    puts = world.faulty.keys("put")
    at = puts.index(KEYS.bookmarks_index())
    assert puts[0] == KEYS.publish_journal("bookmarks")
    assert puts[at - 1] == KEYS.bookmarks()
    assert puts[at + 1 :] == [KEYS.dataset("bookmarks"), KEYS.bookmarks_heartbeat()]
    assert world.faulty.calls[-2].key == KEYS.publish_journal("bookmarks")


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.app.crawl("b003", title="Found later"),
        lambda world: world.app.edit("b003", title="Edited"),
        lambda world: world.app.resave("b003", NEWEST + timedelta(days=2)),
        lambda world: world.app.edit("b003", tags=[]),
    ],
    ids=["crawled", "edited", "saved-again", "untagged"],
)
def test_changes_are_seen(change: Callable[[World], None]) -> None:
    """A change is seen by what the item says, also when `modifiedAt` does not move."""
    world = World.of(60)
    world.run()
    change(world)
    report = world.run()
    assert report.change_detected
    world.assert_whole()
    assert [item["id"] for item in world.master()] == world.app.ids()


def test_deep_changes_are_found_by_the_full_sync() -> None:
    """An incremental run stops at the first known page; a full one, daily or forced, sees all."""
    world = World.of(250, settings=LONG)
    world.run()
    world.app.edit("b249", title="Deep")
    world.app.remove("b200")
    assert not world.run().change_detected
    world.clock.advance(24 * 3600)
    report = world.run()
    assert report.full_sync
    assert report.changed == 2
    world.assert_whole()
    world.app.edit("b249", title="Deeper")
    assert world.run(force=True).changed == 1
    assert not world.run().full_sync


def test_a_list_does_not_grow_past_its_limit_by_parts() -> None:
    """New items that come with each incremental run are counted with those that are stored."""
    settings = replace(LONG, max_items=300)
    world = World.of(250, settings=settings)
    world.run()
    for number in range(50):
        world.app.add(link(-1 - number))
    assert world.run().changed == 50
    before = world.master()
    world.app.add(link(-60))
    with pytest.raises(GuardRefused, match="past 300 items"):
        world.run()
    assert world.master() == before
    world.settings = replace(settings, max_items=301)
    assert world.run().changed == 1
    world.assert_whole()


def test_long_unchanged_list_remembers_its_full_sync() -> None:
    """A full read of a long list that changed nothing is not repeated until the next day."""
    world = World.of(250, settings=LONG)
    world.run()
    world.clock.advance(24 * 3600)
    assert world.run().full_sync
    assert not world.run().full_sync


def test_force_on_the_same_writes_equal_objects_again() -> None:
    """So that new headers and access reach all of them; it is no change, and the times stay."""
    world = World.of(60)
    world.run()
    keys = world.stored("json/bookmarks/")
    timed = {key: world.json(key) for key in keys if "/pages" not in key and "index-" not in key}
    index = world.index()
    report = world.run(force=True)
    assert (report.changed, report.change_detected) == (0, False)
    assert world.faulty is not None
    puts = world.faulty.keys("put")
    assert set(puts) >= set(keys)
    assert KEYS.publish_journal("bookmarks") not in puts
    assert {key: world.json(key) for key in timed if "heartbeat" not in key} == {
        key: value for key, value in timed.items() if "heartbeat" not in key
    }
    for name in ("lastModified", "checksum", "count"):
        assert world.index()[name] == index[name]
    assert world.context is not None
    [note] = [note for note in world.context.remarks.notes() if "--force" in note]
    assert note.endswith("objects were equal and written again (--force), for headers and access")
    assert not world.run().change_detected


@pytest.mark.parametrize("at", [8, 12, 40, 80])
def test_a_forced_run_that_dies_leaves_nothing_to_end(at: int) -> None:
    """It wrote equal bytes, so the next run finds no change and no open publish."""
    world = World.of(60)
    world.run()
    before = {key: world.store.get(key).body for key in world.stored("json/bookmarks/")}
    with pytest.raises(Killed):
        world.run(at_request(at, "kill"), force=True)
    assert {key: world.store.get(key).body for key in before} == before
    assert not world.run().change_detected
    world.app.edit("b001", title="New")
    assert world.run().changed == 1
    world.assert_whole()


def test_force_heals_what_somebody_broke() -> None:
    """Objects that were removed or changed by hand are right again after `--force`."""
    world = World.of(60)
    world.run()
    world.store.delete(KEYS.bookmark_page(2))
    world.store.put(KEYS.bookmark_by_id("b001"), b"{}")
    world.store.put(f"{KEYS.tags_prefix()}old/page-1.json", b"[]")
    world.run(force=True)
    world.assert_whole()


@pytest.mark.parametrize("left", [None, b"{broken", b"[]"], ids=["missing", "broken", "empty"])
def test_unchanged_run_repairs_the_list(left: bytes | None) -> None:
    """A list that somebody removed or spoilt stayed so for as long as nothing changed upstream."""
    world = World.of(250, settings=LONG)
    world.run()
    items, modified = world.master(), world.index()["lastModified"]
    if left is None:
        world.store.delete(KEYS.bookmarks())
    else:
        world.store.put(KEYS.bookmarks(), left)
    report = world.run()
    world.assert_whole()
    assert world.master() == items
    assert world.index()["lastModified"] == modified
    assert world.index()["lastFetchedAt"] == report.last_fetched_at
    world.run()
    assert world.faulty is not None
    assert len(world.faulty.calls) == 6


def test_limit_adds_and_removes_nothing_else() -> None:
    """`--limit` fetches so many; what is stored stays, and it is no full sync."""
    world = World.of(60)
    world.run()
    world.app.remove("b005", "b050")
    world.app.edit("b002", title="New")
    report = world.run(limit=10)
    assert (report.full_sync, report.processed, report.changed) == (False, 60, 1)
    world.assert_whole()
    first = World.of(300)
    assert first.run(limit=150).processed == 150
    assert len(first.asked) == 2
    first.assert_whole()


def test_dry_run_writes_nothing() -> None:
    """A dry run reads upstream and store, says what it would do, and writes nothing."""
    world = World.of(60)
    report = world.run(dry_run=True)
    assert world.stored() == []
    assert report.change_detected
    assert "would write" in report.notes[0]
    world.run()
    world.app.remove("b001")
    before = {key: world.store.get(key).body for key in world.stored()}
    report = world.run(dry_run=True)
    world.run(dry_run=True, force=True)
    assert "remove 1" in report.notes[0]
    assert report.changed == 1
    assert report.last_fetched_at == world.index()["lastFetchedAt"]
    assert {key: world.store.get(key).body for key in world.stored()} == before


def test_dry_run_of_an_unchanged_list_says_so() -> None:
    """A dry run that found nothing to do said nothing at all."""
    world = World.of(30)
    world.run()
    report = world.run(dry_run=True)
    assert not report.change_detected
    assert "would write the times of the index alone" in report.notes[0]
    assert world.run().notes == ()


def test_enrichment_survives_a_change_of_the_item() -> None:
    """A refresh replaced stored items by bare API items: 883 of 884 lost their images."""
    world = World.of(30)
    world.run()
    logo = {"url": "https://cdn.example.com/logo.png"}
    world.enrich("b003", ogImage="https://cdn.example.com/x.png", logoData=logo, mine=True)
    world.app.edit("b003", title="New title")
    world.run()
    world.assert_whole()
    item = world.item("b003")
    assert item["title"] == "New title"
    assert item["ogImage"] == "https://cdn.example.com/x.png"
    assert (item["logoData"], item["mine"]) == (logo, True)


def test_slugs_never_move() -> None:
    """Slugs were renumbered when an item was added or deleted; existing links broke."""
    same = "https://same.example.com/page"
    world = World(karakeep.KarakeepApp(link(number, url=same) for number in range(4)))
    world.run()
    before = world.slugs()
    assert sorted(before.values()) == [
        "same-example-com-page",
        "same-example-com-page-2",
        "same-example-com-page-3",
        "same-example-com-page-4",
    ]
    assert before["b003"] == "same-example-com-page"
    world.app.remove("b002")
    world.app.add(link(9, url=same))
    world.app.edit(
        "b001", content={**world.app.bookmark("b001")["content"], "url": "https://o.com"}
    )
    world.run(allow_shrink=True)
    after = world.slugs()
    assert {key: after[key] for key in ("b000", "b001", "b003")} == {
        key: before[key] for key in ("b000", "b001", "b003")
    }
    assert after["b009"] == "same-example-com-page-5"
    world.app.add(link(2, url=same))
    world.run()
    assert world.slugs()["b002"] == before["b002"]
    world.assert_whole()


def test_old_shards_that_disagree_are_deleted() -> None:
    """The mapping wins over old slug shards; those that agree stay, none is written."""
    world = World.of(12)
    prefix = KEYS.slug_shards_prefix()
    slug = "site1-example-com-page-1"
    world.store.put(f"{prefix}s/{slug}.json", b'{"id":"b001","slug":"%s"}' % slug.encode())
    world.store.put(f"{prefix}s/wrong.json", b'{"id":"b001","slug":"wrong"}')
    world.store.put(f"{prefix}ab.json", b'{"nobody":{"id":"b002"}}')
    world.run()
    assert world.stored(prefix) == [f"{prefix}s/{slug}.json"]
    world.app.remove("b001")
    world.run()
    assert world.stored(prefix) == []


def test_backups_of_replaced_masters() -> None:
    """The last five masters that a publish replaced are kept, and `--restore` publishes one."""
    world = World.of(20)
    world.run()
    for number in range(7):
        world.app.edit("b001", title=f"Title {number}")
        world.run()
    kept = world.stored(KEYS.bookmarks_backup_prefix())
    assert len(kept) == 5
    fetched = world.index()["lastFetchedAt"]
    report = world.run(restore=2)
    assert report.changed == 1
    world.assert_whole()
    assert world.item("b001")["title"] == "Title 4"
    assert world.index()["lastFetchedAt"] == fetched
    assert world.asked == []
    world.run()
    assert world.item("b001")["title"] == "Title 6"
    world.assert_whole()


def test_restore_is_no_sync() -> None:
    """A backup that is not there was noted as a failed sync, for everyone to read."""
    world = World.of(20)
    world.run()
    world.app.edit("b001", title="New")
    fetched = world.run().last_fetched_at
    before = {key: world.store.get(key).body for key in world.stored()}
    with pytest.raises(UsageError, match="no backup 5: 1 are kept") as none:
        world.run(restore=5)
    made = world.stored(KEYS.bookmarks_backup_prefix())[0].rpartition("/")[2]
    day, _, time = made.removesuffix(".json").partition("T")
    assert f"1 of {day} {time[:8].replace('-', ':')}Z" in str(none.value)
    backup = world.stored(KEYS.bookmarks_backup_prefix())[0]
    world.store.put(backup, b"{broken")
    with pytest.raises(CorruptObject) as broken:
        world.run(restore=1)
    assert "no other backup" in broken.value.hint
    world.store.put(backup, before[backup])
    assert {key: world.store.get(key).body for key in world.stored()} == before
    dry = world.run(restore=1, dry_run=True)
    assert dry.last_fetched_at == fetched
    assert any("would be published with 20 bookmarks" in note for note in dry.notes)
    report = world.run(restore=1)
    assert report.last_fetched_at == fetched
    (note,) = report.notes
    assert "backup 1, made " in note
    assert "is published with 20 bookmarks; the next `datafetch bookmarks`" in note
    world.assert_whole()


def test_restore_without_a_backup_says_what_to_run() -> None:
    """Before a first change there is none; a broken one leads to its neighbour."""
    world = World.of(20)
    with pytest.raises(UsageError, match="there is no backup: ") as none:
        world.run(restore=1)
    assert "`datafetch bookmarks`" in none.value.hint
    for number in range(3):
        world.app.edit("b001", title=f"New {number}")
        world.run()
    newest, oldest = sorted(world.stored(KEYS.bookmarks_backup_prefix()), reverse=True)
    world.store.put(newest, b"{broken")
    with pytest.raises(CorruptObject) as broken:
        world.run(restore=1)
    assert "`datafetch bookmarks --restore 2`" in broken.value.hint
    world.store.put(oldest, b"[]")
    with pytest.raises(CorruptObject) as broken:
        world.run(restore=2)
    assert "`datafetch bookmarks --restore 1`" in broken.value.hint
    world.store.put(f"{KEYS.bookmarks_backup_prefix()}copy\x07.json", b"[]")
    with pytest.raises(UsageError, match="1 of copy, 2 of 20"):
        world.run(restore=9)


def test_tags_can_be_limited_and_switched_off() -> None:
    """Tag pages follow the settings, also when these change between runs."""
    world = World.of(30)
    world.run()
    world.settings = replace(SETTINGS, tags=TagPages(enabled=True, maximum=1))
    world.run()
    assert {key.split("/")[3] for key in world.stored(KEYS.tags_prefix())} == {"tag-0"}
    world.settings = replace(SETTINGS, tags=TagPages(enabled=False, maximum=None))
    world.run()
    assert world.stored(KEYS.tags_prefix()) == []


def test_tag_that_loses_its_last_page_gets_a_new_index() -> None:
    """Old pages and tags were never removed; the index of a tag counts what is left."""
    world = World(
        karakeep.KarakeepApp(link(number, tags=[karakeep.tag("t")]) for number in range(25))
    )
    world.run()
    world.app.edit("b024", tags=[])
    world.run()
    world.assert_whole()
    assert world.json(KEYS.tag_index("t"))["totalPages"] == 1


def test_two_tags_with_one_slug() -> None:
    """Two tags of one bookmark with the same slug put it twice on the tag page."""
    tags = [karakeep.tag("C++"), karakeep.tag("c-plus-plus", tag_id="other")]
    world = World(karakeep.KarakeepApp([link(1, tags=tags)]))
    world.run()
    assert len(world.json(KEYS.tag_page("c-plus-plus", 1))) == 1
    world.assert_whole()


def test_ids_of_which_one_begins_with_another() -> None:
    """The checksum's lines are sorted by id: `b1` comes before `b10`, though `b1:` does not."""
    items = (karakeep.link(name, f"https://{name}.example.com/", NEWEST) for name in ("b10", "b1"))
    world = World(karakeep.KarakeepApp(items))
    world.run()
    world.assert_whole()


OLD_RULES = "rules=2 tags=all"


def test_store_of_the_version_before_is_made_anew_once() -> None:
    """What the version before stored by other rules is put right by the next run, and slugs do not change."""
    world = World.of(30, settings=replace(SETTINGS, include_unlinked=True))
    odd = {**link(40, url="https://ok.example.com/"), "createdAt": "+056789-01-01T00:00:00.000Z"}
    note = karakeep.text("note", "x", NEWEST, "javascript:alert(1)")
    world.app.add(odd, note)
    world.app.resave("b003", NEWEST + timedelta(days=2))
    world.run()
    items = world.master()
    assert [item["id"] for item in items[:3]] == ["b040", "b003", "note"]
    for item in items:
        item["dateCreated"] = item["dateBookmarked"]
        if item["id"] == "note":
            item.update(url="javascript:alert(1)", slug="javascript-alert-1", ogUrl="javascript:x")
            item["content"]["sourceUrl"] = "javascript:alert(1)"
    body = json.dumps(items, separators=(",", ":"), ensure_ascii=False).encode()
    state = world.json(KEYS.dataset("bookmarks"))
    state["layout"] = OLD_RULES
    etag = world.store.put(KEYS.bookmarks(), body)
    state["objects"]["bookmarks-test.json"] = [etag, hashlib.sha256(body).hexdigest()]
    mapping = world.json(KEYS.slug_mapping())
    before = {item["id"]: item["slug"] for item in items}
    mapping["slugs"]["note"].update(slug="javascript-alert-1", url="javascript:alert(1)")
    mapping["reverseMap"] = {slug: key for key, slug in before.items()}
    world.store.put(KEYS.slug_mapping(), json.dumps(mapping).encode())
    world.store.put(KEYS.dataset("bookmarks"), json.dumps(state).encode())
    report = world.run()
    assert report.changed == 2
    assert world.slugs() == before
    assert "javascript:" not in json.dumps(world.master())
    assert "url" not in world.item("note")
    created = (NEWEST - timedelta(hours=3)).isoformat(timespec="milliseconds")
    assert world.item("b003")["dateCreated"] == created.replace("+00:00", "Z")
    assert world.item("b003")["dateBookmarked"].startswith("2026-11-03T")
    assert world.item("b040")["dateBookmarked"] == odd["firstCreatedAt"]
    world.assert_whole()
    assert not world.run().change_detected
    assert world.faulty is not None
    assert len(world.faulty.calls) == 6


def test_bookmark_of_an_odd_date_does_not_move() -> None:
    """A long list whose first and last bookmarks have dates that nobody can read is in one order in every run."""
    world = World.of(250, settings=LONG)
    world.app.add({**link(300), "createdAt": "+056789-01-01T00:00:00.000Z"})
    world.app.add({**link(0), "id": "bc", "createdAt": "-000044-03-15T00:00:00.000Z"})
    assert (world.app.ids()[0], world.app.ids()[-1]) == ("b300", "bc")
    world.run()
    stored = [item["id"] for item in world.master()]
    world.app.edit("b002", title="New")
    report = world.run()
    assert (report.changed, report.full_sync) == (1, False)
    assert [item["id"] for item in world.master()] == stored == world.app.ids()
    assert not world.run(force=True).change_detected
    world.assert_whole()
