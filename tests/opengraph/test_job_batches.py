"""The OpenGraph job whose pages go through JSON, as to worker processes: all is as on threads."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest

from datafetch.errors import ClusterFailed
from datafetch.models.run import JobName, JobReport
from datafetch.opengraph.job import refresh_opengraph
from datafetch.store.base import encode_json
from tests.fakes import faults
from tests.json_engine import LostEngine
from tests.opengraph import test_job, test_job_faults, test_job_letters, test_job_pictures
from tests.opengraph.world import KEYS, World, world
from tests.stores import MemoryStore
from tests.support import make_context, make_http


@pytest.fixture(autouse=True)
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages go through JSON."""
    monkeypatch.setattr(World, "in_batches", True)


test_stored = test_job.test_everything_is_stored
test_quiet = test_job.test_an_unchanged_run_is_quiet
test_later = test_job.test_a_day_later_conditionally
test_changed = test_job.test_a_page_that_changed
test_overridden = test_job.test_overrides_win_and_stay
test_named = test_job.test_named_pages
test_limited = test_job.test_limit
test_missing = test_job.test_missing_and_older
test_two_bookmarks = test_job.test_one_page_of_two_bookmarks
test_words_of_bookmarks = test_job_faults.test_a_failed_page_has_its_bookmarks_words
test_others_write = test_job_faults.test_metadata_that_somebody_else_wrote
test_dies = test_job_faults.test_what_was_fetched_outlives_a_run_that_dies
test_stopped = test_job_faults.test_a_stopped_run_keeps_its_work
test_lease_lost = test_job_faults.test_a_lost_lease_writes_nothing
test_letters = test_job_letters.test_what_is_due_comes_first_within_the_limit
test_banner = test_job_pictures.test_the_banner_comes_first
test_forced_picture = test_job_pictures.test_force_brings_the_newer_picture
test_picture_failed = test_job_pictures.test_a_picture_that_failed_is_told_and_waits


def _three_runs(it: World) -> list[object]:
    """What three runs reported, and what is stored in the end."""
    it.sites.inject(faults.reply(503), "broken")
    reports: list[object] = [_counts(it.run())]
    it.sites.heal()
    reports.append(_counts(it.run(force=True)))
    it.clock.advance(2 * 24 * 3600)
    it.sites.inject(faults.reply(404), "gone")
    reports.append(_counts(it.run()))
    it.sites.heal()
    assert isinstance(it.store, MemoryStore)
    stored = it.store.objects.items()
    return [
        *reports,
        {key: json.loads(body) if key.endswith(".json") else body for key, body in stored},
    ]


def _counts(report: JobReport) -> JobReport:
    """A report without the notes, in which failures are named as they came."""
    return replace(report, notes=())


def test_the_stores_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads and batches store the same values and pictures, whatever the sites do."""
    with world(["one", "two", "broken", "gone", "five"]) as it:
        assert isinstance(it.store, MemoryStore)
        before, clock = deepcopy(it.store.objects), it.clock.now()
        batches = _three_runs(it)
        monkeypatch.setattr(World, "in_batches", False)
        it.store = again = MemoryStore()
        again.objects, it.clock.time = before, clock
        assert _three_runs(it) == batches


def test_workers_leave_the_journal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that somebody left is the run's: workers that each wrote it would refuse each other."""
    with world(["one", "two", "three", "four"]) as it:
        key = KEYS.publish_journal("opengraph")
        it.store.put(key, encode_json({"dataset": "opengraph"}))
        report = it.run()
        assert (report.changed, report.failed) == (4, 0)
        assert it.faulty is not None
        asked = [call.method for call in it.faulty.calls if call.key == key]
        assert asked == ["get", "put", "delete"]


def test_what_came_before_the_cluster_was_lost_is_kept() -> None:
    """The state has what was done, so that the next run asks for the rest only."""
    with world(["one", "two", "three"]) as it:
        http = make_http(it.clock)
        context = make_context(
            it.settings, it.store, job=JobName.OPENGRAPH, clock=it.clock, http=http
        )
        with pytest.raises(ClusterFailed):
            refresh_opengraph(replace(context, engine=LostEngine(ClusterFailed())))
        http.close()
        it.asked()
        assert it.run().changed == 1
        assert "/three" in it.asked()
