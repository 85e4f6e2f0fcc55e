"""Shares of the repositories: whatever the order and whoever dies, they leave what one run leaves."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.errors import LeaseHeld, LeaseLost
from datafetch.github.job import refresh_github
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.models.shard import Shard
from datafetch.store.fenced import Fence
from tests.fakes.github_data import Activity, Repository
from tests.github.test_dataset import Trap, lose
from tests.github.world import TODAY, Expected, World, github_world, totals, worked
from tests.support import AlwaysAlive

NAMES = ("tools", "web-app", "data", "emails", "docs", "cli", "atlas", "drift")


@pytest.fixture(name="world")
def eight_repositories(tmp_path: Path) -> Iterator[World]:
    """Eight repositories: one is empty, of one GitHub has no lines, one is hidden, one fails."""
    activity = Activity(repositories=[worked(n, name) for n, name in enumerate(NAMES, start=1)])
    for place, stats in ((3, "empty"), (4, "zeros"), (6, "missing")):
        activity.repositories[place].stats = stats  # type: ignore[assignment]
    activity.repositories[5].hidden = "dmca"
    with github_world(tmp_path / "shares", activity) as made:
        yield made


def whole(world: World) -> World:
    """The same GitHub, and a store for a run of all repositories."""
    return replace(world, folder=world.folder.parent / "whole")


def share(world: World, index: int, count: int = 4, **more: object) -> JobReport:
    """One run of a share."""
    return world.run(RunOptions(shard=Shard(index, count)), **more)


def stored(world: World) -> dict[str, bytes]:
    """What is stored for readers and for the next run, without the journals of single runs."""
    files = world.files().items()
    return {name: body for name, body in files if "/publish/" not in name}


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 2, 3, 1), (2, 2, 4, 1, 3, 1)])
def test_shares_one_after_the_other_leave_what_one_run_leaves(
    world: World, order: Sequence[int]
) -> None:
    """First all is new, then three repositories have changed: one is pushed to, one renamed, one gone."""
    for index in order:
        share(world, index)
    assert Counter(world.asked())["octo-dev/tools"] == 1
    one = whole(world)
    one.run()
    assert stored(world) == stored(one)
    repositories = world.activity.repositories
    repositories[0].commit(TODAY, 2, 50, 5)
    repositories[1].former_names, repositories[1].name = ("octo-dev/web-app",), "instruments"
    del repositories[2]
    for index in order:
        share(world, index)
    one.run()
    assert stored(world) == stored(one)
    assert not world.csv("octo-dev_web-app").exists()


def test_shares_at_once_leave_what_one_run_leaves(world: World) -> None:
    """All read the same state first; each lays its part into what the others left."""
    merging, reading = threading.Lock(), threading.Barrier(4)

    @contextmanager
    def wait_for_lease(_job: JobName, _seconds: float) -> Iterator[Fence]:
        reading.wait(30)  # by now all have read the dataset and asked, and none has merged
        with merging:
            yield AlwaysAlive()

    def run(index: int) -> JobReport:
        context = world.context(RunOptions(shard=Shard(index, 4)))
        return refresh_github(replace(context, wait_for_lease=wait_for_lease))

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(run, (1, 2, 3, 4)))
    asked = Counter(world.asked())
    one = whole(world)
    report = one.run()
    assert stored(world) == stored(one)
    assert asked == Counter({f"octo-dev/{name}": 1 for name in NAMES if name != "cli"})
    assert sum(one.processed for one in reports) == report.processed
    assert sum(one.changed for one in reports) == report.changed
    assert sum(one.failed for one in reports) == report.failed


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5, 6, 7])
def test_a_share_that_died_asks_only_for_what_is_missing(world: World, writes: int) -> None:
    """Whatever the write before which it ends, also after another share has published its CSVs."""
    with pytest.raises(LeaseLost):
        share(world, 1, 2, fence=Trap(writes, lose), width=1)
    have = {name for name in NAMES if world.csv(f"octo-dev_{name}").exists()}
    share(world, 2, 2)
    world.app.log.clear()
    assert share(world, 1, 2).failed == sum(Shard(1, 2).has(r.node_id) for r in failing(world))
    assert not have & {name.split("/")[1] for name in world.asked()}
    one = whole(world)
    one.run()
    assert without_answers(stored(world)) == without_answers(stored(one))


def test_an_empty_record_that_a_dead_share_left_is_removed(world: World) -> None:
    """Of a share that died when all it knew was in the dataset nothing stays."""
    record = world.folder / "json/datafetch/datasets/github-1-of-2-test.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"version": 1, "years": {}, "repositories": {}}')
    share(world, 1, 2)
    assert not record.exists()


def failing(world: World) -> list[Repository]:
    """The repositories of which GitHub says that there are none."""
    return [one for one in world.activity.repositories if one.stats == "missing"]


def without_answers(files: dict[str, bytes]) -> dict[str, object]:
    """The stored files; of adopted CSVs nobody knows when GitHub answered, and with which ETag."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            unknown = ("askedAt", "validator")
            return {name: plain(part) for name, part in value.items() if name not in unknown}
        return value

    return {
        name: plain(json.loads(body)) if name.endswith(".json") else body
        for name, body in files.items()
    }


def test_sums_are_complete_when_the_last_share_has_published(world: World) -> None:
    """Until then repositories are lacking, and `dataComplete` says so."""
    del world.activity.repositories[6]
    complete = []
    for index in (1, 2, 3, 4):
        share(world, index)
        complete.append(totals(world)[2])
    assert complete == [False, False, False, True]
    one = whole(world)
    one.run()
    assert totals(world) == totals(one)


def test_lines_fall_only_when_every_share_has_read_its_repositories(small: World) -> None:
    """History was rewritten: the lower sums come with the last share, as with one run."""
    small.run()
    before = totals(small)
    for repository in small.activity.repositories:
        repository.lines = dict.fromkeys(repository.lines, (1, 1))
        repository.commit(TODAY, 1, 1, 1)
    shares = {
        index
        for index in range(1, 5)
        if any(Shard(index, 4).has(r.node_id) for r in small.activity.repositories)
    }
    first, *others = sorted(shares)
    assert others
    share(small, first)
    assert totals(small) == before
    for index in others:
        share(small, index)
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_what_a_share_read_waits_for_the_lease_of_the_dataset(world: World) -> None:
    """It is partial and says why; its next run publishes without asking again."""

    @contextmanager
    def held(_job: JobName, seconds: float) -> Iterator[Fence]:
        assert seconds == 900
        if seconds:
            raise LeaseHeld("another run of github has the lock")
        yield AlwaysAlive()

    context = world.context(RunOptions(shard=Shard(1, 2)))
    report = refresh_github(replace(context, wait_for_lease=held))
    context.dead_letters.save()
    assert report.partial is not None
    assert "kept and published by its next run: another run of github" in report.partial
    assert (report.last_fetched_at, report.full_sync) == (None, False)
    assert not (world.folder / "json/github-activity/activity_data-test.json").exists()
    world.app.log.clear()
    share(world, 1, 2)
    assert world.asked() == []
    share(world, 2, 2)
    one = whole(world)
    one.run()
    assert stored(world) == stored(one)


def test_a_share_plans_its_own_repositories(world: World) -> None:
    """A dry run counts them; all shares together have each repository once."""
    reports = [world.run(RunOptions(dry_run=True, shard=Shard(index, 3))) for index in (1, 2, 3)]
    seen = len(NAMES) - 1  # one is hidden
    assert sum(report.processed for report in reports) == seen
    assert all(report.processed < seen for report in reports)


def test_a_share_says_what_goes_on_with_it(world: World) -> None:
    """Whoever follows a note runs the share again, not the whole job."""
    world.app.core.exhaust(3600)
    report = share(world, 1, 2)
    assert any("run `datafetch github --shard 1/2` again after" in note for note in report.notes)
