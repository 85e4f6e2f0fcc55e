"""Whatever upstream, store and process do, in any order: nothing good is lost, links stay."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from datafetch.bookmarks.publish import enrich_bookmarks
from datafetch.errors import BaseMoved, GuardRefused, LeaseLost, StoreUnavailable
from datafetch.upstream_errors import TransientError
from tests.bookmarks.world import KEYS, NEWEST, SETTINGS, World
from tests.fakes import karakeep
from tests.fakes.faults import reply
from tests.job_settings import ALL_TAGS
from tests.stores import FaultyStore, Killed

NUMBERS = st.integers(0, 60)
TWICE = "an id that comes twice"
FAULT_AT = st.integers(0, 120)
FAULTS = st.sampled_from(["fail", "lost", "gone", "kill"])
COPIED = [
    KEYS.bookmarks(),
    KEYS.bookmarks_index(),
    KEYS.slug_mapping(),
    KEYS.dataset("bookmarks"),
    KEYS.dataset("bookmarks-retired"),
]
TAGS = st.lists(st.sampled_from(["C++", "c-plus-plus", "日本", "x", "y"]), max_size=3)


def fresh(number: int, place: int, tags: list[str], pending: bool = False) -> dict[str, Any]:
    """A bookmark with a place in time of its own; some share a URL, some are notes."""
    when = NEWEST - timedelta(hours=place)
    fields: dict[str, Any] = {"tags": [karakeep.tag(name) for name in tags]}
    if pending:
        fields["taggingStatus"] = "pending"
    if number % 7 == 0:
        return karakeep.text(f"b{number:03d}", "note", when, **fields)
    return karakeep.link(f"b{number:03d}", f"https://h{number % 5}.com/p", when, **fields)


class Bookmarks(RuleBasedStateMachine):
    """A list that lives, a store that fails, a job that runs and dies."""

    def __init__(self) -> None:
        super().__init__()
        small = replace(
            SETTINGS, full_sync_max_items=20, full_sync_hours=5.0, include_unlinked=True
        )
        self.world = World(karakeep.KarakeepApp(), settings=small)
        self.slugs: dict[str, str] = {}
        self.enriched: set[str] = set()
        self.deleted: set[str] = set()
        self.broken: set[str] = set()

    def upstream(self) -> list[str]:
        """The ids on the list."""
        return self.world.app.ids()

    def some(self, number: int) -> str | None:
        """An id on the list, if it has any."""
        ids = self.upstream()
        return ids[number % len(ids)] if ids else None

    @initialize(count=st.integers(1, 60))
    def begin(self, count: int) -> None:
        """A list and its first sync."""
        for number in range(count):
            self.world.app.add(fresh(number, number * 3, ["x"] if number % 2 else ["C++", "y"]))
        self.run_well()

    # --------------------------------------------------------------- upstream

    @rule(number=NUMBERS, place=st.integers(-200, 200), tags=TAGS, pending=st.booleans())
    def add(self, number: int, place: int, tags: list[str], pending: bool) -> None:
        """Somebody saves a bookmark, or saves it again, anywhere in the list."""
        self.world.app.add(fresh(number, place, tags, pending))
        self.broken.discard(f"b{number:03d}")

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        """Somebody deletes a bookmark."""
        if bookmark_id := self.some(number):
            self.world.app.remove(bookmark_id)
            self.deleted.add(bookmark_id)

    @rule(number=NUMBERS)
    def leave(self, number: int) -> None:
        """Somebody takes a bookmark off the list."""
        if bookmark_id := self.some(number):
            self.world.app.leave_list(bookmark_id)
            self.deleted.add(bookmark_id)

    @rule(number=NUMBERS, title=st.text(max_size=5), tags=TAGS)
    def edit(self, number: int, title: str, tags: list[str]) -> None:
        """Somebody edits a bookmark."""
        bookmark_id = self.some(number)
        if bookmark_id and bookmark_id not in self.broken:
            self.world.app.edit(
                bookmark_id, title=title, tags=[karakeep.tag(name) for name in tags]
            )

    @rule(number=NUMBERS)
    def crawl(self, number: int) -> None:
        """The crawler finds something without moving `modifiedAt`."""
        bookmark_id = self.some(number)
        if bookmark_id and bookmark_id not in self.broken:
            self.world.app.crawl(bookmark_id, description=f"found {self.world.runs}")

    @rule(number=NUMBERS)
    def malform(self, number: int) -> None:
        """The server gives an item that cannot be read."""
        if bookmark_id := self.some(number):
            self.world.app.malform(bookmark_id, tags="broken")
            self.broken.add(bookmark_id)

    @rule()
    def mend(self) -> None:
        """All items are readable again."""
        for bookmark_id in self.broken & set(self.upstream()):
            self.world.app.malform(bookmark_id, tags=[])
        self.broken.clear()

    # -------------------------------------------------------------------- runs

    @rule(number=NUMBERS)
    def enrich(self, number: int) -> None:
        """Another job fills a field in."""
        ids = [item["id"] for item in self.world.master()]
        if not ids or self.world.context is None:
            return
        bookmark_id = ids[number % len(ids)]
        context = self.world.context
        object.__setattr__(context, "store", FaultyStore(self.world.store))
        enrich_bookmarks(
            context,
            ALL_TAGS,
            lambda item: {"ogTitle": f"of {bookmark_id}"} if item["id"] == bookmark_id else None,
        )
        self.enriched.add(bookmark_id)
        self.world.assert_whole()

    @rule(force=st.booleans())
    def run_well(self, force: bool = False) -> None:
        """A run that nothing disturbs."""
        with suppress(GuardRefused):
            self.world.run(force=force, allow_shrink=True)
            self.world.assert_whole()
            self.note(full=force)

    @rule(at=FAULT_AT, kind=FAULTS)
    def run_with_a_fault(self, at: int, kind: str) -> None:
        """The store fails, loses an answer, or the process dies at some request."""
        with suppress(GuardRefused, StoreUnavailable, Killed, BaseMoved):
            self.world.run(
                fault=lambda _, number: kind if number == at else None, allow_shrink=True
            )

    @rule(left=st.integers(0, 30))
    def run_out_of_lease(self, left: int) -> None:
        """The process sleeps past its lease after some writes."""
        with suppress(GuardRefused, LeaseLost):
            self.world.run(fence=Fence(left), allow_shrink=True)

    @rule()
    def upstream_down(self) -> None:
        """The server does not answer."""
        self.world.app.inject(reply(503))
        with suppress(TransientError):
            self.world.run()
        self.world.app.heal()

    @rule(
        key=st.sampled_from(COPIED),
        body=st.sampled_from([b"{broken", b"[]", b"{}", None]),
        at=FAULT_AT,
        kind=FAULTS,
    )
    def corrupt(self, key: str, body: bytes | None, at: int, kind: str) -> None:
        """An object of which there are copies breaks or is lost, and the mending may fail."""
        self.run_well()
        if not self.upstream():
            return
        if body is None:
            self.world.store.delete(key)
        else:
            self.world.store.put(key, body)
        self.run_with_a_fault(at, kind)
        self.run_well(force=True)

    @rule(
        number=NUMBERS,
        odd=st.sampled_from([TWICE, None, {}, {"id": None}, {"id": "a b/1"}]),
        at=FAULT_AT,
        kind=FAULTS,
    )
    def spoil(self, number: int, odd: Any, at: int, kind: str) -> None:
        """Somebody writes a list with an entry that is none, or one twice."""
        self.run_well()
        items = self.world.master()
        entry = {"id": items[-1]["id"], "title": "again"} if odd is TWICE else odd
        items.insert(number % len(items), entry)
        self.world.store.put(KEYS.bookmarks(), json.dumps(items).encode())
        self.run_with_a_fault(at, kind)
        self.run_well(force=True)

    @rule(number=NUMBERS, sort=st.booleans(), at=FAULT_AT, kind=FAULTS)
    def reprint(self, number: int, sort: bool, at: int, kind: str) -> None:
        """Another tool writes some objects anew with equal content, and the comparing may fail."""
        self.run_well(force=True)  # so that no deletion is left for a later full reading to find
        pages = self.world.stored(KEYS.bookmark_pages_prefix())
        keys = [KEYS.bookmarks(), KEYS.slug_mapping(), *pages][number % 3 :: 1 + number % 2]
        for key in keys:
            body = json.dumps(self.world.json(key), indent=1, sort_keys=sort).encode()
            self.world.store.put(key, body)
        self.run_with_a_fault(at, kind)
        self.run_well()
        if not self.broken and self.upstream():
            assert not self.world.run(allow_shrink=True).change_detected

    @rule(hours=st.integers(1, 200))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.world.clock.advance(hours * 3600.0)

    # -------------------------------------------------------------------- truth

    def note(self, *, full: bool) -> None:
        """After a good run: remember what must stay, check what must be there."""
        stored = self.world.slugs()
        upstream = set(self.upstream())
        if full:
            assert upstream - self.broken <= set(stored)
            assert set(stored) <= upstream | self.broken
        for bookmark_id, slug in stored.items():
            assert self.slugs.setdefault(bookmark_id, slug) == slug
        taken = list(self.slugs.values())
        assert len(set(taken)) == len(taken)

    @invariant()
    def nothing_is_lost(self) -> None:
        """What was stored once and is still on the list, or cannot be read, is still stored."""
        if not self.slugs:
            return
        stored = {item["id"] for item in self.world.master()}
        staying = set(self.slugs) & set(self.upstream()) - self.deleted
        assert staying <= stored
        for bookmark_id in self.enriched & staying:
            item = next(item for item in self.world.master() if item["id"] == bookmark_id)
            assert item["ogTitle"] == f"of {bookmark_id}"

    @invariant()
    @precondition(lambda self: self.slugs)
    def index_vouches_for_what_is_there(self) -> None:
        """Every page that the index counts is there, and without an open publish all agrees."""
        there = set(self.world.stored())
        pages = range(1, self.world.index()["totalPages"] + 1)
        assert {KEYS.bookmark_page(number) for number in pages} <= there
        if KEYS.publish_journal("bookmarks") not in there:
            self.world.assert_whole()


class Fence:
    """A fence that falls after so many checks."""

    token = 1

    def __init__(self, left: int) -> None:
        self.left = left

    def check(self) -> None:
        """Raise once all are used up."""
        self.left -= 1
        if self.left < 0:
            raise LeaseLost


TestBookmarks = Bookmarks.TestCase
TestBookmarks.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
