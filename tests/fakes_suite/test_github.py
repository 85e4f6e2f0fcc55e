"""The GitHub fake: its schema is a part of GitHub's, its figures follow from the activity, its refusals are GitHub's."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    is_required_argument,
)

from tests.fakes.github import TOKEN, GitHubApp, partial_data, secondary_limit
from tests.fakes.github_data import LOGIN, Activity, Repository, make_activity, sunday_of
from tests.fakes.github_schema import schema

PUBLISHED = Path(__file__).parents[3] / "shared" / "contracts" / "github.graphql"
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CALENDARS = """
query Calendars($login: String!, $from: DateTime, $to: DateTime) {
  user(login: $login) {
    contributionsCollection(from: $from, to: $to) {
      contributionYears
      totalCommitContributions
      contributionCalendar { totalContributions weeks { contributionDays { date contributionCount } } }
      commitContributionsByRepository(maxRepositories: 100) {
        contributions { totalCount }
        repository { nameWithOwner defaultBranchRef { target { ... on Commit { history { totalCount } } } } }
      }
    }
  }
  rateLimit { limit cost remaining resetAt used }
}
"""
PAGE = """
query Page($first: Int, $after: String) {
  viewer {
    repositoriesContributedTo(first: $first, after: $after, includeUserRepositories: true, contributionTypes: [COMMIT]) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id databaseId nameWithOwner owner { login } isFork isPrivate pushedAt }
    }
  }
}
"""


class Client:
    """Asks the fake as a program would."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
        )

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self.http.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
def app() -> GitHubApp:
    """Thirty repositories over eight years."""
    return GitHubApp(make_activity(30, seed=3, today=TODAY), clock=NOW.timestamp)


@pytest.fixture
def client(app: GitHubApp) -> Iterator[Client]:
    """A client with the right token."""
    with app.served() as server:
        client = Client(server.url)
        with client.http:
            yield client


def span(first: date, last: date) -> dict[str, str]:
    """The variables for whole days, both included."""
    return {"login": LOGIN, "from": f"{first}T00:00:00Z", "to": f"{last}T23:59:59Z"}


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published schema is not here")
def test_schema_is_part_of_the_published_one() -> None:
    """A query that the fake accepts is accepted by GitHub."""
    published = build_schema(PUBLISHED.read_text(), assume_valid=True)
    for name, mine in schema().type_map.items():
        theirs = published.type_map.get(name)
        assert type(theirs) is type(mine), name
        if isinstance(mine, GraphQLEnumType):
            assert isinstance(theirs, GraphQLEnumType)
            assert set(mine.values) <= set(theirs.values), name
        if isinstance(mine, GraphQLInputObjectType):
            assert isinstance(theirs, GraphQLInputObjectType)
            assert {k: str(v.type) for k, v in mine.fields.items()} == {
                k: str(v.type) for k, v in theirs.fields.items()
            }
        if name.startswith("__") or not isinstance(mine, GraphQLObjectType | GraphQLInterfaceType):
            continue
        assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
        assert {one.name for one in mine.interfaces} <= {one.name for one in theirs.interfaces}, (
            name
        )
        for field, definition in mine.fields.items():
            original = theirs.fields[field]
            assert str(definition.type) == str(original.type), f"{name}.{field}"
            for argument, given in definition.args.items():
                assert str(given.type) == str(original.args[argument].type), (
                    f"{name}.{field}({argument})"
                )
            needed = {
                argument for argument, one in original.args.items() if is_required_argument(one)
            }
            assert needed <= set(definition.args), f"{name}.{field}"


def test_calendar_and_repositories_follow_from_the_activity(app: GitHubApp, client: Client) -> None:
    """The days of a year, its commits by repository and its total agree with the data they come from."""
    first, last = date(2024, 1, 1), date(2024, 12, 31)
    for fork in (True, False):
        next(one for one in app.activity.repositories if one.fork is fork).commit(
            date(2024, 2, 29), 50
        )
    body = client.ask(CALENDARS, **span(first, last))
    assert "errors" not in body
    collection = body["data"]["user"]["contributionsCollection"]
    weeks = collection["contributionCalendar"]["weeks"]
    days = [day for week in weeks for day in week["contributionDays"]]
    assert [days[0]["date"], days[-1]["date"], len(days)] == ["2024-01-01", "2024-12-31", 366]
    commits = sum(
        one.commits_between(first, last) for one in app.activity.repositories if not one.fork
    )
    others = sum(n for day, n in app.activity.other_contributions.items() if day.year == 2024)
    assert collection["contributionCalendar"]["totalContributions"] == commits + others
    assert sum(day["contributionCount"] for day in days) == commits + others
    assert collection["totalCommitContributions"] == commits
    listed = collection["commitContributionsByRepository"]
    assert sum(one["contributions"]["totalCount"] for one in listed) == commits
    years = {day.year for one in app.activity.repositories if not one.fork for day in one.commits}
    years |= {day.year for day in app.activity.other_contributions}
    assert collection["contributionYears"] == sorted(years, reverse=True)
    assert body["data"]["rateLimit"]["used"] == 1


def test_statistics_agree_with_the_calendar(app: GitHubApp, client: Client) -> None:
    """The weeks of `stats/contributors` hold the same commits as the days, and lines only for weeks with commits."""
    repository = next(
        one for one in app.activity.repositories if one.stats == "weeks" and not one.pending
    )
    found = client.http.get(f"/repos/{repository.full_name}/stats/contributors").json()
    mine = next(one for one in found if one["author"]["login"] == LOGIN)
    assert mine["total"] == repository.commits.total() == sum(week["c"] for week in mine["weeks"])
    by_week: Counter[date] = Counter()
    for day, count in repository.commits.items():
        by_week[sunday_of(day)] += count
    for week in mine["weeks"]:
        start = datetime.fromtimestamp(week["w"], UTC)
        assert (start.weekday(), start.hour) == (6, 0)
        assert week["c"] == by_week[start.date()]
        assert bool(week["a"]) == bool(week["c"])


def test_pages_cover_every_recent_repository_once(app: GitHubApp, client: Client) -> None:
    """Following the cursors meets each repository once; forks and private ones are among them."""
    seen: list[dict[str, Any]] = []
    after = None
    while True:
        page = client.ask(PAGE, first=7, after=after)["data"]["viewer"]["repositoriesContributedTo"]
        seen += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == page["totalCount"] == len({one["id"] for one in seen})
    assert page["totalCount"] < len(app.activity.repositories)
    assert {one["isFork"] for one in seen} == {one["isPrivate"] for one in seen} == {True, False}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"from": "2024-01-01T00:00:00Z", "to": "2025-01-02T00:00:01Z"}, "must not exceed 1 year"),
        ({"from": "2024-01-01", "to": None}, "not a valid DateTime"),
        ({"login": "somebody-else"}, "Could not resolve to a User"),
    ],
    ids=["more-than-a-year", "no-time-zone", "unknown-user"],
)
def test_refuses_as_github_does(client: Client, variables: dict[str, Any], message: str) -> None:
    """What GitHub refuses is an error beside null data, with status 200."""
    body = client.ask(CALENDARS, **{"login": LOGIN, **variables})
    assert body["data"]["user"] is None
    assert message in body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("first", "kind"), [(101, "EXCESSIVE_PAGINATION"), (None, "MISSING_PAGINATION_BOUNDARIES")]
)
def test_pages_have_a_size_of_at_most_100(client: Client, first: int | None, kind: str) -> None:
    """A page size is required and limited."""
    assert client.ask(PAGE, first=first)["errors"][0]["type"] == kind


def test_invalid_queries_are_refused_by_the_schema(client: Client) -> None:
    """A field that does not exist is an error without data, as in a real GraphQL server."""
    body = client.ask("{ viewer { loginn } }")
    assert "data" not in body
    assert "loginn" in body["errors"][0]["message"]


def test_pages_that_are_too_large_for_github_fail_with_502(app: GitHubApp, client: Client) -> None:
    """A client that halves its page size gets through."""
    app.max_first = 50
    sizes = {}
    for first in (100, 50):
        answer = client.http.post("/graphql", json={"query": PAGE, "variables": {"first": first}})
        sizes[first] = answer.status_code
    assert sizes == {100: 502, 50: 200}


def test_statistics_of_special_repositories(app: GitHubApp, client: Client) -> None:
    """202 while pending, zero lines for huge ones, 204 for empty ones, 301 for renamed ones, 404 for gone ones."""
    day = TODAY - timedelta(days=9)
    kinds: dict[str, Repository] = {}
    for number, kind in enumerate(("weeks", "zeros", "absent", "empty", "missing"), start=900):
        kinds[kind] = Repository(number, "acme", kind, stats=kind)  # type: ignore[arg-type]
        kinds[kind].commit(day, 2, 30, 4)
    kinds["weeks"].pending = 2
    kinds["zeros"].former_names = ("acme/old",)
    app.activity = Activity(repositories=list(kinds.values()))

    def ask(name: str) -> httpx2.Response:
        return client.http.get(f"/repos/acme/{name}/stats/contributors")

    assert [ask("weeks").status_code for _ in range(3)] == [202, 202, 200]
    assert ask("weeks").json()[-1]["weeks"][0] | {"w": 0} == {"w": 0, "a": 30, "d": 4, "c": 2}
    assert ask("zeros").json()[-1]["weeks"][0] | {"w": 0} == {"w": 0, "a": 0, "d": 0, "c": 2}
    assert [one["author"]["login"] for one in ask("absent").json()] == ["hubot"]
    assert (ask("empty").status_code, ask("missing").status_code) == (204, 404)
    moved = ask("old")
    assert moved.status_code == 301
    assert client.http.get(moved.headers["location"]).json() == ask("zeros").json()


def test_budgets_are_counted_apart_and_304_is_free(app: GitHubApp, client: Client) -> None:
    """REST and GraphQL have their own limits; a conditional request that matches costs nothing."""
    path = f"/repos/{app.activity.repositories[0].full_name}"
    first = client.http.get(path)
    again = client.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (first.headers["x-ratelimit-remaining"], again.headers["x-ratelimit-remaining"]) == (
        "4999",
        "4999",
    )
    assert (again.status_code, again.content) == (304, b"")
    app.core.exhaust(60)
    refused = client.http.get(path)
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(refused.headers["x-ratelimit-reset"]) == int(NOW.timestamp()) + 60
    assert "errors" not in client.ask("{ viewer { login } }")
    app.graphql.exhaust()
    assert client.ask("{ viewer { login } }")["errors"][0]["type"] == "RATE_LIMITED"


def test_credentials_are_needed(client: Client) -> None:
    """A wrong token is 401 for GraphQL and REST."""
    for method, path in (("POST", "/graphql"), ("GET", "/rate_limit")):
        answer = client.http.request(method, path, headers={"Authorization": "Bearer wrong"})
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_enterprise_paths(app: GitHubApp, client: Client) -> None:
    """The same app answers under the paths of GitHub Enterprise."""
    query = {"query": "{ viewer { login } }"}
    assert client.http.post("/api/graphql", json=query).json() == {
        "data": {"viewer": {"login": LOGIN}}
    }
    assert client.http.get("/api/v3/user").json()["login"] == LOGIN


def test_injected_trouble(app: GitHubApp, client: Client) -> None:
    """Secondary limits and partial data are one call away, and pass."""
    app.inject(secondary_limit("7"), "/user", times=1)
    answers = [client.http.get("/user") for _ in range(2)]
    assert [(one.status_code, one.headers.get("retry-after")) for one in answers] == [
        (403, "7"),
        (200, None),
    ]
    app.inject(partial_data(["viewer", "repositoriesContributedTo"]), "/graphql", times=1)
    body = client.ask(PAGE, first=5)
    assert body["data"] == {"viewer": {"repositoriesContributedTo": None}}
    assert json.dumps(body["errors"][0]["path"]) == '["viewer", "repositoriesContributedTo"]'
