"""Breakers in whole runs: one run's bad hosts are the next run's business, and nobody else's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.factory import make_parts
from datafetch.manager import DataFetchManager
from datafetch.models.run import JobName, RunOptions, RunRequest, RunResult
from tests.fakes import faults
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.support import FakeClock

KEY = "breakers-dev.json"
DOWN = faults.reply(500)
Run = Callable[..., RunResult]


def _stored(folder: Path, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "store/json/datafetch" / name).read_text())
    return value


def _open_hosts(folder: Path) -> set[str]:
    return set(_stored(folder, KEY))


def _letters(folder: Path) -> list[dict[str, Any]]:
    return list(_stored(folder, "dead-letters/opengraph-dev.json").values())


def _counted(count: int) -> str:
    return "1 item waits" if count == 1 else f"{count} items wait"


def _waiting(result: RunResult) -> list[str]:
    """How many items the notes say to wait."""
    said = [note.partition(" to be tried again, next at ") for note in result.notes]
    return [count for count, found, _ in said if found]


def _hosts(folder: Path) -> list[str]:
    """The hosts that are bookmarked, those with most bookmarks first."""
    items = json.loads((folder / "store/json/bookmarks/bookmarks-dev.json").read_text())
    hosts = [urlsplit(item["url"]).hostname.removeprefix("www.") for item in items if item["url"]]
    return sorted(set(hosts), key=lambda host: (-hosts.count(host), host))


@pytest.fixture
def run(tmp_path: Path, world: World, monkeypatch: Any) -> Run:
    """Runs a job, each time with new parts as a new process would, ten seconds later."""
    clock = FakeClock()
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    monkeypatch.setenv("DATAFETCH_RETRY_MAX_SECONDS", "0")
    monkeypatch.setenv("DATAFETCH_BREAKER_FAILURES", "1")

    def once(job: JobName, wait_s: float = 10, **options: Any) -> RunResult:
        clock.advance(wait_s)
        settings = load_settings(None)
        parts = make_parts(settings, clock, CancelToken())
        try:
            manager = DataFetchManager(settings, parts)
            return manager.run(RunRequest(job, RunOptions(**options)))
        finally:
            parts.http.close()

    return once


@pytest.mark.parametrize("job", [JobName.BOOKMARKS, JobName.GITHUB])
def test_a_jobs_own_api_behind_a_breaker_fails_the_job(
    tmp_path: Path, world: World, run: Run, job: JobName
) -> None:
    """Exit 1 and who and how long, without a request; then one probe, and all is well."""
    app = world.karakeep if job is JobName.BOOKMARKS else world.github
    app.inject(DOWN)
    assert "500" in (run(job).error or "")
    assert len(_open_hosts(tmp_path)) == 1
    app.heal()
    app.log.clear()
    refused = run(job)
    assert (refused.status, refused.exit_code) == ("failed", 1)
    assert "failed 1 times in a row; it is not asked for another 50 s" in (refused.error or "")
    assert app.log.count() == 0
    assert run(job, wait_s=60).exit_code == 0
    assert _open_hosts(tmp_path) == set()


def test_a_dry_run_heeds_breakers_and_writes_none(tmp_path: Path, world: World, run: Run) -> None:
    """Reading and planning leaves no trace, and spares a host that is down all the same."""
    world.karakeep.inject(DOWN)
    run(JobName.BOOKMARKS, dry_run=True)
    assert not list((tmp_path / "store").rglob(KEY))
    run(JobName.BOOKMARKS)
    world.karakeep.log.clear()
    assert "in a row" in (run(JobName.BOOKMARKS, dry_run=True).error or "")
    assert world.karakeep.log.count() == 0


def test_three_bad_sites_block_no_others(tmp_path: Path, world: World, run: Run) -> None:
    """One breaker for all sites blocked them all after three bad ones, and never recovered."""

    def is_bad(request: Any) -> bool:
        return request.hostname.removeprefix("www.") in bad

    run(JobName.BOOKMARKS)
    bad = set(_hosts(tmp_path)[:3])
    world.sites.inject(DOWN, is_bad)
    first = run(JobName.OPENGRAPH)
    assert {host.removeprefix("www.") for host in _open_hosts(tmp_path)} == bad
    assert (first.exit_code, 3 <= first.items_failed < 10) == (0, True)
    asked = {request.hostname.removeprefix("www.") for request in world.sites.log.all()}
    assert asked == set(_hosts(tmp_path))
    types = [letter["errorType"] for letter in _letters(tmp_path)]
    untried = types.count("BreakerOpen")
    assert untried < len(types)
    assert _waiting(first) == [_counted(untried)] * bool(untried)

    world.sites.heal()
    world.clear_logs()
    second = run(JobName.OPENGRAPH, force=True)
    assert world.sites.log.count(is_bad) == 0
    assert world.sites.log.count() > 0
    assert (second.exit_code, second.items_failed) == (0, 0)
    assert second.items_skipped >= 3
    assert _waiting(second) == [_counted(len(types))]
    assert [letter["errorType"] for letter in _letters(tmp_path)] == types

    third = run(JobName.OPENGRAPH, wait_s=60, force=True)
    assert (third.exit_code, third.items_failed) == (0, 0)
    assert world.sites.log.count(is_bad) > 0
    assert _open_hosts(tmp_path) == set()


def test_breakers_cost_an_unchanged_run_one_request(
    run: Run, s3_fake: S3Fake, monkeypatch: Any
) -> None:
    """A run that finds nothing new asks the store at most 16 times, once of them for breakers."""
    for name, value in s3_fake.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATAFETCH_STORE", f"s3://{s3_fake.bucket}")
    monkeypatch.setenv("DATAFETCH_ENV", "test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert run(JobName.BOOKMARKS).exit_code == 0
    s3_fake.app.count_from_here()
    assert run(JobName.BOOKMARKS).status == "unchanged"
    keys = [key for _, key in s3_fake.requests()]
    assert keys.count("json/datafetch/breakers-test.json") == 1
    assert len(keys) <= 16
