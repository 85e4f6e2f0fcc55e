"""GitHub failing as a whole, or in part: stored data never gets worse."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from datafetch.github.barriers import HiddenRepositories
from datafetch.github.lists import FoundRepositories
from datafetch.github.rules.calendar import trailing_year, year_window
from datafetch.upstream_errors import Malformed, Missing, Rejected
from tests.fakes.base import Answer, Request, Response
from tests.fakes.faults import dropped, reply
from tests.fakes.github import partial_data
from tests.fakes.github_data import make_activity
from tests.github.world import TODAY, Expected, World, asks, github_world, too_much, totals

LIST = "repositoriesContributedTo"


def test_an_unknown_login_is_named(small: World) -> None:
    """The owner's login is wrong: the message says which."""
    small.activity.login = "somebody-else"
    with pytest.raises(Missing, match="octo-dev"):
        small.run()


def test_a_list_that_is_too_much_is_made_up_for_by_the_calendars(small: World) -> None:
    """GitHub cannot always list recent repositories, however few are asked for: the years can."""
    small.app.inject(too_much("RESOURCE_LIMITS_EXCEEDED"), asks(LIST))
    report = small.run()
    assert (report.processed, report.partial) == (3, None)
    assert any("could not list" in note for note in report.notes)
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_a_look_up_that_fails_says_nothing_about_the_repository(small: World) -> None:
    """It counts as gone when GitHub says so; when GitHub failed to say, it costs itself only."""
    small.run()
    before = totals(small)
    small.activity.repositories[0].commits.clear()
    small.activity.other_contributions[TODAY] += 6
    small.app.inject(partial_data(["a0"]), asks("repository(owner"))
    report = small.run()
    assert (report.processed, report.partial) == (3, None)
    assert report.notes == (
        "GitHub failed to show 1 repository (octo-dev/tools): the next run tries again",
    )
    assert totals(small) == before
    small.app.heal()
    small.app.log.clear()
    assert small.run().notes == ()
    assert small.asked() == []


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
    with pytest.raises(Malformed) as caught:
        small.run()
    assert "next run tries again" in caught.value.hint


def test_large_pages_that_fail_are_asked_for_in_smaller_ones(tmp_path: Path) -> None:
    """502 at large pages: the page size halves until GitHub bears it, and nothing is lost."""
    activity = make_activity(60, today=TODAY, years=2)
    with github_world(tmp_path, activity) as world:
        world.app.max_first = 25
        report = world.run()
        assert report.processed == len(Expected(activity).counting())
        sizes = [
            request.json()["variables"]["first"]
            for request in world.app.log.all("/graphql")
            if "first" in request.json()["variables"]
        ]
        assert sizes[:4] == [100, 50, 25, 25]


def test_years_and_totals_are_those_of_the_calendars(small: World) -> None:
    """Every year with contributions is named, and its window has all of them."""
    now = datetime.fromtimestamp(small.clock.now(), UTC)
    years = small.lists().years(now)
    counts = small.activity.contributions()
    assert set(years) == {day.year for day in counts}
    assert list(years) == sorted(years, reverse=True)
    totals = small.lists().totals({year: year_window(year, now) for year in years})
    assert totals == {
        year: sum(count for day, count in counts.items() if day.year == year) for year in years
    }


def test_commits_with_odd_dates_end_no_run(small: World) -> None:
    """Commits may claim any date: years that are still to come are not asked for."""

    def odd(request: Request, answer: Answer) -> Response:
        value = json.loads(answer(request).body)
        value["data"]["user"]["contributionsCollection"]["contributionYears"].insert(0, 2099)
        return Response.json(value)

    small.app.inject(odd, asks("contributionYears"))
    report = small.run()
    assert (report.processed, report.partial) == (3, None)


@pytest.mark.parametrize("year", [0, -1, 10000])
def test_a_year_that_no_calendar_has_is_malformed(small: World, year: int) -> None:
    """It was a traceback."""
    years = {"contributionsCollection": {"contributionYears": [year]}}
    small.app.inject(reply(200, json.dumps({"data": {"user": years}})), asks("contributionYears"))
    with pytest.raises(Malformed, match="contributionYears"):
        small.run()


def test_days_are_those_of_the_calendar(small: World) -> None:
    """Each day of the window is there, with its contributions."""
    now = datetime.fromtimestamp(small.clock.now(), UTC)
    days = {day.date: day.count for day in small.lists().days(trailing_year(now))}
    counts = small.activity.contributions()
    expected = {TODAY - timedelta(days=n): counts[TODAY - timedelta(days=n)] for n in range(365)}
    assert expected.items() <= days.items()


def test_a_repository_is_looked_up_by_its_former_name(small: World) -> None:
    """What was asked for is the key, in lower case; what does not exist has none."""
    repository = small.activity.repositories[0]
    repository.former_names, repository.name = ("octo-dev/tools",), "instruments"
    result = small.lists().look_up(["Octo-Dev/Web-App", "octo-dev/tools", "octo-dev/no", "no name"])
    assert {name: found.full_name for name, found in result.found.items()} == {
        "octo-dev/web-app": "octo-dev/web-app",
        "octo-dev/tools": "octo-dev/instruments",
    }


def test_a_repository_that_two_lists_name_is_found_once(small: World) -> None:
    """The lists of recent repositories and of the years overlap."""
    now = datetime.fromtimestamp(small.clock.now(), UTC)
    found = FoundRepositories()
    small.lists().contributed_to(found)
    listed = dict(found.repositories)
    small.lists().committed_to([trailing_year(now)], found)
    assert len(listed) == 3
    assert found.repositories == listed
    assert (found.hidden, found.unlisted) == (HiddenRepositories(), False)
    assert found.missing == []


def test_a_page_that_is_not_as_documented_names_the_field_only(small: World) -> None:
    """The value of the field, which the message keeps to itself, may be a private name."""

    def broken(request: Request, answer: Answer) -> Response:
        value = json.loads(answer(request).body)
        value["data"]["user"]["repositoriesContributedTo"]["nodes"][0]["nameWithOwner"] = "hush"
        return Response.json(value)

    small.app.inject(broken, asks(LIST))
    with pytest.raises(Malformed, match=r"nodes\.0\.nameWithOwner") as caught:
        small.lists().contributed_to(FoundRepositories())
    assert "hush" not in str(caught.value)
