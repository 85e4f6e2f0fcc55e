"""A developer's activity from which every figure of the GitHub fake follows, and a maker of plausible ones."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

LOGIN = "octo-dev"
_WORDS = (
    "atlas",
    "beacon",
    "cobalt",
    "drift",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "iris",
    "juniper",
    "kestrel",
    "lumen",
)
_ROLES = (
    "frontend", "web-app", "ui-kit", "api", "backend-service", "data-pipeline", "etl_jobs", "ml.models", "docs", "cli",
    "ReactClient", "emails", "rapid-notes", "maintainer-tools",
)  # fmt: skip
_OWNERS = (LOGIN, LOGIN, LOGIN, LOGIN, "acme-labs", "northwind")

Stats = Literal["weeks", "zeros", "absent", "empty", "missing"]
"""What `stats/contributors` says: weekly lines; weeks without lines (10,000 commits and more); others' weeks only; 204; 404."""

Hidden = Literal["saml", "rules", "dmca", "rights"]
"""Single sign-on of the organization; its IP allow list; a takedown; a missing right."""


def sunday_of(day: date) -> date:
    """The Sunday on which GitHub lets the day's week begin."""
    return day - timedelta(days=(day.weekday() + 1) % 7)


@dataclass
class Repository:
    """A repository and what the developer did in it, by UTC day."""

    number: int
    owner: str
    name: str
    private: bool = False
    fork: bool = False
    commits: Counter[date] = field(default_factory=Counter)
    lines: dict[date, tuple[int, int]] = field(default_factory=dict)
    """Lines added and removed, by the Sunday of their week."""
    commits_of_others: int = 0
    pushed_at: datetime | None = None
    stats: Stats = "weeks"
    pending: float = 0
    """How many more requests for statistics are answered 202; infinity: always."""
    hidden: Hidden | None = None
    """Why the token may not see it, though its commits count."""
    former_names: tuple[str, ...] = ()
    """Full names that redirect here."""

    @property
    def full_name(self) -> str:
        """OWNER/NAME."""
        return f"{self.owner}/{self.name}"

    @property
    def node_id(self) -> str:
        """The opaque id."""
        return f"R_{self.number:08d}"

    def commits_between(self, start: date, end: date) -> int:
        """The developer's commits, both days included."""
        return sum(count for day, count in self.commits.items() if start <= day <= end)

    def commit(self, day: date, count: int = 1, added: int = 0, removed: int = 0) -> None:
        """Commit and push."""
        self.commits[day] += count
        before = self.lines.get(sunday_of(day), (0, 0))
        self.lines[sunday_of(day)] = (before[0] + added, before[1] + removed)
        pushed = datetime.combine(day, time(12), UTC)
        self.pushed_at = max(self.pushed_at or pushed, pushed)

    def weeks(self) -> list[dict[str, int]]:
        """The developer's weeks as `stats/contributors` gives them, quiet ones in between included."""
        if not self.commits:
            return []
        week, last = sunday_of(min(self.commits)), sunday_of(max(self.commits))
        by_week: Counter[date] = Counter()
        for day, count in self.commits.items():
            by_week[sunday_of(day)] += count
        weeks = []
        while week <= last:
            added, removed = (0, 0) if self.stats == "zeros" else self.lines.get(week, (0, 0))
            start = int(datetime.combine(week, time(), UTC).timestamp())
            weeks.append({"w": start, "a": added, "d": removed, "c": by_week[week]})
            week += timedelta(days=7)
        return weeks


@dataclass
class Activity:
    """Everything the fake knows: the repositories, and contributions that are not commits (issues, reviews)."""

    login: str = LOGIN
    repositories: list[Repository] = field(default_factory=list)
    other_contributions: Counter[date] = field(default_factory=Counter)
    created_at: datetime = datetime(2018, 3, 1, 9, tzinfo=UTC)
    user_number: int = 583231
    hides_urls: bool = False
    """Whether even the URLs of commits in a hidden repository are refused."""

    def contributions(self) -> Counter[date]:
        """Contributions by day. Commits to forks do not count, as GitHub's profile rules say."""
        total = Counter(self.other_contributions)
        for repository in self.repositories:
            if not repository.fork:
                total.update(repository.commits)
        return total

    def find(self, full_name: str) -> Repository | None:
        """A repository by its present name, whatever the case."""
        wanted = full_name.lower()
        return next((one for one in self.repositories if one.full_name.lower() == wanted), None)


def make_activity(
    repositories: int = 12,
    *,
    years: int = 8,
    seed: int = 1,
    today: date | None = None,
    login: str = LOGIN,
) -> Activity:
    """A developer of many years: three in four repositories were touched in the last year, the others are older.

    Among them, as far as there are enough: private ones, forks, statistics that are pending at first, one of more
    than 10,000 commits, an empty one, and two whose names collide once `/` becomes `_`.
    """
    rng = random.Random(seed)
    today = today or datetime.now(UTC).date()
    created = today - timedelta(days=365 * years - 40)
    activity = Activity(login, created_at=datetime.combine(created, time(9), UTC))
    names = _names(repositories, login)
    for number, (owner, name) in enumerate(names, start=1):
        repository = Repository(number, owner, name, private=number % 9 == 4, fork=number % 17 == 8)
        span = (created, today) if number % 4 else (created, today - timedelta(days=400))
        _work(rng, repository, *span, recent=bool(number % 4))
        repository.pending = 1 + number % 2 if number % 10 == 3 else 0
        activity.repositories.append(repository)
    if repositories >= 5:
        _make_special(activity)
    for _ in range(years * 40):
        activity.other_contributions[_day(rng, created, today)] += rng.randint(1, 3)
    return activity


def _names(count: int, login: str) -> Iterable[tuple[str, str]]:
    named = []
    for index in range(count):
        word, role = _WORDS[index % len(_WORDS)], _ROLES[index % len(_ROLES)]
        round_ = index // (len(_WORDS) * len(_ROLES) // 2)
        owner = _OWNERS[index % len(_OWNERS)]
        named.append((login if owner == LOGIN else owner, f"{word}-{role}{round_ or ''}"))
    if count >= 12:
        named[-2:] = [("octo_corp", "tools"), ("octo", "corp_tools")]
    return named


def _work(
    rng: random.Random, repository: Repository, first: date, last: date, *, recent: bool
) -> None:
    begin = _day(rng, first, last)
    end = last if recent else min(last, begin + timedelta(days=rng.randint(30, 700)))
    for _ in range(rng.randint(8, 40)):
        repository.commit(
            _day(rng, begin, end), rng.randint(1, 6), rng.randint(1, 400), rng.randint(0, 150)
        )
    if recent:
        repository.commit(
            _day(rng, last - timedelta(days=300), last), 1, rng.randint(1, 90), rng.randint(0, 40)
        )


def _make_special(activity: Activity) -> None:
    huge, empty = activity.repositories[1], activity.repositories[4]
    huge.stats, huge.commits_of_others = "zeros", 12_000
    empty.stats, empty.pushed_at = "empty", None
    empty.commits.clear()
    empty.lines.clear()


def _day(rng: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))


def contributor(login: str, number: int, weeks: list[dict[str, int]]) -> dict[str, Any]:
    """An entry of `stats/contributors`."""
    author = {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "type": "User",
        "site_admin": False,
    }
    return {"total": sum(week["c"] for week in weeks), "weeks": weeks, "author": author}
