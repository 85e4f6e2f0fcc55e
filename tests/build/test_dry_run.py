"""A dry run of the build's files: what would be written, and what the jobs have not stored yet."""

from pathlib import Path

import pytest

from datafetch.errors import Inconsistent, ObjectNotFound
from tests.bookmarks.world import World
from tests.build.bookmarks import INDEX, MASTER, bookmark_folder
from tests.build.world import KEYS, Build, logo_key, put_logos
from tests.stores import MemoryStore


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    return bookmark_folder(tmp_path / "store")


@pytest.fixture
def build(world: World, tmp_path: Path) -> Build:
    """Nothing is written yet."""
    return Build(tmp_path / "generated", world.store, world.clock)


def test_a_dry_run_names_the_files(build: Build) -> None:
    """It said "3 items, 3 changed" and not which files, nor where: new, changed and equal ones are told."""
    (said,) = build.prefetch(dry_run=True).bookmarks().notes
    assert said.startswith("would write 3 files (bookmarks/bookmarks.json, bookmarks/index.json, ")
    assert said.endswith(f"in {build.output}")
    assert not build.output.exists()
    build.prefetch().bookmarks()
    (said,) = build.prefetch(dry_run=True).bookmarks().notes
    assert said.startswith(f"would write nothing: {build.output} has all 3 files")
    (build.output / "bookmarks/index.json").write_text("{}")
    before = build.files()
    (said,) = build.prefetch(dry_run=True).bookmarks().notes
    assert said == f"would change 1 file (bookmarks/index.json) in {build.output}"
    assert build.files() == before


def test_a_dry_run_of_a_mirror_names_what_would_be_removed(tmp_path: Path) -> None:
    """What the store no longer has leaves the mirror, and its name is told before."""
    build = Build(tmp_path / "mirror", MemoryStore())
    put_logos(build, 2)
    build.prefetch(mirror=True).logos()
    put_logos(build, 1)
    before = build.files()
    (said,) = build.prefetch(mirror=True, dry_run=True).logos().notes
    assert f"change 1 file ({KEYS.logo_manifest()})" in said
    assert f"remove 1 file ({logo_key(1)})" in said
    assert build.files() == before


def test_only_a_dry_run_tells_of_a_plan(build: Build) -> None:
    """What was done is counted, not announced."""
    assert build.prefetch().bookmarks().notes == ()


def test_after_a_job_that_failed_its_command_is_not_advised_again(tmp_path: Path) -> None:
    """A first run with a wrong token said "run `datafetch bookmarks` first", which it had just done."""
    build = Build(tmp_path / "generated", MemoryStore())
    with pytest.raises(ObjectNotFound, match="ran just now and did not store it") as caught:
        build.prefetch(after_jobs=True).bookmarks()
    assert "Its own result says why" in caught.value.hint
    assert "DATAFETCH_ENV" not in caught.value.hint
    with pytest.raises(ObjectNotFound, match="run `datafetch bookmarks` first"):
        build.prefetch().bookmarks()


def test_after_jobs_that_stored_nothing_a_missing_dataset_is_no_failure(tmp_path: Path) -> None:
    """The first thing a newcomer tries ended with "not in the store: run `datafetch bookmarks` first"."""
    build = Build(tmp_path / "generated", MemoryStore())
    prefetch = build.prefetch(dry_run=True, after_jobs=True)
    for report, key, file, command in (
        (prefetch.bookmarks(), INDEX, "bookmarks/bookmarks.json", "datafetch bookmarks"),
        (
            prefetch.github(),
            KEYS.github_activity(),
            "github-activity/activity_data.json",
            "datafetch github",
        ),
        (
            prefetch.logos(),
            KEYS.logo_manifest(),
            "image-data/logos/manifest.json",
            "datafetch logos",
        ),
    ):
        (said,) = report.notes
        assert said.startswith(f"would check {key} and write ")
        assert file in said
        assert f"in {build.output}" in said
        assert "it is not in memory: yet" in said
        assert f"`{command}` stores it" in said
        assert (report.processed, report.changed) == (0, 0)
    assert not build.output.exists()


def test_what_is_stored_already_is_told_as_such(build: Build) -> None:
    """The files of a real run would be made of what its jobs store first."""
    (said,) = build.prefetch(dry_run=True, after_jobs=True).bookmarks().notes
    assert "by what is stored now" in said


def test_a_missing_dataset_fails_every_other_build(tmp_path: Path) -> None:
    """A build of nothing is no success: neither one that writes, nor a dry run of `prefetch-build`."""
    build = Build(tmp_path / "generated", MemoryStore())
    for prefetch in (build.prefetch(dry_run=True), build.prefetch(after_jobs=True)):
        with pytest.raises(ObjectNotFound, match="`datafetch bookmarks`"):
            prefetch.bookmarks()


def test_half_a_dataset_fails_a_dry_run_too(build: Build) -> None:
    """What is stored and broken stays broken: only what no job has stored yet is excused."""
    build.store.delete(MASTER)
    with pytest.raises(ObjectNotFound, match="run `datafetch bookmarks --force`"):
        build.prefetch(dry_run=True, after_jobs=True).bookmarks()
    build.store.put(MASTER, b"[]")
    with pytest.raises(Inconsistent, match="has 0 bookmarks"):
        build.prefetch(dry_run=True, after_jobs=True).bookmarks()


def test_another_environments_dataset_is_named(world: World, tmp_path: Path) -> None:
    """The data was there all the time, and production's: the setting that finds it is told."""
    build = Build(tmp_path / "generated", MemoryStore())
    build.store.put("json/bookmarks/index.json", b"{}")
    with pytest.raises(ObjectNotFound) as caught:
        build.prefetch().bookmarks()
    assert "json/bookmarks/index.json is there" in caught.value.hint
    assert "DATAFETCH_ENV=production" in caught.value.hint
    with pytest.raises(ObjectNotFound) as caught:
        build.prefetch().github()
    assert "is there" not in caught.value.hint
    assert "DATAFETCH_ENV" in caught.value.hint
