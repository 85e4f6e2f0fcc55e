"""The second look before a deletion, on manual and smart lists, and when the server will not say."""

from dataclasses import replace
from typing import Any

import pytest

from datafetch.bookmarks.fetch import ListReader
from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.models.run import RunStatus
from datafetch.net.base import Answer
from datafetch.net.base import Request as Asked
from datafetch.ops.verdict import verdict
from datafetch.upstream_errors import BreakerOpen, TransientError
from tests.bookmarks.test_fetch import PAGE, without
from tests.bookmarks.world import SETTINGS, AppHttp, World
from tests.fakes.faults import reply
from tests.stores import MemoryStore
from tests.support import make_context

LIST = f"/api/v1/lists/{SETTINGS.list_id}"


def stored_world(count: int = 30) -> World:
    """A list that was synced once."""
    world = World.of(count)
    world.run()
    return world


def kinds(world: World) -> list[str]:
    """What the last run asked the bookmark server for, in short."""
    short = {LIST: "type", f"{LIST}/bookmarks": "page"}
    paths = (asked.partition("?")[0] for asked in world.asked)
    return [short.get(path, path.removeprefix("/api/v1/bookmarks/")) for path in paths]


def test_deleted_bookmark_goes_though_the_key_may_not_read_lists() -> None:
    """The second look was refused (403, a scope) and that counted as "still there": deleted bookmarks stayed public for ever, with success."""
    world = stored_world()
    world.app.scopes.discard("lists:read")
    world.app.remove("b003")
    report = world.run()
    assert "b003" not in world.slugs()
    assert kinds(world) == ["page", "type", "page"]
    assert "status 403" in report.notes[0]
    assert "The API key lacks the scope lists:read" in report.notes[0]
    assert "the whole list was read once more" in report.notes[0]
    assert (report.changed, report.partial) == (1, None)
    world.assert_whole()


def test_what_comes_in_the_second_reading_stays_though_the_key_may_not_read_lists() -> None:
    """Absence counts as deletion only when it is seen twice, also where the server refuses to say."""
    world = stored_world()
    world.app.scopes.discard("lists:read")
    world.app.inject(without("b003"), PAGE, times=1)
    report = world.run()
    assert not report.change_detected
    assert report.notes
    world.assert_whole()


def test_refusal_for_one_bookmark_is_not_asked_for_again_for_each() -> None:
    """A server that tells the type and then refuses one bookmark's lists refuses them all."""
    world = stored_world()
    world.app.remove("b003", "b004", "b005")
    world.app.inject(reply(403, '{"error":"no"}'), "/bookmarks/b0")
    report = world.run()
    assert kinds(world) == ["page", "type", "b003/lists", "page"]
    assert report.changed == 3
    world.assert_whole()


@pytest.mark.parametrize("answer", ['{"lists":5}', '{"lists":[{"id":null}]}', "<html>", "[]"])
def test_answer_that_says_nothing_is_no_answer(answer: str) -> None:
    """Lists that cannot be read may be ours: such an answer unpublishes nobody, the list decides."""
    world = stored_world()
    world.app.inject(without("b003"), PAGE, times=1)
    world.app.inject(reply(200, answer), "/b003/lists")
    assert not world.run().change_detected
    world.app.heal()
    world.app.inject(reply(200, answer), "/b003/lists")
    world.app.remove("b003")
    assert world.run().changed == 1
    world.assert_whole()


def test_bookmark_of_a_smart_list_that_moved_between_pages_stays() -> None:
    """On smart lists the second look always said "gone": a bookmark that moved between pages was unpublished."""
    world = stored_world()
    world.app.make_smart()
    world.app.inject(without("b003"), PAGE, times=1)
    report = world.run()
    assert kinds(world) == ["page", "type", "page"]
    assert (report.change_detected, report.notes) == (False, ())
    world.app.leave_list("b003")
    report = world.run()
    assert (report.changed, report.notes) == (1, ())
    assert "b003" not in world.slugs()
    world.assert_whole()


@pytest.mark.parametrize(
    "answer",
    [reply(404), reply(403), reply(200, '{"id":"x","type":"clever"}'), reply(200, "{}")],
    ids=["unknown", "refused", "new-kind", "empty"],
)
def test_list_of_a_kind_that_cannot_be_told_is_read_again(answer: Any) -> None:
    """Where nothing says that the list is manual it may be smart, and its bookmarks are not asked for one by one."""
    world = stored_world()
    world.app.inject(answer, lambda request: request.path == LIST)
    world.app.inject(without("b003"), PAGE, times=1)
    assert not world.run().change_detected
    assert kinds(world) == ["page", "type", "page"]
    world.app.remove("b004")
    assert world.run().changed == 1
    world.assert_whole()


@pytest.mark.parametrize("silent", ["/b003/lists", LIST], ids=["bookmark", "type"])
def test_answer_that_could_not_be_had_keeps_the_bookmark_and_says_so(silent: str) -> None:
    """What the server did not say is no success: the bookmark stays, the run is partial, the next one asks again."""
    world = stored_world()
    world.app.remove("b003", "b004")
    world.app.inject(reply(503), lambda request: request.path.endswith(silent))
    kept = {"b003"} if "b003" in silent else {"b003", "b004"}
    for _ in range(2):
        report = world.run()
        assert kept <= set(world.slugs())
        assert verdict(report, 0.5) == (RunStatus.PARTIAL, 0)
        assert "(b003" in str(report.partial)
        assert "stay" in str(report.partial)
        assert not report.full_sync
    world.assert_whole()
    world.app.heal()
    report = world.run()
    assert report.partial is None
    assert not {"b003", "b004"} & set(world.slugs())
    world.assert_whole()


def test_second_reading_that_fails_deletes_nothing() -> None:
    """A failure of the server never counts as success, nor an absence that was seen once as deletion."""
    world = stored_world()
    world.app.scopes.discard("lists:read")
    world.app.remove("b003")
    fetched = world.index()["lastFetchedAt"]
    world.app.inject(reply(503), PAGE, after=1)
    with pytest.raises(TransientError):
        world.run()
    assert "b003" in world.slugs()
    assert world.index()["lastFetchedAt"] == fetched
    world.app.heal()
    assert world.run().changed == 1
    world.assert_whole()


@pytest.mark.parametrize("closed", [LIST, f"{LIST.partition('/lists')[0]}/bookmarks/gone/lists"])
def test_open_breaker_of_the_server_fails_the_second_look(closed: str) -> None:
    """A breaker that is open on a job's own API is a failure of the job."""
    world = stored_world()

    class Broken(AppHttp):
        def fetch(self, request: Asked) -> Answer:
            if request.url.endswith(closed):
                raise BreakerOpen("not asked for a while")
            return super().fetch(request)

    context = make_context(SETTINGS, MemoryStore())
    reader = ListReader(context, BookmarkApi(Broken(world.app), SETTINGS))
    fetched = reader.read(None, full=True)
    with pytest.raises(BreakerOpen):
        reader.look_again(fetched, ["gone"])


def test_unchanged_run_asks_for_nothing_more() -> None:
    """The kind of a list is asked for only when a bookmark did not come."""
    world = stored_world()
    world.run()
    assert kinds(world) == ["page"]
    world.app.make_smart()
    world.run()
    assert kinds(world) == ["page"]


def test_many_that_went_are_guarded_all_the_same() -> None:
    """What is absent twice is gone, and then a list that shrank too far is refused."""
    world = stored_world()
    world.app.scopes.discard("lists:read")
    world.app.remove(*[f"b{number:03d}" for number in range(15)])
    with pytest.raises(Exception, match="shrink from 30 to 15"):
        world.run()
    assert world.report is not None
    assert "read once more" in world.report.notes[0]
    assert len(world.slugs()) == 30


def test_long_list_stays_due_until_everything_is_decided() -> None:
    """A reading that left a question open is no full sync, so that the next run reads everything again."""
    world = World.of(150, settings=replace(SETTINGS, full_sync_max_items=100))
    world.run()
    world.clock.advance(24 * 3600)
    world.app.remove("b140")
    world.app.inject(reply(503), "/b140/lists")
    world.run()
    world.app.heal()
    assert world.run().changed == 1
    assert "b140" not in world.slugs()
    world.assert_whole()
