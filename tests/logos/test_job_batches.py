"""The logo job whose domains go through JSON, as to worker processes: all is as on threads."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.errors import ClusterFailed, DatafetchError, LeaseLost
from datafetch.models.run import JobReport
from tests.fakes import faults
from tests.fakes.providers import Icon
from tests.json_engine import LostEngine
from tests.logos import test_job, test_job_faults, test_job_letters, test_job_old_site
from tests.logos.world import World

A, B, C = "a.example.com", "b.example.org", "c.example.net"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The providers and an empty store; domains go through JSON."""
    monkeypatch.setattr(World, "in_batches", True)
    with World.started(tmp_path, monkeypatch) as world:
        yield world


test_stored = test_job.test_a_logo_is_stored_with_its_entry
test_asked_in_order = test_job.test_providers_are_asked_in_order_until_one_is_good
test_conditionally = test_job.test_a_due_logo_is_asked_for_conditionally
test_moved = test_job.test_a_logo_that_moved_leaves_no_picture_behind
test_forced = test_job.test_force_asks_for_everything
test_limited = test_job.test_a_limit_bounds_what_is_asked_for
test_named = test_job.test_a_run_for_one_domain_does_not_shrink_the_manifest
test_missing = test_job.test_missing_and_older_than_narrow_the_run
test_dry = test_job.test_a_dry_run_asks_nobody_and_writes_nothing
test_killed = test_job_faults.test_a_killed_run_resumes_from_its_last_save
test_lease_lost = test_job_faults.test_a_lost_lease_ends_the_writing
test_store_fails = test_job_faults.test_a_store_that_fails_ends_the_run
test_rebuilt = test_job_faults.test_a_missing_manifest_is_rebuilt_from_the_pictures
test_letters = test_job_letters.test_what_is_due_comes_first_within_the_limit
test_taken_over = test_job_old_site.test_the_old_manifest_is_taken_over


def _three_runs(folder: Path, patch: pytest.MonkeyPatch, *, in_batches: bool) -> list[object]:
    """What three runs reported, and what is stored in the end, without the times."""
    patch.setattr(World, "in_batches", in_batches)
    with World.started(folder, patch) as world:
        good, small, drawn = "good.example.com", "small.example.com", "drawn.example.com"
        none, dead, down = "none.example.com", "dead.example.com", "down.example.com"
        world.bookmark(good, small, drawn, none, down)
        world.at_google(good)
        world.at_ddg(small, 32)
        world.at_site(drawn, logo=Icon(64, "svg"))
        world.bookmark(good, small, drawn, none, dead, down)
        del world.sites.sites[dead]
        world.google.inject(faults.reply(403), down)
        reports: list[object] = [_counts(world.run())]
        world.at_google(good, 256)
        world.google.heal()
        world.at_google(down)
        reports.append(_counts(world.run(force=True)))
        world.later()
        reports.append(_counts(world.run()))
        stored = {info.key: world.store.get(info.key).body for info in world.store.list("")}
    return [*reports, {key: _timeless(key, body) for key, body in stored.items()}]


def _counts(report: JobReport) -> JobReport:
    """A report without times, and without the notes, which tell them."""
    return replace(report, last_fetched_at=None, notes=())


def _timeless(key: str, body: bytes) -> object:
    """A stored object without times and the proxy's port."""
    text = re.sub(r"\b\d{13}\b|(?<=127.0.0.1:)\d+", "0", body.decode("latin-1"))
    return json.loads(text) if key.endswith(".json") else text


def test_the_stores_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads and batches store the same bytes, whatever the providers do, apart from times."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    threads = _three_runs(tmp_path / "one", monkeypatch, in_batches=False)
    batches = _three_runs(tmp_path / "two", monkeypatch, in_batches=True)
    assert batches == threads


@pytest.mark.parametrize(("error", "kept"), [(ClusterFailed(), {A, B}), (LeaseLost(), set())])
def test_what_came_before_the_cluster_was_lost_is_kept(
    world: World, error: DatafetchError, kept: set[str]
) -> None:
    """The manifest has what was done, so that the next run goes on; without a lease nothing is written."""
    world.bookmark(A, B, C)
    for domain in (A, B, C):
        world.at_google(domain)
    with pytest.raises(type(error)):
        world.run_in(replace(world.context(), engine=LostEngine(error)))
    stored = {key for key in kept if key in (world.manifest if kept else {})}
    assert stored == kept
    assert world.run().changed == 3 - len(kept)
