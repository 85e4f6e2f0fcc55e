"""The bookmark job when upstream, store or the run itself fails: nothing good is ever lost."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from datafetch.errors import (
    BaseMoved,
    Cancelled,
    DatafetchError,
    GuardRefused,
    LeaseLost,
    StoreUnavailable,
)
from datafetch.models.run import JobReport, RunStatus
from datafetch.ops.verdict import verdict
from datafetch.upstream_errors import Denied, Malformed, Missing, TransientError
from tests.bookmarks.world import KEYS, NEWEST, SETTINGS, World, at_request, link
from tests.fakes import karakeep
from tests.fakes.base import Answer
from tests.fakes.faults import reply
from tests.fakes.message import Request, Response
from tests.stores import Call, Killed

PAGE = f"/lists/{SETTINGS.list_id}/bookmarks"


def bodies(world: World) -> dict[str, bytes]:
    """Everything that is stored of the dataset, without what says when a run was."""
    moving = (KEYS.bookmarks_index(), KEYS.bookmarks_heartbeat(), KEYS.dead_letters("bookmarks"))
    return {key: world.store.get(key).body for key in world.stored() if key not in moving}


# ------------------------------------------------------------------ upstream


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(503), TransientError),
        (reply(401), Denied),
        (reply(404), Missing),
        (reply(200, "<html>"), Malformed),
        (reply(200, "[]"), Malformed),
        (reply(200, '{"bookmarks":{},"nextCursor":null}'), Malformed),
        (reply(200, '{"bookmarks":[],"nextCursor":5}'), Malformed),
        (reply(200, '{"bookmarks":[],"nextCursor":"again"}'), Malformed),
        (reply(200, '{"bookmarks":[],"nextCursor":null}'), GuardRefused),
    ],
    ids=["down", "token", "list", "html", "array", "object", "cursor", "repeated", "empty"],
)
def test_upstream_failure_moves_the_attempt_only(answer: Any, error: type[DatafetchError]) -> None:
    """An API outage was answered from the store and reported as a fresh success."""
    world = World.of(30)
    world.run()
    before, index = bodies(world), world.index()
    world.app.inject(answer, PAGE)
    with pytest.raises(error):
        world.run()
    after = world.index()
    assert bodies(world) == before
    assert after == {**index, "lastAttemptedAt": index["lastAttemptedAt"] + 3_600_000}
    heartbeat = world.json(KEYS.bookmarks_heartbeat())
    assert (heartbeat["success"], heartbeat["changeDetected"]) == (False, False)
    assert heartbeat["error"]
    world.app.heal()
    assert not world.run().change_detected
    world.assert_whole()


def break_items(world: World, count: int) -> None:
    """Make the first items of the list unreadable."""
    for number in range(count):
        world.app.malform(f"b{number:03d}", tags="broken")


@pytest.mark.parametrize("edited", [True, False], ids=["rest-edited", "rest-unchanged"])
def test_run_that_lost_most_items_is_no_success(edited: bool) -> None:
    """A run whose items mostly failed ended with exit 1, and yet as a fresh success in the index."""
    world = World.of(12)
    world.run()
    before, index = bodies(world), world.index()
    break_items(world, 8)
    if edited:
        world.app.edit("b011", title="New")
    with pytest.raises(GuardRefused, match="8 of 12 items could not be read"):
        world.run()
    assert world.report is not None
    assert (world.report.processed, world.report.failed, world.report.newly_failed) == (12, 8, 8)
    assert any("b000 (" in note for note in world.report.notes)
    assert world.report.last_fetched_at == index["lastFetchedAt"]
    assert verdict(world.report, 0.5) == (RunStatus.FAILED, 1)
    assert bodies(world) == before
    assert world.index() == {**index, "lastAttemptedAt": index["lastAttemptedAt"] + 3_600_000}
    heartbeat = world.json(KEYS.bookmarks_heartbeat())
    assert heartbeat["success"] is False
    assert "8 of 12" in heartbeat["error"]
    report = world.run()
    assert (report.failed, report.newly_failed, report.change_detected) == (8, 0, edited)
    world.assert_whole()
    assert len(world.master()) == 12


@pytest.mark.parametrize("first", [True, False], ids=["first-run", "later"])
def test_run_that_lost_half_is_partial(first: bool) -> None:
    """As many failures as the ratio allows are a partial success: all items of the list count."""
    world = World.of(12)
    if not first:
        world.run()
    break_items(world, 6)
    report = world.run()
    (note,) = report.notes
    assert note.startswith("could not be read: b000 (")
    assert "b002 (" in note
    assert "b003" not in note
    assert "and 3 more" in note
    assert "`datafetch bookmarks` reads them again" in note
    assert (report.processed, report.newly_failed) == (12, 6)
    assert verdict(report, 0.5) == (RunStatus.PARTIAL, 0)
    assert world.index()["lastFetchedAt"] == report.last_fetched_at
    world.assert_whole()


def test_first_run_without_a_readable_item_says_so() -> None:
    """A first list of which nothing could be read was called empty, with no item failed."""
    world = World.of(12)
    break_items(world, 12)
    for newly_failed in (12, 0):
        with pytest.raises(GuardRefused, match="none of the list's 12 items could be read"):
            world.run()
        assert world.report is not None
        assert world.report.failed == 12
        assert world.report.newly_failed == newly_failed
    assert KEYS.bookmarks_index() not in world.stored()


def test_failed_first_run_leaves_no_index() -> None:
    """A run that failed before anything was stored vouches for nothing."""
    world = World.of(30)
    world.app.inject(reply(503), PAGE)
    with pytest.raises(TransientError):
        world.run()
    assert world.stored() == [KEYS.bookmarks_heartbeat()]


@pytest.mark.parametrize(
    ("change", "production"),
    [
        (lambda world: world.app.remove(*[f"b{number:03d}" for number in range(7)]), False),
        (
            lambda world: [
                world.app.malform(f"b{number:03d}", content={"type": "link"})
                for number in range(30)
            ],
            False,
        ),
    ],
    ids=["shrunken", "no-urls"],
)
def test_worse_answers_are_refused_and_can_be_allowed(
    change: Callable[[World], Any], production: bool
) -> None:
    """An empty or partial API answer replaced the list; no check on shrinking."""
    settings = replace(SETTINGS, include_unlinked=True)
    world = World.of(30, production=production, settings=settings)
    world.run()
    before = bodies(world)
    change(world)
    with pytest.raises(GuardRefused, match="30"):
        world.run()
    assert bodies(world) == before
    assert world.run(allow_shrink=True).change_detected
    world.assert_whole()


def test_production_refuses_less_than_the_minimum() -> None:
    """A limit for development reached production and cut the dataset."""
    world = World.of(9, production=True)
    with pytest.raises(GuardRefused, match="9 bookmarks"):
        world.run()


def test_id_that_climbs_is_quarantined() -> None:
    """An id is part of a key: one that leaves its folder is never used."""
    world = World.of(5)
    world.app.add(karakeep.link("../../x", "https://e.com", NEWEST))
    assert world.run().failed == 1
    assert not [key for key in world.stored() if ".." in key]
    world.assert_whole()


# --------------------------------------------------------------------- store


def test_store_error_is_not_an_empty_store() -> None:
    """A store error was read as "not found"; the dataset was rebuilt from nothing over good data."""
    world = World.of(30)
    world.run()
    before = {key: world.store.get(key).body for key in world.stored()}
    for broken in range(3):
        with pytest.raises(StoreUnavailable):
            world.run(fault=at_request(broken, "fail"))
        assert {key: world.store.get(key).body for key in world.stored()} == before


def changed_world() -> World:
    """A stored list and an upstream on which everything that can happen has happened."""
    world = World.of(60)
    world.run()
    world.enrich("b010", ogTitle="Stored")
    world.run(force=True)
    world.app.remove("b001", "b030")
    world.app.edit("b010", title="New")
    world.app.edit("b011", tags=[karakeep.tag("Fresh")])
    world.app.add(link(70), link(71, url="https://site2.example.com/page/2"))
    return world


def requests_of(world: World) -> int:
    """How many store requests the next run makes."""
    world.run()
    assert world.faulty is not None
    return len(world.faulty.calls)


def writes_of(world: World) -> int:
    """How often the next run writes."""
    world.run()
    assert world.faulty is not None
    return world.faulty.count("put", "delete")


TOTAL = requests_of(changed_world())
WRITES = writes_of(changed_world())


@pytest.mark.parametrize("kind", ["fail", "lost", "gone", "kill"])
@pytest.mark.parametrize("at", range(TOTAL))
def test_fault_at_each_request(kind: str, at: int) -> None:
    """Whatever request fails, the index vouches only for what is there, and the next run ends it."""
    world = changed_world()
    before, slugs = world.index(), world.slugs()
    with suppress(StoreUnavailable, Killed, BaseMoved):
        world.run(fault=at_request(at, kind))
    index = world.index()
    if index["checksum"] != before["checksum"]:
        assert [item["id"] for item in world.master()] == world.app.ids()
        assert all(KEYS.bookmark_by_id(key) in world.stored() for key in world.app.ids())
        assert all(
            KEYS.bookmark_page(number + 1) in world.stored()
            for number in range(index["totalPages"])
        )
    world.run()
    world.assert_whole()
    assert [item["id"] for item in world.master()] == world.app.ids()
    assert world.item("b010")["ogTitle"] == "Stored"
    after = world.slugs()
    assert all(after[key] == slug for key, slug in slugs.items() if key in after)
    assert world.run().change_detected is False


def so_far(world: World) -> JobReport:
    """What the manager is told of a run that ended early."""
    assert world.context is not None
    return world.context.so_far.report()


def remarks(world: World) -> str:
    """What the last run told the user from deep inside."""
    assert world.context is not None
    return "\n".join(world.context.remarks.notes())


def test_stopped_run_counts_what_it_read() -> None:
    """A run that was stopped between two pages said that it had processed nothing."""
    world = World.of(250)

    def stop(request: Request, answer: Answer) -> Response:
        assert world.context is not None
        world.context.cancel.cancel(Cancelled(signal=15))
        return answer(request)

    world.app.inject(stop, lambda request: "cursor" in request.query)
    with pytest.raises(Cancelled):
        world.run()
    assert (so_far(world).processed, so_far(world).changed) == (100, 0)
    assert so_far(world).notes == ()


def test_run_that_fails_after_its_publish_counts_it() -> None:
    """What readers see already is counted, whatever fails afterwards."""
    world = changed_world()
    heartbeat = KEYS.bookmarks_heartbeat()
    with pytest.raises(StoreUnavailable):
        world.run(fault=lambda call, _: "fail" if call == Call("put", heartbeat) else None)
    assert so_far(world).changed > 0
    assert so_far(world).notes == ()
    assert KEYS.publish_journal("bookmarks") not in world.stored()


@pytest.mark.parametrize("at", [8, 15, 20, 25])
def test_open_publish_is_ended_before_anything_else(at: int) -> None:
    """A run that died half-way is ended by the next one, even when that one's upstream is down."""
    world = changed_world()
    with suppress(StoreUnavailable):
        world.run(fault=at_request(at, "fail"))
    assert KEYS.publish_journal("bookmarks") in world.stored()
    assert so_far(world).changed == 0
    assert "next `datafetch bookmarks` finishes it" in so_far(world).notes[-1]
    assert "not published, or only in part" in so_far(world).notes[-1]
    world.run(dry_run=True)
    assert "without --dry-run" in remarks(world)
    world.app.inject(reply(503), PAGE)
    with pytest.raises(TransientError):
        world.run()
    assert "the run run-3 had not finished its publish" in remarks(world)
    world.assert_whole()
    world.app.heal()
    world.run()
    assert [item["id"] for item in world.master()] == world.app.ids()


def test_a_forced_run_ends_an_open_publish_without_writing_equal_objects_twice() -> None:
    """Ending it writes what differs; the publish of the run itself writes the equal ones again."""
    world = changed_world()
    with suppress(StoreUnavailable):
        world.run(fault=at_request(15, "fail"))
    assert KEYS.publish_journal("bookmarks") in world.stored()
    world.run(force=True)
    assert "had not finished its publish" in remarks(world)
    assert world.faulty is not None
    single = KEYS.bookmark_by_id("b020")
    assert world.faulty.keys("put").count(single) == 1
    assert KEYS.publish_journal("bookmarks") not in world.stored()
    world.assert_whole()


def test_lost_answers_do_not_fail_a_run() -> None:
    """A conditional PUT was stored, its answer lost, the retry met a 412, and the index was taken for lost."""
    world = changed_world()
    report = world.run(fault=lambda call, _: "lost" if call.method == "put" else None)
    assert report.change_detected
    world.assert_whole()


@dataclass
class Fence:
    """A fence that falls after so many checks."""

    left: int

    def check(self) -> None:
        """Raise once all checks are used up."""
        self.left -= 1
        if self.left < 0:
            raise LeaseLost


@pytest.mark.parametrize("left", range(WRITES))
def test_run_without_lease_writes_nothing_more(left: int) -> None:
    """A process stopped past its lease woke and went on writing content before the index refused it."""
    world = changed_world()
    with pytest.raises(LeaseLost):
        world.run(fence=Fence(left))
    assert world.faulty is not None
    assert world.faulty.count("put", "delete") == left
    world.run()
    world.assert_whole()


def test_moved_base_starts_over_once() -> None:
    """A run that lost its base to another one starts over from what is stored now."""
    world = changed_world()
    moved: list[Call] = []

    def other(call: Call, _: int) -> str | None:
        if call.method == "put" and call.key == KEYS.bookmarks_index() and not moved:
            moved.append(call)
            world.enrich("b012", ogTitle="By the other run")
            world.store.put(call.key, b'{"count":58,"lastModified":"x"}')
        return None

    world.run(fault=other)
    world.assert_whole()
    assert world.item("b012")["ogTitle"] == "By the other run"

    def always(call: Call, _: int) -> str | None:
        if call.method == "put" and call.key == KEYS.bookmarks_index():
            world.store.put(call.key, world.store.get(call.key).body + b" ")
        return None

    world.app.edit("b003", title="Once more")
    with pytest.raises(BaseMoved):
        world.run(fault=always)
    world.run()
    world.assert_whole()


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    """A text that was cut inside an emoji is stored with a replacement character."""
    world = World.of(3)
    broken = {**link(1), "title": "cut \ud83d", "tags": [{"id": "t", "name": "t \ud83d"}]}
    world.app.inject(reply(200, json.dumps({"bookmarks": [broken], "nextCursor": None})), PAGE)
    world.run()
    assert world.item("b001")["title"] == "cut \ufffd"
    world.assert_whole()


# ------------------------------------------------------------------- helpers
