"""GitHub on loopback and a folder to store in: what the tests of the GitHub job share."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from datafetch.github.api import GitHubActivity
from datafetch.github.budget import Budget
from datafetch.github.graphql import GraphQL
from datafetch.github.job import refresh_github
from datafetch.github.link import Link
from datafetch.github.refusals import TokenFacts
from datafetch.github.rest import Statistics
from datafetch.job import JobContext
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.runtime.retry import RetryPolicy
from datafetch.store.base import FilePart, ObjectStore
from datafetch.store.local import LocalStore
from tests.fakes.base import Action, FakeServer, Request
from tests.fakes.faults import reply
from tests.fakes.github import TOKEN, GitHubApp
from tests.fakes.github_data import LOGIN, Activity, Repository, make_activity
from tests.job_settings import github_settings
from tests.support import START, FakeClock, make_context

TODAY = datetime.fromtimestamp(START, UTC).date()
PREFIX = "json/github-activity"


@dataclass
class World:
    """The fake, its server, the clock and the store's folder."""

    app: GitHubApp
    server: FakeServer
    folder: Path
    clock: FakeClock
    today: date = TODAY
    contexts: list[JobContext[GitHubSettings]] = field(default_factory=list)

    @property
    def activity(self) -> Activity:
        """What the developer did."""
        return self.app.activity

    def context(
        self,
        options: RunOptions | None = None,
        *,
        store: ObjectStore | None = None,
        token: str = TOKEN,
        api_path: str = "",
        exclude: str | None = None,
        **more: Any,
    ) -> JobContext[GitHubSettings]:
        """A context for one run; further options are those of `make_context`."""
        context = make_context(
            github_settings(self.server.url + api_path, token, exclude),
            store or self.folder,
            job=JobName.GITHUB,
            options=options,
            clock=self.clock,
            **more,
        )
        self.contexts.append(context)
        return context

    def run(self, options: RunOptions | None = None, **more: Any) -> JobReport:
        """One run as the manager does it: dead letters are loaded before and saved after."""
        context = self.context(options, **more)
        try:
            return refresh_github(context)
        finally:
            if not context.options.dry_run:
                context.dead_letters.save()

    def link(self) -> Link:
        """A link to the fake; it waits for limits of at most a minute."""
        context = self.context()
        return Link(
            http=context.http,
            clock=self.clock,
            budget=Budget("GitHub", self.clock, patience_s=60),
            token=context.settings.token,
            api_url=context.settings.api_url,
            retry=RetryPolicy(total_s=60),
            facts=TokenFacts("GITHUB_TOKEN"),
        )

    def graphql(self) -> GraphQL:
        """The client of the fake's GraphQL."""
        return GraphQL(self.link())

    def lists(self) -> GitHubActivity:
        """What asks the fake for calendars and repositories."""
        return GitHubActivity(self.graphql(), LOGIN)

    def statistics(self) -> Statistics:
        """What asks the fake for statistics."""
        return Statistics(self.link(), LOGIN)

    def json(self, name: str) -> Any:
        """A stored aggregate by its name without suffix."""
        return json.loads((self.folder / PREFIX / f"{name}-test.json").read_bytes())

    def csv(self, name: str) -> Path:
        """Where the CSV of a repository is."""
        return self.folder / PREFIX / "repo_raw_weekly_stats-test" / f"{name}.csv"

    def files(self) -> dict[str, bytes]:
        """Everything that is stored but the journals of the store itself."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
            and path.suffix in (".json", ".csv")
            and "dead-letters" not in str(path)
        }

    def asked(self) -> list[str]:
        """Names in the requests for statistics, in order."""
        return [
            "/".join(request.path.split("/")[2:4])
            for request in self.app.log.all("/stats/contributors")
        ]


class Recorder(LocalStore):
    """A folder that remembers what was written to it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts: list[str] = []

    def put(self, key: str, body: bytes | FilePart, **more: Any) -> str:
        """Remember, and write."""
        self.puts.append(key)
        return super().put(key, body, **more)


@contextmanager
def github_world(
    folder: Path, activity: Activity | None = None, *, today: str | None = None
) -> Iterator[World]:
    """GitHub as of the fake clock's day, or another one."""
    clock = FakeClock()
    if today:
        clock.time = datetime.fromisoformat(f"{today}T08:00:00+00:00").timestamp()
    day = datetime.fromtimestamp(clock.time, UTC).date()
    app = GitHubApp(activity or make_activity(12, today=day, years=3), clock=clock.now)
    with app.served() as server:
        world = World(app, server, folder, clock, day)
        try:
            yield world
        finally:
            for context in world.contexts:
                context.http.close()
                context.store.close()


def one_repository(name: str = "tools", *, owner: str = LOGIN, **more: Any) -> Activity:
    """A developer with a single repository and a few commits in it."""
    return Activity(repositories=[worked(1, name, owner=owner, **more)])


def worked(number: int, name: str, *, owner: str = LOGIN, **more: Any) -> Repository:
    """A repository with work of this year and of last year."""
    repository = Repository(number, owner, name, **more)
    for days, added in ((3, 100), (40, 20), (500, 7)):
        repository.commit(TODAY - timedelta(days=days), 2, added + number, 5)
    return repository


@dataclass(frozen=True)
class Expected:
    """The figures that follow from the fake's data, summed up independently of the package."""

    activity: Activity
    today: date = TODAY

    @property
    def first(self) -> date:
        """The first day of the trailing year."""
        if (self.today.month, self.today.day) == (2, 29):
            return date(self.today.year - 1, 3, 1)
        return self.today.replace(year=self.today.year - 1) + timedelta(days=1)

    def counting(self) -> list[Repository]:
        """Repositories that count: the owner's own work, no forks."""
        return [
            repository
            for repository in self.activity.repositories
            if not repository.fork and (repository.commits or repository.stats == "empty")
        ]

    def weeks(self) -> list[tuple[Repository, date, int, int]]:
        """Each week of each repository that has statistics."""
        return [
            (repository, datetime.fromtimestamp(week["w"], UTC).date(), week["a"], week["d"])
            for repository in self.counting()
            if repository.stats == "weeks"
            for week in repository.weeks()
        ]

    def lines(self, *, trailing: bool) -> tuple[int, int]:
        """Lines added and removed."""
        chosen = [
            (added, removed)
            for _, day, added, removed in self.weeks()
            if not trailing or self.first <= day <= self.today
        ]
        return sum(a for a, _ in chosen), sum(r for _, r in chosen)

    def weekly(self) -> list[dict[str, Any]]:
        """The weekly aggregate."""
        added: Counter[date] = Counter()
        removed: Counter[date] = Counter()
        for _, day, plus, minus in self.weeks():
            added[day] += plus
            removed[day] += minus
        days = sorted({day for _, day, _, _ in self.weeks()})
        return [
            {
                "weekStartDate": day.isoformat(),
                "linesAdded": added[day],
                "linesRemoved": removed[day],
            }
            for day in days
        ]

    def contributions(self, *, trailing: bool) -> int:
        """Contributions of the trailing year, or of all time."""
        return sum(
            count
            for day, count in self.activity.contributions().items()
            if day <= self.today and (not trailing or day >= self.first)
        )


def totals(world: World) -> tuple[int, int, bool]:
    """Lines of all time, and whether they are complete."""
    data = world.json("activity_data")["cumulativeAllTimeData"]
    return data["linesAdded"], data["linesRemoved"], data["dataComplete"]


def push(world: World, index: int = 0) -> None:
    """Work of today in one repository."""
    world.activity.repositories[index].commit(TODAY, 2, 50, 5)


def asks(words: str) -> Callable[[Request], bool]:
    """Matches queries with these words in them."""
    return lambda request: words.encode() in request.body


def too_much(kind: str) -> Action:
    """GitHub's answer to a query that it will not work on."""
    body = {"data": {"user": None}, "errors": [{"type": kind, "path": ["user"], "message": "x"}]}
    return reply(200, json.dumps(body))


def windows_in(request: Request) -> list[tuple[date, date]]:
    """The first and the last day of each window that a query asks for."""
    spans = re.findall(
        rb'from: \\"(\d{4}-\d\d-\d\d)T[^"]*", to: \\"(\d{4}-\d\d-\d\d)T', request.body
    )
    return [(date.fromisoformat(a.decode()), date.fromisoformat(b.decode())) for a, b in spans]


def longest_window_days(request: Request) -> int:
    """The longest window that a query asks for."""
    return max(((last - first).days for first, last in windows_in(request)), default=0)
