"""Pages that fail, runs that die, stores that lose things: what is there afterwards."""

from typing import Any

import pytest

from datafetch.errors import (
    Cancelled,
    CorruptObject,
    LeaseHeld,
    LeaseLost,
    StoreUnavailable,
    UsageError,
)
from datafetch.models.run import JobName
from datafetch.store.base import encode_json
from datafetch.urls import url_hash, without_query
from tests.fakes.faults import redirect, reply
from tests.opengraph.world import KEYS, world
from tests.stores import Call, Killed

DAY = 24 * 3600
HTML = {"Content-Type": "text/html"}
STATE = KEYS.dataset("opengraph")


def test_a_failed_page_has_its_bookmarks_words():
    """A page that cannot be read gets what its bookmark says, marked as such."""
    with world(["one"], style=0) as it:
        it.sites.inject(reply(500), "/one")
        report = it.run()
        found = it.metadata("one")
        assert (found["source"], found["title"]) == ("fallback", "Title of b0")
        assert (report.failed, report.newly_failed) == (1, 1)
        (note,) = report.notes
        assert f"failed: {it.url('one')} (500)" in note
        assert "else it is tried again from 09:00 UTC" in note
        assert it.letters() == {it.url("one"): "TransientError"}
        assert "ogTitle" not in it.bookmark(0)
        assert report.last_fetched_at is None


def test_a_failed_page_is_left_alone_for_an_hour():
    """After a failure nobody is asked for an hour; then the page's own words replace ours."""
    with world(["one"]) as it:
        it.sites.inject(reply(500), "/one", times=1)
        it.run()
        it.asked()
        it.clock.advance(3500)
        assert it.run().skipped == 1
        assert it.asked() == []
        it.clock.advance(100)
        it.run()
        assert it.metadata("one")["source"] == "external"
        assert it.bookmark(0)["ogTitle"] == it.metadata("one")["title"]
        assert it.letters() == {}


def test_a_page_that_keeps_failing_backs_off():
    """Known dead letters that failed again are counted, but not as new."""
    with world(["one"]) as it:
        it.sites.inject(reply(500), "/one")
        it.run()
        it.clock.advance(3601)
        report = it.run()
        assert (report.failed, report.newly_failed) == (1, 0)
        it.clock.advance(3601)
        it.asked()
        it.run()
        assert it.asked() == []
        it.clock.advance(3 * 3600)
        it.run()
        assert it.asked("/one") == ["/one"]


def test_the_first_failures_are_named():
    """A partial run said how many pages failed, and the user had to search the log for them."""
    with world([f"p{number}" for number in range(6)]) as it:
        it.width = 1
        it.sites.inject(reply(404), lambda request: request.path in ("/p2", "/p3", "/p4", "/p5"))
        report = it.run()
        (note,) = report.notes
        assert note.startswith("failed: ")
        assert (
            f"{it.url('p2')} (404), {it.url('p3')} (404), {it.url('p4')} (404) and 1 more" in note
        )
        assert "`datafetch refresh-opengraph --url URL`" in note
        assert "no run does so by itself" in note


def test_a_picture_that_failed_is_told_as_such():
    """The page is fine, its picture is not: the reason says which, the URL is the page's."""
    with world(["one"]) as it:
        it.sites.inject(reply(500), lambda request: request.path != "/one")
        (note,) = it.run().notes
        assert f"failed: {it.url('one')} (picture: 500)" in note


def test_a_url_that_no_bookmark_has_leads_to_those_that_are_stored():
    """The user sees what is stored of that site, and which command stores new bookmarks."""
    with world(["one?a=1", "one?b=2"]) as it:
        with pytest.raises(UsageError, match="no stored bookmark has the URL") as refused:
            it.run(only=(it.url("two"),))
        assert it.url("one?a=1") in refused.value.hint
        assert "`datafetch bookmarks`" in refused.value.hint
        with pytest.raises(UsageError) as refused:
            it.run(only=("https://elsewhere.example.com/",))
        assert refused.value.hint == "`datafetch bookmarks` stores new bookmarks."
        assert it.context is not None
        assert str(refused.value) not in it.context.so_far.report().notes  # it was printed twice


FAILURES = {
    "an error": reply(500, "<title>Oops</title>", HTML),
    "gone": reply(410, "<title>Gone</title>", HTML),
    "forbidden": reply(403, "<title>No</title>", HTML),
    "too many": reply(429, "<title>Wait</title>", HTML),
    "a captcha": reply(200, "<title>Just a moment...</title>", HTML),
    "a log-in": redirect("/accounts/login/?next=/one"),
    "a document": reply(200, b"%PDF", {"Content-Type": "application/pdf"}),
    "nothing to say": reply(200, "<html></html>", HTML),
    "a private address": redirect("http://192.168.1.1/admin"),
}


@pytest.mark.parametrize("action", FAILURES.values(), ids=FAILURES)
def test_a_failure_removes_nothing(action):
    """What a page once said, and what the bookmarks were told, outlives all its failures."""
    with world(["one"]) as it:
        it.run()
        metadata, bookmark, manifest = it.metadata("one"), it.bookmark(0), it.manifest()
        it.clock.advance(DAY)
        it.sites.inject(action, "/one")
        report = it.run()
        assert report.failed == 1
        assert list(it.letters()) == [it.url("one")]
        assert (it.metadata("one"), it.bookmark(0), it.manifest()) == (metadata, bookmark, manifest)


def test_one_bad_page_stops_nobody():
    """One bad item never stops a run."""
    with world([f"p{number}" for number in range(5)]) as it:
        it.sites.inject(reply(500), "/p2")
        report = it.run()
        assert (report.processed, report.failed) == (5, 1)
        assert len(it.manifest()) == 4


def test_letters_of_what_is_gone():
    """A dead letter of a bookmark that was deleted does not wait for ever."""
    with world(["one", "two"]) as it:
        it.sites.inject(reply(500), "/two")
        it.run()
        assert list(it.letters()) == [it.url("two")]
        it.karakeep.remove("b1")
        it.sync()
        it.run()
        assert it.letters() == {}
        assert list(it.json(STATE)["bookmarks"]) == ["b0"]


# ------------------------------------------------------------------ the store


def test_a_lost_state_is_made_of_what_is_stored():
    """When nothing is remembered, metadata and manifest say it: nobody is asked again."""
    with world(["one", "two"]) as it:
        it.run()
        manifest, bookmarks = it.manifest(), it.json(KEYS.bookmarks())
        it.store.delete(STATE)
        it.asked()
        report = it.run()
        assert it.asked() == []
        assert (it.manifest(), it.json(KEYS.bookmarks())) == (manifest, bookmarks)
        assert not report.change_detected
        it.run()
        assert it.faulty is not None
        assert it.faulty.count("put") == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"version":9}', b'{"version":1,"rules":1}'])
def test_a_broken_state_is_kept_aside(body):
    """A corrupt object in the store crashed the run, or was taken as empty."""
    with world(["one"]) as it:
        it.run()
        it.store.put(STATE, body)
        it.asked()
        it.run()
        assert it.asked() == []
        assert [i.key for i in it.store.list(STATE + ".corrupt-")]
        assert it.json(STATE)["pages"]


def test_a_broken_manifest_is_kept_aside_and_made_anew():
    """The manifest is made again of what is remembered."""
    with world(["one", "two"]) as it:
        it.run()
        manifest = it.manifest()
        it.store.put(KEYS.opengraph_manifest(), b'["https')
        it.run()
        assert it.manifest() == manifest
        assert [i.key for i in it.store.list(KEYS.opengraph_manifest() + ".corrupt-")]


def test_broken_metadata_is_kept_aside_and_fetched_again():
    """Metadata that cannot be read is nobody's words; the next run asks the page."""
    with world(["one"]) as it:
        it.run()
        said = it.metadata("one")
        key = KEYS.opengraph_metadata(url_hash(it.url("one")))
        it.store.put(key, b"{")
        it.patch({"ogTitle": ""})
        it.run()
        assert [i.key for i in it.store.list(key + ".corrupt-")]
        it.run()
        assert it.metadata("one")["title"] == said["title"]
        assert it.bookmark(0)["ogTitle"] == said["title"]


def test_a_broken_master_is_not_an_empty_one():
    """A store error was read as "not found"; here another copy of the bookmarks is read."""
    with world(["one"]) as it:
        it.store.put(KEYS.bookmarks(), b"{")
        assert it.run().processed == 1


def test_old_metadata_without_the_query():
    """Old metadata, named without the query, counts only when its URL is equal."""
    with world(["watch?v=a", "watch?v=b"]) as it:
        old = KEYS.opengraph_metadata(url_hash(without_query(it.url("watch?v=a"))))
        value = {
            "url": it.url("watch?v=a"),
            "title": "Old words",
            "imageUrl": None,
            "timestamp": round(it.clock.now() * 1000),
            "source": "external",
        }
        body = encode_json(value)
        it.store.put(old, body)
        it.run()
        assert it.bookmark(0)["ogTitle"] == "Old words"
        assert it.metadata("watch?v=a")["title"] == "Old words"
        assert it.bookmark(1)["ogTitle"] == it.metadata("watch?v=b")["title"] != "Old words"
        assert it.store.get(old).body == body


def test_metadata_that_somebody_else_wrote():
    """A page's words that are there already are not replaced by what is made of a bookmark."""
    with world(["one"]) as it:
        it.run()
        said = it.metadata("one")
        it.karakeep.remove("b0")
        it.add("two")
        it.run()
        it.karakeep.add(it_link := it.link("b9", "one"))
        it.sync()
        it.sites.inject(reply(500), "/one")
        it.run()
        assert it_link["id"] == "b9"
        assert it.metadata("one") == said
        assert it.bookmark(9)["ogTitle"] == said["title"]


def test_a_lost_answer_is_no_conflict():
    """A conditional PUT was stored, its answer lost, the retry met a 412."""

    def lost(call: Call, _: int) -> str | None:
        return "lost" if call.method == "put" and "json/opengraph/metadata" in call.key else None

    with world(["one"]) as it:
        report = it.run(fault=lost)
        assert report.failed == 0
        assert it.bookmark(0)["ogTitle"] == it.metadata("one")["title"]


# ------------------------------------------------------------- runs that die


def test_what_was_fetched_outlives_a_run_that_dies():
    """A killed run resumes: what it stored is not fetched again, and the bookmarks are told."""

    def kill(call: Call, _: int) -> str | None:
        return "kill" if call.key == KEYS.publish_journal("bookmarks") else None

    with world(["one", "two"]) as it:
        with pytest.raises(Killed):
            it.run(fault=kill)
        assert "ogTitle" not in it.bookmark(0)
        it.asked()
        report = it.run()
        assert it.asked() == []
        assert it.bookmark(0)["ogTitle"]
        assert it.bookmark(1)["ogImage"] in it.manifest()
        assert report.change_detected


def test_the_state_is_stored_on_the_way():
    """A long run that is killed has remembered most of what it did."""
    paths = [f"p{number}" for number in range(205)]

    def kill(call: Call, _: int) -> str | None:
        return "kill" if call.key == KEYS.opengraph_manifest() and call.method == "put" else None

    with world(paths, style=2) as it:
        with pytest.raises(Killed):
            it.run(fault=kill)
        assert it.faulty is not None
        assert it.faulty.keys("put").count(STATE) == 2


def test_a_stopped_run_keeps_its_work():
    """After a signal the state is written, and the error says that the run was stopped."""
    with world([f"p{number}" for number in range(30)]) as it:

        def stop(_call: Call, number: int) -> str | None:
            if number == 40 and it.context is not None:
                it.context.cancel.cancel(Cancelled())
            return None

        with pytest.raises(Cancelled):
            it.run(fault=stop)
        done = len(it.json(STATE)["pages"])
        assert 0 < done < 30
        assert it.context is not None
        so_far = it.context.so_far.report()
        assert (so_far.processed, so_far.changed) == (done, done)
        assert so_far.last_fetched_at is not None
        assert f"{done} of 30 due pages" in so_far.notes[0]
        assert "next `datafetch refresh-opengraph`" in so_far.notes[1]
        it.asked()
        it.run()
        assert len({path for path in it.asked() if path.startswith("/p")}) <= 30 - done
        assert len(it.manifest()) == 30


def test_a_run_that_ends_unexpectedly_keeps_its_work():
    """An error that nobody foresaw ended the run without saving what had been done."""
    with world([f"p{number}" for number in range(30)]) as it:

        def break_down(_call: Call, number: int) -> str | None:
            if number == 40:
                raise RuntimeError("a bug")
            return None

        with pytest.raises(RuntimeError, match="a bug"):
            it.run(fault=break_down)
        assert 0 < len(it.json(STATE)["pages"]) < 30


def test_a_store_that_fails_ends_the_run():
    """Any store error but a 404 stops the operation; the bookmarks are as they were."""

    def fail(call: Call, _: int) -> str | None:
        return "fail" if call.method == "put" and call.key.startswith("images/") else None

    with world(["one"]) as it:
        before = it.bookmark(0)
        with pytest.raises(StoreUnavailable):
            it.run(fault=fail)
        assert it.bookmark(0) == before


def test_a_lost_lease_writes_nothing():
    """A process stopped past its lease woke and went on writing content."""

    class Lost:
        token = 1

        def check(self) -> None:
            raise LeaseLost

    with world(["one"]) as it:
        with pytest.raises(LeaseLost):
            it.run(fence=Lost())
        assert it.metadata("one") == {}
        assert it.pictures() == []


def held_by_another(_job: JobName, _seconds: float) -> Any:
    """The bookmarks' own job runs."""
    raise LeaseHeld("bookmarks are locked by a@b")


def test_bookmarks_are_not_locked_for_nothing():
    """When no bookmark changes, their lease is not taken."""
    with world(["one"]) as it:
        it.run()
        it.clock.advance(DAY)
        assert it.run(wait_for_lease=held_by_another).partial is None


def test_bookmarks_that_are_locked_are_told_later():
    """While the bookmarks' own job runs nothing is merged; the run is partial, the next one merges."""
    with world(["one"]) as it:
        report = it.run(wait_for_lease=held_by_another)
        assert report.partial is not None
        assert "bookmarks are locked" in report.partial
        assert "ogTitle" not in it.bookmark(0)
        assert it.metadata("one")["title"]
        it.asked()
        assert it.run().partial is None
        assert it.asked() == []
        assert it.bookmark(0)["ogTitle"] == it.metadata("one")["title"]


def test_what_somebody_undid_is_merged_again():
    """After a backup was published the bookmarks are told again, without asking the pages."""
    with world(["one"]) as it:
        it.run()
        title = it.bookmark(0)["ogTitle"]
        it.patch({"ogTitle": "from a backup"})
        it.asked()
        it.run()
        assert it.asked() == []
        assert it.bookmark(0)["ogTitle"] == title


def test_unreadable_is_not_absent():
    """Bookmarks that cannot be read from any copy are an error, not an empty list."""
    with world(["one"]) as it:
        for info in list(it.store.list("json/bookmarks/")):
            if info.key != KEYS.bookmarks_index():
                it.store.put(info.key, b"{")
        with pytest.raises(Exception, match="neither") as raised:
            it.run()
        assert not isinstance(raised.value, CorruptObject)


def test_a_run_without_bookmarks_says_where_they_come_from():
    """After a dry run of the bookmarks "run `datafetch bookmarks` first" told what had just been done."""
    with world([]) as it:
        (note,) = it.run().notes
        assert note.endswith("run `datafetch bookmarks` first")
        (note,) = it.run(dry_run=True).notes
        assert note.endswith("`datafetch bookmarks` stores them when it is run without --dry-run")
