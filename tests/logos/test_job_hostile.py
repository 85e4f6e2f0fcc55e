"""The logo job and hostile upstreams: every one ends in time and within memory, and leaves stored pictures alone."""

import gzip
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.fakes import faults
from tests.fakes.base import Action, App
from tests.fakes.message import Request, Response
from tests.fakes.pictures import colour_of, photo, picture
from tests.fakes.providers import GOOGLE_HOST, Icon
from tests.fakes.proxy import Trouble
from tests.logos.world import World

OLD, NEW = "old.example.com", "new.example.org"
MIB = 1024 * 1024
MEMORY = 12 * MIB
"""Of Python's objects: two pages of half a mebibyte under way, and the fakes in the same process."""

PNG = {"Content-Type": "image/png"}
HEAD = b"\x89PNG\r\n\x1a\n"
Ends = Literal["none", "letter"]
Spoil = Callable[[World, App], object]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store."""
    with World.started(tmp_path, monkeypatch) as world:
        yield world


@dataclass(frozen=True)
class Hostile:
    """What an upstream does, and what follows for a domain: for a site's own and for a service's answer."""

    spoil: Spoil
    of_site: Ends
    of_service: Ends


def acts(action: Action) -> Spoil:
    """Its app acts so."""
    return lambda _, app: app.inject(action)


def troubled(trouble: Trouble) -> Spoil:
    """Connections to it are spoilt."""
    hosts = (GOOGLE_HOST, OLD, NEW, f"www.{OLD}", f"www.{NEW}")
    return lambda world, _: world.proxy.trouble.update(dict.fromkeys(hosts, trouble))


def drips(world: World, app: App) -> object:
    """A byte every five seconds, for ever."""

    def drops() -> Iterator[bytes]:
        yield HEAD
        while True:
            world.clock.advance(5)
            yield b"x"

    def act(_request: Request, _answer: object) -> Response:
        return Response(200, PNG, chunks=drops())

    return app.inject(act)


def cookies(_: World, app: App) -> object:
    """A hundred cookies of four kilobytes each."""
    many = tuple(f"c{number}={'x' * 4096}; Path=/" for number in range(100))
    return app.inject(lambda request, answer: answer(request).changed(cookies=many))


def bomb(layers: int, encoding: str) -> Action:
    """Twenty megabytes in twenty kilobytes, or less where they are packed again."""
    body = HEAD + bytes(20 * MIB)
    for _ in range(layers):
        body = gzip.compress(body)
    return faults.reply(200, body, {**PNG, "Content-Encoding": encoding})


HOSTILE = {
    "endless": Hostile(acts(faults.endless(head=HEAD, headers=PNG)), "none", "none"),
    "drip": Hostile(drips, "letter", "letter"),
    "bomb": Hostile(acts(bomb(1, "gzip")), "none", "none"),
    "lying": Hostile(acts(faults.lying_length(100_000)), "letter", "letter"),
    "short": Hostile(acts(faults.lying_length(60)), "none", "letter"),
    "reset": Hostile(acts(faults.cut(60, "reset")), "letter", "letter"),
    "loop": Hostile(
        acts(lambda request, _: Response(302, {"Location": request.url})), "none", "letter"
    ),
    "private": Hostile(acts(faults.redirect("http://10.1.2.3/favicon.ico")), "none", "letter"),
    "metadata": Hostile(acts(faults.redirect("http://169.254.169.254/latest/")), "none", "letter"),
    "page": Hostile(acts(faults.reply(200, "<html>" + "words " * 99, PNG)), "none", "letter"),
    "300MB": Hostile(acts(faults.large(300 * MIB, PNG)), "none", "none"),
    "nested": Hostile(acts(bomb(2, "gzip, gzip")), "none", "letter"),
    "untrusted": Hostile(troubled("untrusted"), "letter", "letter"),
    "wrong-name": Hostile(troubled("wrong-name"), "letter", "letter"),
    "cookies": Hostile(cookies, "none", "none"),
}


@pytest.mark.parametrize("source", ["direct", "google"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_upstream_changes_nothing_that_is_stored(
    world: World, name: str, source: Literal["direct", "google"]
) -> None:
    """HTML error pages, bodies cut short, lengths that lie, resets and bombs: each leaves a dead letter or "none"."""
    hostile = HOSTILE[name]
    world.bookmark(OLD, NEW)
    for domain in (OLD, NEW):
        if source == "google":
            world.at_google(domain)
        else:
            world.at_site(domain, touch=Icon(180))
    world.run(OLD)
    entry, picture_before = world.manifest[OLD], world.logo(OLD, source)
    hostile.spoil(world, world.google if source == "google" else world.sites)
    world.later()
    tracemalloc.start()
    report = world.run(width=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < MEMORY, peak
    assert world.pictures == {entry["key"]}
    assert world.logo(OLD, source) == picture_before
    assert {**world.manifest[OLD], "fetchedAt": 0} == {**entry, "fetchedAt": 0}
    assert list(world.manifest) == [OLD]
    ends = hostile.of_service if source == "google" else hostile.of_site
    assert [NEW in world.negative, NEW in world.letters] == [ends == "none", ends == "letter"]
    assert report.changed == 0
    assert report.processed == 2


def test_a_drip_is_hung_up_on(world: World) -> None:
    """A timer race reported a timeout and left the work running: its connection is closed."""
    world.bookmark(NEW)
    drips(world, world.sites)
    world.run()
    asked = world.sites.log.all()
    assert asked
    assert all(request.abandoned.wait(10) for request in asked)


def test_a_hundred_cookies_are_not_kept(world: World) -> None:
    """A picture that comes with cookies is a picture; nobody gets them back."""
    world.bookmark(OLD, NEW)
    world.at_google(OLD)
    world.at_google(NEW)
    many = tuple(f"c{number}=x; Path=/" for number in range(100))
    world.google.inject(lambda request, answer: answer(request).changed(cookies=many))
    world.run(width=1)
    assert sorted(world.manifest) == [NEW, OLD]
    assert not [request for request in world.google.log.all() if "cookie" in request.headers]


def test_large_logos_are_streamed_and_none_is_left_out(world: World) -> None:
    """A memory guard refused writes silently, and the run said "success": memory is bounded by streaming, all are stored."""
    domains = [f"site{number}.example.com" for number in range(12)]
    bodies = {
        domain: photo(400, 400, (10, number, 200), "png") for number, domain in enumerate(domains)
    }
    world.bookmark(*domains)
    for domain, body in bodies.items():
        world.google.icons[domain] = Icon(body=body)
    world.run(domains[0])
    tracemalloc.start()
    report = world.run(width=4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = len(bodies[domains[0]])
    assert size > 200 * 1024
    assert peak < 8 * size
    assert (report.processed, report.changed, report.failed, report.skipped) == (12, 11, 0, 0)
    assert all(world.logo(domain, "google") == body for domain, body in bodies.items())


def test_three_bad_sites_do_not_block_the_others(world: World) -> None:
    """A breaker keyed by the class "Website" let three bad sites block all sites: each fails for itself."""
    bad = [f"bad{number}.example.com" for number in range(5)]
    fine = [f"fine{number}.example.org" for number in range(5)]
    world.bookmark(*itertools.chain(*zip(bad, fine, strict=True)))
    for domain in fine:
        world.at_site(domain, touch=Icon(180))
    world.sites.inject(faults.reply(500), lambda request: request.hostname.startswith("bad"))
    world.run(width=1)
    assert sorted(world.manifest) == fine
    assert sorted(world.letters) == bad


def test_the_icon_of_a_relative_address_is_asked_for_at_the_right_host(world: World) -> None:
    """Relative image URLs were resolved against the wrong host: icons go by the page's final address and base."""
    world.bookmark(NEW)
    world.at_site(NEW)
    world.at_site("cdn.example.net", i=Icon(128))
    page = "<head><base href='//cdn.example.net/'><link rel=icon href=i.png></head>"
    world.sites.inject(faults.reply(200, page, {"Content-Type": "text/html"}), f"https://{NEW}/")
    world.run()
    assert world.logo(NEW, "direct") == picture("png", 128, 128, colour_of("cdn.example.net"))
