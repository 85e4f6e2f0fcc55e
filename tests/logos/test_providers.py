"""What the providers are asked, and what their answers mean."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import SOURCES, LogoSource
from datafetch.logos.providers import (
    Fault,
    LogoProviders,
    NoPicture,
    Offer,
    PictureUnchanged,
    ProviderReply,
)
from datafetch.logos.search import LogoFound, Search
from datafetch.logs import bound_logger
from datafetch.net.base import HttpClient
from datafetch.runtime.limits import BatchPacer
from tests.fakes import faults
from tests.fakes.base import Action, Answer, App
from tests.fakes.message import Request, Response
from tests.fakes.pictures import colour_of, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import World

DOMAIN = "a.example.com"
PNG = {"Content-Type": "image/png"}


class Recorded(LogoProviders):
    """Remembers every reply that was taken."""

    def __init__(self, world: World, http: HttpClient) -> None:
        pacers = {source: BatchPacer(10, 0, world.clock) for source in SOURCES}
        super().__init__(http, pacers, 60.0)
        self.replies: list[ProviderReply] = []

    def ask(
        self, source: LogoSource, domain: str, etag: str | None = None
    ) -> Iterator[ProviderReply]:
        for reply in super().ask(source, domain, etag):
            self.replies.append(reply)
            yield reply


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers behind their proxy, with one site."""
    with World.started(tmp_path, monkeypatch) as world:
        world.sites.sites[DOMAIN] = Site(DOMAIN)
        yield world


@pytest.fixture
def providers(world: World) -> Iterator[Recorded]:
    """The providers, asked through the proxy."""
    http = world.http()
    providers = Recorded(world, http)
    yield providers
    for reply in providers.replies:
        if isinstance(reply, Offer):
            reply.close()
    http.close()


def app_of(world: World, source: LogoSource) -> App:
    """The fake that answers for a provider."""
    apps: dict[LogoSource, App] = {"google": world.google, "ddg": world.ddg, "direct": world.sites}
    return apps[source]


def test_the_services_are_asked_as_they_are_known(world: World, providers: Recorded) -> None:
    """Google at 256 pixels, DuckDuckGo by its `.ico`, one request each, counted under their names."""
    world.at_google(DOMAIN, 128)
    world.at_ddg(DOMAIN, 64, "ico")
    found = [*providers.ask("google", DOMAIN), *providers.ask("ddg", DOMAIN)]
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


def test_a_site_is_asked_for_what_its_page_names(world: World, providers: Recorded) -> None:
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


def test_requests_are_made_as_replies_are_taken(world: World, providers: Recorded) -> None:
    """Whoever has seen enough asks no further."""
    world.at_site(DOMAIN, touch=Icon(180))
    first = next(providers.ask("direct", DOMAIN))
    assert isinstance(first, Offer)
    assert world.sites.log.count() == 1


def test_a_validator_makes_the_request_conditional(world: World, providers: Recorded) -> None:
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
    providers: Recorded,
    action: Action,
    at_service: type[ProviderReply],
    at_site: type[ProviderReply],
) -> None:
    """A site's refusal is its answer; a service that refuses or talks nonsense is out of order."""
    expected: dict[LogoSource, type[ProviderReply]] = {
        "google": at_service,
        "ddg": at_service,
        "direct": at_site,
    }
    for source, kind in expected.items():
        app_of(world, source).inject(action)
        replies = list(providers.ask(source, DOMAIN))
        assert {type(reply) for reply in replies} == {kind}, source


def test_a_host_that_does_not_answer_is_not_tried_path_by_path(
    world: World, providers: Recorded
) -> None:
    """One fault for the site, after its `www.` was tried, too."""
    world.proxy.trouble.update({DOMAIN: "reset", f"www.{DOMAIN}": "reset"})
    (reply,) = providers.ask("direct", DOMAIN)
    assert isinstance(reply, Fault)
    assert world.proxy.connects[f"www.{DOMAIN}"] == 2


def test_a_search_keeps_one_file_open(world: World, providers: Recorded) -> None:
    """Only the winner's bytes are held; what was beaten is closed at once."""
    world.at_google(DOMAIN, 48)
    world.at_ddg(DOMAIN, 32)
    world.at_site(DOMAIN, touch=Icon(16), static=Icon(50), favicon=Icon(20))
    generic = GenericPictures(providers, bound_logger())
    outcome = Search(providers, DOMAIN, generic).run()
    assert isinstance(outcome, LogoFound)
    offers = [reply for reply in providers.replies if isinstance(reply, Offer)]
    assert [offer.candidate.width for offer in offers if not offer.file.closed] == [50]
    assert outcome.offer.candidate.width == 50
    assert len(offers) == 5


def test_one_site_has_few_requests_at_once(world: World, providers: Recorded) -> None:
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
