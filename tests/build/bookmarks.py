"""Stored bookmarks that a build reads: what the tests of their prefetch share."""

from pathlib import Path

from datafetch.store.local import LocalStore
from tests.bookmarks.world import World, link
from tests.build.world import KEYS, Build
from tests.support import FakeClock

INDEX, MASTER = KEYS.bookmarks_index(), KEYS.bookmarks()
MAPPING, JOURNAL = KEYS.slug_mapping(), KEYS.publish_journal("bookmarks")
NAMES = {
    "bookmarks/bookmarks.json": MASTER,
    "bookmarks/slug-mapping.json": MAPPING,
    "bookmarks/index.json": INDEX,
}


def bookmark_folder(folder: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    clock = FakeClock()
    made = World.of(30, store=LocalStore(folder, clock), clock=clock)
    made.run()
    return made


def publish(world: World, number: int = 100) -> None:
    """Somebody adds a bookmark and syncs."""
    world.app.add(link(number))
    world.run()


def assert_stored(build: Build) -> None:
    """The files are, byte for byte, what is stored, and nothing else is there."""
    assert build.contents() == {name: build.store.get(key).body for name, key in NAMES.items()}


def assert_agree(build: Build) -> None:
    """The files belong together."""
    items, index, mapping = (
        build.json(f"bookmarks/{name}.json") for name in ("bookmarks", "index", "slug-mapping")
    )
    assert index["count"] == len(items) == mapping["count"]
    pairs = {key: entry["slug"] for key, entry in mapping["slugs"].items()}
    assert pairs == {item["id"]: item["slug"] for item in items}
    assert {item["slug"]: item["id"] for item in items} == mapping["reverseMap"]
