"""GitHub failing as a whole, or in part: stored data never gets worse."""

import json
import re
from collections.abc import Callable
from datetime import date

import pytest

from datafetch.errors import (
    DatafetchError,
    Denied,
    Malformed,
    Missing,
    Rejected,
    TransientError,
)
from tests.fakes.base import Action, Request
from tests.fakes.faults import cut, dropped, reply
from tests.fakes.github import partial_data
from tests.github.world import TODAY, Expected, World, push, totals

LIST = "repositoriesContributedTo"


def asks(words: str) -> Callable[[Request], bool]:
    """Matches queries with these words in them."""
    return lambda request: words.encode() in request.body


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
        (partial_data(["user", "contributionsCollection"]), Rejected),
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
    small.app.inject(partial_data(["user", "a0"]), asks("totalContributions"), times=1)
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
        value["data"]["user"]["a0"] = None
        value["errors"] = [{"type": "INTERNAL", "path": ["user", "a0"], "message": "x"}]
        proper = answer(request)
        proper.body = json.dumps(value).encode()
        return proper

    small.app.inject(without_first, asks("totalContributions"))
    report = small.run()
    assert report.partial
    assert "2026" in report.partial
    assert small.json("activity_data")["cumulativeAllTimeData"] == before


@pytest.mark.parametrize("kind", ["RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"])
def test_a_year_that_is_too_much_for_one_query_is_asked_for_in_parts(
    small: World, kind: str
) -> None:
    """GitHub may refuse a whole year of a busy login: its parts add up to the same figures."""
    small.app.inject(too_much(kind), lambda request: _longest_window_days(request) > 100)
    report = small.run()
    assert (report.processed, report.partial) == (3, None)
    data = small.json("activity_data")
    expected = Expected(small.activity)
    trailing, all_time = data["trailingYearData"], data["cumulativeAllTimeData"]
    assert trailing["totalContributions"] == expected.contributions(trailing=True)
    assert len(trailing["data"]) == 365
    assert all_time["totalContributions"] == expected.contributions(trailing=False)


def test_a_list_that_is_too_much_is_made_up_for_by_the_calendars(small: World) -> None:
    """GitHub cannot always list recent repositories, however few are asked for: the years can."""
    small.app.inject(too_much("RESOURCE_LIMITS_EXCEEDED"), asks(LIST))
    report = small.run()
    assert (report.processed, report.partial) == (3, None)
    assert any("could not list" in note for note in report.notes)
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_a_calendar_that_is_always_too_much_fails_the_run(small: World) -> None:
    """Parts are not made smaller without end, and nothing is stored."""
    small.app.inject(too_much("RESOURCE_LIMITS_EXCEEDED"), asks("contributionDays"))
    with pytest.raises(Rejected, match="calendar"):
        small.run()
    assert small.files() == {}
    assert small.app.log.count(asks("contributionDays")) < 70


def test_a_query_that_fails_without_a_reason_is_made_smaller(small: World) -> None:
    """A timeout may come as a 200 with an error that has neither type nor data."""
    body = json.dumps({"data": None, "errors": [{"message": "This may be a timeout."}]})
    small.app.inject(reply(200, body), asks("a1: contributionsCollection"))
    assert small.run().partial is None


def test_a_look_up_that_fails_says_nothing_about_the_repository(small: World) -> None:
    """A repository counts as gone when GitHub says so, not when GitHub failed to say."""
    small.run()
    before = small.files()
    small.activity.repositories[0].commits.clear()
    small.activity.other_contributions[TODAY] += 6
    small.app.inject(partial_data(["a0"]), asks("repository(owner"))
    with pytest.raises(Rejected):
        small.run()
    assert small.files() == before


def test_an_error_that_does_not_say_what_is_missing_fails_the_run(small: World) -> None:
    """Partial data is not used where it is not sure what it lacks."""
    small.app.inject(partial_data(["user", "repositoriesContributedTo"]), asks(LIST))
    with pytest.raises(Rejected):
        small.run()
    assert small.files() == {}


def test_a_hidden_repository_of_a_list_is_left_out(small: World) -> None:
    """One null node with its error is a repository that the token may not see: the rest counts."""
    small.app.inject(
        partial_data(["user", "repositoriesContributedTo", "nodes", 1], kind="FORBIDDEN"),
        asks(LIST),
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

    small.app.inject(circling, asks(LIST))
    with pytest.raises(Malformed):
        small.run()


def too_much(kind: str) -> Action:
    """GitHub's answer to a query that it will not work on."""
    body = {"data": {"user": None}, "errors": [{"type": kind, "path": ["user"], "message": "x"}]}
    return reply(200, json.dumps(body))


def _longest_window_days(request: Request) -> int:
    spans = re.findall(
        rb'from: .."(\d{4}-\d\d-\d\d)T[^"]*" to: .."(\d{4}-\d\d-\d\d)T', request.body
    )
    spans = [(date.fromisoformat(a.decode()), date.fromisoformat(b.decode())) for a, b in spans]
    return max(((last - first).days for first, last in spans), default=0)
