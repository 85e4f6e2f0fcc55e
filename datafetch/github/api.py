"""Asks GitHub about a login: its calendars, its years, and the repositories it works in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from datafetch.errors import Malformed, Missing, Rejected
from datafetch.github import queries
from datafetch.github.answers import (
    CalendarDays,
    CalendarTotal,
    CommittedRepositories,
    ContributionYears,
    RepositoriesPage,
    RepositoryNode,
    read_as,
)
from datafetch.github.graphql import (
    Adaptive,
    GraphQL,
    GraphQLAnswer,
    TooMuchError,
    Variables,
    refusal,
)
from datafetch.github.model import Day, Repository, TimeWindow, is_full_name
from datafetch.github.queries import C, Take, WindowQuery, each_window

_NOT_THERE = frozenset({"NOT_FOUND", "FORBIDDEN"})
"""Types of errors that say: there is no such repository, or this token may not see it."""

_SMALLEST_PAGE = 10
_MOST_TOTALS = 25
_MOST_WINDOWS = 10
_MOST_LOOKUPS = 50
_FIRST_WINDOWS = 5
"""How many items one query asks for at least, at most, and at first; more is often too much."""

_YEARS = TypeAdapter(ContributionYears)
_PAGE = TypeAdapter(RepositoriesPage)
_LOOKUPS = TypeAdapter(dict[str, RepositoryNode | None])


@dataclass
class FoundRepositories:
    """The repositories that GitHub named, by identity, and what it could not name.

    Attributes:
        hidden: how many of the listed repositories the token may not see.
        unlisted: whether GitHub failed to list the recent repositories; the calendars of the
            years name them too.
        missing: windows whose repositories GitHub did not name, even when asked for alone.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    hidden: int = 0
    unlisted: bool = False
    missing: list[TimeWindow] = field(default_factory=list)

    def add(self, repository: Repository) -> None:
        """Add a repository, unless it was named before."""
        self.repositories.setdefault(repository.identity, repository)


class GitHubActivity:
    """Asks GitHub's GraphQL API about one login.

    Every method may raise what `GraphQL.ask` raises. When GitHub answers with an error beside
    data, the data is used only where the error says which part is missing: one window, or one
    repository of a list.
    """

    def __init__(self, graphql: GraphQL, login: str) -> None:
        self._graphql = graphql
        self._login = login
        self._page = Adaptive(queries.MOST_REPOSITORIES, queries.MOST_REPOSITORIES, _SMALLEST_PAGE)

    def years(self, now: datetime) -> tuple[int, ...]:
        """The years with contributions, newest first.

        Raises:
            Missing: there is no such login.
            Malformed, Rejected: parts of the answer are missing.
        """
        variables = {
            "login": self._login,
            "from": queries.moment(now - timedelta(days=1)),
            "to": queries.moment(now),
        }
        answer = self._graphql.ask(queries.YEARS, variables)
        for problem in answer.problems:
            if problem.kind == "NOT_FOUND" and problem.path == ("user",):
                raise Missing(
                    f"GitHub knows no user {self._login} (GITHUB_REPO_OWNER)",
                    hint="Activity is that of a person: an organization has none.",
                )
            raise refusal(problem)
        return read_as(_YEARS, answer.data, "list of years").years

    def days(self, window: TimeWindow) -> list[Day]:
        """The days of a window's calendar; days around the window, and days twice, are possible.

        Raises:
            Rejected: GitHub did not answer the whole window.
        """
        days: list[Day] = []

        def take(_window: TimeWindow, calendar: CalendarDays) -> bool:
            days.extend(calendar.days())
            return True

        if self._each_window([window], Adaptive(1, 1), queries.DAYS, take):
            raise Rejected("GitHub did not answer the calendar of the trailing year")
        return days

    def totals(self, windows: Mapping[int, TimeWindow]) -> dict[int, int]:
        """How many contributions each year has; a year that GitHub cannot answer is left out."""
        read: Counter[int] = Counter()

        def take(window: TimeWindow, total: CalendarTotal) -> bool:
            read[window.start.year] += total.count
            return True

        size = Adaptive(_MOST_TOTALS, _MOST_TOTALS)
        lost = self._each_window(list(windows.values()), size, queries.TOTALS, take)
        unknown = {window.start.year for window in lost}
        return {year: count for year, count in read.items() if year not in unknown}

    def contributed_to(self, found: FoundRepositories) -> None:
        """Add the repositories on GitHub's list for the login, which has only recent ones.

        Raises:
            Malformed, Rejected: a cursor came twice, or parts of the answer are missing.
        """
        cursor: str | None = None
        seen: set[str] = set()
        more = True
        while more:
            page = self._contributed_page(cursor)
            if page is None:
                found.unlisted = True
                return
            for node in page.nodes or ():
                if node is None:
                    found.hidden += 1
                else:
                    found.add(node.repository())
            more, cursor = page.more, page.cursor
            if more and (cursor is None or cursor in seen):
                raise Malformed(
                    "GitHub's list of repositories goes in circles: a cursor came twice"
                )
            seen.add(cursor or "")

    def committed_to(self, windows: Iterable[TimeWindow], found: FoundRepositories) -> None:
        """Add the repositories with commits in each window.

        GitHub names at most a hundred for a window; a window with so many is asked for in halves.
        """

        def take(_window: TimeWindow, committed: CommittedRepositories) -> bool:
            for entry in committed.entries:
                found.add(entry.repository.repository())
            return len(committed.entries) < queries.MOST_REPOSITORIES

        size = Adaptive(_FIRST_WINDOWS, _MOST_WINDOWS)
        found.missing += self._each_window(list(windows), size, queries.COMMITS, take)

    def look_up(self, names: Sequence[str]) -> dict[str, Repository]:
        """Look up repositories; they are returned by the given name, in lower case.

        Those that do not exist are left out; a renamed one is found by its former name, too.
        """
        found: dict[str, Repository] = {}
        wanted = [name for name in dict.fromkeys(names) if is_full_name(name)]
        size = Adaptive(_MOST_LOOKUPS, _MOST_LOOKUPS)
        batches = self._graphql.ask_in_batches(
            wanted, size, lambda batch: queries.lookups(len(batch)), _lookup_variables
        )
        for batch, answer in batches:
            if answer is None:
                raise TooMuchError("GitHub cannot answer what a single repository is")
            found.update(_looked_up(batch, answer))
        return found

    # ----------------------------------------------------------------- inside

    def _contributed_page(self, cursor: str | None) -> RepositoriesPage | None:
        """The page that begins at the cursor; None when even the smallest page is too much."""
        while True:
            page = self._page
            is_least = page.size <= page.least
            variables: Variables = {
                "login": self._login,
                "first": page.size,
                "after": cursor,
            }
            try:
                answer = self._graphql.ask(queries.REPOSITORIES, variables, patient=is_least)
            except TooMuchError:
                if is_least:
                    return None
                page.shrink()
                continue
            page.grow()
            return _read_page(answer)

    def _each_window(
        self,
        windows: Sequence[TimeWindow],
        size: Adaptive,
        query: WindowQuery[C],
        take: Take[C],
    ) -> list[TimeWindow]:
        return each_window(self._graphql, self._login, windows, size, query, take)


def _read_page(answer: GraphQLAnswer) -> RepositoriesPage:
    nodes = ("user", "repositoriesContributedTo", "nodes")
    for problem in answer.problems:
        if problem.path[:3] != nodes:
            raise refusal(problem)
    return read_as(_PAGE, answer.data, "list of repositories")


def _lookup_variables(names: Sequence[str]) -> dict[str, str]:
    """The variables of `queries.lookups`."""
    return {
        f"{letter}{index}": part
        for index, name in enumerate(names)
        for letter, part in zip("on", name.split("/"), strict=True)
    }


def _looked_up(names: Sequence[str], answer: GraphQLAnswer) -> dict[str, Repository]:
    """The repositories of one batch that exist, by the given name in lower case."""
    places = {queries.alias(index): name for index, name in enumerate(names)}
    for problem in answer.problems:
        known = problem.path and problem.path[0] in places
        if not known or problem.kind not in _NOT_THERE:
            raise refusal(problem)
    nodes = read_as(_LOOKUPS, answer.data, "repository")
    return {
        name.lower(): node.repository()
        for place, name in places.items()
        if (node := nodes.get(place)) is not None
    }
