"""Whole runs against sites that show something else: what stays, what is told, what heals."""

import json
from datetime import UTC, datetime

import pytest

from datafetch.urls import url_hash
from tests.fakes import karakeep
from tests.fakes.base import Action
from tests.fakes.faults import redirect, reply
from tests.opengraph.world import KEYS, world

HOUR, DAY = 3600, 24 * 3600
HTML = {"Content-Type": "text/html"}
STATE = KEYS.dataset("opengraph")

WALLS = {
    "a log-in after a redirect": redirect("/login/?next=%2Fone"),
    "a log-in in place": reply(200, "<title>Log into Facebook</title>", HTML),
    "an error": reply(200, "<meta property=og:title content='Page not found'>", HTML),
    "the home page": redirect("/"),
    "a shell": reply(200, "<title>The Site</title><div id=root></div>", HTML),
    "a name and a slogan": reply(
        200, "<title>The Site - Where things are</title><meta name=description content=x>", HTML
    ),
    "a picture": reply(200, b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", {"Content-Type": "image/gif"}),
}


@pytest.mark.parametrize("action", WALLS.values(), ids=WALLS)
def test_walls_replace_nothing(action: Action) -> None:
    """Shells, captchas and log-ins with 200 replaced good titles and pictures; the next answer heals."""
    with world(["one"]) as it:
        it.run()
        said, bookmark, manifest = it.metadata("one"), it.bookmark(0), it.manifest()
        it.clock.advance(DAY)
        it.sites.inject(action, "/one")
        report = it.run()
        assert (it.metadata("one"), it.bookmark(0), it.manifest()) == (said, bookmark, manifest)
        assert (report.failed, report.newly_failed, report.changed) == (1, 1, 0)
        assert list(it.letters()) == [it.url("one")]
        it.sites.heal()
        it.clock.advance(HOUR)
        assert it.run().failed == 0
        assert it.letters() == {}
        assert it.metadata("one") == said


def test_a_wall_is_told_in_words() -> None:
    """Whoever reads the result knows which page it was, what came in its place, and what to type."""
    with world(["one"]) as it:
        it.run()
        it.clock.advance(DAY)
        it.sites.inject(redirect("/login/?next=%2Fone"), "/one")
        [note] = it.run().notes
        assert f"{it.url('one')} (another page is shown: it leads to a log-in" in note
        assert "`datafetch refresh-opengraph --url URL` tries it now" in note
        [letter] = it.json(KEYS.dead_letters("opengraph")).values()
        assert letter["error"].endswith(f"log-in or consent page, at {it.site_url}/login/")


def test_raised_rules_reach_pages_that_are_not_due_yet() -> None:
    """A page was asked a day later with its validators, and 304 kept what older rules had read."""
    with world(["one"]) as it:
        it.run()
        state = it.json(STATE)
        state["rules"] = 1
        it.store.put(STATE, json.dumps(state).encode())
        it.asked()
        it.run()
        assert it.asked() == []
        it.clock.advance(DAY)
        it.run()
        [request] = it.sites.log.all()
        assert "if-none-match" not in request.headers
        assert "if-modified-since" not in request.headers
        it.clock.advance(DAY)
        it.sites.log.clear()
        it.run()
        [request] = it.sites.log.all()
        assert request.headers["if-none-match"] == it.metadata("one")["etag"]


def test_passwords_are_in_nothing_that_is_stored_of_a_page() -> None:
    """A bookmark's address with a password went into public metadata and into dead letters."""
    with world() as it:
        for number, path in enumerate(("one", "gone")):
            url = it.url(path).replace("://", "://alice:geheim@")
            made = datetime(2026, 11, 1, number, tzinfo=UTC)
            it.karakeep.add(karakeep.link(f"b{number}", url, made, {}))
        it.sync()
        it.sites.inject(reply(404), "/gone")
        report = it.run()
        assert it.metadata("one")["source"] == "external"
        assert it.letters() == {it.url("gone"): "Missing"}
        assert it.sites.log.all("/one")[0].headers.get("authorization") is None
        stored = [
            info.key
            for info in it.store.list("json/")
            if "opengraph" in info.key and b"geheim" in it.store.get(info.key).body
        ]
        assert stored == []
        assert "geheim" not in str(report)


def test_a_picture_under_an_earlier_key_is_not_fetched_again() -> None:
    """Its key was of the page's address; the manifest still names it, and nobody fetches or lists another."""
    with world(["one#part"]) as it:
        it.run()
        [key] = it.pictures()
        earlier = KEYS.opengraph_image("127.0.0.1", it.url("one"), "b0", key.rpartition(".")[2])
        assert earlier != key
        it.store.put(earlier, it.store.get(key).body)
        listed = [f"https://cdn.example.com/{earlier}?v=0a0b0c0d"]
        it.store.put(KEYS.opengraph_manifest(), json.dumps(listed).encode())
        it.store.delete(key)
        it.store.delete(STATE)
        it.asked()
        it.run()
        assert it.asked("/img/") == []
        assert it.pictures() == [earlier]
        assert it.manifest() == listed
        assert it.bookmark(0)["ogImage"] == listed[0]


def test_a_page_that_redirects_by_a_tag_is_read_where_it_leads() -> None:
    """Its title "Redirecting…" was stored; the metadata's address is where a browser ends."""
    with world(["one"]) as it:
        page = "<title>Redirecting...</title><meta http-equiv=refresh content='0;url=/two'>"
        it.sites.inject(reply(200, page, HTML), "/one")
        it.run()
        assert it.metadata("one")["finalUrl"] == it.url("two")
        assert it.metadata("one")["title"] != "Redirecting..."
        assert it.bookmark(0)["ogUrl"] == it.url("two")
        assert it.metadata("one")["url"] == it.url("one")
        assert url_hash(it.url("one")) in str(it.json(STATE)["pages"])
