"""Every figure of the GitHub job against sums that know nothing of the package."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datafetch.github.aggregates import (
    Aggregates,
    Contributions,
    build_aggregates,
    count_contributions,
)
from datafetch.github.barriers import HiddenRepositories
from datafetch.github.dataset import GitHubDataset, StoredAggregate
from datafetch.github.discovery import Discovery
from datafetch.github.model import Day, TimeWindow, Week
from datafetch.github.rules.roster import Roster
from datafetch.github.rules.stats import RepositoryWeeks
from datafetch.job import JobContext
from datafetch.store.publish import PublishPlan, Write
from tests.fakes.github_data import LOGIN, Activity, Repository, Stats, sunday_of
from tests.github.world import TODAY as TODAY_OF_SMALL
from tests.github.world import (
    Expected,
    World,
    github_world,
    one_repository,
    push,
    totals,
    worked,
)
from tests.support import make_context

TODAY = date(2024, 11, 24)
FIRST = date(2023, 11, 25)
KINDS = {
    "frontend": ["shop-frontend", "ui.kit", "myWebApp", "ReactClient", "website", "clients"],
    "backend": ["billing-API", "node_tools", "express"],
    "dataEngineer": ["etl-jobs", "ai-notes", "kafka.sink"],
    "other": ["emails", "webhooks", "rapid", "newsletter"],
}
SPECIAL = [
    FIRST - timedelta(days=1),
    FIRST,
    date(2023, 12, 31),
    date(2024, 1, 1),
    date(2024, 2, 28),
    date(2024, 2, 29),
    date(2024, 3, 1),
    date(2024, 3, 9),
    date(2024, 3, 10),  # summer time begins in Los Angeles
    date(2024, 3, 11),
    date(2024, 11, 2),
    date(2024, 11, 3),  # and ends
    date(2024, 11, 4),
    TODAY,
    date(2020, 2, 29),
    date(2019, 7, 4),
]


def _activity() -> Activity:
    """A repository of each name, with work on every special day and on some others."""
    activity = Activity(repositories=[])
    names = [name for names in KINDS.values() for name in names]
    for number, name in enumerate(names, start=1):
        repository = Repository(number, LOGIN, name)
        for index, day in enumerate(SPECIAL):
            if (index + number) % 3:
                repository.commit(day, 1 + index % 2, 10 * number + index, index)
        repository.commit(date(2021, 5, 1) + timedelta(days=number), 1, number, number)
        activity.repositories.append(repository)
    activity.other_contributions = Counter({date(2024, 2, 29): 3, date(2024, 3, 10): 2})
    return activity


def _lines(activity: Activity, *, since: date) -> dict[str, dict[str, int]]:
    """The categories' sums, from the lines of weeks that begin on or after a day."""
    sums = {}
    for kind, names in KINDS.items():
        weeks = [
            {day: lines for day, lines in repository.lines.items() if day >= since}
            for repository in activity.repositories
            if repository.name in names
        ]
        added = sum(plus for lines in weeks for plus, _ in lines.values())
        removed = sum(minus for lines in weeks for _, minus in lines.values())
        sums[kind] = {
            "linesAdded": added,
            "linesRemoved": removed,
            "netChange": added - removed,
            "repoCount": sum(1 for lines in weeks if lines),
        }
    return sums


def _summary(lines: dict[str, dict[str, int]], contributions: int, updated: str) -> dict[str, Any]:
    added = sum(kind["linesAdded"] for kind in lines.values())
    removed = sum(kind["linesRemoved"] for kind in lines.values())
    return {
        "lastUpdatedAtPacific": updated,
        "totalContributions": contributions,
        "totalLinesAdded": added,
        "totalLinesRemoved": removed,
        "netLinesOfCode": added - removed,
        "dataComplete": True,
        "totalRepositoriesContributedTo": sum(kind["repoCount"] for kind in lines.values()),
        "linesOfCodeByCategory": lines,
    }


@pytest.mark.parametrize(
    ("hour", "updated"),
    [("07:59:59", "11/23/2024, 11:59:59 PM PST"), ("08:00:05", "11/24/2024, 12:00:05 AM PST")],
)
def test_a_leap_year_with_both_clock_changes_adds_up(
    tmp_path: Path, hour: str, updated: str
) -> None:
    """Every stored value, key by key, of a year with a 29 February and both changes of the clocks."""
    activity = _activity()
    with github_world(tmp_path, activity, today=TODAY.isoformat()) as world:
        hours, minutes, seconds = map(int, hour.split(":"))
        world.clock.time += hours * 3600 + minutes * 60 + seconds - 8 * 3600
        world.run()
        stored = world.json("activity_data")
        summaries = [
            world.json(name) for name in ("github_stats_summary", "github_stats_summary_all_time")
        ]
        weekly = world.json("aggregated_weekly_activity")
    counts = Counter(activity.other_contributions)
    for repository in activity.repositories:
        counts.update(repository.commits)
    trailing_count = sum(count for day, count in counts.items() if FIRST <= day <= TODAY)
    trailing, all_time = _lines(activity, since=FIRST), _lines(activity, since=date.min)
    assert summaries == [
        _summary(trailing, trailing_count, updated),
        _summary(all_time, sum(counts.values()), updated),
    ]
    year = stored["trailingYearData"]
    days = {day["date"]: day["count"] for day in year["data"]}
    assert list(days) == [(FIRST + timedelta(days=n)).isoformat() for n in range(366)]
    assert days == {day: counts[date.fromisoformat(day)] for day in days}
    assert days["2024-02-29"] == counts[date(2024, 2, 29)] > 3
    for part, summary in zip((year, stored["cumulativeAllTimeData"]), summaries, strict=True):
        older = part.pop("allCommitsOlderThanYear", None)
        assert older == (_older(activity) if part is year else None)
        data = part.pop("data")
        assert len(data) == (366 if part is year else 0)
        assert part == {
            "source": "api",
            "totalContributions": summary["totalContributions"],
            "linesAdded": summary["totalLinesAdded"],
            "linesRemoved": summary["totalLinesRemoved"],
            "dataComplete": True,
        }
    assert [week["weekStartDate"] for week in weekly] == _sundays(activity)
    assert sum(week["linesAdded"] for week in weekly) == summaries[1]["totalLinesAdded"]
    assert all(date.fromisoformat(week["weekStartDate"]).weekday() == 6 for week in weekly)


def _older(activity: Activity) -> dict[str, Any]:
    """What was committed in weeks that begin before the trailing year."""
    commits, added, removed = 0, 0, 0
    for repository in activity.repositories:
        commits += sum(n for day, n in repository.commits.items() if sunday_of(day) < FIRST)
        added += sum(plus for day, (plus, _) in repository.lines.items() if day < FIRST)
        removed += sum(minus for day, (_, minus) in repository.lines.items() if day < FIRST)
    assert commits > 0
    return {
        "totalCommits": commits,
        "totalLinesAdded": added,
        "totalLinesRemoved": removed,
        "publicCommits": commits,
        "privateCommits": 0,
        "perRepo": {},
    }


def _sundays(activity: Activity) -> list[str]:
    """Every week from a repository's first to its last, for all of them together."""
    found = set()
    for repository in activity.repositories:
        day, last = sunday_of(min(repository.commits)), sunday_of(max(repository.commits))
        while day <= last:
            found.add(day.isoformat())
            day += timedelta(days=7)
    return sorted(found)


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2024-02-29", "2025-02-28"])
def test_days_of_clock_changes_and_leap_years_count_once(tmp_path: Path, day: str) -> None:
    """Sums agree with the independent ones when a run falls on such a day."""
    with github_world(tmp_path, one_repository(), today=day) as world:
        repository = world.activity.repositories[0]
        repository.commits.clear()
        repository.lines.clear()
        for days in (0, 1, 6, 7, 363, 364, 365, 366, 367, 730):
            repository.commit(world.today - timedelta(days=days), 1, 11, 3)
        world.run()
        expected = Expected(world.activity, world.today)
        trailing = world.json("activity_data")["trailingYearData"]
        assert trailing["totalContributions"] == expected.contributions(trailing=True)
        assert (trailing["linesAdded"], trailing["linesRemoved"]) == expected.lines(trailing=True)
        assert len({entry["date"] for entry in trailing["data"]}) == len(trailing["data"])


def test_lines_fall_only_when_every_repository_was_read(small: World) -> None:
    """A rewritten history counts at once when all was read, and waits while something is pending."""
    small.run()
    before = totals(small)
    rewritten, pending = small.activity.repositories[:2]
    rewritten.lines = dict.fromkeys(rewritten.lines, (1, 1))
    push(small, 0)
    push(small, 1)
    pending.pending = float("inf")
    small.run()
    assert totals(small) == before
    pending.pending = 0
    small.run()
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)
    assert totals(small)[0] < before[0]


def test_csvs_alone_make_the_aggregates(small: World) -> None:
    """A listing filtered `.json` where the files were `.csv`: an empty aggregate every night.

    With nothing but the CSVs of an older system, and GitHub still computing, lines are theirs.
    """
    small.run()
    weekly = small.json("aggregated_weekly_activity")
    for path in list(small.folder.rglob("*.json")):
        path.unlink()
    for repository in small.activity.repositories:
        repository.pending = float("inf")
    report = small.run()
    assert report.failed == 3
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)
    assert small.json("aggregated_weekly_activity") == weekly


def older(world: World) -> dict[str, Any] | None:
    """The stored commits that are older than a year."""
    found: dict[str, Any] | None = world.json("activity_data")["trailingYearData"].get(
        "allCommitsOlderThanYear"
    )
    return found


def test_older_commits_are_told_by_who_can_see_them(small: World) -> None:
    """Public and private commits apart, private names nowhere; with lines they are all of time."""
    small.activity.repositories[1].private = True
    small.run()
    found = older(small)
    assert found is not None
    assert (found["publicCommits"], found["privateCommits"], found["perRepo"]) == (4, 2, {})
    data = small.json("activity_data")
    lines = data["trailingYearData"]["linesAdded"] + found["totalLinesAdded"]
    assert lines == data["cumulativeAllTimeData"]["linesAdded"]


def test_older_commits_are_absent_until_every_repository_is_known(small: World) -> None:
    """A repository without answer and CSV may have any number: then the field is not there."""
    small.activity.repositories[0].pending = float("inf")
    small.run()
    assert older(small) is None
    small.activity.repositories[0].pending = 0
    small.run()
    before = older(small)
    assert before is not None
    assert before["totalCommits"] == 6
    small.activity.repositories.append(worked(9, "newcomer", pending=float("inf")))
    small.run()
    assert older(small) == before, "what was known stays"
    small.activity.repositories[-1].pending = 0
    small.run()
    assert older(small) == before | {
        "totalCommits": 8,
        "publicCommits": 8,
        "totalLinesAdded": before["totalLinesAdded"] + 16,
        "totalLinesRemoved": before["totalLinesRemoved"] + 5,
    }


def test_older_commits_without_statistics_are_not_known(small: World) -> None:
    """For 10,000 commits and more GitHub gives no lines: without a CSV nothing is told."""
    small.activity.repositories[0].stats = "zeros"
    small.run()
    assert older(small) is None


def test_older_commits_of_a_deleted_repository_still_count(small: World) -> None:
    """Its CSV has them, and it is as public as it last was."""
    small.run()
    before = older(small)
    del small.activity.repositories[0]
    small.activity.other_contributions[TODAY_OF_SMALL] += 6
    small.run()
    assert older(small) == before


def test_each_summary_has_its_own_key(small: World) -> None:
    """The all-time summary was written over the trailing-year key."""
    small.run()
    expected = Expected(small.activity)
    for name, trailing in (
        ("github_stats_summary", True),
        ("github_stats_summary_all_time", False),
    ):
        stored = small.json(name)
        lines = (stored["totalLinesAdded"], stored["totalLinesRemoved"])
        assert lines == expected.lines(trailing=trailing)
        assert stored["totalContributions"] == expected.contributions(trailing=trailing)
    assert expected.lines(trailing=True) != expected.lines(trailing=False)


@pytest.mark.parametrize("stats", ["zeros", "absent", "empty"])
def test_sums_that_a_predecessor_knew_do_not_fall_for_want_of_statistics(
    small: World, stats: Stats
) -> None:
    """Zero lines for a repository of which there is no CSV replaced good numbers, too."""
    small.run()
    names = ("github_stats_summary", "github_stats_summary_all_time")
    before = [small.json(name)["totalLinesAdded"] for name in names]
    weekly = small.json("aggregated_weekly_activity")
    small.csv("octo-dev_tools").unlink()
    shutil.rmtree(small.folder / "json/datafetch")
    small.activity.repositories[0].stats = stats
    small.run()
    assert [small.json(name)["totalLinesAdded"] for name in names] == before
    assert small.json("aggregated_weekly_activity") == weekly


def discovery_of(totals: dict[int, int], *years: int) -> Discovery:
    """What was read of these years; the calendar has a single day, with three contributions."""
    end = datetime(2026, 11, 24, 8, tzinfo=UTC)
    return Discovery(
        window=TimeWindow(end - timedelta(days=364), end),
        days=[Day(end.date(), 3, 1)],
        years=years,
        totals=totals,
        roster=Roster(()),
        only=frozenset(),
        limited=None,
        missing=0,
        hidden=HiddenRepositories(),
        unlisted=False,
    )


WEEK = Week(1_790_467_200, 100, 10, 2)  # a Sunday in September 2026
REPOSITORIES = [RepositoryWeeks("octo-dev/web-app", (WEEK,))]
KEYS = ("github_stats_summary", "github_stats_summary_all_time", "aggregated_weekly_activity")


def written(aggregates: Aggregates) -> dict[str, Any]:
    """The planned objects by name, the activity last."""
    plan = aggregates.plan
    return {
        write.key.removeprefix("json/github-activity/"): json.loads(body_of(write))
        for write in (*plan.content, plan.commit)
    }


def body_of(write: Write) -> bytes:
    """What is written, which is small enough to be in memory."""
    assert isinstance(write.body, bytes)
    return write.body


def store(context: JobContext[None], plan: PublishPlan) -> None:
    """Write what is planned."""
    for write in (*plan.content, plan.commit):
        context.store.put(write.key, body_of(write))


def test_a_year_that_could_not_be_read_counts_as_it_last_did(tmp_path: Path) -> None:
    """Then as the stored activity says; only without either is the total not whole."""
    dataset = GitHubDataset.load(make_context(None, tmp_path))
    dataset.years = {2025: 7}
    whole = count_contributions(discovery_of({2026: 5}, 2026, 2025), dataset)
    assert (whole.total, whole.whole) == (12, True)
    dataset.years = {}
    part = count_contributions(discovery_of({2026: 5}, 2026, 2025), dataset)
    assert (part.total, part.whole) == (5, False)
    value = {"cumulativeAllTimeData": {"totalContributions": 40}}
    dataset.aggregates["json/github-activity/activity_data-test.json"] = StoredAggregate(
        value, "e", "s"
    )
    stored = count_contributions(discovery_of({2026: 5}, 2026, 2025), dataset)
    assert (stored.total, stored.whole) == (40, True)


@pytest.mark.parametrize(("stored", "total"), [(3, 5), (40, 40)])
def test_a_published_total_that_lacked_years_is_never_taken_for_all_of_them(
    tmp_path: Path, stored: int, total: int
) -> None:
    """It counts while more years are missing now, and the total stays marked as not complete."""
    dataset = GitHubDataset.load(make_context(None, tmp_path))
    lines = {"totalContributions": stored, "linesAdded": 1, "linesRemoved": 1}
    value = {"cumulativeAllTimeData": lines | {"dataComplete": False}}
    dataset.aggregates["json/github-activity/activity_data-test.json"] = StoredAggregate(
        value, "e", "s"
    )
    part = count_contributions(discovery_of({2026: 5}, 2026, 2025), dataset)
    assert (part.total, part.whole) == (total, False)


@pytest.mark.parametrize(
    ("published", "total", "whole"), [(90, 150, False), (150, 150, True), (400, 400, True)]
)
def test_a_year_that_was_never_read_does_not_hide_those_that_were(
    tmp_path: Path, published: int, total: int, whole: bool
) -> None:
    """One unread year made the total drop the remembered ones, and call itself complete."""
    dataset = GitHubDataset.load(make_context(None, tmp_path))
    dataset.years = {2023: 50}
    lines = {"totalContributions": published, "linesAdded": 1, "linesRemoved": 1}
    value = {"cumulativeAllTimeData": lines | {"dataComplete": True}}
    dataset.aggregates["json/github-activity/activity_data-test.json"] = StoredAggregate(
        value, "e", "s"
    )
    part = count_contributions(discovery_of({2024: 100}, 2024, 2023, 2022), dataset)
    assert (part.total, part.whole) == (total, whole)


def built(
    dataset: GitHubDataset, repositories: Sequence[RepositoryWeeks], *, all_read: bool = True
) -> Aggregates:
    """The aggregates of these repositories, with twelve contributions of all time."""
    return build_aggregates(
        dataset,
        discovery_of({2026: 12}, 2026),
        repositories,
        Contributions(12, whole=True),
        all_read=all_read,
        deletes=(),
    )


def test_a_total_that_lacks_years_is_not_published_as_complete(tmp_path: Path) -> None:
    """Complete lines that were stored made a total with unread years look complete."""
    context = make_context(None, tmp_path)
    store(context, built(GitHubDataset.load(context), REPOSITORIES).plan)
    aggregates = build_aggregates(
        GitHubDataset.load(context),
        discovery_of({2026: 12}, 2026, 2025),
        REPOSITORIES,
        Contributions(12, whole=False),
        all_read=True,
        deletes=(),
    )
    made = written(aggregates)
    assert made["activity_data-test.json"]["cumulativeAllTimeData"]["dataComplete"] is False
    assert made["github_stats_summary_all_time-test.json"]["dataComplete"] is False
    assert made["activity_data-test.json"]["trailingYearData"]["dataComplete"] is True


def test_the_first_plan_writes_each_aggregate(tmp_path: Path) -> None:
    """The activity is the commit object; the other three are its content."""
    aggregates = built(GitHubDataset.load(make_context(None, tmp_path)), REPOSITORIES)
    assert list(written(aggregates)) == [f"{name}-test.json" for name in (*KEYS, "activity_data")]
    assert (aggregates.changed, aggregates.held) == (True, False)
    assert aggregates.plan.base_etag is None


def test_what_is_stored_already_is_planned_no_more(tmp_path: Path) -> None:
    """Only the activity, whose date the site shows, is written by an unchanged run."""
    context = make_context(None, tmp_path)
    store(context, built(GitHubDataset.load(context), REPOSITORIES).plan)
    aggregates = built(GitHubDataset.load(context), REPOSITORIES)
    assert list(written(aggregates)) == ["activity_data-test.json"]
    assert not aggregates.changed
    assert aggregates.plan.hashes[aggregates.plan.commit.key] == ""


def test_worse_sums_are_held_back(tmp_path: Path) -> None:
    """Lines that fell while something was unread stay in every aggregate, and the plan says so."""
    context = make_context(None, tmp_path)
    store(context, built(GitHubDataset.load(context), REPOSITORIES).plan)
    fewer = [RepositoryWeeks("octo-dev/web-app", (replace(WEEK, added=50),))]
    aggregates = built(GitHubDataset.load(context), fewer, all_read=False)
    assert aggregates.held
    assert list(written(aggregates)) == ["activity_data-test.json"]
    assert written(aggregates)["activity_data-test.json"]["trailingYearData"]["linesAdded"] == 100
    fallen = built(GitHubDataset.load(context), fewer, all_read=True)
    assert not fallen.held
    assert written(fallen)["activity_data-test.json"]["trailingYearData"]["linesAdded"] == 50
