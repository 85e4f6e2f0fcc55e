"""What is said when GitHub refuses the token, or something else answers in its place."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from datafetch.errors import DatafetchError
from datafetch.github.job import refresh_github
from datafetch.github.refusals import TokenFacts, other_place
from datafetch.models.run import JobReport, RunOptions
from datafetch.upstream_errors import Denied, Malformed, Missing, UpstreamError
from tests.fakes.base import App, Response
from tests.fakes.faults import redirect, reply
from tests.fakes.github_data import Repository
from tests.github.world import TODAY, World, asks, worked

CLASSIC = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
FINE = "github_pat_0123456789ABCDEFGHIJ_fake"
OF_A_WORKFLOW = "ghs_0123456789abcdefghijABCDEFGHIJ012345"


def run(world: World, *, only: tuple[str, ...] = (), **settings: Any) -> JobReport:
    """One run with other settings."""
    context = world.context(RunOptions(only=only))
    return refresh_github(replace(context, settings=replace(context.settings, **settings)))


def refused(world: World, **settings: Any) -> UpstreamError:
    """The error of a run that GitHub refuses."""
    with pytest.raises(UpstreamError) as caught:
        run(world, **settings)
    return caught.value


def test_the_variable_that_holds_a_refused_token_is_named(small: World) -> None:
    """Three variables may hold it: who has two set learns which of them is the bad one."""
    small.app.inject(reply(401, '{"message": "Bad credentials"}'), "/graphql")
    error = refused(small, token_name="GITHUB_ACCESS_TOKEN_COMMIT_GRAPH_FILE")
    assert "token in GITHUB_ACCESS_TOKEN_COMMIT_GRAPH_FILE: Bad credentials" in str(error)
    for word in ("expired", "/settings/tokens", "repo and read:user", "Metadata and Contents"):
        assert word in error.hint


@pytest.mark.parametrize(
    ("token", "word"),
    [
        (FINE, "fine-grained token, which is for the repositories of one owner"),
        ("abc", "does not look like a token of GitHub's (ghp_…, github_pat_…)"),
        (CLASSIC, "expired"),
        ("0123456789abcdef0123456789abcdef01234567", "expired"),
    ],
)
def test_what_can_be_told_of_a_token_without_showing_it_is_told(token: str, word: str) -> None:
    """Its kind, and whether it is one at all; never its value."""
    facts = TokenFacts.of(token, "GITHUB_TOKEN", in_workflow=False)
    assert token not in repr(facts)
    assert facts.like_a_token == (token != "abc")
    assert facts.fine_grained == (token == FINE)
    assert ("one owner" in facts.advice) == ("one owner" in word)


def test_a_text_that_is_no_token_is_told_from_one_that_expired(small: World) -> None:
    """Half a token, or a password, will not begin to work by waiting."""
    context = small.context(token="my password")
    with pytest.raises(Denied) as caught:
        refresh_github(context)
    assert "does not look like a token" in caught.value.hint
    assert "expired" not in caught.value.hint
    assert "my password" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (
            {"X-OAuth-Scopes": "gist, user:email", "X-Accepted-OAuth-Scopes": "repo"},
            "the token has the scopes gist, user:email, GitHub wants the scopes repo",
        ),
        ({"X-OAuth-Scopes": ""}, "the token has no scopes"),
        (
            {"X-Accepted-GitHub-Permissions": "contents=read; metadata=read"},
            "GitHub wants the permissions contents=read; metadata=read",
        ),
        ({}, "not accessible"),
    ],
)
@pytest.mark.parametrize("way", ["REST", "GraphQL"])
def test_rights_that_github_names_are_told(
    small: World, headers: dict[str, str], said: str, way: str
) -> None:
    """What the token has and what it lacks stand in GitHub's headers, of a 403 and of an error."""
    words = "Resource not accessible by personal access token"
    if way == "REST":
        small.app.inject(reply(403, json.dumps({"message": words}), headers), "/graphql")
    else:
        body = json.dumps({"errors": [{"type": "INSUFFICIENT_SCOPES", "message": words}]})
        small.app.inject(reply(200, body, headers), "/graphql")
    error = refused(small)
    assert words in str(error)
    assert said in str(error)
    assert "read:user" in error.hint


def test_headers_of_rights_are_shown_in_one_short_line(small: World) -> None:
    """They come from outside: no control characters, no page of text."""
    headers = {"X-Accepted-GitHub-Permissions": "a\x1b[31m" + "b" * 9000}
    small.app.inject(reply(403, "{}", headers), "/graphql")
    assert len(str(refused(small))) < 500
    assert "\x1b" not in str(refused(small))


@pytest.mark.parametrize(
    ("message", "what_to_do"),
    [
        ("organization has an IP allow list enabled, and your IP address is", "Run it from an add"),
        ("`acme` forbids access via a personal access token (classic).", "make a fine-grained one"),
        ("forbids access via a fine-grained token if its lifetime is greater", "shorter lifetime"),
    ],
)
def test_each_rule_of_an_organization_has_its_way_out(
    small: World, message: str, what_to_do: str
) -> None:
    """An address, a kind of token and a lifetime are three different things to change."""
    small.app.inject(reply(403, json.dumps({"message": message})), "/graphql")
    assert what_to_do in refused(small).hint


def test_the_token_of_a_workflow_is_said_to_see_one_repository_only(small: World) -> None:
    """With Actions' own token a run succeeds, and lacks everything private."""
    small.app.token = OF_A_WORKFLOW
    context = small.context(token=OF_A_WORKFLOW)
    (note,) = refresh_github(
        replace(context, settings=replace(context.settings, in_workflow=True))
    ).notes
    assert "GITHUB_TOKEN holds the workflow's own token" in note
    assert "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH" in note
    assert small.run(token=OF_A_WORKFLOW).notes == (), "an app's token, outside of a workflow"


# ------------------------------------------------------- what is not GitHub's API


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, "<html><title>Not here</title>", "text/html"),
        (405, "", "text/plain"),
        (200, "<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8"),
        (403, "<html>denied</html>", "text/html"),
        (401, "<html>log in</html>", "text/html"),
    ],
)
def test_another_place_than_the_api_is_named_with_the_setting(
    small: World, status: int, body: str, kind: str
) -> None:
    """Enterprise without `/api/v3` answers with web pages; it was "not JSON", or a bad token."""
    small.app.inject(reply(status, body, {"Content-Type": kind}), "/graphql")
    error = refused(small)
    assert isinstance(error, Malformed)
    assert f"GITHUB_API_URL={small.server.url} does not answer as GitHub's API" in str(error)
    assert f"status {status}" in str(error)
    assert f"{small.server.url}/api/v3" in error.hint
    assert "token" not in str(error)
    assert small.files() == {}


def test_a_limit_that_comes_as_a_page_is_a_limit(small: World) -> None:
    """GitHub's answer to too much haste may be a page for people."""
    page = reply(403, "<html>Whoa there!</html>", {"Content-Type": "text/html", "Retry-After": "5"})
    small.app.inject(page, "/graphql", times=1)
    assert small.run().partial is None
    assert small.clock.slept == [5]


@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_to_another_origin_says_what_to_set(small: World, status: int) -> None:
    """No token is sent there; it was told as a token that GitHub does not accept."""

    class Other(App):
        def answer(self, request: object) -> Response:
            return Response.json({"message": "Requires authentication"}, 401)

    with Other().served() as other:
        small.app.inject(redirect(f"{other.url}/graphql", status), "/graphql")
        error = refused(small)
        assert f"redirects to {other.url}, where no token is sent" in str(error)
        assert f"Set GITHUB_API_URL={other.url} if that is your server" in error.hint


def test_a_page_in_place_of_github_itself_is_a_proxy_s() -> None:
    """Who has not set `GITHUB_API_URL` cannot have set it wrongly."""
    url = "https://api.github.com"
    error = other_place(url, f"{url}/graphql", f"{url}/graphql", 200, "a web page")
    assert "HTTPS_PROXY" in error.hint
    assert "/api/v3" not in error.hint


# ------------------------------------------------------------------- the owner


def test_an_organization_is_told_from_a_login_that_nobody_has(small: World) -> None:
    """Both are no user to GitHub; each has its own way out."""
    small.activity.repositories.append(worked(9, "site", owner="acme"))
    with pytest.raises(Missing, match="GITHUB_REPO_OWNER=acme: this is an organization") as caught:
        run(small, owner="acme")
    assert "login of a person" in caught.value.hint
    with pytest.raises(Missing, match="GITHUB_REPO_OWNER=nobody: GitHub knows no such login"):
        run(small, owner="nobody")
    assert small.files() == {}


def test_github_may_say_by_an_error_that_there_is_no_such_owner(small: World) -> None:
    """The second question is answered as the first one was."""
    body = {"data": None, "errors": [{"type": "NOT_FOUND", "path": ["repositoryOwner"]}]}
    small.app.inject(reply(200, json.dumps(body)), asks("repositoryOwner"))
    with pytest.raises(Missing, match="knows no such login"):
        run(small, owner="nobody")


def test_a_login_without_contributions_is_said(small: World) -> None:
    """An empty calendar is no error, but most often somebody else's login."""
    small.activity.repositories.clear()
    assert any(
        note.startswith("GITHUB_REPO_OWNER=octo-dev: GitHub counts no contributions")
        for note in small.run().notes
    )


# ------------------------------------------------- what was asked for by name


@pytest.mark.parametrize(
    ("name", "said", "what_to_do"),
    [
        ("tools", "--repo tools: not OWNER/NAME", "https://github.com/OWNER/NAME"),
        ("https://github.com/octo-dev/tools", "not OWNER/NAME", "Write --repo octo-dev/tools"),
        ("git@github.com/octo-dev/tools.git", "not OWNER/NAME", "Write --repo octo-dev/tools"),
        ("octo-dev/none", "--repo octo-dev/none: GitHub has no such", "Check the spelling"),
        ("octo-dev/copy", "--repo octo-dev/copy: a fork", "forked from"),
        ("octo-dev/web-app", "--repo octo-dev/web-app: excluded by GITHUB_EXCLUDE", "Take it out"),
    ],
)
def test_a_named_repository_that_cannot_be_asked_for_has_its_sentence(
    small: World, name: str, said: str, what_to_do: str
) -> None:
    """Unknown, malformed, excluded, or a fork: each says what to type instead."""
    small.activity.repositories.append(worked(9, "copy", fork=True))
    with pytest.raises(DatafetchError) as caught:
        run(small, only=(name,), exclude=frozenset({"octo-dev/web-app"}))
    assert said in str(caught.value)
    assert what_to_do in caught.value.hint


def test_an_exclusion_that_matches_nothing_is_said(small: World) -> None:
    """A misspelt name excluded nothing, and nobody noticed. Forks and what is hidden do match."""
    small.activity.repositories.append(worked(8, "copy", fork=True))
    notes = small.run(exclude="octo-dev/tols octo-dev/tools octo-dev/copy acme/*").notes
    assert notes == (
        (
            "GITHUB_EXCLUDE: acme/*, octo-dev/tols match no repository: check the spelling, or take it"
            " out"
        ),
    )
    small.activity.repositories.append(worked(9, "site", owner="acme", hidden="saml"))
    assert small.run(exclude="acme/*").notes == ()


def test_an_exclusion_may_be_of_what_github_only_names(small: World) -> None:
    """It tells the name of a repository that it does not show: an exclusion of that matches."""
    hidden = Repository(9, "acme", "site", hidden="saml")
    hidden.commit(TODAY - timedelta(days=500), 2, 10, 1)
    small.activity.repositories.append(hidden)
    assert small.run(exclude="acme/site").notes == ()
    (note,) = small.run(exclude="acme/site acme/sight").notes
    assert note.startswith("GITHUB_EXCLUDE: acme/sight matches no repository")


def test_an_exclusion_may_be_of_what_github_does_not_name(small: World) -> None:
    """Where GitHub keeps names to itself, nobody can say that an exclusion matches nothing."""
    small.activity.hides_urls = True
    small.activity.repositories.append(worked(9, "site", owner="acme", hidden="saml"))
    assert not any("match" in note for note in small.run(exclude="acme/*").notes)
