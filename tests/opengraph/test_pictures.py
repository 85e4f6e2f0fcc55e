"""The search for a bookmark's picture by itself: which place is taken, and what ends the search."""

import io
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest
from PIL import Image
from pydantic import SecretStr

from datafetch.errors import DatafetchError
from datafetch.opengraph.model import PictureRecord, SavedBookmark
from datafetch.opengraph.pictures import PictureFinder, PictureFound, PictureNotFound
from datafetch.opengraph.rules.plan import PicturePlace
from datafetch.opengraph.webpage import WebPages
from datafetch.upstream_errors import Denied, Malformed, Missing, TooLarge, TransientError
from tests.fakes import karakeep
from tests.fakes.base import FakeServer
from tests.fakes.faults import large, reply
from tests.fakes.pictures import photo, picture
from tests.fakes.sites import SitesApp
from tests.job_settings import bookmarks_settings
from tests.opengraph.parts import SETTINGS, Parts
from tests.support import make_http

PAGE = "https://www.a.example/page"
PNG, JPEG = {"Content-Type": "image/png"}, {"Content-Type": "image/jpeg"}
PHOTO, OTHER = photo(), photo(colour=(9, 9, 9))
BANNER, SHOT = PicturePlace("banner", "banner-1"), PicturePlace("screenshot", "shot-1")


class Searched:
    """A site, a bookmark server, and a finder that may ask both."""

    def __init__(self, parts: Parts, site: FakeServer, server: FakeServer) -> None:
        self.parts = parts
        self.site = site
        self.karakeep: karakeep.KarakeepApp = server.app  # type: ignore[assignment]
        self.settings = replace(SETTINGS, karakeep=bookmarks_settings(server.url))

    def place(self, path: str) -> PicturePlace:
        """A picture on the site."""
        return PicturePlace("page", f"{self.site.url}/{path}")

    def find(
        self,
        *places: PicturePlace,
        stored: PictureRecord | None = None,
        force: bool = False,
        url: str = PAGE,
    ) -> PictureFound | PictureNotFound:
        """Search these places for the picture of the bookmark `b`."""
        http = make_http(self.parts.clock)
        context = self.parts.context(settings=self.settings, http=http, force=force)
        try:
            self.remarks = context.remarks
            finder = PictureFinder(context, WebPages(http, self.settings))
            return finder.find(SavedBookmark("b", url), PAGE, places, stored)
        finally:
            http.close()

    def found(
        self, *places: PicturePlace, stored: PictureRecord | None = None, url: str = PAGE
    ) -> PictureFound:
        """Search these places, and find one."""
        outcome = self.find(*places, stored=stored, url=url)
        assert isinstance(outcome, PictureFound)
        return outcome

    def pictures(self) -> dict[str, bytes]:
        """What is stored."""
        store = self.parts.store
        return {info.key: store.get(info.key).body for info in store.list("images/")}


def hashed(url: str) -> str:
    """The hash in the key of the picture of the bookmark `b` of a URL."""
    return sha256(f"{url}:b".encode()).hexdigest()[:8]


@pytest.fixture
def it(parts: Parts) -> Iterator[Searched]:
    """A site whose pictures are all one photo, and a server without assets."""
    app = SitesApp()
    with FakeServer(app) as site, FakeServer(karakeep.KarakeepApp()) as server:
        app.inject(reply(200, PHOTO, {**JPEG, "ETag": '"e"'}), "/photo/")
        yield Searched(parts, site, server)


def test_a_picture_is_stored_by_page_and_bookmark(it: Searched) -> None:
    """Its key follows from both, its version is the start of the hash of what is stored."""
    outcome = it.found(it.place("photo/1.jpg"))
    [(key, body)] = it.pictures().items()
    assert body == PHOTO
    assert key.startswith("images/opengraph/")
    assert key.endswith(".jpg")
    assert outcome == PictureFound(
        PictureRecord(key, sha256(PHOTO).hexdigest()[:8], it.parts.now_ms, '"e"'), changed=True
    )
    assert it.parts.store.head(key).content_type == "image/jpeg"


def test_its_key_is_of_the_bookmarks_own_url(it: Searched) -> None:
    """Readers make the key of the URL that the bookmark has, without `www.`; nobody asked for ours."""
    url = "https://www.a.example/page#part"
    outcome = it.found(it.place("photo/1.jpg"), url=url)
    assert outcome.record.key == f"images/opengraph/a-example-{hashed(url)}.jpg"


def test_a_picture_under_an_earlier_key_stays_there(it: Searched) -> None:
    """A forced run writes it where it is: under a new key the old object would be nobody's."""
    key = f"images/opengraph/www-a-example-{hashed(PAGE)}.jpg"
    stored = PictureRecord(key, "0a0b0c0d", 5)
    outcome = it.found(it.place("photo/1.jpg"), stored=stored)
    assert outcome.record.key == key
    assert list(it.pictures()) == [key]


def test_the_first_usable_place_is_taken(it: Searched) -> None:
    """The banner is better than the screenshot, and both than the page's own picture."""
    it.karakeep.put_asset("shot-1", OTHER, "image/jpeg")
    it.found(PicturePlace("banner", "nobody"), SHOT, it.place("photo/1.jpg"))
    assert list(it.pictures().values()) == [OTHER]
    assert it.site.app.log.count("/photo/") == 0


@pytest.mark.parametrize(("size", "taken"), [(5119, "page"), (5120, "banner")])
def test_a_banner_has_five_kilobytes(it: Searched, size: int, taken: str) -> None:
    """Smaller ones are icons and placeholders; that is no fault, and the next place is asked."""
    body = picture("png", 64)
    body += b"\0" * (size - len(body))
    it.karakeep.put_asset("banner-1", body, "image/png")
    it.found(BANNER, it.place("photo/1.jpg"))
    assert list(it.pictures().values()) == [body if taken == "banner" else PHOTO]


@pytest.mark.parametrize(
    ("status", "error", "ends"),
    [(404, Missing, False), (403, Denied, False), (503, TransientError, True)],
)
def test_a_picture_that_may_come_back_ends_the_search(
    it: Searched, status: int, error: type[DatafetchError], *, ends: bool
) -> None:
    """A server that is down for a while has the better picture: the next one would stay for good."""
    it.site.app.inject(reply(status), "/img/new.png")
    outcome = it.find(it.place("img/new.png"), it.place("photo/old.jpg"))
    if ends:
        assert isinstance(outcome, PictureNotFound)
        assert isinstance(outcome.error, error)
        assert it.pictures() == {}
    else:
        assert isinstance(outcome, PictureFound)


def test_a_bookmark_server_that_refuses_us_ends_the_search(it: Searched) -> None:
    """A wrong token is our mistake: all bookmarks would get their pages' pictures for good."""
    it.karakeep.inject(reply(401), "assets")
    outcome = it.find(BANNER, it.place("photo/1.jpg"))
    assert isinstance(outcome, PictureNotFound)
    assert isinstance(outcome.error, Denied)


def test_a_key_that_may_not_read_assets_is_told_what_it_lacks(it: Searched) -> None:
    """A 403 said nothing of the server's words, nor of the scope that the key needs for pictures."""
    it.karakeep.put_asset("banner-1", OTHER, "image/jpeg")
    it.karakeep.scopes.discard("assets:read")
    outcome = it.find(BANNER, it.place("photo/1.jpg"))
    assert isinstance(outcome, PictureNotFound)
    assert "The API key lacks the scope assets:read" in str(outcome.error)
    assert outcome.error is not None
    assert "assets:read" in outcome.error.hint
    (note,) = it.remarks.notes()
    assert "status 403" in note
    assert "needs the scope assets:read" in note


def test_assets_are_asked_for_with_the_headers_for_the_proxy(it: Searched) -> None:
    """The proxy before the bookmark server lets pictures through too, and sites do not see its headers."""
    it.karakeep.put_asset("banner-1", b"no picture", "image/jpeg")
    assert it.settings.karakeep is not None
    headers = (("X-Pass", SecretStr("pass-1")),)
    it.settings = replace(it.settings, karakeep=replace(it.settings.karakeep, headers=headers))
    it.find(BANNER, it.place("photo/1.jpg"))
    assert it.karakeep.log.all("assets")[0].headers["x-pass"] == "pass-1"
    assert "x-pass" not in it.site.app.log.all("/photo/")[0].headers


def test_pictures_that_are_no_previews_are_no_fault(it: Searched) -> None:
    """A counting pixel is what the page has: nothing waits to be tried again."""
    it.site.app.inject(reply(200, picture("png", 15, 15), PNG), "/img/")
    assert it.find(it.place("img/1.png")) == PictureNotFound(None)
    assert it.pictures() == {}


def test_a_page_in_place_of_a_picture_is_a_fault(it: Searched) -> None:
    """What comes under a picture's address and is none waits to be tried again."""
    it.site.app.inject(reply(200, "<html>words</html>", PNG), "/img/1.png")
    outcome = it.find(it.place("img/1.png"))
    assert isinstance(outcome, PictureNotFound)
    assert isinstance(outcome.error, Malformed)


def test_the_last_fault_is_told(it: Searched) -> None:
    """The dead letter says why no picture was found."""
    it.site.app.inject(reply(200, "<html>words</html>", PNG), "/img/1.png")
    it.site.app.inject(reply(410), "/img/2.png")
    outcome = it.find(it.place("img/1.png"), it.place("img/2.png"))
    assert isinstance(outcome, PictureNotFound)
    assert outcome.error is not None
    assert outcome.error.status == 410


def test_ten_megabytes_are_the_limit(it: Searched) -> None:
    """A larger picture is refused, and the next place is asked."""
    it.site.app.inject(large(10 * 1024 * 1024 + 64 * 1024, PNG), "/img/1.png")
    outcome = it.find(it.place("img/1.png"))
    assert isinstance(outcome, PictureNotFound)
    assert isinstance(outcome.error, TooLarge)
    it.found(it.place("img/1.png"), it.place("photo/2.jpg"))
    assert list(it.pictures().values()) == [PHOTO]


def test_the_stored_picture_is_known_again(it: Searched) -> None:
    """Equal bytes are no change, and are written again only when the user forces it."""
    place = it.place("photo/1.jpg")
    record = it.found(place).record
    assert it.found(place, stored=record) == PictureFound(record, changed=False)
    assert it.parts.calls.count("put") == 0
    assert it.find(place, stored=record, force=True) == PictureFound(record, changed=False)
    assert it.parts.calls.count("put") == 1


def test_without_a_bookmark_server_there_are_no_assets(parts: Parts) -> None:
    """Where no server is set, assets are no places."""
    http = make_http(parts.clock)
    finder = PictureFinder(parts.context(http=http), WebPages(http, SETTINGS))
    assert not finder.has_assets
    http.close()


def photograph(width: int, height: int) -> bytes:
    """A photograph of many pixels."""
    out = io.BytesIO()
    Image.new("L", (width, height), 128).save(out, "JPEG")
    return out.getvalue()


def test_a_photograph_may_have_forty_megapixels(it: Searched) -> None:
    """Cameras make more pixels than logos have: 40 megapixels are a preview, more are refused."""
    body = photograph(8000, 5000)
    it.site.app.inject(reply(200, body, JPEG), "/large/")
    it.site.app.inject(reply(200, photograph(8001, 5000), JPEG), "/larger/")
    it.found(it.place("large/1.jpg"))
    assert list(it.pictures().values()) == [body]
    outcome = it.find(it.place("larger/1.jpg"))
    assert isinstance(outcome, PictureNotFound)
    assert isinstance(outcome.error, TooLarge)
    assert str(outcome.error) == "the picture has 8001 x 5000 pixels, more than 40000000 in all"


def test_a_drawing_is_stored_as_it_was_cleaned(it: Searched) -> None:
    """Without its document type; its version is the start of the hash of the stored bytes."""
    drawing = picture("svg", 64)
    body = b"<!DOCTYPE svg>" + drawing
    it.site.app.inject(reply(200, body, {"Content-Type": "image/svg+xml"}), "/drawing/")
    found = it.found(it.place("drawing/1.svg"))
    assert list(it.pictures().values()) == [drawing]
    assert found.record.version == sha256(drawing).hexdigest()[:8]
