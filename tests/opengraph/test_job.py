"""The OpenGraph job end to end: real sites, a real bookmark dataset, what is stored afterwards."""

import json

import pytest

from datafetch.clock import to_ms
from datafetch.errors import UsageError
from datafetch.urls import url_hash, without_query
from tests.fakes.faults import reply
from tests.fakes.sites import STYLES
from tests.opengraph.world import KEYS, world
from tests.support import START

DAY = 24 * 3600
HTML = {"Content-Type": "text/html"}


def test_everything_is_stored():
    """A run stores metadata, pictures and the manifest, and tells the bookmarks."""
    with world(["one", "two"]) as it:
        it.add("three")
        report = it.run()
        said = it.sites.expected(it.url("one"))
        assert it.metadata("one") == {
            "url": it.url("one"),
            "finalUrl": it.url("one"),
            "title": said.title,
            "description": said.description,
            "imageUrl": said.image,
            "siteName": said.site_name,
            "type": "article",
            "locale": "en_US",
            "timestamp": to_ms(START + 1),
            "source": "external",
            "etag": it.metadata("one")["etag"],
            "lastModified": it.metadata("one")["lastModified"],
        }
        bookmark = it.bookmark(0)
        assert bookmark["ogTitle"] == said.title
        assert bookmark["ogDescription"] == said.description
        assert bookmark["ogImageExternal"] == said.image
        assert bookmark["ogUrl"] == it.url("one")
        assert bookmark["ogImageLastFetchedAt"] == "2026-11-24T08:00:01.000Z"
        assert bookmark["ogImage"] in it.manifest()
        assert len(it.manifest()) == len(it.pictures()) == 3
        assert (report.processed, report.changed, report.failed) == (3, 3, 0)
        assert report.change_detected


@pytest.mark.parametrize("style", range(len(STYLES)))
def test_every_style_of_head(style):
    """Whatever way a site describes its pages, what is stored is what it meant."""
    with world(["one"], style=style) as it:
        it.run()
        said, found = it.sites.expected(it.url("one")), it.metadata("one")
        assert (found["title"], found["description"], found["imageUrl"]) == (
            said.title,
            said.description,
            said.image,
        )


def test_names_and_versions_of_pictures():
    """A picture's key follows from host, page and bookmark; its URL carries its version."""
    with world(["one"]) as it:
        it.run()
        key = KEYS.opengraph_image("127.0.0.1", it.url("one"), "b0", "png")
        fallback = key.removesuffix("png") + "jpg"
        [stored] = it.pictures()
        assert stored in (key, fallback)
        url, _, version = it.bookmark(0)["ogImage"].partition("?v=")
        assert url == f"https://cdn.example.com/{stored}"
        assert len(version) == 8


def test_merging_leaves_the_sync_alone():
    """OpenGraph tells the bookmarks without moving `lastFetchedAt`, slugs or `modifiedAt`."""
    with world(["one"]) as it:
        before, item = it.json(KEYS.bookmarks_index()), it.bookmark(0)
        it.clock.advance(DAY)
        it.run()
        after, merged = it.json(KEYS.bookmarks_index()), it.bookmark(0)
        assert after["lastFetchedAt"] == before["lastFetchedAt"]
        assert after["lastModified"] > before["lastModified"]
        assert {key: merged[key] for key in item} == item


def test_a_sync_keeps_what_was_merged():
    """A refresh replaced stored items by bare API items: 883 of 884 lost their images."""
    with world(["one"]) as it:
        it.run()
        merged = it.bookmark(0)
        it.karakeep.edit("b0", note="new")
        it.sync()
        assert it.bookmark(0)["note"] == "new"
        assert it.bookmark(0)["ogImage"] == merged["ogImage"]
        assert not it.run().change_detected


def test_an_unchanged_run_is_quiet():
    """What is fresh costs no upstream request, and at most 16 of the store's, none of them a write."""
    with world([f"page/{number}" for number in range(40)]) as it:
        it.run()
        it.asked()
        report = it.run()
        assert it.asked() == []
        assert it.faulty is not None
        assert it.faulty.count() <= 16
        assert it.faulty.count("put", "delete") == 0
        assert (report.processed, report.changed, report.change_detected) == (40, 0, False)


def test_a_day_later_conditionally():
    """After 24 hours pages are asked for what changed; what did not is not written again."""
    with world(["one"]) as it:
        it.run()
        it.clock.advance(DAY - 2)
        it.asked()
        it.run()
        assert it.asked() == []
        it.clock.advance(2)
        report = it.run()
        [request] = it.sites.log.all()
        assert request.headers["if-none-match"] == it.metadata("one")["etag"]
        assert it.faulty is not None
        assert it.faulty.keys("put") == [KEYS.dataset("opengraph")]
        assert report.last_fetched_at == to_ms(it.clock.now())
        assert not report.change_detected


def test_a_page_that_changed():
    """A page that says something else is stored anew, and the bookmarks are told."""
    with world(["one"]) as it:
        it.run()
        it.clock.advance(DAY)
        it.sites.inject(reply(200, "<meta property=og:title content=New>", HTML), "/one")
        report = it.run()
        assert it.metadata("one")["title"] == "New"
        assert it.bookmark(0)["ogTitle"] == "New"
        assert it.bookmark(0)["ogImage"] in it.manifest()
        assert report.changed == 1


def test_same_words_other_bytes():
    """A page whose description is the same is not written again, though its bytes are others."""
    with world(["one"]) as it:
        page = "<title>Same</title><!-- {} -->"
        it.sites.inject(reply(200, page.format(1), HTML), "/one", times=1)
        it.sites.inject(reply(200, page.format(2), HTML), "/one")
        it.run()
        it.clock.advance(DAY)
        it.run()
        assert it.faulty is not None
        assert it.faulty.keys("put") == [KEYS.dataset("opengraph")]


def test_force_asks_for_everything():
    """`--force` asks without validators, and for pictures anew."""
    with world(["one"]) as it:
        it.run()
        it.asked()
        report = it.run(force=True)
        requests = it.sites.log.all()
        assert len(requests) == 2
        assert not any("if-none-match" in request.headers for request in requests)
        assert not report.change_detected


def test_named_pages():
    """`--url` asks for those pages alone, fresh or not; the manifest keeps the others."""
    with world(["one", "two"]) as it:
        it.run()
        listed = it.manifest()
        it.asked()
        it.run(only=(it.url("two#there"),))
        assert it.asked() == ["/two"]
        assert it.manifest() == listed


def test_a_name_that_nobody_has():
    """A URL that is no bookmark's is an error of usage, not an empty success."""
    with world(["one"]) as it, pytest.raises(UsageError):
        it.run(only=("https://elsewhere.example/",))


def test_missing_and_older():
    """`--missing` leaves known pages alone; `--older-than` asks for those of that age."""
    with world(["one"]) as it:
        it.run()
        it.add("two")
        it.clock.advance(2 * DAY)
        it.asked()
        it.run(missing=True)
        assert "/one" not in (asked := it.asked())
        assert "/two" in asked
        it.run(older_than_s=30 * DAY)
        assert it.asked() == []
        it.run(older_than_s=DAY)
        assert it.asked() == ["/one"]


def test_limit():
    """`--limit` fetches so many pages, keeps the rest for later, and says that there is more."""
    with world(["one", "two", "three"]) as it:
        report = it.run(limit=1)
        assert report.changed == 1
        assert report.partial is not None
        assert not report.full_sync
        assert len(it.manifest()) == 1
        it.run()
        assert len(it.manifest()) == 3


def test_dry_run():
    """A dry run says what it would do, asks nobody, and writes nothing."""
    with world(["one", "two"]) as it:
        report = it.run(dry_run=True)
        assert it.asked() == []
        assert it.faulty is not None
        assert it.faulty.count("put", "delete") == 0
        assert report.notes == ("would ask 2 pages and look for pictures of 0",)


def test_without_bookmarks():
    """With no bookmarks there is nothing to do, and the result says what to run first."""
    with world() as it:
        report = it.run()
        assert report.processed == 0
        assert "datafetch bookmarks" in report.notes[0]
        assert it.faulty is not None
        assert it.faulty.count("put") == 0


def test_bookmarks_without_addresses():
    """Notes and files without a URL are left alone."""
    with world(["one"]) as it:
        items = it.json(KEYS.bookmarks())
        items.append({**items[0], "id": "note", "url": ""})
        it.store.put(KEYS.bookmarks(), json.dumps(items).encode())
        assert it.run().processed == 1


def test_one_page_of_two_bookmarks():
    """Two bookmarks of a page share its metadata; it is asked for once, each has its picture."""
    with world(["one", "one#part"]) as it:
        it.run()
        assert it.asked("/one") == ["/one"]
        assert it.bookmark(0)["ogTitle"] == it.bookmark(1)["ogTitle"]
        assert len(it.pictures()) == 2


def test_overrides_win_and_stay():
    """What people wrote by hand wins, is never written, and a change of it is seen at once."""
    with world(["one"]) as it:
        key = KEYS.opengraph_override(url_hash(it.url("one")))
        it.store.put(key, b'{"title":"By hand"}')
        it.run()
        assert it.bookmark(0)["ogTitle"] == "By hand"
        assert it.bookmark(0)["ogDescription"] == it.metadata("one")["description"]
        assert it.metadata("one")["title"] != "By hand"
        it.store.put(key, b'{"title":"Again"}')
        it.asked()
        it.run()
        assert it.asked() == []
        assert it.bookmark(0)["ogTitle"] == "Again"
        assert it.store.get(key).body == b'{"title":"Again"}'


def test_broken_overrides_count_for_nothing():
    """An override that cannot be read is left as it is, and the page speaks for itself."""
    with world(["one"]) as it:
        key = KEYS.opengraph_override(url_hash(it.url("one")))
        it.store.put(key, b'{"title":')
        it.run()
        assert it.bookmark(0)["ogTitle"] == it.metadata("one")["title"]
        assert it.store.get(key).body == b'{"title":'


def test_old_overrides_without_the_query():
    """The site's old overrides, hashed without the query, are read too."""
    with world(["watch?v=a"]) as it:
        key = KEYS.opengraph_override(url_hash(without_query(it.url("watch?v=a"))))
        it.store.put(key, b'{"description":"Old words"}')
        it.run()
        assert it.bookmark(0)["ogDescription"] == "Old words"


def test_without_a_cdn():
    """Without a public base URL pictures are stored and listed, and `ogImage` stays external."""
    with world(["one"], cdn=None) as it:
        it.run()
        [key] = it.pictures()
        [url] = it.manifest()
        assert url.startswith(f"/{key}?v=")
        assert it.bookmark(0)["ogImage"] == it.metadata("one")["imageUrl"]
        it.asked()
        assert not it.run().change_detected
        assert it.asked() == []
        it.cdn = "https://cdn.example.com"
        it.run()
        assert it.asked() == []
        assert it.bookmark(0)["ogImage"] == f"https://cdn.example.com{url}"
        assert it.manifest() == [f"https://cdn.example.com{url}"]
