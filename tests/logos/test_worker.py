"""The worker for one domain: what it stores, what it keeps, and what it says."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from datafetch.errors import LeaseLost
from datafetch.logos.model import Logo
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logos.worker import HasLogo, LogoResult, LogoTask, LogoWorker
from datafetch.store.fenced import Fence
from tests.fakes import faults
from tests.fakes.pictures import globe, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import KEYS, World

DOMAIN = "a.example.com"
KEY = KEYS.logo(DOMAIN, "google", "png")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers behind their proxy, with one site."""
    with World.started(tmp_path, monkeypatch) as world:
        world.sites.sites[DOMAIN] = Site(DOMAIN)
        yield world


def work(world: World, task: LogoTask, fence: Fence | None = None) -> LogoResult:
    """Do one task."""
    with world.providers() as providers:
        return LogoWorker(world.context(fence=fence, width=1), providers)(task)


def done(world: World, task: LogoTask) -> HasLogo:
    """Do one task that ends with a logo."""
    result = work(world, task)
    assert isinstance(result, HasLogo)
    return result


def test_a_logo_is_stored_under_its_key(world: World) -> None:
    """Picture and entry agree: size, hash and the time of the fetch."""
    world.at_google(DOMAIN, 128)
    result = done(world, LogoTask(DOMAIN))
    body = world.store.get(KEY).body
    assert result == HasLogo(
        DOMAIN,
        Logo(
            key=KEY,
            original_source="google",
            content_type="image/png",
            size=len(body),
            width=128,
            height=128,
            sha256=sha256(body).hexdigest(),
            fetched_at=round(world.clock.now() * 1000),
        ),
        changed=True,
    )


def test_equal_bytes_are_not_written_again(world: World) -> None:
    """A forced run asks for everything and writes what differs."""
    world.at_google(DOMAIN, 128)
    logo = done(world, LogoTask(DOMAIN)).logo
    again = done(world, LogoTask(DOMAIN, logo))
    assert not again.changed
    assert world.calls is not None
    assert world.calls.count("put") == 0


def test_a_confirmed_logo_is_fresh_again(world: World) -> None:
    """Its time moves, so that it is not asked for until it has reached its age anew."""
    world.at_google(DOMAIN, 128)
    logo = done(world, LogoTask(DOMAIN)).logo
    world.clock.advance(60)
    result = done(world, LogoTask(DOMAIN, logo, conditionally=True))
    assert result.logo == replace(logo, fetched_at=logo.fetched_at + 60_000)
    assert not result.changed


def test_without_a_logo_the_stored_one_stays(world: World) -> None:
    """That nobody has a logo any more removes nothing."""
    world.at_google(DOMAIN, 128)
    logo = done(world, LogoTask(DOMAIN)).logo
    del world.google.icons[DOMAIN]
    assert not done(world, LogoTask(DOMAIN, logo)).changed
    assert isinstance(work(world, LogoTask(DOMAIN)), NoLogo)
    assert world.pictures == {KEY}


def test_a_provider_without_an_answer_is_told(world: World) -> None:
    """What the domain has is not known, which is not "no logo"."""
    world.google.inject(faults.reply(500))
    assert isinstance(work(world, LogoTask(DOMAIN)), NoAnswer)


def test_a_smaller_picture_does_not_replace_the_stored_one(world: World) -> None:
    """A provider that suddenly has a small icon only degrades nothing."""
    world.at_google(DOMAIN, 128)
    logo = done(world, LogoTask(DOMAIN)).logo
    world.at_google(DOMAIN, 32)
    result = done(world, LogoTask(DOMAIN, logo))
    assert (result.logo.width, result.changed) == (128, False)
    assert sha256(world.store.get(KEY).body).hexdigest() == logo.sha256


def test_a_stored_picture_is_adopted_without_asking(world: World) -> None:
    """A picture that no manifest names costs no request, and has the time of its object."""
    body = picture("png", 96)
    world.store.put(KEY, body, content_type="image/png")
    modified = world.store.head(KEY).last_modified
    assert modified is not None
    written = modified.timestamp()
    result = done(world, LogoTask(DOMAIN, picture=KEY))
    assert world.asked == 0
    assert result.changed
    assert (result.logo.width, result.logo.original_source) == (96, "google")
    assert result.logo.fetched_at == round(written * 1000)


@pytest.mark.parametrize(
    "body", [picture("png", 8), b"<html>words</html>", b""], ids=["tiny", "page", "empty"]
)
def test_what_cannot_be_a_logo_is_not_adopted(world: World, body: bytes) -> None:
    """What lies under a logo's key is checked like an offer; then the providers are asked."""
    world.store.put(KEY, body, content_type="image/png")
    world.at_google(DOMAIN, 128)
    assert done(world, LogoTask(DOMAIN, picture=KEY)).logo.width == 128


def test_a_generic_picture_gives_way_to_any_logo(world: World) -> None:
    """A large globe that was stored as a logo is no better than a small logo."""
    body = globe(256)
    world.store.put(KEY, body, content_type="image/png")
    stored = Logo(
        key=KEY,
        original_source="google",
        content_type="image/png",
        size=len(body),
        width=256,
        height=256,
        sha256=sha256(body).hexdigest(),
        fetched_at=0,
    )
    world.google.none_status = 200
    world.google.icons = {"datafetch.invalid": Icon(body=body), DOMAIN: Icon(body=body)}
    world.at_ddg(DOMAIN, 32)
    result = done(world, LogoTask(DOMAIN, stored))
    assert (result.logo.original_source, result.logo.width) == ("duckduckgo", 32)


def test_a_lost_lease_stores_no_picture(world: World) -> None:
    """The store of the run asks the lease before the write."""

    class Lost:
        def check(self) -> None:
            raise LeaseLost

    world.at_google(DOMAIN, 128)
    with pytest.raises(LeaseLost):
        work(world, LogoTask(DOMAIN), Lost())
    assert world.pictures == set()


DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    b'<rect width="9" height="9"/></svg>' + b"<!-- a drawing of more than one hundred bytes -->"
)
DRAWN_KEY = KEYS.logo(DOMAIN, "direct", "svg")


def test_a_drawing_is_stored_as_it_was_cleaned(world: World) -> None:
    """Without its document type: size and hash are those of the stored bytes, now and later."""
    world.at_site(DOMAIN, touch=Icon(64, "svg", b"<!DOCTYPE svg>" + DRAWING))
    result = done(world, LogoTask(DOMAIN))
    assert world.store.get(DRAWN_KEY).body == DRAWING
    assert (result.logo.size, result.logo.sha256) == (len(DRAWING), sha256(DRAWING).hexdigest())
    etag = world.store.head(DRAWN_KEY).etag
    again = done(world, LogoTask(DOMAIN, result.logo))
    assert (again.changed, again.logo.sha256) == (False, result.logo.sha256)
    assert world.store.head(DRAWN_KEY).etag == etag


def test_a_stored_drawing_is_adopted_as_it_was_cleaned(world: World) -> None:
    """What is found with a document type is stored without it, so that the manifest is true."""
    world.store.put(DRAWN_KEY, b"<!DOCTYPE svg>" + DRAWING, content_type="image/svg+xml")
    result = done(world, LogoTask(DOMAIN, picture=DRAWN_KEY))
    assert world.asked == 0
    assert world.store.get(DRAWN_KEY).body == DRAWING
    assert result.logo.sha256 == sha256(DRAWING).hexdigest()
