"""Reading the stored bookmarks back when objects are missing, broken or odd."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from datafetch.bookmarks.stored import BookmarkReader, read_bookmarks
from datafetch.errors import BaseMoved, Inconsistent, StoreUnavailable
from datafetch.models.job_settings import TagPages
from datafetch.upstream_errors import TransientError
from tests.bookmarks.world import KEYS, NEWEST, SETTINGS, World, at_request, link
from tests.fakes import karakeep
from tests.fakes.faults import reply
from tests.stores import Call, Killed

STATE = KEYS.dataset("bookmarks")


def enriched(count: int = 30, **options: Any) -> World:
    """A stored list of which one item has enrichment and an old slug, published twice."""
    world = World.of(count, **options)
    world.run()
    world.enrich("b003", ogTitle="Stored", slug="old-slug")
    mapping = world.json(KEYS.slug_mapping())
    mapping["slugs"]["b003"]["slug"] = "old-slug"
    world.store.put(KEYS.slug_mapping(), json.dumps(mapping).encode())
    world.run(force=True)
    assert kept_aside(world) == []
    return world


def kept_aside(world: World) -> list[bytes]:
    """The bytes of everything that was kept aside."""
    return [world.store.get(key).body for key in world.stored() if ".corrupt-" in key]


def remove(world: World, *prefixes: str) -> None:
    """Lose every object under the prefixes."""
    for prefix in prefixes:
        for key in world.stored(prefix):
            world.store.delete(key)


def rewrite(world: World, change: Callable[[list[Any]], Any]) -> bytes:
    """Let somebody else change the list, and say what the bytes of the new one are."""
    items = world.master()
    body = json.dumps(change(items) or items).encode()
    world.store.put(KEYS.bookmarks(), body)
    return body


ODD = {
    "doubled": lambda items: items.append({"id": "b003", "title": "again"}),
    "doubled-first-bare": lambda items: items.insert(0, {"id": "b003", "url": items[3]["url"]}),
    "null-id": lambda items: items.insert(2, {"id": None, "title": "x"}),
    "unsafe-id": lambda items: items.insert(2, {"id": "weird id/1", "title": "x"}),
    "no-object": lambda items: items.insert(2, 7),
    "odd-fields": lambda items: items[5].update(slug=[1], tags=7, url={}, title=None),
}


@pytest.mark.parametrize("state", ["kept", "lost"])
@pytest.mark.parametrize("copies", [True, False], ids=["copies", "list-only"])
@pytest.mark.parametrize("change", ODD.values(), ids=ODD.keys())
def test_odd_entries_cost_nothing_of_the_others(change: Any, copies: bool, state: str) -> None:
    """One odd entry of the list made all of it corrupt: enrichment and slugs were lost, exit 0."""
    world = enriched()
    body = rewrite(world, change)
    if not copies:
        remove(world, KEYS.bookmarks_by_id_prefix(), KEYS.bookmark_pages_prefix())
        remove(world, KEYS.tags_prefix(), KEYS.slug_mapping())
    if state == "lost":
        remove(world, "json/datafetch/")
    world.app.edit("b004", title="New")
    world.run()
    world.assert_whole()
    assert [item["id"] for item in world.master()] == world.app.ids()
    assert world.item("b003")["ogTitle"] == "Stored"
    assert world.slugs()["b003"] == "old-slug"
    assert kept_aside(world) == ([] if change is ODD["odd-fields"] else [body])
    assert not world.run().change_detected


def test_list_that_old_systems_wrapped_is_read() -> None:
    """`{"bookmarks": [...]}` is a list too."""
    world = enriched()
    body = rewrite(world, lambda items: {"bookmarks": items})
    remove(world, *(key for key in world.stored() if key != KEYS.bookmarks()))
    world.run()
    world.assert_whole()
    assert world.item("b003")["ogTitle"] == "Stored"
    assert world.slugs()["b003"] == "old-slug"
    assert kept_aside(world) == []
    assert world.store.get(world.stored(KEYS.bookmarks_backup_prefix())[0]).body == body


def test_same_broken_bytes_are_kept_once() -> None:
    """A run that failed again and again left a copy of the same broken object each time."""
    world = enriched()
    remove(world, *(key for key in world.stored() if key != KEYS.bookmark_page(1)))
    world.store.put(KEYS.bookmark_page(1), b"{page")
    for broken in (b"{master", b"{other"):
        world.store.put(KEYS.bookmarks(), broken)
        for _ in range(3):
            with pytest.raises(Inconsistent):
                world.run()
    assert sorted(kept_aside(world)) == [b"{master", b"{other", b"{page"]


SOURCES = {
    "single": KEYS.bookmarks_by_id_prefix(),
    "pages": KEYS.bookmark_pages_prefix(),
    "tags": KEYS.tags_prefix(),
    "backups": KEYS.bookmarks_backup_prefix(),
}


@pytest.mark.parametrize("state", [True, False], ids=["index-kept", "index-lost"])
@pytest.mark.parametrize("left", SOURCES.values(), ids=SOURCES.keys())
def test_list_is_rebuilt_from_any_copy(left: str, state: bool) -> None:
    """A missing list beside a missing index was taken for an empty one, whatever else was there."""
    world = enriched()
    world.app.edit("b009", title="New, so that the list before is kept as a backup")
    world.run()
    slugs = world.slugs()
    remove(world, KEYS.bookmarks(), *(prefix for prefix in SOURCES.values() if prefix != left))
    if not state:
        remove(world, KEYS.bookmarks_index(), STATE, KEYS.slug_mapping())
    world.run(force=True)
    world.assert_whole()
    assert world.slugs() == slugs
    assert world.item("b003")["ogTitle"] == "Stored"


def test_a_list_that_is_gathered_has_the_order_of_its_pages() -> None:
    """A list that was lost came back by date, and not in the server's order, until the next sync."""
    world = World.of(250)
    world.app.malform("b050", createdAt="+056789-01-01T00:00:00.000Z")
    world.run()
    order = [item["id"] for item in world.master()]
    assert order[0] == "b050"
    world.store.delete(KEYS.bookmarks())
    lost = KEYS.bookmark_page(3)
    world.store.delete(lost)
    assert world.context is not None
    assert [item.id for item in read_bookmarks(world.context)] == order
    world.run()
    assert world.faulty is not None
    assert [key for key in world.faulty.keys("put") if "page-" in key and "/tags" not in key] == [
        lost
    ]
    assert [item["id"] for item in world.master()] == order


def test_enrichment_is_taken_from_whichever_copy_has_it() -> None:
    """Copies of an item are merged: one of them may know what the others do not."""
    world = World.of(30)
    world.run()
    bare = [{**item, "ogTitle": "Of the page"} for item in world.json(KEYS.bookmark_page(1))]
    world.store.put(KEYS.bookmark_page(1), json.dumps(bare).encode())
    single = {**world.item("b003"), "ogDescription": "Of the item"}
    world.store.put(KEYS.bookmark_by_id("b003"), json.dumps(single).encode())
    world.store.delete(KEYS.bookmarks())
    world.run(force=True)
    world.assert_whole()
    item = world.item("b003")
    assert (item["ogTitle"], item["ogDescription"]) == ("Of the page", "Of the item")


def test_list_that_lost_items_is_completed() -> None:
    """A list shorter than its index says was cut by somebody: the other copies know the rest."""
    world = enriched()
    rewrite(world, lambda items: items[:2])
    world.app.malform("b004", tags="broken")
    world.run()
    world.assert_whole()
    assert len(world.master()) == 30
    assert world.item("b003")["ogTitle"] == "Stored"


def test_backup_brings_no_deleted_bookmark_back() -> None:
    """A backup holds what was deleted since: only what the slug mapping names is taken from it."""
    world = World.of(30)
    world.run()
    world.app.remove("b005")
    world.run()
    remove(world, KEYS.bookmarks(), *(SOURCES[name] for name in ("single", "pages", "tags")))
    world.app.inject(reply(503))
    with pytest.raises(TransientError):
        world.run(force=True)
    assert len(world.master()) == 29
    assert "b005" not in world.slugs()
    world.assert_whole()


TRACES = [
    KEYS.bookmarks_index(),
    KEYS.slug_mapping(),
    KEYS.bookmark_page(1),
    KEYS.bookmark_by_id("b001"),
    KEYS.tag_index("tag-1"),
    f"{KEYS.bookmarks_backup_prefix()}2026-01-01T00-00-00.000Z.json",
]


@pytest.mark.parametrize("trace", TRACES, ids=lambda key: key.split("/")[-2])
@pytest.mark.parametrize("master", [b"{broken", b"[]", None], ids=["broken", "empty", "missing"])
def test_nothing_readable_is_never_empty(trace: str, master: bytes | None) -> None:
    """Where anything says that there were bookmarks, nothing is replaced unasked."""
    world = World.of(30)
    world.run()
    broken = trace not in (KEYS.slug_mapping(), KEYS.bookmarks_index(), KEYS.tag_index("tag-1"))
    body = b"{" if broken else world.store.get(trace).body
    remove(world, "json/")
    world.store.put(trace, body)
    if master is not None:
        world.store.put(KEYS.bookmarks(), master)
    before = {key: world.store.get(key).body for key in world.stored()}
    for _ in range(2):
        with pytest.raises(Inconsistent, match="can be read") as refused:
            world.run()
    assert "`datafetch bookmarks --allow-shrink`" in refused.value.hint
    after = {key: world.store.get(key).body for key in world.stored()}
    moving = (KEYS.bookmarks_index(), KEYS.bookmarks_heartbeat())
    assert {key: after[key] for key in before if key not in moving} == {
        key: body for key, body in before.items() if key not in moving
    }
    world.run(allow_shrink=True)
    world.assert_whole()


def test_store_without_bookmarks_is_no_loss() -> None:
    """An empty list, mapping and index of an old system are where a first sync begins."""
    world = World.of(30)
    world.store.put(KEYS.bookmarks(), b"[]")
    world.store.put(KEYS.slug_mapping(), b'{"count":0,"slugs":{},"reverseMap":{}}')
    world.store.put(KEYS.bookmarks_index(), b'{"count":0}')
    world.run()
    world.assert_whole()


def test_first_publish_that_died_is_begun_anew() -> None:
    """What a first publish had written before it died vouches for nothing, and stops nobody."""
    world = World.of(30)
    written = Call("put", KEYS.slug_mapping())
    with pytest.raises(StoreUnavailable):
        world.run(fault=lambda call, _: "gone" if call == written else None)
    remove(world, KEYS.bookmarks_by_id_prefix())
    assert KEYS.publish_journal("bookmarks") in world.stored()
    world.run()
    world.assert_whole()


def test_publish_that_died_before_its_commit_loses_no_deletion() -> None:
    """While a publish is open its list is newer than the index: what it left out stays out."""
    world = enriched()
    world.app.remove("b009")
    commit = Call("put", KEYS.bookmarks_index())
    with pytest.raises(Killed):
        world.run(fault=lambda call, _: "kill" if call == commit else None)
    world.app.inject(reply(503))
    with pytest.raises(TransientError):
        world.run()
    world.assert_whole()
    assert "b009" not in world.slugs()


def test_odd_entries_are_no_loss() -> None:
    """Entries that were counted and are no bookmarks do not make the list look shrunken."""
    world = enriched()
    rewrite(world, lambda items: [*items, *[None] * 10])
    index = {**world.index(), "count": 40}
    remove(world, *(key for key in world.stored() if key != KEYS.bookmarks()))
    world.store.put(KEYS.bookmarks_index(), json.dumps(index).encode())
    world.run()
    world.assert_whole()


def test_broken_list_is_mended_though_the_server_is_down() -> None:
    """Readers get their list back with the next run, whether the server answers or not."""
    world = enriched()
    items, index = world.master(), world.index()
    world.store.put(KEYS.bookmarks(), b"{broken")
    world.app.inject(reply(503))
    with pytest.raises(TransientError):
        world.run(force=True)
    world.assert_whole()
    assert world.master() == items
    assert world.index()["lastFetchedAt"] == index["lastFetchedAt"]


def spoilt() -> World:
    """A store whose list has an odd entry and lost another, beside a lost state."""
    world = enriched(26)
    rewrite(world, lambda items: [*items[:7], None, *items[8:]])
    remove(world, STATE)
    world.app.remove("b009")
    return world


def requests_of(world: World) -> int:
    """How many store requests the next run makes."""
    world.run()
    assert world.faulty is not None
    return len(world.faulty.calls)


@pytest.mark.parametrize("kind", ["gone", "kill"])
@pytest.mark.parametrize("at", range(requests_of(spoilt())))
def test_fault_at_each_request_while_mending(kind: str, at: int) -> None:
    """Whatever request fails while copies are read and the list is mended, nothing is lost."""
    world = spoilt()
    slugs = world.slugs_of_mapping()
    with suppress(StoreUnavailable, Killed, BaseMoved):
        world.run(fault=at_request(at, kind))
    world.run()
    world.assert_whole()
    assert [item["id"] for item in world.master()] == world.app.ids()
    assert world.slugs() == {key: slugs[key] for key in world.app.ids()}
    assert world.item("b003")["ogTitle"] == "Stored"
    assert len(kept_aside(world)) == 1


# --------------------------------------------------------------------- slugs


SAME = "https://same.example.com/page"


def test_slugs_of_absent_ids_are_not_given_away() -> None:
    """The mapping wins: what it gives to ids that are gone, in either half, is not used again."""
    world = World(karakeep.KarakeepApp([link(1, url=SAME)]))
    mapping = {
        "slugs": {"gone": {"id": "gone", "slug": "same-example-com-page"}},
        "reverseMap": {"same-example-com-page-2": "alias"},
    }
    world.store.put(KEYS.slug_mapping(), json.dumps(mapping).encode())
    world.run(allow_shrink=True)
    assert world.slugs() == {"b001": "same-example-com-page-3"}
    world.app.add(
        karakeep.link("alias", SAME, NEWEST), karakeep.link("gone", SAME, NEWEST), link(2, url=SAME)
    )
    world.run()
    assert world.slugs() == {
        "b001": "same-example-com-page-3",
        "b002": "same-example-com-page-4",
        "alias": "same-example-com-page-2",
        "gone": "same-example-com-page",
    }
    world.assert_whole()


def test_items_that_come_back_keep_the_slug_of_the_mapping() -> None:
    """When nothing but the mapping is left, bookmarks get their slugs back all the same."""
    world = enriched()
    slugs = world.slugs()
    remove(world, *(key for key in world.stored() if key != KEYS.slug_mapping()))
    world.run(allow_shrink=True)
    assert world.slugs() == slugs


@pytest.mark.parametrize(
    "lost",
    [[STATE], [STATE, KEYS.dataset("bookmarks-retired")], [STATE, KEYS.bookmarks_backup_prefix()]],
    ids=["state", "state-and-copy", "state-and-backups"],
)
def test_freed_slugs_outlive_the_state(lost: list[str]) -> None:
    """Freed slugs were known in one object only; without it they went to the next who came."""
    world = World(karakeep.KarakeepApp([link(1, url=SAME), link(2, url=SAME)]))
    world.run()
    freed = world.slugs()["b002"]
    world.app.remove("b002")
    world.run(allow_shrink=True)
    remove(world, *lost)
    world.app.add(link(0, url=SAME))
    world.run()
    assert freed not in world.slugs().values()
    world.app.add(link(2, url=SAME))
    world.run()
    assert world.slugs()["b002"] == freed
    world.assert_whole()


@pytest.mark.parametrize("at", range(8, 40))
def test_slugs_freed_by_a_publish_that_died_are_not_used_again(at: int) -> None:
    """The state that it left is older than the deletion, and the mapping that it left is newer."""
    world = World(karakeep.KarakeepApp([link(1, url=SAME), link(2, url=SAME), link(3)]))
    world.run()
    freed = world.slugs()["b002"]
    world.app.remove("b002")
    with suppress(Killed):
        world.run(fault=at_request(at, "kill"), allow_shrink=True)
    world.store.put(KEYS.bookmarks(), b"{broken")
    world.app.add(link(0, url=SAME))
    world.run(allow_shrink=True)
    assert world.slugs()["b000"] != freed
    world.assert_whole()


# ------------------------------------------------------- objects one by one


@pytest.mark.parametrize("broken", [b"{", b"{}", b'[{"title":"no id"}]', b"\xff", None])
def test_broken_master_is_rebuilt_from_single_items(broken: bytes | None) -> None:
    """A corrupt object in the store crashed the run, or was taken as empty."""
    world = World.of(30)
    world.run()
    world.enrich("b003", ogTitle="Stored")
    world.run(force=True)
    items = world.master()
    if broken is None:
        world.store.delete(KEYS.bookmarks())
    else:
        world.store.put(KEYS.bookmarks(), broken)
    world.app.edit("b004", title="New")
    world.run()
    world.assert_whole()
    assert [item for item in world.master() if item["id"] != "b004"] == [
        item for item in items if item["id"] != "b004"
    ]
    kept = [key for key in world.stored() if ".corrupt-" in key]
    assert [world.store.get(key).body for key in kept] == ([] if broken is None else [broken])


@pytest.mark.parametrize(
    "key", [KEYS.bookmarks_index(), KEYS.dataset("bookmarks"), KEYS.slug_mapping()]
)
@pytest.mark.parametrize(
    "body",
    [b"no json", b'{"count":NaN}', b'{"count":' + b"1" * 5000 + b"}"],
    ids=["no", "NaN", "1"],
)
def test_other_broken_objects_are_kept_aside_and_made_again(key: str, body: bytes) -> None:
    """What cannot be read is kept aside and rebuilt from the other copies; slugs and items stay."""
    world = World.of(30)
    world.run()
    slugs = world.slugs()
    world.store.put(key, body)
    world.app.edit("b004", title="New")
    world.run(force=key == KEYS.slug_mapping())
    world.assert_whole()
    assert world.slugs() == slugs
    assert [world.store.get(found).body for found in world.stored() if ".corrupt-" in found] == [
        body
    ]
    assert not world.run().change_detected


def test_half_a_pair_in_a_stored_item_ends_no_run() -> None:
    """JavaScript cut a text inside an emoji: the checksum of the list was a traceback, for ever."""
    world = World.of(30)
    world.run()
    items = world.store.get(KEYS.bookmarks()).json()
    assert isinstance(items, list)
    items[3] |= {"modifiedAt": "2026\ud83d", "summary": "cut \ud83d"}
    world.store.put(KEYS.bookmarks(), json.dumps(items).encode())
    world.app.edit(items[3]["id"], title=5)  # so that the stored bookmark is kept
    world.run(force=True)
    kept = world.item(items[3]["id"])
    assert kept["modifiedAt"] == items[3]["dateBookmarked"]  # what readers cannot read as a time
    assert kept["summary"] == "cut \ufffd"


def test_broken_single_item_does_not_stop_the_rebuild() -> None:
    """Of the copies that are left each counts; a broken one is kept aside and made again."""
    world = World.of(30)
    world.run()
    world.store.delete(KEYS.bookmarks())
    world.store.put(KEYS.bookmark_by_id("b002"), b"null")
    world.run(force=True)
    world.run(force=True)
    world.assert_whole()
    assert len(world.master()) == 30
    kept = [key for key in world.stored() if ".corrupt-" in key]
    assert [world.store.get(key).body for key in kept] == [b"null"]


def test_store_of_an_old_system_is_taken_over() -> None:
    """A dataset without our state keeps its slugs, enrichment and unknown fields."""
    world = World.of(30)
    world.run()
    world.enrich("b003", slug="old-slug", ogImage="https://cdn.example.com/x.png", old=1)
    for key in (KEYS.slug_mapping(), KEYS.dataset("bookmarks"), KEYS.bookmarks_index()):
        world.store.delete(key)
    world.run()
    world.assert_whole()
    assert world.slugs()["b003"] == "old-slug"
    assert world.item("b003")["old"] == 1


def test_master_that_somebody_else_wrote_is_merged() -> None:
    """A master that our state does not know is read as it is, and nothing of it is lost."""
    world = World.of(30)
    world.run()
    world.enrich("b003", mine="by hand")
    world.app.edit("b009", title="New")
    world.run()
    world.assert_whole()
    assert world.item("b003")["mine"] == "by hand"


def test_mapping_says_which_slug_an_old_item_has() -> None:
    """Old systems kept slugs in the mapping only: that is what addresses resolve by."""
    world = World.of(30)
    world.run()
    mapping = world.json(KEYS.slug_mapping())
    mapping["slugs"]["b003"]["slug"] = "from-the-mapping"
    world.store.put(KEYS.slug_mapping(), json.dumps(mapping).encode())
    world.store.delete(KEYS.dataset("bookmarks"))
    world.run()
    world.assert_whole()
    assert world.slugs()["b003"] == "from-the-mapping"


@pytest.mark.parametrize(
    "body", [b"{broken", b'[{"id":"b000","slug":"s"},{"id":', b"[null,7]", b"{}"]
)
def test_broken_list_alone_is_a_sign_of_bookmarks(body: bytes) -> None:
    """A store of which only a broken list was left was taken for a new one: all of it was made anew, unasked."""
    world = World.of(30)
    world.store.put(KEYS.bookmarks(), body)
    for _ in range(2):
        with pytest.raises(Inconsistent, match=r"bookmarks-test\.json is stored") as refused:
            world.run()
    assert "--allow-shrink" in refused.value.hint
    assert "slugs are then given anew" in refused.value.hint
    assert "known slugs" not in refused.value.hint
    assert world.store.get(KEYS.bookmarks()).body == body
    assert KEYS.bookmarks_index() not in world.stored()
    world.run(allow_shrink=True)
    world.assert_whole()
    assert kept_aside(world) == [body]


def test_known_slugs_outlive_a_broken_list_that_is_given_up() -> None:
    """Where slugs are known from other objects, beginning anew keeps them, and the hint says so."""
    world = enriched()
    slugs = world.slugs()
    remove(world, *(key for key in world.stored() if key != KEYS.slug_mapping()))
    world.store.put(KEYS.bookmarks(), b"{broken")
    with pytest.raises(Inconsistent) as refused:
        world.run()
    assert "known slugs are kept all the same" in refused.value.hint
    world.run(allow_shrink=True)
    assert world.slugs() == slugs


def test_state_is_trusted_by_those_who_publish_no_bookmarks() -> None:
    """Whoever only reads the bookmarks knew no site's number of tag pages, and trusted no state but that of sites with all."""
    world = World.of(30, settings=replace(SETTINGS, tags=TagPages(enabled=True, maximum=1)))
    world.run()
    context = world.context
    assert context is not None
    reader = BookmarkReader(context, context.publisher(), None)
    assert reader.snapshot().trusted
    publishing = BookmarkReader(context, context.publisher(), SETTINGS.tags)
    assert not publishing.snapshot().trusted
    assert [item.id for item in read_bookmarks(context)] == world.app.ids()
