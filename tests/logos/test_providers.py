"""What the providers are asked, and what their answers mean."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from datafetch.logos.model import LogoSource
from datafetch.logos.replies import Fault, NoPicture, Offer, PictureUnchanged, ProviderReply
from tests.fakes import faults
from tests.fakes.base import Action, Answer, App
from tests.fakes.message import Request, Response
from tests.fakes.pictures import colour_of, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import RecordedProviders, World

DOMAIN = "a.example.com"
PNG = {"Content-Type": "image/png"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers behind their proxy, with one site."""
    with World.started(tmp_path, monkeypatch) as world:
        world.sites.sites[DOMAIN] = Site(DOMAIN)
        yield world


@pytest.fixture
def providers(world: World) -> Iterator[RecordedProviders]:
    """The providers, asked through the proxy."""
    with world.providers() as providers:
        yield providers


def app_of(world: World, source: LogoSource) -> App:
    """The fake that answers for a provider."""
    apps: dict[LogoSource, App] = {
        "google": world.google,
        "duckduckgo": world.ddg,
        "direct": world.sites,
    }
    return apps[source]


def test_the_services_are_asked_as_they_are_known(
    world: World, providers: RecordedProviders
) -> None:
    """Google at 256 pixels, DuckDuckGo by its `.ico`, one request each, counted under their names."""
    world.at_google(DOMAIN, 128)
    world.at_ddg(DOMAIN, 64, "ico")
    found = [*providers.ask("google", DOMAIN), *providers.ask("duckduckgo", DOMAIN)]
    assert [request.target for request in world.google.log.all()] == [
        f"/s2/favicons?domain={DOMAIN}&sz=256"
    ]
    assert [request.path for request in world.ddg.log.all()] == [f"/ip3/{DOMAIN}.ico"]
    google, ddg = found
    assert isinstance(google, Offer)
    assert (google.candidate.width, google.extension, google.content_type) == (
        128,
        "png",
        "image/png",
    )
    assert isinstance(ddg, Offer)
    assert (ddg.candidate.width, ddg.extension) == (64, "ico")
    assert google.file.read() == picture("png", 128, 128, colour_of(DOMAIN))


def test_a_site_is_asked_for_what_its_page_names(
    world: World, providers: RecordedProviders
) -> None:
    """The usual places first and last, the page's icons between, each address once."""
    icons = {"/touch2.png": Icon(180), "/apple-touch-icon.png": Icon(32), "/favicon.ico": Icon(16)}
    world.sites.sites[DOMAIN] = Site(DOMAIN, icons=icons)
    replies = list(providers.ask("direct", DOMAIN))
    assert [request.path for request in world.sites.log.all()] == [
        "/apple-touch-icon.png",
        "/",
        "/touch2.png",
        "/favicon.ico",
    ]
    widths = [reply.candidate.width for reply in replies if isinstance(reply, Offer)]
    assert widths == [32, 180, 16]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<link rel=icon href=/é.png>".encode("utf-16-le"), "text/html; charset=utf-16le"),
        ("<link rel=icon href=/é.png>".encode("cp1252"), "text/html"),
        ("<script>'<body>'</script><link rel=icon href=/é.png><body>".encode(), "text/html"),
        ("<!-- <body> --><link rel=icon href=/é.png><body>".encode(), "text/html"),
    ],
    ids=["UTF-16", "undeclared", "body in a script", "body in a comment"],
)
def test_a_page_is_read_as_browsers_read_it(
    world: World, providers: RecordedProviders, body: bytes, content_type: str
) -> None:
    """An icon was not found in UTF-16, misspelt in windows-1252, or cut off by a script's `<body`."""
    page = Response(200, {"Content-Type": content_type}, body)
    world.sites.inject(lambda *_: page, lambda request: request.path == "/")
    list(providers.ask("direct", DOMAIN))
    assert f"{DOMAIN}/é.png" in asked(world)


def test_requests_are_made_as_replies_are_taken(world: World, providers: RecordedProviders) -> None:
    """Whoever has seen enough asks no further."""
    world.at_site(DOMAIN, touch=Icon(180))
    first = next(providers.ask("direct", DOMAIN))
    assert isinstance(first, Offer)
    assert world.sites.log.count() == 1


def test_a_validator_makes_the_request_conditional(
    world: World, providers: RecordedProviders
) -> None:
    """304 is an answer: what is stored is still right."""
    world.at_site(DOMAIN, touch=Icon(180))
    (first, *_) = providers.ask("direct", DOMAIN)
    assert isinstance(first, Offer)
    assert first.etag
    assert next(providers.ask("direct", DOMAIN, first.etag)) == PictureUnchanged("direct")


@pytest.mark.parametrize(
    ("action", "at_service", "at_site"),
    [
        (faults.reply(404, picture("png"), PNG), NoPicture, NoPicture),
        (faults.reply(410), NoPicture, NoPicture),
        (faults.large(11 * 1024 * 1024, PNG), NoPicture, NoPicture),
        (faults.reply(401), Fault, NoPicture),
        (faults.reply(400), Fault, NoPicture),
        (faults.reply(200, "<html>words</html>"), Fault, NoPicture),
        (faults.reply(200, b"\x89PNG\r\n\x1a\n"), Fault, NoPicture),
        (faults.redirect("http://10.0.0.1/x.png"), Fault, NoPicture),
        (faults.reply(500), Fault, Fault),
        (faults.reply(429), Fault, Fault),
        (faults.dropped(), Fault, Fault),
    ],
    ids=[
        *("404", "410", "large", "401", "400", "page", "cut", "private", "500", "429", "reset"),
    ],
)
def test_what_an_answer_means(
    world: World,
    providers: RecordedProviders,
    action: Action,
    at_service: type[ProviderReply],
    at_site: type[ProviderReply],
) -> None:
    """A site's refusal is its answer; a service that refuses or talks nonsense is out of order."""
    expected: dict[LogoSource, type[ProviderReply]] = {
        "google": at_service,
        "duckduckgo": at_service,
        "direct": at_site,
    }
    for source, kind in expected.items():
        app_of(world, source).inject(action)
        replies = list(providers.ask(source, DOMAIN))
        assert {type(reply) for reply in replies} == {kind}, source


def test_a_host_that_does_not_answer_is_not_tried_path_by_path(
    world: World, providers: RecordedProviders
) -> None:
    """One fault for the site, after its `www.` was tried, too."""
    world.proxy.trouble.update({DOMAIN: "reset", f"www.{DOMAIN}": "reset"})
    (reply,) = providers.ask("direct", DOMAIN)
    assert isinstance(reply, Fault)
    assert world.proxy.connects[f"www.{DOMAIN}"] == 2


def test_one_site_has_few_requests_at_once(world: World, providers: RecordedProviders) -> None:
    """Many searches that lead to one host do not crowd it."""
    lock, under_way, most = threading.Lock(), 0, 0
    two_came, gate = threading.Semaphore(0), threading.Event()

    def count(request: Request, answer: Answer) -> Response:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        two_came.release()
        gate.wait(10)
        with lock:
            under_way -= 1
        return answer(request)

    world.sites.inject(count)
    threads = [
        threading.Thread(target=lambda: list(providers.ask("direct", DOMAIN))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    two_came.acquire(timeout=10)
    two_came.acquire(timeout=10)
    gate.set()
    for thread in threads:
        thread.join()
    assert most == 2


SCRIPTED = (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' width='64' height='64'%3E"
    "%3Cscript%3Ealert(1)%3C/script%3E%3C/svg%3E"
)
PAGE = '<html><head><link rel="icon" href="{}"></head><body></body></html>'


def leading(world: World, page: str, *, all_paths: bool = False) -> None:
    """The first page, or every path, of the site leads to another origin, which has this page."""

    def moved(request: Request, answer: Answer) -> Response:
        if all_paths or request.path == "/":
            return Response(302, {"Location": f"https://www.{DOMAIN}{request.target}"})
        return answer(request)

    def home(request: Request, answer: Answer) -> Response:
        if request.path == "/":
            return Response(200, {"Content-Type": "text/html"}, page.encode())
        return answer(request)

    world.sites.inject(moved, lambda request: request.hostname == DOMAIN)
    world.sites.inject(home, lambda request: request.hostname == f"www.{DOMAIN}")


def asked(world: World) -> list[str]:
    """The addresses that sites were asked for, without `https://`."""
    return [f"{request.hostname}{request.path}" for request in world.sites.log.all()]


def test_the_usual_places_where_the_page_is_are_asked_too(
    world: World, providers: RecordedProviders
) -> None:
    """A site whose home page moved has its icons there, and perhaps still one where it was."""
    leading(world, "")
    list(providers.ask("direct", DOMAIN))
    assert asked(world) == [
        f"{DOMAIN}/apple-touch-icon.png",
        f"{DOMAIN}/",
        f"www.{DOMAIN}/",
        f"www.{DOMAIN}/apple-touch-icon.png",
        f"www.{DOMAIN}/favicon.ico",
        f"{DOMAIN}/favicon.ico",
    ]


def test_a_site_that_moved_as_a_whole_is_asked_for_nothing_twice(
    world: World, providers: RecordedProviders
) -> None:
    """Where every path leads to `www.`, each place is asked for once."""
    leading(world, "", all_paths=True)
    list(providers.ask("direct", DOMAIN))
    at_www = [place for place in asked(world) if place.startswith("www.")]
    assert at_www == [
        f"www.{DOMAIN}{path}" for path in ("/apple-touch-icon.png", "/", "/favicon.ico")
    ]
    assert asked(world).count(f"{DOMAIN}/favicon.ico") == 0


def test_the_place_where_the_page_is_is_guarded(world: World, providers: RecordedProviders) -> None:
    """A home page that leads into a private network is not followed, nor are icons asked for there."""
    inside = Response(302, {"Location": "https://10.0.0.1/"})
    world.sites.inject(lambda *_: inside, lambda request: request.path == "/")
    replies = list(providers.ask("direct", DOMAIN))
    assert {type(reply) for reply in replies} == {NoPicture}
    assert asked(world) == [
        f"{DOMAIN}{path}" for path in ("/apple-touch-icon.png", "/", "/favicon.ico")
    ]


def test_an_icon_in_the_page_costs_no_request(world: World, providers: RecordedProviders) -> None:
    """A picture that stands in a `data:` URL is checked like a download, and is an offer like one."""
    body = picture("png", 96, 96, (1, 2, 3))
    leading(world, PAGE.format(f"data:image/png;base64,{b64encode(body).decode()}"))
    offers = [reply for reply in providers.ask("direct", DOMAIN) if isinstance(reply, Offer)]
    (offer,) = offers
    assert (offer.candidate.width, offer.candidate.source, offer.etag) == (96, "direct", None)
    assert offer.file.read() == body
    assert (offer.candidate.size, offer.candidate.sha256) == (len(body), sha256(body).hexdigest())
    assert len(asked(world)) == 6


@pytest.mark.parametrize(
    "url",
    [
        "data:,",
        "data:;base64,=",
        "data:image/png;base64,!!",
        "data:image/png,no picture",
        f"data:image/svg+xml,{SCRIPTED}",
        "data:image/png;base64," + "A" * 600_000,
    ],
    ids=["empty", "padding", "broken", "words", "script", "long"],
)
def test_an_icon_in_the_page_that_is_no_safe_picture_is_none(
    world: World, providers: RecordedProviders, url: str
) -> None:
    """`data:,` keeps browsers from asking for an icon; a script is as hostile there as elsewhere."""
    leading(world, PAGE.format(url))
    replies = list(providers.ask("direct", DOMAIN))
    assert {type(reply) for reply in replies} == {NoPicture}
