"""Fields of other jobs laid into the stored bookmarks."""

from typing import Any

from datafetch.bookmarks.publish import enrich_bookmarks
from datafetch.bookmarks.stored import read_bookmarks
from tests.bookmarks.world import KEYS, World
from tests.job_settings import ALL_TAGS
from tests.stores import Call, FaultyStore

IMAGE = "https://cdn.example.com/images/opengraph/x.png?v=12345678"


def picture(item: Any) -> dict[str, Any] | None:
    """A picture for one bookmark only."""
    return {"ogImage": IMAGE} if item["id"] == "b003" else None


def enrich(world: World) -> int:
    """One enrichment in the context of the last run."""
    assert world.context is not None
    return enrich_bookmarks(world.context, ALL_TAGS, picture)


def test_enrichment_is_published_and_kept() -> None:
    """A patch reaches every object that holds the item, `lastFetchedAt` stays, the next sync keeps it."""
    world = World.of(60)
    world.run()
    before = world.index()
    assert enrich(world) == 1
    world.assert_whole()
    assert world.item("b003")["ogImage"] == IMAGE
    after = world.index()
    assert after["lastFetchedAt"] == before["lastFetchedAt"]
    assert after["changeDetected"] is True
    assert not world.run().change_detected
    world.app.edit("b003", title="New")
    world.run()
    assert world.item("b003")["ogImage"] == IMAGE
    world.assert_whole()


def test_enrichment_changes_its_own_fields_and_nothing_else() -> None:
    """A merge of one field sorted the list by date; the next sync brought the server's order back."""
    world = World.of(60)
    # The server has it first, though another date has to be published for a year that is none.
    world.app.malform("b050", createdAt="+056789-01-01T00:00:00.000Z")
    world.run()
    items = world.master()
    dates = [item["dateBookmarked"] for item in items]
    assert dates != sorted(dates, reverse=True)
    before = {key: world.store.get(key).body for key in world.stored()}
    index = world.index()
    world.clock.advance(60)
    enrich(world)
    wanted = [{**item, **(picture(item) or {})} for item in items]
    assert world.master() == wanted
    world.assert_whole()
    after = {key: world.store.get(key).body for key in world.stored()}
    page = 1 + [item["id"] for item in items].index("b003") // 24
    assert {key for key in before if before[key] != after[key]} == {
        KEYS.bookmarks(),
        KEYS.bookmark_by_id("b003"),
        KEYS.bookmark_page(page),
        KEYS.tag_page("tag-0", 1),
        KEYS.tag_index("tag-0"),
        KEYS.bookmarks_index(),
        KEYS.dataset("bookmarks"),
    }
    told = {**index, "lastModified": world.index()["lastModified"], "changeDetected": True}
    assert world.index() == told
    world.run()
    assert world.faulty is not None
    assert not [key for key in world.faulty.keys("put") if "page-" in key]
    assert world.master() == wanted


def test_enrichment_that_changes_nothing_writes_nothing() -> None:
    """Applied again, a patch costs no write."""
    world = World.of(60)
    world.run()
    enrich(world)
    assert world.faulty is not None
    world.faulty.calls.clear()
    assert enrich(world) == 0
    assert world.faulty.count("put", "delete") == 0


def test_enrichment_ends_what_a_dead_run_began() -> None:
    """An open journal is closed by whoever publishes next."""
    world = World.of(60)
    world.run()
    world.store.put(KEYS.publish_journal("bookmarks"), b'{"runId":"dead"}')
    world.store.delete(KEYS.bookmark_page(1))
    enrich(world)
    world.assert_whole()


def test_enrichment_that_lost_its_base_starts_over_from_the_store() -> None:
    """Somebody else published meanwhile: all is read anew, and the next sync reads the whole list."""
    world = World.of(60)
    world.run()
    moved: list[Call] = []

    def other(call: Call, _: int) -> str | None:
        if call == Call("put", KEYS.publish_journal("bookmarks")) and not moved:
            moved.append(call)
            world.enrich("b004", ogTitle="By somebody else")
        return None

    object.__setattr__(world.context, "store", FaultyStore(world.store, other))
    assert enrich(world) == 1
    assert moved
    world.assert_whole()
    assert world.item("b003")["ogImage"] == IMAGE
    assert world.item("b004")["ogTitle"] == "By somebody else"
    assert world.json(KEYS.dataset("bookmarks"))["fullSyncAt"] is None


def test_reading_needs_no_index() -> None:
    """Bookmarks are read from whichever copy there is; without any the list is empty."""
    world = World.of(30)
    world.run()
    assert world.context is not None
    ids = [item.id for item in read_bookmarks(world.context)]
    assert ids == world.app.ids()
    world.store.delete(KEYS.bookmarks())
    assert [item.id for item in read_bookmarks(world.context)] == ids
    for key in world.stored():
        world.store.delete(key)
    assert read_bookmarks(world.context) == []
