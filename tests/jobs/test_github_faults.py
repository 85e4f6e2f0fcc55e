"""The GitHub job when GitHub, the store or the run itself fails: stored data never gets worse."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from datafetch.clock import to_iso
from datafetch.errors import (
    BaseMoved,
    DatafetchError,
    Denied,
    LeaseLost,
    Malformed,
    Missing,
    RateLimited,
    Rejected,
    TransientError,
)
from datafetch.models.run import JobReport
from tests.fakes.base import Action
from tests.fakes.faults import cut, dropped, reply
from tests.fakes.github import partial_data, secondary_limit
from tests.fakes.github_data import Activity, Stats
from tests.jobs.github_world import TODAY, Expected, World, github_world, worked

STATS = "/stats/contributors"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """Three ordinary repositories."""
    names = ("tools", "web-app", "data")
    activity = Activity(repositories=[worked(n, name) for n, name in enumerate(names, start=1)])
    with github_world(tmp_path, activity) as made:
        yield made


def totals(world: World) -> tuple[int, int, bool]:
    """Lines of all time, and whether they are complete."""
    data = world.json("activity_data")["cumulativeAllTimeData"]
    return data["linesAdded"], data["linesRemoved"], data["dataComplete"]


def push(world: World, index: int = 0) -> None:
    """Work of today in one repository."""
    world.activity.repositories[index].commit(TODAY, 2, 50, 5)


# ------------------------------------------------------------- still computing


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


# ---------------------------------------------------------------- unavailable


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


# --------------------------------------------------------------------- budgets


def test_a_budget_that_ends_half_way_stores_what_is_complete(small: World) -> None:
    """The run is partial, says when it may go on, and the next asks only for the rest."""
    small.app.core.limit = 2
    report = small.run(width=1)
    reset = small.app.core.reset_at
    assert report.partial
    assert to_iso(reset) in report.partial
    assert (report.changed, report.failed) == (2, 0)
    asked = small.asked()
    assert len(asked) == 2, "the limit is obeyed before it is hit"
    assert totals(small)[2] is False
    small.clock.time = reset + 1
    small.app.log.clear()
    assert small.run().partial is None
    assert set(small.asked()).isdisjoint(asked)
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_an_exhausted_budget_still_publishes_the_calendar(small: World) -> None:
    """Lines stay as they were; days and totals of contributions move on."""
    small.run()
    before = totals(small)
    push(small)
    small.app.core.exhaust(3600)
    report = small.run()
    assert report.partial
    assert report.failed == 0
    assert totals(small) == before
    data = small.json("activity_data")["trailingYearData"]
    assert data["totalContributions"] == Expected(small.activity).contributions(trailing=True)


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_is_waited_for(small: World, status: int) -> None:
    """`Retry-After` is obeyed, by everyone who waits for the same limit."""
    small.app.inject(secondary_limit("30", status), STATS, times=1)
    report = small.run(width=1)
    assert (report.changed, report.partial) == (3, None)
    assert sum(small.clock.slept) >= 30


def test_a_429_that_does_not_say_how_long_is_waited_for(small: World) -> None:
    """Without any header GitHub wants a minute."""
    small.app.inject(secondary_limit(None, 429), STATS, times=1)
    assert small.run(width=1).changed == 3


def test_a_long_secondary_limit_makes_the_run_partial(small: World) -> None:
    """A wait longer than retries may take is left to the next run."""
    small.app.inject(secondary_limit("900", 403), STATS, times=1)
    report = small.run(width=1)
    assert report.partial
    assert report.changed == 0
    assert len(small.asked()) == 1


def test_an_exhausted_graphql_budget_fails_the_run(small: World) -> None:
    """A run that could read nothing failed; stored data is as it was."""
    small.run()
    before = small.files()
    small.app.graphql.exhaust(3600)
    with pytest.raises(RateLimited):
        small.run()
    assert small.files() == before


def test_a_graphql_budget_that_ends_half_way_makes_the_run_partial(small: World) -> None:
    """What was known of the repositories stands in for what could not be read any more."""
    small.run()
    before = totals(small)
    small.app.graphql.limit, small.app.graphql.used = 2, 0
    report = small.run()
    assert report.partial
    assert report.processed == 3
    assert totals(small) == before


# --------------------------------------------------------------------- GraphQL


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (reply(401, "{}"), Denied),
        (reply(403, "{}"), Denied),
        (reply(500, "oops"), TransientError),
        (reply(502, "oops"), TransientError),
        (reply(200, "not json"), Malformed),
        (reply(200, "[]"), Malformed),
        (reply(200, '{"data": null}'), Malformed),
        (reply(200, '{"data": {"user": {}}}'), Malformed),
        (reply(200, '{"errors": [{"type": "INTERNAL", "message": "x"}]}'), Rejected),
        (cut(30), TransientError),
        (partial_data(["user", "trailing"]), Rejected),
        (partial_data(["user", "years"]), Rejected),
    ],
)
def test_when_graphql_fails_nothing_is_replaced(
    small: World, action: Action, error: type[DatafetchError]
) -> None:
    """An API outage, a bad token or a malformed answer is a failure, never a success with less."""
    small.run()
    before = small.files()
    push(small)
    small.app.log.clear()
    small.app.inject(action, "/graphql")
    with pytest.raises(error):
        small.run()
    assert small.files() == before
    assert small.asked() == []


def test_an_unknown_login_is_named(small: World) -> None:
    """The owner's login is wrong: the message says which."""
    small.activity.login = "somebody-else"
    with pytest.raises(Missing, match="octo-dev"):
        small.run()


def test_a_year_that_fails_once_is_asked_for_alone(small: World) -> None:
    """`errors` beside data: the missing year is read in a query of its own."""
    small.app.inject(partial_data(["user", "a0"]), "/graphql", after=1, times=1)
    report = small.run()
    assert report.partial is None
    data = small.json("activity_data")["cumulativeAllTimeData"]
    assert data["totalContributions"] == Expected(small.activity).contributions(trailing=False)


def test_a_year_that_always_fails_counts_as_it_was(small: World) -> None:
    """A part that is missing for good makes the run partial, and the totals stay."""
    small.run()
    before = small.json("activity_data")["cumulativeAllTimeData"]

    def without_first(request, answer):  # type: ignore[no-untyped-def]
        value = json.loads(answer(request).body)
        for name in [one for one in value["data"]["user"] or () if one == "a0"]:
            value["data"]["user"][name] = None
            value["errors"] = [{"type": "INTERNAL", "path": ["user", name], "message": "x"}]
        proper = answer(request)
        proper.body = json.dumps(value).encode()
        return proper

    small.app.inject(without_first, lambda request: b"a0: contributionsCollection" in request.body)
    report = small.run()
    assert report.partial
    assert "2026" in report.partial
    assert small.json("activity_data")["cumulativeAllTimeData"] == before


def test_an_error_that_does_not_say_what_is_missing_fails_the_run(small: World) -> None:
    """Partial data is not used where it is not sure what it lacks."""
    small.app.inject(partial_data(["user", "repositoriesContributedTo"]), "/graphql", after=2)
    with pytest.raises(Rejected):
        small.run()
    assert small.files() == {}


def test_a_hidden_repository_of_a_list_is_left_out(small: World) -> None:
    """One null node with its error is a repository that the token may not see: the rest counts."""
    small.app.inject(
        partial_data(["user", "repositoriesContributedTo", "nodes", 1], kind="FORBIDDEN"),
        "/graphql",
        after=2,
        times=1,
    )
    report = small.run()
    assert report.processed == 3, "the years list it too"
    assert any("may not see 1" in note for note in report.notes)


def test_a_page_that_takes_too_long_is_asked_for_in_smaller_ones(small: World) -> None:
    """A connection that ends while GitHub works on a large page is an answer about its size."""
    small.app.inject(dropped(), lambda request: b'"first":100' in request.body.replace(b" ", b""))
    assert small.run().processed == 3
    sizes = [
        request.json()["variables"]["first"]
        for request in small.app.log.all("/graphql")
        if "first" in request.json()["variables"]
    ]
    assert sizes[-1] == 50


def test_a_cursor_that_comes_twice_is_an_error(small: World) -> None:
    """The next cursor repeated; paging never ended."""

    def circling(request, answer):  # type: ignore[no-untyped-def]
        proper = answer(request)
        value = json.loads(proper.body)
        page = value["data"]["user"]["repositoriesContributedTo"]["pageInfo"]
        page.update(hasNextPage=True, endCursor="cursor:1")
        proper.body = json.dumps(value).encode()
        return proper

    small.app.inject(circling, lambda request: b"repositoriesContributedTo" in request.body)
    with pytest.raises(Malformed):
        small.run()


# --------------------------------------------------- the run and the store


@dataclass
class Trap:
    """A fence that does something when it is asked for the n-th time."""

    after: int
    spring: Callable[[], None]
    token: int = 1

    def check(self) -> None:
        """Count, and spring once."""
        self.after -= 1
        if self.after == 0:
            self.spring()


def lose() -> None:
    """The lease is over."""
    raise LeaseLost


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5, 6, 8])
def test_a_run_that_died_asks_only_for_what_is_missing(small: World, writes: int) -> None:
    """Whatever the write before which a run ends, the next run keeps every CSV that was stored."""
    with pytest.raises(LeaseLost):
        small.run(fence=Trap(writes, lose), width=1)
    have = {name for name in ("tools", "web-app", "data") if small.csv(f"octo-dev_{name}").exists()}
    small.app.log.clear()
    report = small.run()
    assert {name.split("/")[1] for name in small.asked()} == {"tools", "web-app", "data"} - have
    assert report.failed == 0
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_a_dataset_that_moved_is_started_over_once(small: World) -> None:
    """Somebody else published meanwhile: the run starts over from the store's current state."""
    small.run()
    push(small)
    activity = small.folder / "json/github-activity/activity_data-test.json"
    stranger = json.dumps(small.json("activity_data"), indent=1)
    small.app.log.clear()
    report: JobReport = small.run(fence=Trap(4, lambda: _overwrite(activity, stranger)), width=1)
    assert len(small.asked()) == 1
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)
    assert report.failed == 0


def test_a_csv_that_somebody_else_wrote_meanwhile_is_not_overwritten_blindly(small: World) -> None:
    """A replaced CSV is written on the condition that it still is the one that was read."""
    small.run()
    push(small)
    csv = small.csv("octo-dev_tools")
    seen: list[str] = []

    def spring() -> None:
        seen.append("sprung")
        _overwrite(csv, "1700352000,1,1,1\n")

    small.app.log.clear()
    small.run(fence=Trap(2, spring), width=1)
    assert seen
    assert len(small.asked()) == 2, "the run started over from what is stored now"
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


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


def test_a_dataset_that_keeps_moving_is_left_alone(small: World) -> None:
    """The second time somebody else wins, the run ends with an error and what it had is kept."""
    small.run()
    push(small)
    activity = small.folder / "json/github-activity/activity_data-test.json"
    count = iter(range(1000))
    trap = Trap(-1, lose)

    def check() -> None:
        _overwrite(activity, json.dumps({"stranger": next(count)}))

    trap.check = check  # type: ignore[method-assign]
    with pytest.raises(BaseMoved):
        small.run(fence=trap, width=1)
    assert "stranger" in activity.read_text()


def _overwrite(path: Path, text: str) -> None:
    path.write_text(text)


def test_the_stored_csv_is_the_truth(small: World) -> None:
    """A CSV that somebody changed is read again and its repository asked again."""
    small.run()
    csv = small.csv("octo-dev_tools")
    csv.write_text("1700352000,1,1,1\n")
    small.app.log.clear()
    report = small.run()
    assert small.asked() == ["octo-dev/tools"]
    assert report.changed == 1
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


@pytest.mark.parametrize(
    "key",
    [
        "json/datafetch/datasets/github-test.json",
        "json/github-activity/activity_data-test.json",
        "json/github-activity/github_stats_summary_all_time-test.json",
        "json/github-activity/aggregated_weekly_activity-test.json",
        "json/github-activity/repo_raw_weekly_stats-test/octo-dev_tools.csv",
    ],
)
def test_a_corrupt_object_is_kept_aside_and_built_anew(small: World, key: str) -> None:
    """A corrupt object in the store crashed the run, or was taken as empty."""
    small.run()
    before = totals(small)
    path = small.folder / key
    path.write_bytes(b"{half an obj")
    small.run()
    assert totals(small) == before
    assert path.read_bytes() != b"{half an obj"
    assert [p.read_bytes() for p in path.parent.glob("*.corrupt-*Z")] == [b"{half an obj"]
    assert small.json("aggregated_weekly_activity") == Expected(small.activity).weekly()


def test_lost_state_costs_requests_not_data(small: World) -> None:
    """Without what is remembered everything is asked for again, and no figure changes."""
    small.run()
    before = totals(small)
    (small.folder / "json/datafetch/datasets/github-test.json").unlink()
    small.app.log.clear()
    report = small.run()
    assert len(small.asked()) == 3
    assert (report.changed, report.change_detected) == (0, False)
    assert totals(small) == before
