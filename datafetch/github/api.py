"""What GitHub knows of a login: its calendars, its years, and the repositories it works in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from datafetch.errors import Malformed, Missing, Rejected
from datafetch.github import queries
from datafetch.github.graphql import Adaptive, GraphQL, GraphQLAnswer, TooMuchError, refusal
from datafetch.github.model import Day, Repository, TimeWindow, is_full_name
from datafetch.github.queries import Collection, Query, Take, each_window

_LEVELS = {
    "NONE": 0,
    "FIRST_QUARTILE": 1,
    "SECOND_QUARTILE": 2,
    "THIRD_QUARTILE": 3,
    "FOURTH_QUARTILE": 4,
}
"""GitHub's enum `ContributionLevel`."""

_NOT_THERE = frozenset({"NOT_FOUND", "FORBIDDEN"})
"""Types of errors that say that there is no such repository, or none for this token."""

_SMALLEST_PAGE = 10
_MOST_TOTALS = 25
_MOST_WINDOWS = 10
_MOST_LOOKUPS = 50
_FIRST_WINDOWS = 5


@dataclass
class FoundRepositories:
    """Repositories by identity; with what is missing from them.

    Attributes:
        hidden: entries of a list that the token may not see.
        unlisted: GitHub could not compute the list of recent repositories; they are in the
            calendars too.
        missing: windows that GitHub could not answer, even alone.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    hidden: int = 0
    unlisted: bool = False
    missing: list[TimeWindow] = field(default_factory=list)

    def add(self, repository: Repository) -> None:
        """Add one; the first answer of it counts."""
        self.repositories.setdefault(repository.identity, repository)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a connection; a node that the token may not see is None."""

    nodes: tuple[Mapping[str, Any] | None, ...]
    more: bool
    cursor: str | None


class GitHubActivity:
    """Asks GitHub's GraphQL API about one login.

    Every method may raise what `GraphQL.ask` raises. An error beside data is tolerated only
    where it is sure what is missing: one aliased window, one repository of a list.
    """

    def __init__(self, graphql: GraphQL, login: str) -> None:
        self._graphql = graphql
        self._login = login
        self._page = Adaptive(queries.MOST_REPOSITORIES, queries.MOST_REPOSITORIES, _SMALLEST_PAGE)

    def years(self, now: datetime) -> tuple[int, ...]:
        """The years with contributions, newest first.

        Raises:
            Missing: there is no such login.
            Malformed: parts of the answer are missing.
        """
        variables = {
            "login": self._login,
            "from": queries.moment(now - timedelta(days=1)),
            "to": queries.moment(now),
        }
        reply = self._graphql.ask(queries.YEARS, variables)
        for problem in reply.problems:
            if problem.kind == "NOT_FOUND" and problem.path == ("user",):
                raise Missing(
                    f"GitHub knows no user {self._login} (GITHUB_REPO_OWNER)",
                    hint="Activity is that of a person: an organization has none.",
                )
            raise refusal(problem)
        try:
            years = reply.data["user"]["contributionsCollection"]["contributionYears"]
            return tuple(int(year) for year in years)
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed("GitHub's years are not as its schema says") from error

    def days(self, window: TimeWindow) -> list[Day]:
        """The days of a window's calendar; there may be more, and some twice.

        Raises:
            Rejected: GitHub did not answer all of it.
        """
        days: list[Day] = []

        def take(_window: TimeWindow, collection: Collection) -> bool:
            days.extend(_days(collection["contributionCalendar"]))
            return True

        if self._each_window([window], Adaptive(1, 1), queries.days, take):
            raise Rejected("GitHub did not answer the calendar of the trailing year")
        return days

    def totals(self, windows: Mapping[int, TimeWindow]) -> dict[int, int]:
        """Contributions in each year's window; a year that GitHub cannot answer is left out."""
        read: Counter[int] = Counter()

        def take(window: TimeWindow, collection: Collection) -> bool:
            read[window.start.year] += int(collection["contributionCalendar"]["totalContributions"])
            return True

        size = Adaptive(_MOST_TOTALS, _MOST_TOTALS)
        lost = self._each_window(list(windows.values()), size, queries.totals, take)
        unknown = {window.start.year for window in lost}
        return {year: count for year, count in read.items() if year not in unknown}

    def contributed_to(self, found: FoundRepositories) -> None:
        """Add the repositories that GitHub lists for the login: recent ones only.

        Raises:
            Malformed: a cursor came twice, or parts of the answer are missing.
        """
        cursor: str | None = None
        seen: set[str] = set()
        more = True
        while more:
            page = self._contributed_page(cursor)
            if page is None:
                found.unlisted = True
                return
            for node in page.nodes:
                if node is None:
                    found.hidden += 1
                else:
                    found.add(_repository(node))
            more, cursor = page.more, page.cursor
            if more and (cursor is None or cursor in seen):
                raise Malformed(
                    "GitHub's list of repositories goes in circles: a cursor came twice"
                )
            seen.add(cursor or "")

    def committed_to(self, windows: Iterable[TimeWindow], found: FoundRepositories) -> None:
        """Add the repositories with commits in each window.

        An answer has at most a hundred: a window that reaches them is asked for in halves.
        """

        def take(_window: TimeWindow, collection: Collection) -> bool:
            entries = collection["commitContributionsByRepository"]
            for entry in entries:
                found.add(_repository(entry["repository"]))
            return len(entries) < queries.MOST_REPOSITORIES

        size = Adaptive(_FIRST_WINDOWS, _MOST_WINDOWS)
        found.missing += self._each_window(list(windows), size, queries.commits, take)

    def look_up(self, names: Sequence[str]) -> dict[str, Repository]:
        """Repositories by the name that was asked for, in lower case.

        Those that are not there are left out; a renamed one is found by its former name.
        """
        read: dict[str, Repository] = {}
        wanted = [name for name in dict.fromkeys(names) if is_full_name(name)]

        def variables(batch: Sequence[str]) -> dict[str, str]:
            return {
                f"{letter}{index}": part
                for index, name in enumerate(batch)
                for letter, part in zip("on", name.split("/"), strict=True)
            }

        size = Adaptive(_MOST_LOOKUPS, _MOST_LOOKUPS)
        batches = self._graphql.ask_in_batches(
            wanted, size, lambda batch: queries.lookups(len(batch)), variables
        )
        for batch, reply in batches:
            if reply is None:
                raise TooMuchError("GitHub cannot answer what a single repository is")
            places = {queries.alias(index): name for index, name in enumerate(batch)}
            for problem in reply.problems:
                known = problem.path and problem.path[0] in places
                if not known or problem.kind not in _NOT_THERE:
                    raise refusal(problem)
            for place, name in places.items():
                if reply.data.get(place) is not None:
                    read[name.lower()] = _repository(reply.data[place])
        return read

    # ----------------------------------------------------------------- inside

    def _contributed_page(self, cursor: str | None) -> _Page | None:
        """One page, None when even a small one is too much."""
        while True:
            page = self._page
            least = page.size <= page.least
            variables = {"login": self._login, "first": page.size, "after": cursor}
            try:
                reply = self._graphql.ask(queries.REPOSITORIES, variables, patient=least)
            except TooMuchError:
                if least:
                    return None
                page.shrink()
                continue
            page.grow()
            return self._read_page(reply)

    def _read_page(self, reply: GraphQLAnswer) -> _Page:
        inside = ("user", "repositoriesContributedTo", "nodes")
        for problem in reply.problems:
            if problem.path[:3] != inside:
                raise refusal(problem)
        try:
            connection = reply.data["user"]["repositoriesContributedTo"]
            info = connection["pageInfo"]
            return _Page(
                tuple(connection["nodes"] or ()), bool(info["hasNextPage"]), info["endCursor"]
            )
        except (KeyError, TypeError) as error:
            raise Malformed("GitHub's list of repositories is not as its schema says") from error

    def _each_window(
        self, windows: Sequence[TimeWindow], size: Adaptive, query: Query, take: Take
    ) -> list[TimeWindow]:
        return each_window(self._graphql, self._login, windows, size, query, take)


def _days(calendar: Mapping[str, Any]) -> Iterator[Day]:
    for week in calendar["weeks"]:
        for day in week["contributionDays"]:
            yield Day(
                date.fromisoformat(day["date"]),
                int(day["contributionCount"]),
                _LEVELS[day["contributionLevel"]],
            )


def _repository(value: Mapping[str, Any]) -> Repository:
    try:
        full_name = str(value["nameWithOwner"])
        if not is_full_name(full_name):
            raise Malformed("GitHub names a repository in a way that it does not allow itself")
        pushed_at = value["pushedAt"]
        return Repository(
            id=str(value["id"]),
            full_name=full_name,
            private=bool(value["isPrivate"]),
            fork=bool(value["isFork"]),
            pushed_at=None if pushed_at is None else str(pushed_at),
        )
    except (KeyError, TypeError) as error:
        raise Malformed("GitHub's repository is not as its schema says") from error
