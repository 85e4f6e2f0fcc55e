"""Pages over real connections: what is read of them, and what is no page."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from datafetch.net.base import HttpClient, Validators
from datafetch.opengraph.webpage import BarePicture, WebPages
from datafetch.upstream_errors import (
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    TransientError,
)
from tests.fakes.base import FakeServer
from tests.fakes.faults import cut, endless, large, redirect, reply
from tests.fakes.pictures import picture
from tests.fakes.sites import SitesApp
from tests.job_settings import opengraph_settings
from tests.support import FakeClock, make_http

HTML = {"Content-Type": "text/html"}
KIB, MIB = 1024, 1024 * 1024
SETTINGS = replace(opengraph_settings(), max_retries=1, retry_delay_s=3.0, timeout_s=5)


@pytest.fixture
def site() -> Iterator[FakeServer]:
    """A site on loopback."""
    with SitesApp().served() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    """A clock that nobody waits for."""
    return FakeClock()


@pytest.fixture
def http(clock: FakeClock) -> Iterator[HttpClient]:
    """A real client."""
    client = make_http(clock)
    yield client
    client.close()


@pytest.fixture
def pages(http: HttpClient) -> WebPages:
    """The source under test."""
    return WebPages(http, SETTINGS)


def test_a_head(site, pages):
    """A head comes with its final address and the validators to ask again by."""
    site.app.inject(redirect("/there/page"), "/here")
    head = pages.read(f"{site.url}/here")
    assert head is not None
    assert head.url == f"{site.url}/there/page"
    assert head.content("og:site_name") == ["The Site"]
    assert head.etag
    assert head.last_modified
    assert pages.read(f"{site.url}/here", Validators(head.etag)) is None


def test_reading_ends_with_the_head(site, pages, http):
    """A page of hundreds of megabytes was read whole before it was cut."""
    start = b"<title>Endless</title><meta property=og:image content=/i.png><body>"
    site.app.inject(endless(head=start, headers=HTML))
    assert pages.read(f"{site.url}/x").title == "Endless"
    assert site.app.log.count() == 1
    assert http.counts()["site"]["bytes"] < 512 * KIB


def test_a_head_without_end(site, pages, http):
    """Of a page that never comes to its body 512 KiB are read, and what stands there counts."""
    site.app.inject(endless(head=b"<title>Long</title>", headers=HTML))
    assert pages.read(f"{site.url}/x").title == "Long"
    assert http.counts()["site"]["bytes"] < 2 * 512 * KIB


@pytest.mark.parametrize(
    "head",
    ["<title>Mine</title>", "<meta property=og:image content=/mine.png>"],
    ids=["no picture", "no title"],
)
def test_tags_in_the_body(site, pages, head):
    """Pinterest has its tags at 423 KB, after `<body`: they are read when the head has less, at once."""
    rest = "<p>" + "x" * 423 * KIB
    tags = "<meta property=og:title content=Deep><meta property=og:image content=/deep.png>"
    site.app.inject(reply(200, f"{head}<body>{rest}{tags}</body>", HTML))
    found = pages.read(f"{site.url}/x")
    assert found.content("og:title") == ["Deep"]
    assert found.content("og:image")[-1] == "/deep.png"
    assert site.app.log.count() == 1


def test_tags_in_the_body_of_a_page_that_has_them_in_its_head(site, pages):
    """What readers wrote into a page's body is not what the page says of itself."""
    page = "<title>Mine</title><meta property=og:image content=/mine.png><body><meta property=og:title content=Theirs>"
    site.app.inject(reply(200, page, HTML))
    assert pages.read(f"{site.url}/x").metas == (("og:image", "/mine.png"),)


def test_tags_beyond_512_kib_are_not_read(site, pages, http):
    """In all 512 KiB of a page are read, wherever its tags stand."""
    page = "<title>T</title><body>" + "x" * 600 * KIB + "<meta property=og:title content=Deep>"
    site.app.inject(reply(200, page, HTML))
    assert pages.read(f"{site.url}/x").metas == ()


REFRESHES = {
    "a tag": reply(
        200, "<meta http-equiv=refresh content='0; url=/there'><title>Redirecting</title>", HTML
    ),
    "a tag with 5 seconds": reply(
        200, "<meta http-equiv=refresh content='5;URL=\"/there#x\"'>", HTML
    ),
    "a header": reply(200, "<title>Redirecting</title>", {**HTML, "Refresh": "3; url=/there"}),
}


@pytest.mark.parametrize("action", REFRESHES.values(), ids=REFRESHES)
def test_pages_that_send_to_another_are_redirects(site, pages, action):
    """A redirect by `<meta>` was stored as the title "Redirecting…"."""
    site.app.inject(action, "/here")
    site.app.inject(reply(200, "<title>There</title>", {**HTML, "ETag": '"e"'}), "/there")
    head = pages.read(f"{site.url}/here")
    assert (head.title, head.url) == ("There", f"{site.url}/there")
    assert head.etag is None, "the first page would answer 304 to the validators of the second"


@pytest.mark.parametrize("content", ["6; url=/there", "0", "0; url=/here", "0; url=javascript:x"])
def test_pages_that_stay(site, pages, content):
    """A page that reloads itself, or goes on after more than 5 seconds, is the page."""
    site.app.inject(
        reply(200, f"<meta http-equiv=refresh content='{content}'><title>Here</title>", HTML)
    )
    assert pages.read(f"{site.url}/here").title == "Here"
    assert site.app.log.count() == 1


def test_redirects_by_tags_are_guarded(site, pages):
    """Private addresses behind redirects were fetched; a redirect by a tag is one, too."""
    site.app.inject(reply(200, "<meta http-equiv=refresh content='0; url=http://10.0.0.1/'>", HTML))
    with pytest.raises(Refused, match="not public"):
        pages.read(f"{site.url}/x")


def test_pages_that_lead_in_a_circle(site, pages):
    """Pages that ask for a cookie send a reader without one to and fro."""
    site.app.inject(reply(200, "<meta http-equiv=refresh content='0; url=/there'>", HTML), "/here")
    site.app.inject(reply(200, "<meta http-equiv=refresh content='0; url=/here'>", HTML), "/there")
    with pytest.raises(Refused, match="in a circle"):
        pages.read(f"{site.url}/here")
    assert site.app.log.count() == 2


def test_redirects_of_all_kinds_are_five_at_most(site, pages):
    """Each redirect counts, by a tag or by a status: a chain of both ends as one of either does."""
    for number in range(0, 12, 2):
        tag = f"<meta http-equiv=refresh content='0; url=/p{number + 1}'>"
        site.app.inject(reply(200, tag, HTML), f"/p{number}")
        site.app.inject(redirect(f"/p{number + 2}"), f"/p{number + 1}")
    with pytest.raises(Refused, match="more than 5 redirects"):
        pages.read(f"{site.url}/p0")
    assert site.app.log.count() == 6


def test_five_redirects_are_followed(site, pages):
    """The limit is five, and not four."""
    for number in range(5):
        tag = f"<meta http-equiv=refresh content='0; url=/p{number + 1}'>"
        site.app.inject(reply(200, tag, HTML), f"/p{number}")
    site.app.inject(reply(200, "<title>End</title>", HTML), "/p5")
    assert pages.read(f"{site.url}/p0").title == "End"


def test_validators_are_sent_to_the_first_page_only(site, pages):
    """A page that another one leads to is asked without validators, which may be those of the first."""
    site.app.inject(reply(200, "<meta http-equiv=refresh content='0; url=/there'>", HTML), "/here")
    pages.read(f"{site.url}/here", Validators('"x"'))
    first, second = site.app.log.all()
    assert first.headers["if-none-match"] == '"x"'
    assert "if-none-match" not in second.headers


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("image/png", picture("png", 64)),
        ("application/octet-stream", picture("jpeg", 64)),
        ("text/html", picture("webp", 64)),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    ],
)
def test_a_picture_at_the_address_of_a_page(site, pages, content_type, body):
    """A bookmark that is itself a picture is no failure, whatever the server calls it."""
    site.app.inject(reply(200, body, {"Content-Type": content_type, "ETag": '"e"'}))
    url = f"{site.url}/photo"
    found = pages.read(url)
    assert (found.url, found.etag) == (url, '"e"')
    assert isinstance(found, BarePicture)


def test_a_body_in_a_script(site, pages):
    """When the first `<body` stands in a script, the head is read on after it, in the same answer."""
    page = "<script>document.write('<body>')</script><title>After</title><body>"
    site.app.inject(reply(200, page, HTML))
    assert pages.read(f"{site.url}/x").title == "After"
    assert site.app.log.count() == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Denied),
        (403, Denied),
        (404, Missing),
        (410, Missing),
        (429, RateLimited),
        (500, TransientError),
        (503, TransientError),
        (202, Malformed),
        (204, Malformed),
    ],
)
def test_error_pages_are_failures(site, pages, status, kind):
    """Error pages are failures, however nicely they are described."""
    site.app.inject(reply(status, "<meta property=og:title content=Oops>", HTML))
    with pytest.raises(kind):
        pages.read(f"{site.url}/x")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/pdf", b"%PDF-1.7"),
        ("image/png", b"\x89PNG"),
        ("image/png", b"<html><title>Not found</title>"),
        ("application/json", b'{"title": "<html>"}'),
        ("text/plain", b"<html><title>source</title>"),
        ("application/xml", b"<rss><title>Feed</title></rss>"),
        ("", b"plain words"),
    ],
)
def test_what_is_no_page(site, pages, content_type, body):
    """A document, a picture, a feed or JSON has no head: that is a failure of the right type."""
    site.app.inject(reply(200, body, {"Content-Type": content_type}))
    with pytest.raises(Malformed, match="no page"):
        pages.read(f"{site.url}/x")


@pytest.mark.parametrize(
    "content_type", ["text/html", "TEXT/HTML; charset=x", "application/xhtml+xml", "text/xml", ""]
)
def test_what_is_a_page(site, pages, content_type):
    """HTML is recognised under all its names, and without any."""
    body = "<!doctype html><html><title>Page</title>"
    site.app.inject(reply(200, body, {"Content-Type": content_type}))
    assert pages.read(f"{site.url}/x").title == "Page"


def test_retries_as_settings_say(site, pages, clock):
    """A page is tried again as often, and after as long, as the settings say."""
    site.app.inject(reply(500), times=1)
    assert pages.read(f"{site.url}/x") is not None
    assert site.app.log.count() == 2
    assert sum(clock.slept) >= 1


def test_a_page_that_is_cut_short(site, pages):
    """A connection that ends in the middle is a failure, not a short page."""
    site.app.inject(cut(40))
    with pytest.raises(TransientError):
        pages.read(f"{site.url}/x")


def test_private_addresses(http):
    """Private addresses behind bookmark URLs were fetched."""
    with pytest.raises(Refused):
        WebPages(http, SETTINGS).read("http://169.254.169.254/latest/meta-data/")


def test_redirects_to_private_addresses(site, pages):
    """Private addresses behind redirects were fetched."""
    site.app.inject(redirect("http://10.0.0.1/"))
    with pytest.raises(Refused):
        pages.read(f"{site.url}/x")


def test_pictures_are_limited(site, pages, http):
    """A picture of more than 10 MB is refused, without reading it to its end."""
    site.app.inject(large(30 * MIB, {"Content-Type": "image/png"}))
    with pytest.raises(Refused):
        pages.picture(f"{site.url}/big.png")
    assert http.counts()["site"].get("bytes", 0) <= 20 * MIB
