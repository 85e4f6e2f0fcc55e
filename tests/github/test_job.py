"""The GitHub job on a loopback GitHub and a folder: figures, requests, and the ways of its options."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from datafetch.errors import GuardRefused
from datafetch.models.run import RunOptions
from tests.fakes.github_data import Activity, make_activity
from tests.github.world import (
    PREFIX,
    TODAY,
    Expected,
    Recorder,
    World,
    github_world,
    worked,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A dozen repositories over three years, with every oddity."""
    with github_world(tmp_path) as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """Two ordinary repositories."""
    activity = Activity(repositories=[worked(1, "tools"), worked(2, "web-app")])
    with github_world(tmp_path, activity) as made:
        yield made


def test_figures_are_those_of_an_independent_computation(world: World) -> None:
    """Lines, contributions, weeks and counts follow from what the developer did."""
    report = world.run()
    expected = Expected(world.activity)
    activity = world.json("activity_data")
    trailing, all_time = activity["trailingYearData"], activity["cumulativeAllTimeData"]
    assert (trailing["linesAdded"], trailing["linesRemoved"]) == expected.lines(trailing=True)
    assert (all_time["linesAdded"], all_time["linesRemoved"]) == expected.lines(trailing=False)
    assert trailing["totalContributions"] == expected.contributions(trailing=True)
    assert all_time["totalContributions"] == expected.contributions(trailing=False)
    assert world.json("aggregated_weekly_activity") == expected.weekly()
    for name, part in (
        ("github_stats_summary", trailing),
        ("github_stats_summary_all_time", all_time),
    ):
        summary = world.json(name)
        assert summary["totalContributions"] == part["totalContributions"]
        assert summary["totalLinesAdded"] == part["linesAdded"]
        assert summary["totalLinesRemoved"] == part["linesRemoved"]
    assert summary["totalRepositoriesContributedTo"] == len(expected.counting())
    assert report.processed == len(expected.counting())
    assert report.full_sync


def test_the_calendar_has_every_day_of_the_trailing_year_once(world: World) -> None:
    """Days, counts and levels are those of GitHub's calendar, by date."""
    world.run()
    days = world.json("activity_data")["trailingYearData"]["data"]
    expected = Expected(world.activity)
    counts = world.activity.contributions()
    every_day = [expected.first + timedelta(days=n) for n in range(365)]
    assert [day["date"] for day in days] == [day.isoformat() for day in every_day]
    assert [day["count"] for day in days] == [counts[day] for day in every_day]
    assert {day["level"] for day in days} <= {0, 1, 2, 3, 4}
    assert all((day["level"] == 0) == (day["count"] == 0) for day in days)


def test_each_csv_has_the_rows_that_github_answered(world: World) -> None:
    """Rows are `w,a,d,c`; names that would collide are told apart."""
    world.run()
    csvs = {path.stem: path.read_text() for path in world.csv("x").parent.iterdir()}
    wanted = {
        "".join(f"{w['w']},{w['a']},{w['d']},{w['c']}\n" for w in repository.weeks())
        for repository in Expected(world.activity).counting()
        if repository.stats == "weeks"
    }
    assert set(csvs.values()) == wanted
    assert len(csvs) == len(wanted)
    assert len([name for name in csvs if name.startswith("octo_corp_tools")]) == 2


def test_an_unchanged_run_asks_little_and_writes_little(world: World) -> None:
    """Repositories without a push are not asked; only the activity, which dates the data, is written."""
    world.run()
    before = world.files()
    world.app.log.clear()
    world.clock.advance(3600)
    store = Recorder(world.folder)
    report = world.run(store=store)
    assert world.asked() == []
    assert len(world.app.log.all()) <= 15
    assert store.puts == ["json/github-activity/activity_data-test.json"]
    assert not report.change_detected
    assert (report.changed, report.failed) == (0, 0)
    assert world.files() == before


def test_only_what_was_pushed_to_is_asked_again(small: World) -> None:
    """A push moves one CSV and the sums, and costs one request for statistics."""
    small.run()
    small.app.log.clear()
    small.activity.repositories[1].commit(TODAY, 3, 1000, 10)
    report = small.run()
    assert small.asked() == ["octo-dev/web-app"]
    assert (report.changed, report.change_detected) == (1, True)
    lines = Expected(small.activity).lines(trailing=False)
    summary = small.json("github_stats_summary_all_time")
    assert (summary["totalLinesAdded"], summary["totalLinesRemoved"]) == lines


def test_a_push_that_changed_no_statistics_is_answered_by_its_validator(small: World) -> None:
    """A push without commits of the owner costs a conditional request and no write."""
    small.run()
    small.app.log.clear()
    repository = small.activity.repositories[0]
    assert repository.pushed_at
    repository.pushed_at += timedelta(hours=1)
    spent = small.app.core.used
    assert small.run().changed == 0
    assert small.asked() == ["octo-dev/tools"]
    assert small.app.core.used == spent
    small.app.log.clear()
    small.run()
    assert small.asked() == []


def test_nothing_is_cut_at_a_hundred(tmp_path: Path) -> None:
    """More than 100 repositories: the rest were never seen. Eight years cost at most 30 queries."""
    activity = make_activity(130, today=TODAY, years=8)
    for repository in activity.repositories:
        repository.pending = 0
    with github_world(tmp_path, activity) as world:
        report = world.run()
        expected = Expected(activity)
        wanted = sorted(repository.full_name for repository in expected.counting())
        assert len(wanted) > 100
        assert sorted(world.asked()) == wanted
        assert report.processed == len(wanted)
        assert len(world.app.log.all("/graphql")) <= 30
        assert world.json("aggregated_weekly_activity") == expected.weekly()
        world.app.log.clear()
        world.run()
        assert len(world.app.log.all()) <= 15


def test_repositories_that_were_named_are_asked_alone(small: World) -> None:
    """`--repo` forces these repositories' statistics only, then rebuilds the aggregates."""
    small.run()
    small.app.log.clear()
    report = small.run(RunOptions(only=("octo-dev/Tools",)))
    assert small.asked() == ["octo-dev/tools"]
    assert report.failed == 0
    assert not report.full_sync


def test_a_named_repository_without_work_of_the_owner_counts_nowhere(small: World) -> None:
    """`--repo` may ask for anything; sums are over what GitHub lists, and what has a CSV."""
    stranger = worked(3, "elsewhere", owner="acme", stats="absent")
    stranger.commits.clear()
    small.activity.repositories.append(stranger)
    report = small.run(RunOptions(only=("acme/elsewhere",)))
    assert (small.asked(), report.processed) == (["acme/elsewhere"], 3)
    assert small.json("github_stats_summary_all_time")["totalRepositoriesContributedTo"] == 2


def test_enterprise_has_its_own_paths(small: World) -> None:
    """`https://host/api/v3` as GITHUB_API_URL works for REST and GraphQL."""
    assert small.run(api_path="/api/v3").changed == 2
    assert {request.path.split("/")[2] for request in small.app.log.all()} == {"v3", "graphql"}


def test_force_asks_everyone(small: World) -> None:
    """`--force` ignores what is known, and finds no change."""
    small.run()
    small.app.log.clear()
    report = small.run(RunOptions(force=True))
    assert sorted(small.asked()) == ["octo-dev/tools", "octo-dev/web-app"]
    assert (report.changed, report.change_detected) == (0, False)


def test_force_writes_equal_objects_again(small: World) -> None:
    """So that new headers and access reach sums and CSVs; each once, and it is no change."""
    small.run()
    before = small.files()
    store = Recorder(small.folder)
    report = small.run(RunOptions(force=True), store=store)
    assert (report.changed, report.change_detected) == (0, False)
    names = ("activity_data", "aggregated_weekly_activity", "github_stats_summary")
    keys = [f"{PREFIX}/{name}-test.json" for name in names]
    keys.append(f"{PREFIX}/github_stats_summary_all_time-test.json")
    keys += [
        str(small.csv(f"octo-dev_{n}").relative_to(small.folder)) for n in ("tools", "web-app")
    ]
    assert sorted(key for key in store.puts if key.startswith(PREFIX)) == sorted(keys)
    assert {key: small.files()[key] for key in keys} == {key: before[key] for key in keys}
    [note] = [n for n in small.contexts[-1].remarks.notes() if "--force" in n]
    assert note.startswith("5 objects were equal and written again")
    small.app.log.clear()
    small.run()
    assert small.asked() == []


def test_without_force_nothing_equal_is_written(small: World) -> None:
    """An unchanged run writes the activity alone, whose time readers show."""
    small.run()
    store = Recorder(small.folder)
    small.run(store=store)
    assert [key for key in store.puts if key.startswith(PREFIX)] == [
        f"{PREFIX}/activity_data-test.json"
    ]


def test_a_limit_leaves_the_rest_for_later(small: World) -> None:
    """`--limit` fetches so many, says so, and never claims to have read everything."""
    report = small.run(RunOptions(limit=1))
    assert small.asked() == ["octo-dev/tools"]
    assert report.partial == "--limit left out 1 repository"
    assert not report.full_sync
    assert not small.json("activity_data")["cumulativeAllTimeData"]["dataComplete"]
    small.app.log.clear()
    small.run()
    assert small.asked() == ["octo-dev/web-app"]
    assert small.json("activity_data")["cumulativeAllTimeData"]["dataComplete"]


def test_a_dry_run_writes_nothing(small: World) -> None:
    """`--dry-run` reads GitHub's lists, says what it would ask, and stores nothing."""
    report = small.run(RunOptions(dry_run=True))
    assert report.notes == ("would ask for the statistics of 2 of 2 repositories",)
    assert small.asked() == []
    assert small.files() == {}


def test_a_history_that_shrank_is_refused(small: World) -> None:
    """A token that lost sight of most contributions replaces nothing, unless it is allowed to."""
    small.run()
    before = small.files()
    small.activity.repositories[:] = [worked(3, "other")]
    small.activity.repositories[0].commits = Counter({TODAY: 1})
    with pytest.raises(GuardRefused):
        small.run()
    assert small.files() == before
    small.run(RunOptions(allow_shrink=True))
    assert small.json("activity_data")["cumulativeAllTimeData"]["totalContributions"] == 1


def test_names_of_private_repositories_stay_private(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Private repositories count; their names are in no log above debug, no note and no error."""
    activity = Activity(
        repositories=[
            worked(1, "hush-pending", private=True, pending=float("inf")),
            worked(2, "hush-missing", private=True, stats="missing"),
            worked(3, "hush-zeros", private=True, stats="zeros"),
            worked(4, "hush-weeks", private=True),
        ]
    )
    caplog.set_level(logging.INFO)
    with github_world(tmp_path, activity) as world:
        report = world.run()
    assert report.processed == 4
    assert len(report.notes) == 3
    own = [record for record in caplog.records if record.name.startswith("datafetch")]
    said = [f"{record.getMessage()} {vars(record)}" for record in own]
    assert any("github_repository_failed" in line for line in said)
    assert not any("hush" in line for line in [*said, *report.notes, str(report.partial)])
