"""GitHub's budgets and failures as a whole: stored data never gets worse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.clock import to_iso
from datafetch.errors import (
    DatafetchError,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Rejected,
    TransientError,
)
from tests.fakes.base import Action
from tests.fakes.faults import cut, dropped, reply
from tests.fakes.github import partial_data, secondary_limit
from tests.fakes.github_data import Activity
from tests.jobs.github_world import Expected, World, github_world, push, totals, worked

STATS = "/stats/contributors"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """Three ordinary repositories."""
    names = ("tools", "web-app", "data")
    activity = Activity(repositories=[worked(n, name) for n, name in enumerate(names, start=1)])
    with github_world(tmp_path, activity) as made:
        yield made


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


@pytest.mark.parametrize("action", [secondary_limit("900", 403), reply(401, "{}")])
def test_what_stops_a_run_does_not_name_the_repository(small: World, action: Action) -> None:
    """A limit or a refused token is met at some repository, whose name is nobody's business."""
    for repository in small.activity.repositories:
        repository.private = True
    small.app.inject(action, STATS)
    try:
        said = str(small.run())
    except Denied as error:
        said = str(error)
    assert "tools" not in said
    assert "web-app" not in said
    assert "data/" not in said


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

    def without_first(request, answer):
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

    def circling(request, answer):
        proper = answer(request)
        value = json.loads(proper.body)
        page = value["data"]["user"]["repositoriesContributedTo"]["pageInfo"]
        page.update(hasNextPage=True, endCursor="cursor:1")
        proper.body = json.dumps(value).encode()
        return proper

    small.app.inject(circling, lambda request: b"repositoriesContributedTo" in request.body)
    with pytest.raises(Malformed):
        small.run()
