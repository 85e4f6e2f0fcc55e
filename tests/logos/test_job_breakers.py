"""The jobs and open breakers: what they skip, what they fail for, and what they never conclude."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datafetch.models.run import JobReport
from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy, Patience
from tests.fakes import faults
from tests.fakes.base import Request
from tests.fakes.providers import GOOGLE_HOST
from tests.logos.world import KEYS, World
from tests.net.upstreams import InThread

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
    assert (letter["attempts"], letter["errorType"]) == (1, "TransientError")
    assert letter["nextAttemptAt"] > letter["lastFailedAt"] + 2 * 3_600_000
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


@pytest.mark.parametrize("down", [60, None], ids=["comes back", "stays down"])
def test_no_logo_gives_way_while_its_provider_is_not_asked(
    tmp_path: Path, monkeypatch: Any, down: int | None
) -> None:
    """In a forced run 16 of 300 stored logos became the next provider's smaller ones meanwhile."""
    with World.started(tmp_path, monkeypatch) as world:
        domains = [f"site{number}.example.com" for number in range(300)]
        world.bookmark(*domains)
        for domain in domains:
            world.at_google(domain)
        world.run(width=16)
        before = world.manifest
        assert {entry["width"] for entry in before.values()} == {128}
        for domain in domains:
            world.at_ddg(domain, 64)
        world.gate = BreakerBook(world.store, KEYS, world.clock, BreakerPolicy(3, 1))
        # The 16 requests that are under way fail with all their tries, and the first probes too.
        world.google.inject(DOWN, "domain=site", times=down, after=40)
        report = world.run(force=True, width=16)
        after = world.manifest
        assert [name for name in domains if after[name]["width"] < 128] == []
        assert {entry["originalSource"] for entry in after.values()} == {"google"}
        assert report.changed == 0
        assert report.failed > 0
        assert len(world.letters) == report.failed
        assert world.negative == {}


class Watched(BreakerBook):
    """Breakers that count who came to Google's gate since the count was last taken."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._came = threading.Semaphore(0)

    def allow(
        self, host: str, visit: object, patience: Patience | None = None, *, again: bool = False
    ) -> float:
        if host == GOOGLE_HOST:
            self._came.release()
        return super().allow(host, visit, patience, again=again)

    def forget(self) -> None:
        """Count from none again."""
        self._came = threading.Semaphore(0)

    def wait_for(self, count: int) -> None:
        """Wait until so many have come."""
        for _ in range(count):
            assert self._came.acquire(timeout=20)


def test_domains_that_come_during_the_probe_get_their_logo(world: World) -> None:
    """They wait for its answer, instead of failing or taking the next provider's picture."""
    domains = [f"site{number}.example.com" for number in range(12)]
    world.bookmark(*domains)
    world.gate = gate = Watched(world.store, KEYS, world.clock, BreakerPolicy(1, 60))
    world.google.inject(DOWN, at(GOOGLE_HOST))
    world.run(domains[0], width=1)
    world.google.heal()
    world.clock.advance(60)
    gate.forget()
    for domain in domains:
        world.at_google(domain)
        world.at_ddg(domain, 64)
    answers = threading.Event()
    world.google.inject(faults.held(answers), times=1)
    reports: list[JobReport] = []
    running = InThread(lambda: reports.append(world.run(force=True, width=4)))
    gate.wait_for(4)
    answers.set()
    assert running.ended()
    assert (reports[0].failed, reports[0].changed) == (0, 12)
    assert {entry["originalSource"] for entry in world.manifest.values()} == {"google"}
