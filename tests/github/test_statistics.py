"""What GitHub answers about single repositories: pending, unavailable, gone, renamed, bad."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from datafetch.errors import Cancelled
from datafetch.github.dataset import GitHubDataset
from datafetch.github.job import refresh_github
from datafetch.github.model import RememberedRepository, Repository, Status, Week
from datafetch.github.rules.csv import compact, parse_csv
from datafetch.github.rules.roster import Entry
from datafetch.github.statistics import Asking, remember
from datafetch.models.run import RunOptions
from datafetch.runtime.progress import Progress
from datafetch.upstream_errors import Denied
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.faults import cut, reply
from tests.fakes.github_data import Activity, Stats
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
        reply(
            200,
            '[{"author": {"login": "octo-dev"}, "weeks": [{"w": 1e18, "a": 1, "d": 1, "c": 1}]}]',
        ),
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
    small.app.log.clear()
    (letter,) = small.contexts[-1].dead_letters.letters.values()
    assert small.run().failed == 0
    assert small.asked() == []
    small.clock.advance(3600)
    assert small.run().failed == 0
    assert small.asked() == ([] if letter.permanent else [letter.item])
    assert small.run(RunOptions(only=(letter.item,))).failed == 0
    assert small.contexts[-1].dead_letters.letters == {}
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


def test_statistics_of_a_repository_that_is_hidden_cost_itself_only(small: World) -> None:
    """451 for a repository that the lists still show: it is named, the sums are complete."""
    small.app.inject(reply(451, '{"message": "Repository access blocked"}'), "/web-app/stats")
    report = small.run()
    assert (report.changed, report.failed, report.newly_failed) == (2, 0, 0)
    (note,) = report.notes
    assert note.startswith("1 repository is blocked by GitHub")
    assert "(octo-dev/web-app): exclude it with GITHUB_EXCLUDE" in note
    seen = [one for one in small.activity.repositories if one.name != "web-app"]
    expected = Expected(Activity(repositories=seen)).lines(trailing=False)
    assert totals(small) == (*expected, True)
    assert small.contexts[-1].dead_letters.letters == {}
    small.app.heal()
    small.app.log.clear()
    assert small.run().notes == ()
    assert small.asked() == ["octo-dev/web-app"]
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


def test_a_repository_that_was_always_hidden_is_no_reason_to_hold_sums(small: World) -> None:
    """Nothing of it was ever published, so the lines of the others may fall."""
    small.app.inject(reply(451), "/web-app/stats")
    small.run()
    before = totals(small)
    rewritten = small.activity.repositories[0]
    rewritten.lines = dict.fromkeys(rewritten.lines, (1, 1))
    push(small, 0)
    small.run()
    assert totals(small)[0] < before[0]


def test_a_repository_that_is_hidden_later_is_no_reason_to_hold_sums(small: World) -> None:
    """Its stored CSV counts, so that the lines of the others may fall."""
    small.run()
    push(small, 1)
    small.activity.repositories[0].lines = dict.fromkeys(
        small.activity.repositories[0].lines, (1, 1)
    )
    push(small, 0)
    small.app.inject(
        reply(403, "{}", {"X-GitHub-SSO": "required; url=https://x"}), "/web-app/stats"
    )
    csv = small.csv("octo-dev_web-app").read_bytes()
    before = totals(small)
    report = small.run()
    assert totals(small)[0] < before[0]
    assert totals(small)[2]
    assert small.csv("octo-dev_web-app").read_bytes() == csv
    assert not any("stay as they were" in note for note in report.notes)


A = Repository("R_a", "o/a", private=False, pushed_at="2026-02-02T00:00:00Z")
WEEKS = (Week(0, 3, 1, 2),)
KNOWN = replace(
    RememberedRepository.of(replace(A, pushed_at="2026-01-01T00:00:00Z"), "o_a"),
    status=Status.COMPLETE,
    pushed_at="2026-01-01T00:00:00Z",
    etag="e",
    validator="v",
    asked_at=7,
)


def test_what_is_remembered_follows_the_repository_as_it_is_now() -> None:
    """The repository and its CSV are those of today; what GitHub said of it stays."""
    known = remember(Entry(A, "o_a", KNOWN, "o_a", "e"), WEEKS)
    assert known == replace(KNOWN, last_push=A.pushed_at, weeks=compact(WEEKS))


def test_a_csv_that_somebody_else_wrote_makes_a_repository_new() -> None:
    """Nobody knows whether that CSV is complete."""
    assert remember(Entry(A, "o_a", KNOWN, "o_a", "other"), WEEKS).status is Status.NEW
    assert remember(Entry(A, "o_a"), None) == RememberedRepository.of(A, "o_a")


def test_a_former_csv_is_remembered_by_its_own_name() -> None:
    """Until there is a CSV under the new name the lines are in the former one."""
    assert remember(Entry(A, "o_new", KNOWN, "o_a", "e"), WEEKS).csv == "o_a"
    gone = Entry(A, "o_a", KNOWN, "o_a", "e", gone=True)
    assert remember(gone, WEEKS).status is Status.GONE


def test_answers_are_stored_as_they_come(small: World) -> None:
    """CSV, state and weeks have what was answered, before anything is published."""
    context = small.context()
    dataset = GitHubDataset.load(context)
    weeks: dict[str, tuple[Week, ...]] = {}
    entries = [
        Entry(Repository(f"R_0000000{n}", f"octo-dev/{name}"), f"octo-dev_{name}")
        for n, name in ((1, "tools"), (2, "web-app"))
    ]
    small.activity.repositories[1].pending = float("inf")
    done = Asking(context, small.statistics(), dataset, weeks).ask(entries)
    assert done.status(entries[0]) is Status.COMPLETE
    assert done.status(entries[1]) is Status.PENDING
    assert done.written == [entries[0]]
    assert list(weeks) == ["octo-dev_tools"]
    assert parse_csv(small.csv("octo-dev_tools").read_bytes()) == weeks["octo-dev_tools"]
    known = dataset.repositories["octo-dev_tools"]
    assert known.weeks == compact(weeks["octo-dev_tools"])
    assert known.asked_at == small.clock.now() * 1000 - 70_000
    assert dataset.repositories["octo-dev_web-app"].status is Status.PENDING


def test_a_token_that_is_refused_ends_the_round(small: World) -> None:
    """401 is about the token, so no repository gets a dead letter for it."""
    context = small.context()
    asking = Asking(context, small.statistics(), GitHubDataset.load(context), {})
    small.app.inject(reply(401, "{}"), STATS)
    with pytest.raises(Denied):
        asking.ask([Entry(A, "o_a")])


def test_waiting_for_statistics_is_said_while_it_lasts(
    small: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Minutes of silence look like a hang: each wait says how long, for what, and which try it is."""
    caplog.set_level(logging.INFO, "datafetch")
    told: list[str] = []

    class Told(Progress):
        def waiting(self, note: str) -> None:
            told.append(note)

    context = replace(small.context(), progress=Told())
    for index in (0, 1):
        small.activity.repositories[index].pending = float("inf")
    report = refresh_github(context)
    waits = [r for r in caplog.records if r.getMessage() == "statistics_pending"]
    assert told == [
        f"waiting {seconds} s for GitHub to compute 2 repositories (try {attempt} of 4)"
        for attempt, seconds in ((1, 10), (2, 20), (3, 40))
    ]
    assert [vars(record)["note"] for record in waits] == told
    assert {name: vars(waits[0])[name] for name in ("repositories", "wait_s", "attempts")} == {
        "repositories": 2,
        "wait_s": 10,
        "attempts": 4,
    }
    assert (
        "GitHub still computes the statistics of 2 repositories (octo-dev/tools, octo-dev/web-app):"
        " run `datafetch github` again in some minutes"
    ) in report.notes


def test_a_run_that_is_stopped_counts_what_it_kept(small: World) -> None:
    """What was read before the signal is stored; the result said that nothing had happened."""
    context = small.context(width=1)

    def stopping(request: Request, answer: Answer) -> Response:
        context.cancel.cancel(Cancelled(signal=15))
        return answer(request)

    small.app.inject(stopping, "/tools/stats")
    with pytest.raises(Cancelled):
        refresh_github(context)
    so_far = context.so_far.report()
    kept = len(list(small.csv("x").parent.iterdir()))
    assert kept in {1, 2}  # the one that was asked for when the signal came may be in time
    assert (so_far.processed, so_far.changed, so_far.failed) == (3, kept, 0)
    assert so_far.notes == (
        f"{kept} of 3 repositories read and kept; `datafetch github` goes on with the other {3 - kept}",
    )
    small.app.heal()
    small.app.log.clear()
    small.run()
    assert len(small.asked()) == 3 - kept
