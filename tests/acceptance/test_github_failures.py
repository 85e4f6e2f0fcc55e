"""GitHub failing in every way it knows: exit code, message, what stays stored, and the run after."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.base import FakeServer
from tests.fakes.faults import cut, reply
from tests.fakes.github import TOKEN, GitHubApp, partial_data, secondary_limit
from tests.fakes.github_data import LOGIN, Activity, Repository
from tests.processes import Finished, datafetch

STATS = "/stats/contributors"
TOOLS = "/octo-dev/tools/stats"
NAMES = ("tools", "web-app", "data", "secret-plans")


def _activity() -> Activity:
    """Four repositories with work of this year; the last one is private."""
    today = datetime.now(UTC).date()
    activity = Activity(repositories=[])
    for number, name in enumerate(NAMES, start=1):
        repository = Repository(number, LOGIN, name, private=name == "secret-plans")
        for days in (20, 40, 200):
            repository.commit(today - timedelta(days=days), 2, 100 * number, 10)
        activity.repositories.append(repository)
    return activity


@dataclass
class GitHub:
    """A GitHub that works, and the ways to break it."""

    app: GitHubApp
    server: FakeServer
    variables: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()

    def run(self, cwd: Path, *arguments: str, **variables: str) -> Finished:
        """The command on the folder's store."""
        environment = {
            "DATAFETCH_STORE": "file:./store",
            "DATAFETCH_ENV": "test",
            "DATAFETCH_RETRY_MAX_SECONDS": "1",
            "GITHUB_API_URL": self.server.url,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPO_OWNER": LOGIN,
            "GITHUB_STATS_PENDING_DELAY_MS": "1",
        }
        return datafetch("github", *arguments, cwd=cwd, **environment | variables)

    def push(self, *indexes: int, days_ago: int = 1) -> None:
        """Work in these repositories."""
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        for index in indexes:
            self.app.activity.repositories[index].commit(day, 1, 50, 5)

    def lines(self) -> tuple[int, int]:
        """Lines of all that was done."""
        done = [pair for one in self.app.activity.repositories for pair in one.lines.values()]
        return sum(added for added, _ in done), sum(removed for _, removed in done)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as a good run leaves it; copied for each test."""
    folder = tmp_path_factory.mktemp("filled")
    with GitHubApp(_activity()).served() as server:
        assert isinstance(server.app, GitHubApp)
        done = GitHub(server.app, server).run(folder)
    assert done.code == 0, done.err
    return folder / "store"


@pytest.fixture
def github(tmp_path: Path, filled: Path) -> Iterator[GitHub]:
    """The same GitHub again, with the store of the good run."""
    shutil.copytree(filled, tmp_path / "store")
    app = GitHubApp(_activity())
    with app.served() as server:
        yield GitHub(app, server)


def _activity_data(cwd: Path) -> Any:
    return json.loads((cwd / "store/json/github-activity/activity_data-test.json").read_text())


def _published(cwd: Path) -> dict[str, bytes]:
    root = cwd / "store/json/github-activity"
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


Break = Callable[[GitHub], None]


def _at(where: str, action: Any) -> Break:
    def act(github: GitHub) -> None:
        github.app.inject(action, where)

    return act


def _pending(github: GitHub) -> None:
    github.app.activity.repositories[0].pending = float("inf")


def _setting(name: str, value: str) -> Break:
    return lambda github: github.variables.update({name: value})


def _asking_for(name: str) -> Break:
    def act(github: GitHub) -> None:
        github.arguments = ("--repo", name)

    return act


WORDS = secondary_limit(None, 403)
RESET = reply(429, "{}", {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(2**32)})
LIMITED = reply(200, json.dumps({"errors": [{"type": "RATE_LIMITED", "message": "exceeded"}]}))
YEAR = partial_data(["user", "a0"])

PARTIAL = {
    "202 for ever": (
        _pending,
        "still computes the statistics of 1 repository (octo-dev/tools): run `datafetch github`",
    ),
    "403 until later": (_at(STATS, secondary_limit("900")), "secondary limit for REST lasts until"),
    "403 in words only": (_at(STATS, WORDS), "2 repositories are left: run `datafetch github`"),
    "429 bare": (_at(STATS, reply(429)), "secondary limit for REST lasts until"),
    "429 with reset": (_at(STATS, RESET), "REST limit is used up until 20"),
    "a body cut short": (
        _at(TOOLS, cut(20)),
        "could not be read (stored lines count): octo-dev/tools (",
    ),
    "a body cut short, what to type": (_at(TOOLS, cut(20)), "`datafetch github --repo octo-dev/t"),
    "private 404": (
        _at("/secret-plans/stats", reply(404)),
        "a private repository (404); `datafetch github --repo OWNER/NAME`",
    ),
}
FAILED = {
    "a bad token": (
        _setting("GITHUB_TOKEN", "wrong-token"),
        "does not accept the token in GITHUB_TOKEN: Bad credentials",
    ),
    "a login that nobody has": (
        _setting("GITHUB_REPO_OWNER", "nobody-here"),
        "GITHUB_REPO_OWNER=nobody-here: GitHub knows no such login",
    ),
    "403 in words only": (_at("/graphql", WORDS), "secondary limit for GraphQL lasts until"),
    "type RATE_LIMITED": (_at("/graphql", LIMITED), "GraphQL limit is used up until"),
    "a body cut short": (_at("/graphql", cut(30)), "/graphql"),
    "errors with partial data": (_at("/graphql", YEAR), "GitHub refused the query (INTERNAL)"),
    "a repository that is not there": (
        _asking_for("octo-dev/no-such"),
        "--repo octo-dev/no-such: GitHub has no such repository",
    ),
    "what to type after a limit": (_at("/graphql", WORDS), "Run `datafetch github` again"),
}


def _heals(github: GitHub, cwd: Path) -> None:
    """The next run, with nothing wrong and one more push, has everything."""
    github.app.heal()
    github.push(0, 3, days_ago=0)
    for repository in github.app.activity.repositories:
        repository.pending = 0
    done = github.run(cwd)
    assert done.code == 0, done.err[-3000:]
    data = _activity_data(cwd)["cumulativeAllTimeData"]
    assert (data["linesAdded"], data["linesRemoved"]) == github.lines()
    assert data["dataComplete"] is True


@pytest.mark.parametrize(("broken", "message"), PARTIAL.values(), ids=PARTIAL.keys())
def test_what_cannot_be_read_keeps_its_lines(
    tmp_path: Path, github: GitHub, broken: Break, message: str
) -> None:
    """Statistics that fail are exit 0, partial, and named; lines stay and the calendar moves on."""
    before = _activity_data(tmp_path)
    github.push(0, 3)
    broken(github)
    done = github.run(tmp_path)
    assert done.code == 0, done.err[-3000:]
    assert "partial" in done.out
    assert message in done.out
    assert "secret" not in done.out + done.err
    after = _activity_data(tmp_path)
    assert after["trailingYearData"]["totalContributions"] == 2 * 3 * len(NAMES) + 2
    for part in ("trailingYearData", "cumulativeAllTimeData"):
        for name in ("linesAdded", "linesRemoved"):
            assert after[part][name] >= before[part][name]
        assert after[part]["dataComplete"] is True
    _heals(github, tmp_path)


@pytest.mark.parametrize(("broken", "message"), FAILED.values(), ids=FAILED.keys())
def test_what_stops_a_run_changes_nothing(
    tmp_path: Path, github: GitHub, broken: Break, message: str
) -> None:
    """A run that could read nothing is exit 1 with its reason, and no published byte is touched."""
    before = _published(tmp_path)
    github.push(0, 3)
    broken(github)
    done = github.run(tmp_path, *github.arguments, **github.variables)
    assert done.code == 1, done.err[-3000:]
    assert message in done.out
    assert "Traceback" not in done.err
    assert "wrong-token" not in done.out + done.err
    assert "secret" not in done.out + done.err
    assert _published(tmp_path) == before
    _heals(github, tmp_path)


def test_large_pages_that_fail_cost_requests_only(tmp_path: Path, github: GitHub) -> None:
    """502 at large pages: smaller ones are asked for, and the run is a success."""
    github.push(0)
    github.app.max_first = 25
    done = github.run(tmp_path, "--json")
    assert done.code == 0, done.err[-3000:]
    assert done.result("github-activity")["status"] == "succeeded"
    data = _activity_data(tmp_path)["cumulativeAllTimeData"]
    assert (data["linesAdded"], data["linesRemoved"]) == github.lines()


def test_a_renamed_and_a_deleted_repository_keep_their_lines(
    tmp_path: Path, github: GitHub
) -> None:
    """One CSV moves to the new name; the other stays, its repository is named, and both count."""
    lines = github.lines()
    renamed, deleted = github.app.activity.repositories[:2]
    renamed.former_names, renamed.name = ("octo-dev/tools",), "instruments"
    github.app.activity.repositories.remove(deleted)
    github.app.activity.other_contributions = Counter(deleted.commits)
    done = github.run(tmp_path)
    assert done.code == 0, done.err[-3000:]
    assert "no longer at GitHub (stored lines count): octo-dev/web-app" in done.out
    folder = tmp_path / "store/json/github-activity/repo_raw_weekly_stats-test"
    assert sorted(path.stem for path in folder.glob("*.csv")) == [
        f"octo-dev_{name}" for name in ("data", "instruments", "secret-plans", "web-app")
    ]
    data = _activity_data(tmp_path)["cumulativeAllTimeData"]
    assert (data["linesAdded"], data["linesRemoved"]) == lines


def test_a_named_private_repository_is_asked_without_being_named(
    tmp_path: Path, github: GitHub
) -> None:
    """`--repo` for a private one works; logs above debug have it nowhere."""
    done = github.run(tmp_path, "--repo", "octo-dev/secret-plans", "--json")
    assert done.code == 0, done.err[-3000:]
    assert github.app.log.count("secret-plans/stats") == github.app.log.count(STATS) == 1
    assert "secret" not in done.out + done.err
