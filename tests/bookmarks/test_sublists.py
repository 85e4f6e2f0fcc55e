"""Bookmarks of lists below the list, which count when they are asked for."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from datafetch.upstream_errors import Denied, Malformed, Missing
from tests.bookmarks.test_fetch import without
from tests.bookmarks.world import NEWEST, SETTINGS, World, link
from tests.fakes import karakeep
from tests.fakes.faults import reply

DEEP = replace(SETTINGS, include_sublists=True)
LONG = replace(DEEP, full_sync_max_items=50)


def nested(**options: object) -> World:
    """A list of 12 bookmarks with two lists below it, one below the other, that share one bookmark."""
    world = World(
        karakeep.KarakeepApp(link(number) for number in range(0, 24, 2)),
        settings=DEEP,
        **options,  # type: ignore[arg-type]
    )
    world.app.nest("child", SETTINGS.list_id)
    world.app.nest("grandchild", "child")
    world.app.nest("beside", None)
    world.app.add(*(link(number) for number in range(1, 12, 2)), list_id="child")
    world.app.add(*(link(number) for number in range(13, 24, 2)), list_id="grandchild")
    world.app.join_list("b001", list_id="grandchild")
    world.app.add(link(90), list_id="beside")
    return world


def test_lists_below_the_list_count_when_asked_for() -> None:
    """Contents of sub-lists are published with the list's own, in one order, each once."""
    world = nested()
    report = world.run()
    assert [item["id"] for item in world.master()] == [f"b{number:03d}" for number in range(24)]
    assert (report.processed, len(world.asked)) == (24, 4)
    assert not world.run().change_detected
    world.assert_whole()


def test_lists_below_the_list_cost_nothing_when_they_do_not_count() -> None:
    """By default only the list itself is published, and nothing is asked about others."""
    world = nested()
    world.settings = SETTINGS
    assert world.run().processed == 12
    assert len(world.asked) == 1


def test_bookmark_that_moved_to_a_list_below_stays() -> None:
    """In the second look a bookmark is there when it is on any of the lists."""
    world = nested()
    world.run()
    world.app.inject(without("b002"), "/child/bookmarks")
    world.app.leave_list("b002")
    world.app.join_list("b002", list_id="child")
    assert not world.run().change_detected
    world.app.heal()
    world.app.leave_list("b002", list_id="child")
    world.app.join_list("b002", list_id="beside")
    report = world.run()
    assert (report.changed, "b002" in world.slugs()) == (1, False)
    assert world.asked[-1] == "/api/v1/bookmarks/b002/lists"
    world.assert_whole()


def test_list_that_is_taken_away_takes_its_bookmarks_along() -> None:
    """What stood only in a list that is no longer below the list is not published any more."""
    world = nested()
    world.run()
    world.app.nest("grandchild", None)
    assert world.run(allow_shrink=True).changed == 6
    assert "b001" in world.slugs()
    world.assert_whole()


def test_smart_list_below_the_list_is_read_twice_before_a_deletion() -> None:
    """A smart list below the list names none of its bookmarks either: there too the lists are read again."""
    world = nested()
    world.app.make_smart("child")
    world.run()
    world.app.inject(without("b003"), "/child/bookmarks", times=1)
    assert not world.run().change_detected
    world.app.leave_list("b003", list_id="child")
    assert world.run().changed == 1
    assert not [path for path in world.asked if path.endswith("b003/lists")]
    world.assert_whole()


def test_each_list_is_read_until_nothing_on_it_is_new() -> None:
    """On a long list an unchanged run asks for one page of each list, and sees what is new in any of them."""
    world = World(karakeep.KarakeepApp(link(number) for number in range(0, 400, 2)), settings=LONG)
    world.app.nest("child", SETTINGS.list_id)
    world.app.add(*(link(number) for number in range(1, 400, 2)), list_id="child")
    world.run()
    assert len(world.asked) == 5
    assert not world.run().change_detected
    assert len(world.asked) == 3
    world.app.add(link(500), list_id="child")
    world.app.resave("b500", NEWEST + timedelta(days=1))
    report = world.run()
    assert (report.changed, report.full_sync) == (1, False)
    assert world.master()[0]["id"] == "b500"
    assert len(world.master()) == 401
    world.assert_whole()
    assert not world.run(force=True).change_detected


def test_limit_counts_the_bookmarks_of_all_lists() -> None:
    """`--limit` takes the newest of all lists together."""
    world = nested()
    assert world.run(limit=5).processed == 5
    assert [item["id"] for item in world.master()] == [f"b{number:03d}" for number in range(5)]


def test_cursor_that_repeats_below_the_list_ends_the_run() -> None:
    """The next cursor repeated; paging never ended: so it is with each list."""
    world = nested()
    world.app.inject(reply(200, '{"bookmarks":[],"nextCursor":"again"}'), "/grandchild/bookmarks")
    with pytest.raises(Malformed):
        world.run()


def test_a_list_whose_id_no_url_can_hold_fails_the_run() -> None:
    """Half of a surrogate pair in the id of a list below ended the run in a traceback."""
    world = nested()
    lists = [{"id": karakeep.LIST_ID}, {"id": "\ud800", "parentId": karakeep.LIST_ID}]
    world.app.inject(reply(200, json.dumps({"lists": lists})), "/lists")
    with pytest.raises(Malformed, match=r"lists\.1\.id"):
        world.run()


def test_lists_that_cannot_be_had_fail_the_run() -> None:
    """Without the lists below it the list would look shrunken: the run fails, and what is stored stays."""
    world = nested()
    world.run()
    before = world.master()
    world.app.scopes.discard("lists:read")
    with pytest.raises(Denied, match="lacks the scope lists:read"):
        world.run()
    world.app.scopes.add("lists:read")
    for answer in ('{"lists":[{"name":"no id"}]}', "{}"):
        world.app.heal()
        world.app.inject(reply(200, answer), lambda request: request.path == "/api/v1/lists")
        with pytest.raises(Malformed):
            world.run()
    world.app.heal()
    world.app.inject(reply(404), "/child/bookmarks")
    with pytest.raises(Missing) as gone:
        world.run()
    assert "next run" in gone.value.hint
    assert world.master() == before
    world.app.heal()
    assert not world.run().change_detected
