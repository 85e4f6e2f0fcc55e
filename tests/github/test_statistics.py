"""What GitHub answers about single repositories: pending, unavailable, gone, renamed, bad."""

from datetime import timedelta

import pytest

from tests.fakes.base import Action
from tests.fakes.faults import cut, reply
from tests.fakes.github_data import Stats
from tests.github.world import TODAY, Expected, World, push, totals, worked

STATS = "/stats/contributors"


def test_pending_repositories_wait_together(small: World) -> None:
    """HTTP 202 costs one doubling wait for all, not one for each."""
    for repository in small.activity.repositories:
        repository.pending = 2
    report = small.run()
    assert small.clock.slept == [10, 20]
    assert len(small.asked()) == 9
    assert (report.changed, report.failed, report.partial) == (3, 0, None)


def test_what_stays_pending_counts_with_its_csv_and_comes_first(small: World) -> None:
    """A run cut short by 202s overwrote a complete year with less: now the CSV stays and counts."""
    small.run()
    before = totals(small)
    push(small, 2)
    small.activity.repositories[2].pending = float("inf")
    report = small.run()
    assert small.clock.slept == [10, 20, 40]
    assert totals(small) == before
    assert (report.failed, report.newly_failed) == (1, 1)
    assert any("still computes" in note and "octo-dev/data" in note for note in report.notes)
    small.app.log.clear()
    push(small, 0)
    small.activity.repositories[2].pending = 0
    report = small.run(width=1)
    assert small.asked() == ["octo-dev/data", "octo-dev/tools"]
    assert (report.failed, report.newly_failed) == (0, 0)
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


def test_a_first_run_with_pending_repositories_is_incomplete(small: World) -> None:
    """`dataComplete` is false while a repository has neither an answer nor a CSV; the calendar is there."""
    small.activity.repositories[0].pending = float("inf")
    small.run()
    assert totals(small)[2] is False
    data = small.json("activity_data")["trailingYearData"]
    assert data["totalContributions"] == Expected(small.activity).contributions(trailing=True)
    small.activity.repositories[0].pending = 0
    small.run()
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_complete_is_never_replaced_by_incomplete(small: World) -> None:
    """A new repository that stays pending does not take the complete lines away; days move on."""
    small.run()
    before = totals(small)
    weekly = small.json("aggregated_weekly_activity")
    push(small)
    small.activity.repositories.append(worked(9, "newcomer", pending=float("inf")))
    small.run()
    assert totals(small) == before
    assert small.json("aggregated_weekly_activity") == weekly
    assert small.json("github_stats_summary_all_time")["dataComplete"]
    data = small.json("activity_data")["trailingYearData"]
    assert data["totalContributions"] == Expected(small.activity).contributions(trailing=True)


@pytest.mark.parametrize("stats", ["zeros", "absent", "empty"])
def test_unavailable_statistics_leave_the_csv(small: World, stats: Stats) -> None:
    """Zero lines from GitHub for repositories of 10,000 commits and more replaced good numbers."""
    small.run()
    before, csv = totals(small), small.csv("octo-dev_tools").read_bytes()
    repository = small.activity.repositories[0]
    repository.stats = stats
    assert repository.pushed_at
    repository.pushed_at += timedelta(days=1)
    report = small.run()
    assert totals(small) == before
    assert small.csv("octo-dev_tools").read_bytes() == csv
    assert (report.failed, report.newly_failed) == (0, 0)
    assert any("no usable statistics" in note and "tools" in note for note in report.notes)
    again = small.run()
    assert any("octo-dev/tools" in note for note in again.notes)


def test_a_deleted_repository_keeps_its_lines(small: World) -> None:
    """A repository that is gone is named, its lines count, and no request is wasted on it."""
    small.run()
    before = totals(small)
    del small.activity.repositories[0]
    small.activity.other_contributions[TODAY] += 6
    small.app.log.clear()
    report = small.run()
    assert totals(small) == before
    assert small.asked() == []
    assert any("no longer at GitHub" in note for note in report.notes)


def test_a_renamed_repository_moves_its_csv(small: World) -> None:
    """After a rename there is one CSV, under the new name, and lines count once."""
    small.run()
    before = totals(small)
    repository = small.activity.repositories[0]
    repository.former_names, repository.name = ("octo-dev/tools",), "instruments"
    report = small.run()
    assert small.csv("octo-dev_instruments").exists()
    assert not small.csv("octo-dev_tools").exists()
    assert totals(small) == before
    assert report.failed == 0


def test_a_repository_that_cannot_be_read_fails_alone(small: World) -> None:
    """404 for one repository is a dead letter of its own; after it, only a push has it asked again."""
    small.activity.repositories[1].stats = "missing"
    report = small.run()
    assert (report.changed, report.failed, report.newly_failed) == (2, 1, 1)
    letters = small.contexts[-1].dead_letters
    letter = letters.get("octo-dev/web-app")
    assert letter
    assert letter.permanent
    small.app.log.clear()
    small.run()
    assert small.asked() == []
    push(small, 1)
    small.run()
    assert small.asked() == ["octo-dev/web-app"]


@pytest.mark.parametrize(
    "action",
    [
        reply(200, "<html>not json</html>"),
        reply(200, '{"weeks": 1}'),
        reply(200, '[{"author": {"login": "octo-dev"}}]'),
        reply(403, "no"),
        reply(500, "oops"),
        cut(20),
    ],
)
def test_a_bad_answer_fails_one_repository(small: World, action: Action) -> None:
    """A 200 that is no statistics, a body cut short, a 5xx: one dead letter, its CSV stays."""
    small.run()
    before = totals(small)
    push(small)
    small.app.inject(action, STATS)
    report = small.run()
    assert (report.changed, report.failed, report.newly_failed) == (0, 1, 1)
    assert totals(small) == before
    small.app.heal()
    assert small.run().failed == 0
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)
