"""Logos found at once for a visitor: found as the job finds them, and nothing is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datafetch.logos.on_demand import FoundLogo, LogoFinder
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logs import bound_logger
from tests.fakes import faults
from tests.fakes.base import Answer
from tests.fakes.message import Request, Response
from tests.fakes.pictures import colour_of, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import KEYS, World

A, B = "a.example.com", "b.example.org"
NOBODY = "datafetch.invalid"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


@contextmanager
def finding(world: World) -> Iterator[LogoFinder]:
    """A finder of logos in this world."""
    http = world.http()
    yield LogoFinder(world.store, KEYS, world.clock, http, bound_logger(), width=4)
    http.close()


def test_a_found_logo_is_what_the_job_would_store(world: World) -> None:
    """Entry and picture are those of a run; the store is as it was."""
    world.bookmark(A)
    world.at_google(A, 128)
    before = world.snapshot()
    with finding(world) as finder:
        found = finder.find(A, None, conditionally=False)
    assert world.snapshot() == before
    assert isinstance(found, FoundLogo)
    assert found.body == picture("png", 128, 128, colour_of(A))
    world.run()
    cdn_url = world.manifest[A]["cdnUrl"]
    assert found.logo.to_json(cdn_url) == found.logo.from_json(world.manifest[A]).to_json(cdn_url)


def test_generic_pictures_are_asked_for_once_an_hour(world: World) -> None:
    """The services may change them, and this process may live for months."""
    for domain in (A, B):
        world.at_google(domain)
    with finding(world) as finder:
        finder.find(A, None, conditionally=False)
        finder.find(B, None, conditionally=False)
        assert world.google.log.count(f"domain={NOBODY}") == 1
        world.clock.advance(3600)
        finder.find(A, None, conditionally=False)
        assert world.google.log.count(f"domain={NOBODY}") == 2


def test_a_svg_is_cleaned_before_anybody_sees_it(world: World) -> None:
    """What visitors get from memory has passed the same checks as what is stored."""
    hostile = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><script>x()</script></svg>'
    )
    world.at_site(A, favicon=Icon(64, "svg", hostile + b" " * 100))
    with finding(world) as finder:
        found = finder.find(A, None, conditionally=False)
    assert isinstance(found, NoLogo)


def test_a_stored_logo_is_confirmed_without_its_picture(world: World) -> None:
    """Nothing is downloaded that is stored already."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    with finding(world) as finder:
        first = finder.find(A, None, conditionally=False)
        assert isinstance(first, FoundLogo)
        world.clock.advance(60)
        again = finder.find(A, first.logo, conditionally=True)
    assert isinstance(again, FoundLogo)
    assert again.body == b""
    assert again.logo.fetched_at == first.logo.fetched_at + 60_000


@pytest.mark.parametrize(
    ("status", "alone"), [(None, True), (500, False)], ids=["site only", "service"]
)
def test_whose_fault_it_was_is_told(world: World, *, status: int | None, alone: bool) -> None:
    """A site that is gone for ever is asked again later than a service that fails now."""
    if status is not None:
        world.google.inject(faults.reply(status), f"domain={A}&", times=None)
    with finding(world) as finder:
        found = finder.find(A, None, conditionally=False)
    assert isinstance(found, NoAnswer)
    assert found.by_site_alone is alone


def test_a_slow_site_is_left_after_a_while(world: World) -> None:
    """It does not hold a thread with request after request; what the services have is taken."""
    icons = "".join(f'<link rel="icon" href="/{number}.png">' for number in range(4))
    page = faults.reply(200, f"<head>{icons}</head>", {"Content-Type": "text/html"})
    none = faults.reply(404)

    def slow(request: Request, answer: Answer) -> Response:
        world.clock.advance(2.5)
        return (page if request.path == "/" else none)(request, answer)

    world.sites.sites |= {A: Site(A), B: Site(B)}
    world.sites.inject(slow, times=None)
    world.at_google(B, 16)
    with finding(world) as finder:
        without = finder.find(A, None, conditionally=False)
        asked = world.sites.log.count()
        found = finder.find(B, None, conditionally=False)
    assert isinstance(without, NoAnswer)
    assert "too long" in str(without.error)
    assert asked == 5
    assert isinstance(found, FoundLogo)
    assert found.logo.original_source == "google"


def test_none_is_none(world: World) -> None:
    """Every provider answered, and none has one."""
    world.sites.sites[A] = Site(A)
    with finding(world) as finder:
        assert isinstance(finder.find(A, None, conditionally=False), NoLogo)
