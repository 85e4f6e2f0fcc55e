"""Pages over real connections: what is read of them, and what is no page."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from datafetch.net.base import HttpClient, Validators
from datafetch.opengraph.webpage import WebPages
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
    head = pages.head(f"{site.url}/here")
    assert head is not None
    assert head.url == f"{site.url}/there/page"
    assert head.content("og:site_name") == ["The Site"]
    assert head.etag
    assert head.last_modified
    assert pages.head(f"{site.url}/here", Validators(head.etag)) is None


def test_reading_ends_with_the_head(site, pages, http):
    """A page of hundreds of megabytes was read whole before it was cut."""
    start = b"<title>Endless</title><body>"
    site.app.inject(endless(head=start, headers=HTML))
    assert pages.head(f"{site.url}/x").title == "Endless"
    assert site.app.log.count() == 1
    assert http.counts()["site"]["bytes"] < 512 * KIB


def test_a_head_without_end(site, pages, http):
    """Of a page that never comes to its body 512 KiB are read, and what stands there counts."""
    site.app.inject(endless(head=b"<title>Long</title>", headers=HTML))
    assert pages.head(f"{site.url}/x").title == "Long"
    assert http.counts()["site"]["bytes"] < 2 * 512 * KIB


def test_a_body_in_a_script(site, pages):
    """When the first `<body` stands in a script, the head is read on after it."""
    page = "<script>document.write('<body>')</script><title>After</title><body>"
    site.app.inject(reply(200, page, HTML))
    assert pages.head(f"{site.url}/x").title == "After"
    assert site.app.log.count() == 2


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
        pages.head(f"{site.url}/x")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/pdf", b"%PDF-1.7"),
        ("image/png", b"\x89PNG"),
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
        pages.head(f"{site.url}/x")


@pytest.mark.parametrize(
    "content_type", ["text/html", "TEXT/HTML; charset=x", "application/xhtml+xml", "text/xml", ""]
)
def test_what_is_a_page(site, pages, content_type):
    """HTML is recognised under all its names, and without any."""
    body = "<!doctype html><html><title>Page</title>"
    site.app.inject(reply(200, body, {"Content-Type": content_type}))
    assert pages.head(f"{site.url}/x").title == "Page"


def test_retries_as_settings_say(site, pages, clock):
    """A page is tried again as often, and after as long, as the settings say."""
    site.app.inject(reply(500), times=1)
    assert pages.head(f"{site.url}/x") is not None
    assert site.app.log.count() == 2
    assert sum(clock.slept) >= 1


def test_a_page_that_is_cut_short(site, pages):
    """A connection that ends in the middle is a failure, not a short page."""
    site.app.inject(cut(40))
    with pytest.raises(TransientError):
        pages.head(f"{site.url}/x")


def test_private_addresses(http):
    """Private addresses behind bookmark URLs were fetched."""
    with pytest.raises(Refused):
        WebPages(http, SETTINGS).head("http://169.254.169.254/latest/meta-data/")


def test_redirects_to_private_addresses(site, pages):
    """Private addresses behind redirects were fetched."""
    site.app.inject(redirect("http://10.0.0.1/"))
    with pytest.raises(Refused):
        pages.head(f"{site.url}/x")


def test_pictures_are_limited(site, pages, http):
    """A picture of more than 10 MB is refused, without reading it to its end."""
    site.app.inject(large(30 * MIB, {"Content-Type": "image/png"}))
    with pytest.raises(Refused):
        pages.picture(f"{site.url}/big.png")
    assert http.counts()["site"].get("bytes", 0) <= 20 * MIB
