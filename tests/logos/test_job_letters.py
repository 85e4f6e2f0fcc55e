"""Dead letters of domains: when they are tried, within what bounds, and when they go."""

from pathlib import Path
from typing import Any

import pytest

from datafetch.ops.dead_letters import DeadLetters
from datafetch.upstream_errors import BreakerOpen
from tests.fakes import faults
from tests.logos.world import KEYS, World

A, B, C, D = "a.example.com", "b.example.org", "c.example.net", "d.example.com"
HOUR = 1 / 24


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A world that has started."""
    with World.started(tmp_path, monkeypatch) as made:
        yield made


def _asked(world: World) -> list[str]:
    """The domains that Google was asked for, without the one whose answer is no logo."""
    domains = [request.params["domain"] for request in world.google.log.all()]
    return [domain for domain in domains if not domain.endswith(".invalid")]


def test_what_is_due_comes_first_within_the_limit(world: World) -> None:
    """A limit that new domains use up left for ever what had failed before."""
    for domain in (A, B, C, D):
        world.at_google(domain)
    world.bookmark(A, B, C)
    world.google.inject(faults.reply(500), f"domain={C}", times=3)
    world.sites.inject(faults.reply(500), lambda request: C in request.hostname, times=3)
    world.ddg.inject(faults.reply(500), C, times=3)
    world.run(width=1)
    assert list(world.letters) == [C]
    world.bookmark(D, A, B, C)
    world.run(width=1, limit=1)
    assert _asked(world) == [D]
    world.later(HOUR)
    world.at_google("e.example.com")
    world.bookmark("e.example.com", A, B, C)
    world.run(width=1, limit=1)
    assert _asked(world) == [C]
    assert world.letters == {}


def test_a_stored_logo_whose_letter_is_due_is_looked_at(world: World) -> None:
    """A forced run met an open breaker: the letter stayed until the logo was a month old."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    letters = DeadLetters.load(world.store, KEYS, "logos", world.clock)
    letters.failed(A, BreakerOpen("not asked", until=world.clock.now() + 60))
    letters.save()
    world.run()
    assert (world.asked, list(world.letters)) == (0, [A])
    world.later(HOUR)
    world.run(missing=True)
    assert (world.asked, list(world.letters)) == (0, [A])
    world.run()
    assert (_asked(world), world.letters) == ([A], {})


def test_the_letter_of_a_domain_that_is_gone_goes(world: World) -> None:
    """What is bookmarked no longer is not counted, nor tried."""
    world.bookmark(A, B)
    world.google.inject(faults.reply(500))
    world.run()
    assert set(world.letters) == {A, B}
    world.bookmark(A)
    world.run()
    assert set(world.letters) == {A}
