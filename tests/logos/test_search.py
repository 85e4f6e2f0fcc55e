"""The search for one domain's logo: whom it asks, when it stops, and what it concludes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.logos.generic import GenericPictures
from datafetch.logos.model import Logo
from datafetch.logos.search import (
    LogoConfirmed,
    LogoFound,
    NoAnswer,
    NoLogo,
    Search,
    SearchOutcome,
)
from datafetch.logs import bound_logger
from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy
from datafetch.upstream_errors import BreakerOpen
from tests.fakes import faults
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.pictures import globe
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import KEYS, RecordedProviders, World

DOMAIN, SHOP = "example.co.uk", "shop.example.co.uk"


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


def search(
    providers: RecordedProviders,
    domain: str = DOMAIN,
    stored: Logo | None = None,
    *,
    conditionally: bool = True,
) -> SearchOutcome:
    """Search for a domain's logo; a stored one is asked for conditionally."""
    generic = GenericPictures(providers, bound_logger())
    return Search(providers, domain, generic, stored, conditionally=conditionally).run()


def width_of(outcome: SearchOutcome) -> int:
    """The width of the logo that was found."""
    assert isinstance(outcome, LogoFound)
    return outcome.offer.candidate.width


def stored(providers: RecordedProviders) -> Logo:
    """The logo that a first search found, as it would be stored."""
    outcome = search(providers)
    assert isinstance(outcome, LogoFound)
    candidate = outcome.offer.candidate
    providers.replies.clear()
    outcome.offer.close()
    return Logo(
        key=KEYS.logo(DOMAIN, candidate.source, "png"),
        original_source=candidate.source,
        content_type="image/png",
        size=candidate.size,
        width=candidate.width,
        height=candidate.height,
        sha256=candidate.sha256,
        etag=outcome.offer.etag,
        fetched_at=1,
    )


@pytest.mark.parametrize(("size", "asked"), [(64, 0), (63, 2)])
def test_below_64_pixels_the_next_provider_is_asked(
    world: World, providers: RecordedProviders, size: int, asked: int
) -> None:
    """A good picture costs one request; a small one is compared, also with what is at `www.`."""
    world.at_google(DOMAIN, size)
    assert width_of(search(providers)) == size
    assert world.ddg.log.count(DOMAIN) == asked


def test_one_file_is_open_at_a_time(world: World, providers: RecordedProviders) -> None:
    """Only the bytes of the best picture are held; each other is closed at once."""
    world.at_google(DOMAIN, 48)
    world.at_ddg(DOMAIN, 32)
    world.at_site(DOMAIN, touch=Icon(16), static=Icon(50), favicon=Icon(20))
    assert width_of(search(providers)) == 50
    widths = [offer.candidate.width for offer in providers.offers if not offer.file.closed]
    assert widths == [50]
    assert len(providers.offers) == 5


def test_no_logo_says_what_each_provider_answered(
    world: World, providers: RecordedProviders
) -> None:
    """The negative cache is read by people: why a domain has no logo stands in it."""
    world.at_ddg(DOMAIN, 8)
    outcome = search(providers)
    assert isinstance(outcome, NoLogo)
    assert outcome.domain == DOMAIN
    assert "status 404" in outcome.reason
    assert "duckduckgo: only 8 x 8 pixels" in outcome.reason


def test_a_subdomain_has_the_logo_of_its_registrable_domain(
    world: World, providers: RecordedProviders
) -> None:
    """A name that nobody knows is asked for first, and then the domain that was registered."""
    world.at_google(DOMAIN, 128)
    assert width_of(search(providers, SHOP)) == 128
    names = [request.params["domain"] for request in world.google.log.all("domain=")]
    assert names.index(SHOP) < names.index(DOMAIN)


def test_a_service_that_fails_leaves_the_question_open(
    world: World, providers: RecordedProviders
) -> None:
    """A small picture elsewhere does not settle what the service may have."""
    world.google.inject(faults.reply(500))
    world.at_ddg(DOMAIN, 32)
    outcome = search(providers)
    assert isinstance(outcome, NoAnswer)
    assert (outcome.domain, outcome.error.status, outcome.asked) == (DOMAIN, 500, True)
    assert all(offer.file.closed for offer in providers.offers)


def test_a_dead_site_does_not_withhold_what_a_service_has(
    world: World, providers: RecordedProviders
) -> None:
    """Many a site is down for ever: a service's small picture is taken."""
    world.at_google(DOMAIN, 32)
    world.proxy.trouble.update({DOMAIN: "refused", f"www.{DOMAIN}": "refused"})
    assert width_of(search(providers)) == 32


def test_a_site_whose_breaker_is_open_was_not_asked(world: World) -> None:
    """It is no failure of this run: `asked` tells it from one."""
    policy = BreakerPolicy(failures=1, cooldown_s=3600)
    world.gate = BreakerBook(world.store, KEYS, world.clock, policy)
    world.proxy.trouble.update({DOMAIN: "reset", f"www.{DOMAIN}": "reset"})
    with world.providers() as providers:
        first, second = search(providers), search(providers)
    assert isinstance(first, NoAnswer)
    assert first.asked
    assert isinstance(second, NoAnswer)
    assert isinstance(second.error, BreakerOpen)
    assert not second.asked


def test_a_stored_logo_is_confirmed_by_its_validator(
    world: World, providers: RecordedProviders
) -> None:
    """304 from its own provider ends the search with one request."""
    world.at_site(DOMAIN, touch=Icon(180))
    logo = stored(providers)
    assert search(providers, stored=logo) == LogoConfirmed(logo.etag)
    assert len(providers.replies) == 1


def test_a_stored_logo_is_confirmed_by_its_bytes(
    world: World, providers: RecordedProviders
) -> None:
    """Where there is no validator, equal bytes say that it is still the logo."""
    world.at_google(DOMAIN, 128)
    logo = stored(providers)
    assert search(providers, stored=logo) == LogoConfirmed(None)
    assert all(offer.file.closed for offer in providers.offers)


def test_nobody_takes_the_place_of_a_provider_that_is_down(
    world: World, providers: RecordedProviders
) -> None:
    """The stored logo waits for its own provider, whoever else has a picture."""
    world.at_google(DOMAIN, 128)
    logo = stored(providers)
    world.at_ddg(DOMAIN, 256)
    world.google.inject(faults.reply(500))
    outcome = search(providers, stored=logo)
    assert isinstance(outcome, NoAnswer)
    assert not world.ddg.log.count(DOMAIN)


def test_a_logo_that_its_provider_lost_is_looked_for_elsewhere(
    world: World, providers: RecordedProviders
) -> None:
    """A 404 from its own provider opens the search again, without asking that one twice."""
    world.at_google(DOMAIN, 128)
    logo = stored(providers)
    del world.google.icons[DOMAIN]
    world.at_ddg(DOMAIN, 96)
    world.google.log.clear()
    assert width_of(search(providers, stored=logo)) == 96
    assert world.google.log.count(f"domain={DOMAIN}") == 1


@pytest.mark.parametrize("trouble", [faults.reply(500), faults.reply(429)], ids=["500", "429"])
@pytest.mark.parametrize(("size", "taken"), [(64, False), (128, False), (129, True)])
def test_a_forced_search_exchanges_a_logo_for_a_larger_one_only(
    world: World, providers: RecordedProviders, trouble: Action, size: int, *, taken: bool
) -> None:
    """Stored 128 px logos became 64 px ones of the next provider while Google was not to be asked."""
    world.at_google(DOMAIN, 128)
    logo = stored(providers)
    world.google.inject(trouble)
    world.at_ddg(DOMAIN, size)
    outcome = search(providers, stored=logo, conditionally=False)
    assert isinstance(outcome, LogoFound) == taken
    if not taken:
        assert isinstance(outcome, NoAnswer)
        assert outcome.error.status in (500, 429)


def test_a_forced_search_asks_the_logos_own_provider(
    world: World, providers: RecordedProviders
) -> None:
    """A good picture of a provider that is asked earlier does not replace a larger one unheard."""
    world.at_ddg(DOMAIN, 256)
    logo = stored(providers)
    world.at_google(DOMAIN, 64)
    outcome = search(providers, stored=logo, conditionally=False)
    assert isinstance(outcome, LogoFound)
    assert outcome.offer.candidate.sha256 == logo.sha256
    del world.ddg.icons[DOMAIN]
    outcome = search(providers, stored=logo, conditionally=False)
    assert width_of(outcome) == 64


def test_duckduckgo_is_asked_with_www_when_it_has_none_without(
    world: World, providers: RecordedProviders
) -> None:
    """Some icons it knows under `www.` only; one that it has costs no second request."""

    def only_www(request: Request, answer: Answer) -> Response:
        known = request.path.startswith("/ip3/www.")
        return answer(request) if known else Response(404)

    world.at_ddg(DOMAIN, 64)
    assert width_of(search(providers)) == 64
    assert [request.path for request in world.ddg.log.all(DOMAIN)] == [f"/ip3/{DOMAIN}.ico"]
    world.ddg.log.clear()
    world.ddg.inject(only_www, DOMAIN)
    assert width_of(search(providers)) == 64
    assert [request.path for request in world.ddg.log.all(DOMAIN)] == [
        f"/ip3/{DOMAIN}.ico",
        f"/ip3/www.{DOMAIN}.ico",
    ]


def test_a_generic_picture_without_www_is_none(world: World, providers: RecordedProviders) -> None:
    """What stands for none, with 200, is no reason not to ask at `www.`."""

    def generic(request: Request, answer: Answer) -> Response:
        return answer(request) if "/ip3/www." in request.path else Response(200, {}, globe(32))

    world.ddg.none_status = 200
    world.at_ddg(DOMAIN, 64)
    world.ddg.inject(generic, DOMAIN)
    assert width_of(search(providers)) == 64
