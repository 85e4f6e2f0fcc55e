"""One repository that the token may not see costs itself only, wherever GitHub leaves it out."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from datafetch.github.barriers import HiddenRepositories
from datafetch.github.lists import FoundRepositories
from datafetch.github.model import Barrier, TimeWindow
from datafetch.github.rules.calendar import year_window
from datafetch.models.run import JobReport, RunOptions
from datafetch.upstream_errors import Denied, Missing, Rejected
from tests.fakes.base import Action, Answer, Request, Response
from tests.fakes.faults import reply
from tests.fakes.github_data import Activity, Hidden
from tests.github.world import (
    TODAY,
    Expected,
    World,
    asks,
    github_world,
    totals,
    windows_in,
    worked,
)

LIST = "repositoriesContributedTo"
COMMITS = "commitContributionsByRepository"
SAML = (
    "Resource protected by organization SAML enforcement. You must grant your OAuth token access."
)


@pytest.fixture(name="mixed")
def five_repositories(tmp_path: Path) -> Iterator[World]:
    """Three repositories of the login, and two of an organization, of which one is hidden."""
    names = ("tools", "web-app", "data")
    own = [worked(n, name) for n, name in enumerate(names, start=1)]
    acme = [worked(4, "open", owner="acme"), worked(5, "closed", owner="acme", private=True)]
    acme[1].hidden = "saml"
    with github_world(tmp_path, Activity(repositories=own + acme)) as made:
        yield made


def seen_lines(world: World) -> tuple[int, int]:
    """Lines of all time of the repositories that are shown."""
    shown = [one for one in world.activity.repositories if one.hidden is None]
    return Expected(Activity(repositories=shown)).lines(trailing=False)


def window_of(world: World, year: int) -> TimeWindow:
    """A year until the world's day."""
    return year_window(year, datetime.fromtimestamp(world.clock.now(), UTC))


def saml_notes(report: JobReport) -> list[str]:
    """The notes about single sign-on."""
    return [note for note in report.notes if "SAML" in note]


def test_one_repository_behind_sso_hides_no_other(mixed: World) -> None:
    """One repository behind SSO hid all others of its window, and nothing said why."""
    report = mixed.run()
    assert (report.processed, report.changed, report.failed, report.partial) == (4, 4, 0, None)
    assert totals(mixed) == (*seen_lines(mixed), True)
    assert saml_notes(report) == [
        (
            "1 repository is behind SAML single sign-on (a private repository of acme):"
            " authorise the token (Configure SSO at https://github.com/settings/tokens)"
            " or exclude it with GITHUB_EXCLUDE"
        )
    ]
    assert mixed.run().change_detected is False


def test_asking_for_what_one_hidden_repository_takes_away_costs_little(mixed: World) -> None:
    """Its window is read by the URLs of its commits, and their names are looked up at once."""
    mixed.run()
    assert mixed.app.log.count(asks(COMMITS)) == 3
    assert mixed.app.log.count(asks("repository(owner")) == 1


def test_windows_are_halved_until_the_hidden_repository_is_alone(mixed: World) -> None:
    """When GitHub does not even give the URLs, the other days of its year are still read."""
    mixed.activity.hides_urls = True
    found = FoundRepositories()
    mixed.lists().committed_to([window_of(mixed, 2026), window_of(mixed, 2025)], found)
    assert found.repositories == {}, "all worked on the same days"
    day = min(mixed.activity.repositories[0].commits)
    mixed.activity.repositories[0].commit(day.replace(day=day.day - 1), 1, 5, 5)
    mixed.lists().committed_to([window_of(mixed, 2026), window_of(mixed, 2025)], found)
    names = {repository.full_name for repository in found.repositories.values()}
    assert names == {"octo-dev/tools"}
    assert found.missing == []
    assert found.hidden == HiddenRepositories(in_window=Counter({Barrier.SAML: 1}))
    assert mixed.app.log.count(asks(COMMITS)) < 200


def refused(bad: date, path: list[str | int]) -> Action:
    """No query with a window around this day has an answer: `data.user` is null."""

    def act(request: Request, answer: Answer) -> Response:
        if not any(first <= bad <= last for first, last in windows_in(request)):
            return answer(request)
        error = {"type": "FORBIDDEN", "path": path, "message": SAML}
        return Response.json({"data": {"user": None}, "errors": [error]})

    return act


@pytest.mark.parametrize("path", [["user"], []])
def test_a_refusal_that_names_no_window_is_narrowed_down_to_a_day(
    small: World, path: list[str | int]
) -> None:
    """The error leads to the whole user: the windows without the refused day are still read."""
    small.app.inject(refused(TODAY - timedelta(days=40), path), asks(COMMITS))
    found = FoundRepositories()
    small.lists().committed_to([window_of(small, 2026), window_of(small, 2025)], found)
    assert len(found.repositories) == 3
    assert found.missing == []
    assert found.hidden.in_window == {Barrier.SAML: 1}
    assert small.app.log.count(asks(COMMITS)) < 50


def test_windows_that_are_all_refused_are_not_halved_without_end(small: World) -> None:
    """GitHub is asked little, and the run says that stretches of time are missing."""
    body = {"data": {"user": None}, "errors": [{"type": "FORBIDDEN", "path": ["user"]}]}
    small.app.inject(reply(200, json.dumps(body)), asks(COMMITS))
    report = small.run()
    assert report.partial
    assert "did not name the repositories of some stretches of time" in report.partial
    assert report.processed == 3, "the list of recent repositories has them"
    assert small.app.log.count(asks(COMMITS)) < 700


def test_the_windows_beside_a_refused_one_are_asked_for_together(tmp_path: Path) -> None:
    """An error that names its window takes the others of the query away, but does not refuse them."""
    hidden = worked(1, "closed", owner="acme", hidden="saml")
    shown = worked(2, "tools")
    for year in range(2018, 2025):
        shown.commit(date(year, 6, 1), 1, 1, 1)
    with github_world(tmp_path, Activity(repositories=[hidden, shown])) as world:
        found = FoundRepositories()
        windows = [window_of(world, year) for year in (2025, 2024, 2023, 2022, 2021)]
        world.lists().committed_to(windows, found)
        assert [one.full_name for one in found.repositories.values()] == ["octo-dev/tools"]
        assert world.app.log.count(asks(COMMITS)) == 3
        assert found.hidden.named == {"acme/closed": Barrier.SAML}


def test_a_list_that_is_null_beside_its_error_is_asked_for_otherwise(small: World) -> None:
    """However far up GitHub lets the null go, the run goes on."""

    def nulled(request: Request, answer: Answer) -> Response:
        value = json.loads(answer(request).body)
        value["data"]["user"]["a0"][COMMITS] = None
        path = ["user", "a0", COMMITS, 0, "repository"]
        value["errors"] = [{"type": "FORBIDDEN", "path": path, "message": SAML}]
        return Response.json(value)

    small.app.inject(nulled, asks("url repository"), times=2)
    report = small.run()
    assert (report.processed, report.partial) == (3, None)


def entry_left_out(kind: str | None) -> Action:
    """The second entry of the first window is null beside its error, the others are there."""

    def act(request: Request, answer: Answer) -> Response:
        value = json.loads(answer(request).body)
        value["data"]["user"]["a0"][COMMITS][1]["repository"] = None
        path = ["user", "a0", COMMITS, 1, "repository"]
        error = {"path": path, "message": SAML} | ({"type": kind} if kind else {})
        value["errors"] = [error]
        return Response.json(value)

    return act


@pytest.mark.parametrize("kind", ["FORBIDDEN", "INSUFFICIENT_SCOPES", "DMCA", "INTERNAL", None])
def test_an_entry_that_is_null_beside_its_error_costs_itself(
    small: World, kind: str | None
) -> None:
    """Whatever the error's type: the others of the window are read, and nothing is asked twice."""
    found = FoundRepositories()
    small.app.inject(entry_left_out(kind), asks(COMMITS), times=1)
    small.lists().committed_to([window_of(small, 2026)], found)
    assert len(found.repositories) == 3, "the one that was null has been looked up by its URL"
    assert small.app.log.count(asks(COMMITS)) == 1


def test_null_entries_without_a_name_are_counted(small: World) -> None:
    """An entry that is wholly null cannot be named, but the user hears of it."""

    def nulled(request: Request, answer: Answer) -> Response:
        value = json.loads(answer(request).body)
        user = value["data"]["user"]
        for place in user:
            user[place][COMMITS][0] = None
        return Response.json(value)

    small.app.inject(nulled, asks(COMMITS))
    report = small.run()
    assert any("the token may not see 1 repository:" in note for note in report.notes)
    assert report.processed == 3, "the list of recent repositories has it"


def page_left_out(kind: str | None, path: list[str | int], *, bad: int) -> Action:
    """No page that has the repository at this place (from 1) is answered."""

    def act(request: Request, answer: Answer) -> Response:
        variables = request.json()["variables"]
        start = int((variables["after"] or "cursor:0").removeprefix("cursor:"))
        if not start < bad <= start + variables["first"]:
            return answer(request)
        error = {"path": path, "message": SAML} | ({"type": kind} if kind else {})
        return Response.json({"data": {"user": None}, "errors": [error]})

    return act


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("FORBIDDEN", ["user", LIST, "nodes", 2]),
        ("FORBIDDEN", ["user"]),
        (None, ["user", LIST, "nodes", 2, "isPrivate"]),
        ("INTERNAL", ["user", LIST, "nodes", 2]),
    ],
)
def test_a_page_that_is_taken_away_is_halved_and_the_offender_skipped(
    small: World, kind: str | None, path: list[str | int]
) -> None:
    """`data.user: null` beside the error: smaller pages, until the repository is alone."""
    small.app.inject(page_left_out(kind, path, bad=2), asks("nodes {"))
    found = FoundRepositories()
    small.lists().contributed_to(found)
    names = {repository.full_name for repository in found.repositories.values()}
    assert names == {"octo-dev/tools", "octo-dev/data"}
    assert sum(found.hidden.listed.values()) == 1
    assert not found.unlisted


def test_a_list_whose_pages_are_all_refused_is_given_up(tmp_path: Path) -> None:
    """The calendars name the repositories; the list is not paged one by one for ever."""
    repositories = [worked(n, f"tool-{n}") for n in range(1, 41)]

    def act(request: Request, answer: Answer) -> Response:
        error = {"type": "FORBIDDEN", "path": ["user"], "message": SAML}
        return Response.json({"data": {"user": None}, "errors": [error]})

    with github_world(tmp_path, Activity(repositories=repositories)) as world:
        world.app.inject(act, asks("nodes {"))
        found = FoundRepositories()
        world.lists().contributed_to(found)
        assert found.unlisted
        assert world.app.log.count(asks(LIST)) < 200


def test_a_list_that_is_refused_as_a_whole_is_made_up_for_by_the_calendars(small: World) -> None:
    """Not even where its pages end is told."""
    refused = json.dumps(
        {
            "data": {"user": None},
            "errors": [{"type": "FORBIDDEN", "path": ["user"], "message": SAML}],
        }
    )
    small.app.inject(reply(200, refused), asks(LIST))
    report = small.run()
    assert (report.processed, report.partial) == (3, None)
    assert any("could not list" in note for note in report.notes)


def test_an_error_about_the_whole_login_is_a_clear_failure(small: World) -> None:
    """A login that does not exist, or an organization, is not halved for ever."""
    small.activity.login = "acme"
    with pytest.raises(Missing, match="octo-dev"):
        small.run()
    assert len(small.app.log.all("/graphql")) == 2


def test_a_user_that_is_null_without_a_reason_is_unknown(small: World) -> None:
    """An organization as owner: the message says that a login of a person is wanted."""
    small.app.inject(reply(200, '{"data": {"user": null}}'), "/graphql")
    with pytest.raises(Missing, match="GITHUB_REPO_OWNER") as caught:
        small.run()
    assert "organization" in caught.value.hint


def test_missing_scopes_of_the_token_are_named_with_what_it_needs(small: World) -> None:
    """GitHub's own words, and the permissions, instead of a status."""
    words = "Your token has not been granted the required scopes to execute this query."
    body = json.dumps({"errors": [{"type": "INSUFFICIENT_SCOPES", "message": words}]})
    small.app.inject(reply(200, body), "/graphql")
    with pytest.raises(Denied, match="required scopes") as caught:
        small.run()
    assert "read:user" in caught.value.hint


@pytest.mark.parametrize("hidden", ["saml", "rules", "dmca", "rights"])
def test_each_reason_is_said_in_the_result(mixed: World, hidden: Hidden) -> None:
    """Whoever reads the result knows why a repository is not among the others, and what to do."""
    mixed.activity.repositories[4].hidden = hidden
    (note,) = [note for note in mixed.run().notes if "GITHUB_EXCLUDE" in note]
    reasons = {
        "saml": "behind SAML single sign-on",
        "rules": "an organization's rules",
        "dmca": "blocked by GitHub",
        "rights": "the token may not see 1 repository",
    }
    assert reasons[hidden] in note
    assert "closed" not in note


def test_a_repository_that_is_hidden_later_keeps_its_lines(mixed: World) -> None:
    """Single sign-on begins: the stored CSV counts, sums stay complete, and it heals by itself."""
    closed = mixed.activity.repositories[4]
    closed.hidden = None
    mixed.run()
    before = totals(mixed)
    closed.hidden = "saml"
    mixed.app.log.clear()
    report = mixed.run()
    assert totals(mixed) == before
    assert mixed.asked() == []
    assert (report.processed, report.failed, report.partial) == (5, 0, None)
    assert len(saml_notes(report)) == 1
    assert "a private repository of acme" in saml_notes(report)[0]
    mixed.run(RunOptions(force=True))
    assert len(mixed.asked()) == 4, "all but the hidden one"
    closed.hidden = None
    closed.commit(mixed.today, 1, 1000, 0)
    assert saml_notes(mixed.run()) == []
    assert totals(mixed) == (before[0] + 1000, before[1], True)


def test_a_public_repository_that_is_hidden_is_named(mixed: World) -> None:
    """The name of a public repository is no secret."""
    mixed.activity.repositories[4].hidden = None
    mixed.run()
    mixed.activity.repositories[3].hidden = "saml"
    assert saml_notes(mixed.run()) == [
        (
            "1 repository is behind SAML single sign-on (acme/open):"
            " authorise the token (Configure SSO at https://github.com/settings/tokens)"
            " or exclude it with GITHUB_EXCLUDE"
        )
    ]


def test_errors_of_windows_that_are_no_repository_s_fail_the_run(small: World) -> None:
    """Partial data is not used where it is not sure what it lacks."""
    body = {"data": {"user": None}, "errors": [{"message": "Something went wrong"}]}
    small.app.inject(reply(200, json.dumps(body)), asks(COMMITS))
    with pytest.raises(Rejected, match="Something went wrong") as caught:
        small.run()
    assert "next run tries again" in caught.value.hint
    assert small.files() == {}
