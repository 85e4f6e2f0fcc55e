"""Prefetch of the GitHub activity: four objects of one run, or nothing is written."""

from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import to_ms
from datafetch.errors import CorruptObject, Inconsistent, ObjectNotFound, Stale
from datafetch.store.local import LocalStore
from tests.build.world import KEYS, Build, github_objects, once, put_all
from tests.github.world import github_world
from tests.stores import Call
from tests.support import START, FakeClock

ACTIVITY, SUMMARY = KEYS.github_activity(), KEYS.github_summary()
ALL_TIME, WEEKLY = KEYS.github_summary_all_time(), KEYS.github_weekly()
JOURNAL = KEYS.publish_journal("github")
NAMES = {
    "github-activity/activity_data.json": ACTIVITY,
    "github-activity/github_stats_summary.json": SUMMARY,
    "github-activity/github_stats_summary_all_time.json": ALL_TIME,
    "github-activity/aggregated_weekly_activity.json": WEEKLY,
}


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A folder with the aggregates, nothing written yet."""
    clock = FakeClock()
    store = LocalStore(tmp_path / "store", clock)
    put_all(store, github_objects())
    return Build(tmp_path / "generated", store, clock)


def assert_stored(build: Build) -> None:
    """The files are, byte for byte, what is stored, and nothing else is there."""
    assert build.contents() == {name: build.store.get(key).body for name, key in NAMES.items()}


def test_files_are_what_is_stored(build: Build) -> None:
    """A build gets the four aggregates byte for byte, dated by when the activity was written."""
    build.clock.advance(60)
    report = build.prefetch().github()
    assert_stored(build)
    assert (report.processed, report.changed, report.change_detected) == (4, 4, True)
    assert report.last_fetched_at == to_ms(START)
    assert {call.method for call in build.calls} == {"get", "head"}


def test_what_the_job_stores_passes_every_check(tmp_path: Path) -> None:
    """What a run over an odd dozen of repositories stores is never refused by a build."""
    with github_world(tmp_path / "store") as world:
        world.run()
        build = Build(tmp_path / "out", LocalStore(world.folder, world.clock), world.clock)
        assert build.prefetch().github().changed == 4
        assert_stored(build)


def test_what_is_the_same_is_left_alone(build: Build) -> None:
    """A second run touches no file, also when the activity was written again with equal bytes."""
    build.prefetch().github()
    before = build.files()
    build.clock.advance(3600)
    build.store.put(ACTIVITY, build.store.get(ACTIVITY).body)
    report = build.prefetch().github()
    assert build.files() == before
    assert report.changed == 0
    assert report.last_fetched_at == to_ms(START + 3600)


@pytest.mark.parametrize("key", NAMES.values())
def test_a_missing_object_is_named_and_files_stay(build: Build, key: str) -> None:
    """A missing aggregate ends the build with its key and what to run; older files stay."""
    build.prefetch().github()
    before = build.files()
    build.store.delete(key)
    with pytest.raises(ObjectNotFound, match="run `datafetch github`") as caught:
        build.prefetch().github()
    assert caught.value.key == key
    assert build.files() == before


@pytest.mark.parametrize("key", NAMES.values())
def test_a_broken_object_is_named_and_files_stay(build: Build, key: str) -> None:
    """A corrupt aggregate is never passed on; the hint names the job that makes it anew."""
    build.prefetch().github()
    before = build.files()
    build.store.put(key, b'{"cut":')
    with pytest.raises(CorruptObject) as caught:
        build.prefetch().github()
    assert caught.value.key == key
    assert "`datafetch github`" in caught.value.hint
    assert build.files() == before


@pytest.mark.parametrize(
    ("key", "edit"),
    [
        pytest.param(SUMMARY, lambda v: v.update(totalContributions=1), id="trailing"),
        pytest.param(ALL_TIME, lambda v: v.update(totalContributions=1), id="all time"),
        pytest.param(WEEKLY, lambda _: [], id="weekly"),
    ],
)
def test_objects_that_disagree_are_refused(build: Build, key: str, edit: Any) -> None:
    """The all-time summary over the trailing-year key, an empty aggregate: both are refused."""
    build.prefetch().github()
    before = build.files()
    build.change(key, edit)
    with pytest.raises(Inconsistent) as caught:
        build.prefetch().github()
    assert key in str(caught.value)
    assert "`datafetch github`" in caught.value.hint
    assert build.files() == before


def test_a_swapped_summary_is_refused(build: Build) -> None:
    """The all-time summary was written over the trailing-year key."""
    build.store.put(SUMMARY, build.store.get(ALL_TIME).body)
    with pytest.raises(Inconsistent, match="590 contributions, the activity 90"):
        build.prefetch().github()
    assert build.files() == {}


def test_stale_activity_is_refused_with_its_age(build: Build) -> None:
    """`--max-age` counts from when the activity was last written: every successful run writes it."""
    build.clock.advance(26 * 3600)
    with pytest.raises(Stale, match=r"1 d 2 h ago, the limit is 1 d"):
        build.prefetch(max_age_s=24 * 3600).github()
    assert build.files() == {}
    assert build.prefetch(max_age_s=26 * 3600).github().changed == 4


def test_a_publish_between_any_two_requests_is_noticed(build: Build) -> None:
    """Whenever a publish falls into the reading, the files are those of after it, unmixed."""
    build.prefetch().github()
    requests = len(build.calls)
    for number in range(requests):
        build.clock.slept.clear()
        objects = github_objects(contributions=number + 10)

        def before(_: Call, at: int = number, objects: dict[str, bytes] = objects) -> None:
            if len(build.calls) == at + 1:
                build.clock.advance(1)
                put_all(build.store, objects)

        build.prefetch(before=before).github()
        assert_stored(build)
        assert build.contents()["github-activity/activity_data.json"] == objects[ACTIVITY]
        assert build.clock.slept == ([] if number < 2 else [2.0])


def test_activity_written_again_with_equal_bytes_is_noticed(build: Build) -> None:
    """Equal bytes have an equal ETag: that a run ended meanwhile is seen by the time."""

    def write() -> None:
        build.clock.advance(1)
        build.change(WEEKLY, lambda v: v[0].update(linesAdded=1))
        build.store.put(ACTIVITY, build.store.get(ACTIVITY).body)

    build.prefetch(before=once(KEYS.github_summary(), write)).github()
    assert build.clock.slept == [2.0]
    assert_stored(build)


def test_an_open_publish_is_waited_for(build: Build) -> None:
    """Aggregates that disagree while a run publishes are read again, not reported at once."""
    new = github_objects(contributions=9)
    build.store.put(JOURNAL, b'{"runId":"one"}')
    build.store.put(SUMMARY, new[SUMMARY])

    def end(call: Call) -> None:
        if call == Call("head", JOURNAL) and build.clock.slept == [2.0]:
            put_all(build.store, new)
            build.store.delete(JOURNAL)

    build.prefetch(before=end).github()
    assert_stored(build)
    assert build.contents()["github-activity/activity_data.json"] == new[ACTIVITY]
