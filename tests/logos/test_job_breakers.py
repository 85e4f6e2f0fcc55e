"""The jobs and open breakers: what they skip, what they fail for, and what they never conclude."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy
from tests.fakes import faults
from tests.fakes.base import Request
from tests.fakes.providers import GOOGLE_HOST
from tests.logos.world import KEYS, World

DOWN = faults.reply(500)
BAD, FINE = "bad.example.com", "fine.example.org"
HOUR = 1 / 24


def at(host: str) -> Any:
    """Requests to a host."""

    def matching(request: Request) -> bool:
        return request.hostname == host

    return matching


@pytest.fixture
def world(tmp_path: Path, monkeypatch: Any) -> Iterator[World]:
    """The logo providers; one failure opens a breaker, for a week."""
    with World.started(tmp_path, monkeypatch) as made:
        policy = BreakerPolicy(failures=1, cooldown_s=7 * 86_400)
        made.gate = BreakerBook(made.store, KEYS, made.clock, policy)
        yield made


def test_a_site_that_is_not_asked_is_skipped_and_waits(world: World) -> None:
    """An open breaker of one site is no failure of the run, no "no logo", and not forgotten."""
    world.bookmark(BAD, FINE)
    world.at_google(FINE)
    world.sites.inject(DOWN, at(BAD))
    world.sites.inject(faults.dropped(), at(f"www.{BAD}"))
    first = world.run(width=1)
    assert (first.changed, first.failed, first.skipped) == (1, 1, 0)
    world.later(2 * HOUR)
    second = world.run(width=1)
    assert (second.failed, second.newly_failed, second.skipped) == (0, 0, 1)
    assert world.sites.log.count(at(BAD)) == 0
    letter = world.letters[BAD]
    assert (letter["attempts"], letter["errorType"]) == (2, "BreakerOpen")
    assert BAD in letter["error"]
    assert world.negative == {}


def test_a_service_that_is_not_asked_is_a_fault_of_the_run(world: World) -> None:
    """The service serves every domain: its breaker is no evidence, and hides behind no skip."""
    world.bookmark("a.example.com", "b.example.org", "c.example.net")
    world.google.inject(DOWN, at(GOOGLE_HOST))
    report = world.run(width=1)
    assert (report.failed, report.newly_failed, report.skipped) == (3, 3, 0)
    assert world.negative == {}
    assert {letter["errorType"] for letter in world.letters.values()} == {
        "TransientError",
        "BreakerOpen",
    }
    assert report.last_fetched_at is None


def test_domains_behind_a_failing_service_are_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A mail of cron had a warning for each domain of the list when one logo service was down."""
    world.bookmark("a.example.com", "b.example.org", "c.example.net")
    world.google.inject(DOWN, at(GOOGLE_HOST))
    with caplog.at_level("INFO"):
        report = world.run(width=1)
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told.count(("WARNING", "logo_failed")) == 1
    assert told.count(("INFO", "logo_failed")) == 2
    (note,) = (note for note in report.notes if "failed: " in note)
    assert note.count("keeps failing, so not asked") == 2


def test_what_was_asked_says_more(world: World) -> None:
    """A site that fails is reported as it failed, though a service was not even asked."""
    world.bookmark("a.example.com", "b.example.org")
    world.google.inject(DOWN)
    world.sites.inject(faults.reply(502), at("b.example.org"))
    world.run(width=1)
    assert "502" in world.letters["b.example.org"]["error"]


def test_a_stored_logo_outlives_its_sites_breaker(world: World) -> None:
    """What is stored stays while the site that it is from is not asked."""
    world.bookmark(BAD)
    world.at_google(BAD)
    world.run(BAD)
    before = world.manifest
    world.later(60)
    world.google.inject(DOWN)
    world.run(width=1)
    assert world.run(force=True).changed == 0
    assert world.manifest == before
