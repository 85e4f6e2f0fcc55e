"""Asking again: odd validators, forced runs that heal, names that nobody has, times that only grow."""

import contextlib
import threading

import pytest

from datafetch.clock import to_ms
from datafetch.opengraph.job import checkpoint_every
from datafetch.urls import url_hash
from tests.fakes.faults import reply
from tests.opengraph.world import KEYS, world

DAY = 24 * 3600
HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize("etag", ['"é"', '"\x80"', '"a\tb"', '"' + "x" * 5000 + '"'])
def test_a_validator_that_cannot_be_sent_is_not(etag):
    """A page whose ETag is no header of ours was asked once and refused for ever after."""
    with world(["one"]) as it:
        it.sites.inject(reply(200, "<title>T</title>", {**HTML, "ETag": etag}), "/one")
        it.run()
        it.clock.advance(DAY)
        it.asked()
        assert it.run().failed == 0
        [request] = it.sites.log.all()
        assert "if-none-match" not in request.headers


def test_force_brings_back_what_the_store_lost():
    """`--force` ignores change detection: metadata and pictures that somebody deleted come back."""
    with world(["one"]) as it:
        it.run()
        said, bookmark, [picture] = it.metadata("one"), it.bookmark(0), it.pictures()
        it.store.delete(picture)
        it.store.delete(KEYS.opengraph_metadata(url_hash(it.url("one"))))
        it.run(force=True)
        assert it.metadata("one") == {**said, "timestamp": to_ms(it.clock.now())}
        assert it.pictures() == [picture]
        assert it.bookmark(0) == bookmark


def test_a_name_that_nobody_has_is_told():
    """Of several names one that no stored bookmark has is told, and the others are done."""
    with world(["one"]) as it:
        report = it.run(only=("https://elsewhere.example/", it.url("one"), "picture of b7"))
        assert it.metadata("one")["source"] == "external"
        assert report.notes == (
            "no stored bookmark has the URL https://elsewhere.example/",
            "no stored bookmark has the URL picture of b7",
        )


def test_the_time_of_the_last_answer_never_moves_back():
    """A run that asks nobody says when somebody last answered, which is what the run then said."""
    with world(["one", "two"]) as it:
        first = it.run()
        it.clock.advance(60)
        assert it.run().last_fetched_at == first.last_fetched_at
        it.sites.inject(reply(500))
        it.run(force=True)
        it.clock.advance(60)
        assert it.run().last_fetched_at == first.last_fetched_at


def test_no_site_meets_a_crowd():
    """However many of a site's pages are due, it is asked for a few at once."""
    with world([f"p{number}" for number in range(24)], style=2, width=12) as it:
        under_way, most, lock = 0, 0, threading.Lock()

        def counted(request, answer):
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            # A fifth comes only after one of four has its answer.
            with contextlib.suppress(TimeoutError):
                it.sites.log.wait_for(5, timeout_s=0.3)
            with lock:
                under_way -= 1
            return answer(request)

        it.sites.inject(counted)
        it.run()
        assert 2 <= most <= 4


def test_what_an_unchanged_run_asks_does_not_grow():
    """Existence checks downloaded objects: 1,486 store requests for 250 bookmarks where nothing changed."""
    asked = {}
    for count in (3, 120):
        with world([f"p{number}" for number in range(count)]) as it:
            it.run()
            it.run()
            assert it.faulty is not None
            asked[count] = sorted((call.method, call.key) for call in it.faulty.calls)
    assert asked[3] == asked[120]
    assert len(asked[3]) <= 10
    assert not any("images/" in key or "metadata" in key for _, key in asked[120])


@pytest.mark.parametrize(("count", "most"), [(900, 4), (5_000, 20), (100_000, 20)])
def test_the_state_is_not_stored_all_the_time(count, most):
    """The state grows with the list: stored every so many pages, its writing would outgrow the fetching."""
    assert count // checkpoint_every(count) <= most
    assert checkpoint_every(count) >= 200


def test_force_writes_equal_objects_again():
    """So that new headers reach them: pictures found or not, metadata, the manifest; it is no change."""
    with world(["one", "two"]) as it:
        it.run()
        listed = it.manifest()
        assert len(listed) == 2
        it.sites.inject(reply(500), "/two")
        before = {info.key: it.store.get(info.key).body for info in it.store.list("images/")}
        report = it.run(force=True)
        assert it.faulty is not None
        puts = it.faulty.keys("put")
        assert {*before} <= {*puts}
        assert KEYS.opengraph_manifest() in puts
        assert all(puts.count(key) == 1 for key in before)
        names = {url_hash(it.url("one")), url_hash(it.url("two"))}
        assert {KEYS.opengraph_metadata(name) for name in names} <= {*puts}
        assert (report.changed, report.change_detected) == (0, False)
        assert it.manifest() == listed
        assert {
            info.key: it.store.get(info.key).body for info in it.store.list("images/")
        } == before
        assert it.context is not None
        [note] = [note for note in it.context.remarks.notes() if "--force" in note]
        assert note.startswith("4 objects were equal and written again")
        assert not it.run().change_detected


def test_the_blogs_manifest_is_made_by_every_run():
    """Its readers demand an array; in a store of an earlier release it is missing beside ours."""
    with world(["one"]) as it:
        it.run()
        assert it.json(KEYS.blog_manifest()) == []
        it.store.delete(KEYS.blog_manifest())
        it.run()
        assert it.json(KEYS.blog_manifest()) == []
        assert it.faulty is not None
        assert KEYS.opengraph_manifest() not in it.faulty.keys("put")


def test_a_picture_stays_when_user_and_password_go_from_the_address():
    """The key of a stored picture was made of the address with them, as earlier releases published it."""
    with world(["one"]) as it:
        plain, slug = it.bookmark(0)["url"], it.bookmark(0)["slug"]
        it.patch({"url": plain.replace("://", "://user:pass@")})
        it.run()
        shown, pictures = it.bookmark(0)["ogImage"], it.pictures()
        it.patch({"url": plain})
        it.asked()
        assert not it.run().change_detected
        it.store.delete(KEYS.dataset("opengraph"))
        assert not it.run().change_detected
        assert it.asked("/img/") == []
        assert it.pictures() == pictures
        assert (it.bookmark(0)["ogImage"], it.bookmark(0)["slug"]) == (shown, slug)
