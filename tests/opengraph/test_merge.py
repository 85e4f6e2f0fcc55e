"""The merge by itself: which bookmarks are told what, and what a mark spares."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from datafetch.errors import LeaseHeld
from datafetch.models.run import JobName
from datafetch.opengraph.merge import Merger
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import BookmarkRecord, Description, PictureRecord, SavedBookmark
from datafetch.opengraph.state import OpenGraphState
from datafetch.store.fenced import Fence
from datafetch.store.publish import Publisher
from datafetch.urls import url_hash
from tests.opengraph.parts import SETTINGS
from tests.opengraph.world import KEYS, World, world
from tests.stores import FaultyStore
from tests.support import AlwaysAlive, make_context

PICTURE = PictureRecord("images/opengraph/x.png", "0a0b0c0d", 1_795_507_200_000, '"p"')


class Merged:
    """A world whose page `one` was read, and the merges of one run after the other."""

    def __init__(self, it: World) -> None:
        self.world = it
        self.taken: list[tuple[JobName, float]] = []
        self.held = False
        self.state = self.loaded()

    def loaded(self) -> OpenGraphState:
        """The state as a run loads it."""
        self.calls = FaultyStore(self.world.store)
        self.context = replace(
            make_context(SETTINGS, self.calls, clock=self.world.clock, job=JobName.OPENGRAPH),
            wait_for_lease=self.wait_for_lease,
        )
        self.state = OpenGraphState(self.context)
        self.state.load()
        return self.state

    @contextmanager
    def wait_for_lease(self, job: JobName, seconds: float) -> Iterator[Fence]:
        """The bookmarks' lease, unless their own job holds it."""
        self.taken.append((job, seconds))
        if self.held:
            raise LeaseHeld("bookmarks are locked by a@b")
        yield AlwaysAlive()

    def merge(self, **said: str) -> tuple[int, str | None]:
        """Merge; `said` is what the page said in this run, which else reads what is stored."""
        context = self.context
        publisher = Publisher(
            context.store, context.keys, context.clock, context.engine, context.run_id
        )
        url = self.world.url("one")
        descriptions = {url_hash(url): Description(url, **said)} if said else {}
        metadata = MetadataStore(context, publisher)
        items: list[dict[str, Any]] = self.world.json(KEYS.bookmarks())
        merger = Merger(context, self.state, metadata, descriptions)
        return merger.merge([SavedBookmark.of(item) for item in items])


@pytest.fixture
def it() -> Iterator[Merged]:
    """One bookmark whose page was read and merged by a run before."""
    with world(["one"]) as made:
        made.run()
        yield Merged(made)


def test_what_is_merged_is_left_alone(it: Merged) -> None:
    """An unchanged run takes no lease, reads no metadata and writes nothing."""
    assert it.merge() == (0, None)
    assert it.taken == []
    assert not [key for key in it.calls.keys("get") if "metadata" in key]
    assert it.calls.count("put") == 0


def test_what_the_page_says_now_is_told(it: Merged) -> None:
    """A page's record changed: its bookmarks get its words, under their own lease."""
    name = url_hash(it.world.url("one"))
    it.state.pages[name] = replace(it.state.pages[name], digest="other")
    assert it.merge(title="Said now") == (1, None)
    assert it.world.bookmark(0)["ogTitle"] == "Said now"
    assert it.taken == [(JobName.BOOKMARKS, 60.0)]
    assert it.merge(title="Said now") == (0, None)


def test_what_a_dead_run_read_is_merged_by_the_next(it: Merged) -> None:
    """Its words are read from the stored metadata; the page is not asked."""
    it.state.bookmarks["b0"] = replace(it.state.bookmarks["b0"], mark="")
    it.world.patch({"ogTitle": "before"})
    title = it.world.metadata("one")["title"]
    assert it.merge() == (1, None)
    assert it.world.bookmark(0)["ogTitle"] == title


def test_the_picture_is_told_with_its_time(it: Merged) -> None:
    """A bookmark gets the picture's public URL with its version, the time and the validator."""
    it.state.bookmarks["b0"] = BookmarkRecord(PICTURE)
    it.merge()
    bookmark = it.world.bookmark(0)
    assert bookmark["ogImage"] == "https://cdn.example.com/images/opengraph/x.png?v=0a0b0c0d"
    assert bookmark["ogImageLastFetchedAt"] == "2026-11-24T08:00:00.000Z"
    assert bookmark["ogImageEtag"] == '"p"'


def test_a_merge_that_changes_nothing_sets_the_mark(it: Merged) -> None:
    """A lost mark costs one look, no lease and no write of the bookmarks."""
    mark = it.state.bookmarks["b0"].mark
    it.state.bookmarks["b0"] = replace(it.state.bookmarks["b0"], mark="")
    assert it.merge() == (0, None)
    assert it.taken == []
    assert it.state.bookmarks["b0"].mark == mark


def test_while_the_bookmarks_are_locked_nothing_is_merged(it: Merged) -> None:
    """It says why, and the run after merges what this one could not."""
    it.world.patch({"ogTitle": "before"})
    title = it.world.metadata("one")["title"]
    it.held = True
    assert it.merge() == (0, "bookmarks are locked by a@b")
    assert it.world.bookmark(0)["ogTitle"] == "before"
    it.held = False
    assert it.merge() == (1, None)
    assert it.world.bookmark(0)["ogTitle"] == title


def test_lost_metadata_is_asked_for_again(it: Merged) -> None:
    """Nothing is told of a page whose metadata is gone; it becomes due, and its ETag is kept."""
    name = url_hash(it.world.url("one"))
    known = it.state.pages[name]
    it.world.store.delete(KEYS.opengraph_metadata(name))
    it.world.patch({"ogTitle": "before"})
    assert it.merge() == (0, None)
    assert it.state.pages[name].fetched_at is None
    assert it.state.pages[name].object_etag == known.object_etag
    assert it.world.bookmark(0)["ogTitle"] == "before"


def test_a_bookmark_without_an_address_is_left_alone(it: Merged) -> None:
    """Notes have no page: they are not told anything."""
    assert it.merge() == (0, None)
    note = SavedBookmark("note")
    metadata = MetadataStore(
        it.context, Publisher(it.calls, KEYS, it.world.clock, it.context.engine, "r")
    )
    assert Merger(it.context, it.state, metadata, {}).merge([note]) == (0, None)
    assert "note" not in it.state.bookmarks
