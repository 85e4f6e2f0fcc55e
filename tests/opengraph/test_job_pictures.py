"""Which picture a bookmark gets, and which it never gets."""

from typing import Any

import pytest

from datafetch.store.base import FilePart
from tests.fakes.faults import cut, large, redirect, reply
from tests.fakes.pictures import photo, picture
from tests.opengraph.world import World, world
from tests.stores import MemoryStore

HTML = {"Content-Type": "text/html"}
DAY = 24 * 3600


class Noting(MemoryStore):
    """A store that notes with which headers streams come."""

    def __init__(self) -> None:
        super().__init__()
        self.streamed: dict[str, dict[str, Any]] = {}

    def put(self, key: str, body: bytes | FilePart, **options: Any) -> str:
        if isinstance(body, FilePart):
            self.streamed[key] = options
        return super().put(key, body, **options)


def stored(it: World, number: int = 0) -> bytes:
    """The bytes of a bookmark's picture."""
    assert it.context is not None
    key = it.context.urls.key_of(it.bookmark(number)["ogImage"])
    assert key is not None
    return it.store.get(key).body


def banner(it: World, body: bytes, asset: str = "banner-1", kind: str = "image/jpeg") -> None:
    """Give the bookmark server a picture."""
    it.karakeep.put_asset(asset, body, kind)


def test_the_banner_comes_first():
    """The bookmark server's banner is better than screenshot and page; its token goes there alone."""
    with world() as it:
        banner(it, photo())
        banner(it, photo(colour=(1, 2, 3)), "shot-1")
        it.add("one", imageAssetId="banner-1", screenshotAssetId="shot-1")
        it.run()
        assert stored(it) == photo()
        assert it.asked() == ["/one"]
        assert it.karakeep.log.count("assets/banner-1") == 1
        assert it.karakeep.log.count("assets/shot-1") == 0


def test_a_small_banner_is_passed_over():
    """A banner of less than 5 KB is a placeholder: the screenshot is next."""
    with world() as it:
        banner(it, picture("jpeg", 64))
        banner(it, photo(), "shot-1")
        it.add("one", imageAssetId="banner-1", screenshotAssetId="shot-1")
        it.run()
        assert stored(it) == photo()
        assert it.letters() == {}


def test_assets_that_are_gone_or_no_pictures():
    """An asset that is missing, or a document, leaves the page's own picture."""
    with world() as it:
        banner(it, b"%PDF-1.4\n" + b" " * 9000, "shot-1", "image/png")
        it.add("one", imageAssetId="nobody", screenshotAssetId="shot-1")
        it.run()
        assert it.metadata("one")["imageUrl"].endswith(("png", "jpg"))
        assert it.bookmark(0)["ogImage"].startswith("https://cdn.example.com/images/opengraph/")
        assert it.letters() == {}


def test_a_bookmark_server_that_is_down_ends_the_search():
    """The better picture is waited for: the page's would stay for good."""
    with world() as it:
        banner(it, photo())
        it.add("one", imageAssetId="banner-1")
        it.karakeep.inject(reply(503), "assets")
        report = it.run()
        assert it.letters() == {"picture of b0": "TransientError"}
        assert (report.failed, report.newly_failed, report.changed) == (1, 1, 1)
        assert it.pictures() == []
        assert "ogImage" not in it.bookmark(0)
        it.karakeep.heal()
        it.clock.advance(3600)
        it.run()
        assert stored(it) == photo()
        assert it.letters() == {}


def test_without_a_bookmark_server():
    """Where no server is set its assets are no places; once it is, they are searched."""
    with world(with_assets=False) as it:
        it.sites.inject(reply(200, "<title>no picture</title>", HTML), "/one")
        banner(it, photo())
        it.add("one", imageAssetId="banner-1")
        it.run()
        assert it.pictures() == []
        it.with_assets = True
        it.run()
        assert stored(it) == photo()


def test_a_bookmarked_picture_is_its_own_preview():
    """Of a picture the bookmark server has a screenshot, which is worse; the bookmark's title stays."""
    with world() as it:
        banner(it, photo(), "shot-1")
        it.add("img/own.png", title="Mine", screenshotAssetId="shot-1")
        report = it.run()
        assert (report.failed, it.letters()) == (0, {})
        assert it.karakeep.log.count("assets/shot-1") == 0
        assert stored(it).startswith(b"\x89PNG")
        assert it.metadata("img/own.png")["imageUrl"] == it.url("img/own.png")
        assert it.metadata("img/own.png")["title"] == it.bookmark(0)["title"]
        it.asked()
        assert not it.run().change_detected
        assert it.asked() == []


def test_a_page_without_a_picture_has_its_bookmarks():
    """Bookmarks whose pages name no picture were left with an external one, though it could be stored."""
    with world() as it:
        it.add("one", imageUrl=it.url("img/saved.png"))
        it.sites.inject(reply(200, "<title>No picture</title>", HTML), "/one")
        it.run()
        [key] = it.pictures()
        assert it.bookmark(0)["ogImage"].startswith(f"https://cdn.example.com/{key}?v=")
        assert it.metadata("one")["imageUrl"] is None


@pytest.mark.parametrize(("status", "asked"), [(404, 2), (403, 2), (503, 1)])
def test_an_older_picture_does_not_overtake(status, asked):
    """A picture that is gone gives way to the bookmark's; one that may come back is waited for."""
    with world() as it:
        it.add("one", imageUrl=it.url("img/saved.png"))
        page = f"<meta property=og:image content='{it.url('img/new.png')}'>"
        it.sites.inject(reply(200, page, HTML), "/one")
        it.sites.inject(reply(status), "/img/new.png")
        it.run()
        assert len(it.asked("/img/")) == asked
        assert len(it.pictures()) == asked - 1
        assert len(it.letters()) == 2 - asked


def test_a_stored_picture_stays():
    """A stored picture is kept, whatever the page shows later."""
    with world(["one"]) as it:
        it.run()
        before = it.bookmark(0)["ogImage"]
        it.clock.advance(DAY)
        page = f"<meta property=og:image content='{it.url('img/other.png')}'>"
        it.sites.inject(reply(200, page, HTML), "/one")
        it.run()
        assert it.bookmark(0)["ogImage"] == before
        assert it.bookmark(0)["ogImageExternal"] == it.url("img/other.png")


def test_force_brings_the_newer_picture():
    """`--force` fetches again: the key stays, the version says that the content is another."""
    with world(["one"]) as it:
        it.sites.inject(reply(200, photo(), {"Content-Type": "image/jpeg"}), "/img/", times=1)
        it.sites.inject(
            reply(200, photo(colour=(9, 9, 9)), {"Content-Type": "image/jpeg"}), "/img/"
        )
        it.run()
        first = it.bookmark(0)["ogImage"]
        it.run(force=True)
        second = it.bookmark(0)["ogImage"]
        assert first.partition("?")[0] == second.partition("?")[0]
        assert first != second
        assert it.manifest() == [second]


def test_streams_carry_type_and_cache_header():
    """Streamed uploads lacked the content type or cache header of the others."""
    store = Noting()
    with world(["one"], store=store) as it:
        it.sites.inject(reply(200, photo(), {"Content-Type": "text/html"}), "/img/")
        it.run()
        [(key, options)] = store.streamed.items()
        assert key.endswith(".jpg")
        assert options == {
            "content_type": "image/jpeg",
            "cache_control": "public, max-age=31536000, immutable",
        }


NO_PICTURES = {
    "HTML error pages stored as .png": reply(200, "<html>Not found", {"Content-Type": "image/png"}),
    "a counting pixel": reply(200, picture("png", 1, 1), {"Content-Type": "image/png"}),
    "an icon": reply(200, picture("ico", 48), {"Content-Type": "image/x-icon"}),
    "an empty body": reply(200, b"", {"Content-Type": "image/png"}),
    "a cut-off download": cut(200),
    "more than 10 MB": large(30 * 1024 * 1024, {"Content-Type": "image/png"}),
    "a missing picture": reply(404, "no"),
    "a forbidden picture": reply(403, "no"),
    "a redirect to a private address": redirect("http://10.0.0.1/a.png"),
    "a redirect without end": redirect("/img/again.png"),
}


@pytest.mark.parametrize("action", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_never_stored(action):
    """A truncated, lying or hostile picture never reaches the store, and the page's words stay."""
    with world(["one"]) as it:
        it.sites.inject(action, "/img/")
        it.run()
        assert it.pictures() == []
        assert it.manifest() == []
        assert it.bookmark(0)["ogTitle"] == it.metadata("one")["title"]
        assert "ogImage" not in it.bookmark(0)


def test_a_picture_that_failed_is_told_and_waits():
    """In a measured run 245 of 250 images were dropped and the run said "success"."""
    with world(["one"]) as it:
        it.sites.inject(reply(500), "/img/")
        report = it.run()
        assert (report.failed, report.newly_failed) == (1, 1)
        assert it.letters() == {"picture of b0": "TransientError"}
        it.asked()
        it.run()
        assert it.asked() == []
        it.clock.advance(3600)
        it.sites.heal()
        it.run()
        assert len(it.pictures()) == 1
        assert it.letters() == {}


def test_an_unusable_picture_is_not_fetched_again():
    """What is no preview is remembered, not asked for each run; another picture is tried."""
    with world(["one"]) as it:
        pixel = reply(200, picture("png", 1, 1), {"Content-Type": "image/png"})
        it.sites.inject(pixel, "/img/")
        it.run()
        assert it.letters() == {}
        it.asked()
        it.run()
        assert it.asked() == []
        it.sites.heal()
        page = f"<meta property=og:image content='{it.url('img/other.png')}'>"
        it.sites.inject(reply(200, page, HTML), "/one")
        it.clock.advance(DAY)
        it.run()
        assert len(it.pictures()) == 1


def test_a_failure_leaves_the_stored_picture():
    """A failure never removes what is stored."""
    with world(["one"]) as it:
        it.run()
        before, body = it.bookmark(0), stored(it)
        it.sites.inject(reply(404, "gone"))
        it.run(force=True)
        assert it.bookmark(0) == before
        assert stored(it) == body
        assert it.manifest() == [before["ogImage"]]


def test_pictures_of_old_systems_stay():
    """A bookmark that names a stored picture keeps it, and the manifest lists it."""
    with world(["one"]) as it:
        it.run()
        items = it.json("json/bookmarks/bookmarks-test.json")
        old = "https://cdn.example.com/images/opengraph/old-name.png"
        assert items[0]["ogImage"] != old
        state = it.json("json/datafetch/datasets/opengraph-test.json")
        for key in list(it.store.objects):  # type: ignore[attr-defined]
            if "opengraph" in key:
                it.store.delete(key)
        assert state["pages"]
        it.patch({"ogImage": old})
        it.asked()
        it.run()
        assert it.asked("/img/") == []
        assert it.bookmark(0)["ogImage"] == old
        assert it.manifest() == [old]
