"""What GitHub knows of a login: its calendars, its years, and the repositories it works in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from datafetch.errors import Malformed, Missing
from datafetch.models.github import Calendar, Day, Repository, Window, is_full_name
from datafetch.sources import github_queries as queries
from datafetch.sources.github_graphql import Adaptive, GraphQL, Reply, TooMuchError, refusal

_LEVELS = {
    "NONE": 0,
    "FIRST_QUARTILE": 1,
    "SECOND_QUARTILE": 2,
    "THIRD_QUARTILE": 3,
    "FOURTH_QUARTILE": 4,
}
"""GitHub's enum `ContributionLevel`."""

_SMALLEST_PAGE = 10
_MOST_TOTALS = 25
_MOST_WINDOWS = 10
_MOST_LOOKUPS = 50
_FIRST_WINDOWS = 5


@dataclass(frozen=True, slots=True)
class Profile:
    """The calendar of the trailing year, and the years with contributions, newest first."""

    years: tuple[int, ...]
    trailing: Calendar


@dataclass
class Found:
    """Repositories by identity; with what is missing from them.

    Attributes:
        hidden: entries of a list that the token may not see.
        missing: windows that GitHub could not answer, even alone.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    hidden: int = 0
    missing: list[Window] = field(default_factory=list)

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

    def profile(self, trailing: Window) -> Profile:
        """The trailing year's calendar and the contribution years.

        Raises:
            Missing: there is no such login.
            Malformed: parts of the answer are missing.
        """
        variables = {
            "login": self._login,
            "from": trailing.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to": trailing.end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        user = self._user(self._graphql.ask(queries.PROFILE, variables))
        try:
            return Profile(
                tuple(int(year) for year in user["years"]["contributionYears"]),
                _calendar(user["trailing"]["contributionCalendar"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Malformed("GitHub's calendar is not as its schema says") from error

    def totals(self, windows: Mapping[int, Window]) -> dict[int, int]:
        """Contributions in each year's window; a year that GitHub cannot answer is left out."""
        read: dict[int, int] = {}

        def take(window: Window, collection: Mapping[str, Any]) -> None:
            year = next(year for year, one in windows.items() if one == window)
            read[year] = int(collection["contributionCalendar"]["totalContributions"])

        self._each_window(
            list(windows.values()), Adaptive(_MOST_TOTALS, _MOST_TOTALS), queries.totals, take
        )
        return read

    def contributed_to(self, found: Found) -> None:
        """Add the repositories that GitHub lists for the login: recent ones only.

        Raises:
            Malformed: a cursor came twice, or parts of the answer are missing.
        """
        cursor: str | None = None
        seen: set[str] = set()
        more = True
        while more:
            page = self._contributed_page(cursor)
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

    def committed_to(self, windows: Iterable[Window], found: Found) -> None:
        """Add the repositories with commits in each window.

        An answer has at most a hundred: a window that reaches them is asked for in halves.
        """
        size = Adaptive(_FIRST_WINDOWS, _MOST_WINDOWS)
        waiting = list(windows)
        while waiting:
            full: list[Window] = []

            def take(
                window: Window, collection: Mapping[str, Any], full: list[Window] = full
            ) -> None:
                entries = collection["commitContributionsByRepository"]
                for entry in entries:
                    found.add(_repository(entry["repository"]))
                if len(entries) >= queries.MOST_REPOSITORIES:
                    full.append(window)

            found.missing += self._each_window(waiting, size, queries.commits, take)
            waiting = [half for window in full for half in window.halves() or ()]

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
            places = {queries.alias(index): name for index, name in enumerate(batch)}
            for problem in reply.problems:
                if not problem.path or problem.path[0] not in places:
                    raise refusal(problem)
            for place, name in places.items():
                if reply.data.get(place) is not None:
                    read[name.lower()] = _repository(reply.data[place])
        return read

    # ----------------------------------------------------------------- inside

    def _contributed_page(self, cursor: str | None) -> _Page:
        while True:
            page = self._page
            variables = {"login": self._login, "first": page.size, "after": cursor}
            try:
                reply = self._graphql.ask(
                    queries.REPOSITORIES, variables, patient=page.size <= page.least
                )
            except TooMuchError:
                page.shrink()
                continue
            page.grow()
            return self._read_page(reply)

    def _read_page(self, reply: Reply) -> _Page:
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
        self,
        windows: Sequence[Window],
        size: Adaptive,
        query: Callable[[Sequence[Window]], str],
        take: Callable[[Window, Mapping[str, Any]], None],
    ) -> list[Window]:
        """Hand each window's collection to `take`; those without one, even alone, are returned."""
        missing = self._windows_once(windows, size, query, take)
        alone = Adaptive(1, 1)
        return self._windows_once(missing, alone, query, take) if missing else []

    def _windows_once(
        self,
        windows: Sequence[Window],
        size: Adaptive,
        query: Callable[[Sequence[Window]], str],
        take: Callable[[Window, Mapping[str, Any]], None],
    ) -> list[Window]:
        missing: list[Window] = []
        batches = self._graphql.ask_in_batches(
            windows, size, query, lambda _: {"login": self._login}
        )
        for batch, reply in batches:
            places = {queries.alias(index): window for index, window in enumerate(batch)}
            bad = set()
            for problem in reply.problems:
                place = (
                    problem.path[1] if problem.path[:1] == ("user",) and problem.path[1:] else ""
                )
                if place not in places:
                    raise refusal(problem)
                bad.add(place)
            # A null inside a field that cannot be null takes its parents with it, the whole
            # user in the end: then nothing of the batch is there, and each is asked for alone.
            user = reply.data.get("user") or {}
            for place, window in places.items():
                if place in bad or user.get(place) is None:
                    missing.append(window)
                    continue
                try:
                    take(window, user[place])
                except (KeyError, TypeError, ValueError) as error:
                    raise Malformed("GitHub's answer is not as its schema says") from error
        return missing

    def _user(self, reply: Reply) -> Mapping[str, Any]:
        for problem in reply.problems:
            if problem.kind == "NOT_FOUND" and problem.path == ("user",):
                raise Missing(
                    f"GitHub knows no login {self._login}", hint="Check GITHUB_REPO_OWNER."
                )
            raise refusal(problem)
        user = reply.data.get("user")
        if not isinstance(user, dict):
            raise Malformed("GitHub's answer has no user")
        return user


def _calendar(value: Mapping[str, Any]) -> Calendar:
    days = [
        Day(
            date.fromisoformat(day["date"]),
            int(day["contributionCount"]),
            _LEVELS[day["contributionLevel"]],
        )
        for week in value["weeks"]
        for day in week["contributionDays"]
    ]
    return Calendar(int(value["totalContributions"]), tuple(days))


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
