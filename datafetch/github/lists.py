"""Reads GitHub's two lists of the repositories in which a login works."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from datafetch.github import queries
from datafetch.github.answers import CommittedRepositories, PageEnd, RepositoriesPage, read_as
from datafetch.github.barriers import HiddenRepositories
from datafetch.github.graphql import (
    Adaptive,
    GraphQL,
    GraphQLAnswer,
    Problem,
    TooMuchError,
    Variables,
    refusal,
)
from datafetch.github.lookups import look_up
from datafetch.github.model import UNEXPECTED_HINT, Barrier, Repository, TimeWindow
from datafetch.github.windows import Unanswered, WindowAnswer, each_window
from datafetch.upstream_errors import Malformed

_SMALLEST_PAGE = 10
"""A page of so few repositories is not made smaller when it is too much."""

_MOST_WINDOWS = 10
_FIRST_WINDOWS = 5
"""How many windows one query asks for at most, and at first; more is often too much."""

_MOST_SKIPS = 20
"""So many repositories that take their whole page away are skipped; each costs eight queries."""

_MOST_IN_ALL = 20_000
"""So many repositories are taken from GitHub at most; each costs a request of the 5,000 an hour."""

_MARGIN = 100
"""So many more entries than were asked for are taken."""

_MOST_PAGES = 2000
"""A page has a hundred repositories, and ten when that is too much for GitHub."""

_MOST_EMPTY = 10
"""So many pages in a row may be empty though there is one after them: GitHub leaves out what
organizations withhold (`X-GitHub-SSO: partial-results`), which may be all of a page."""

_NODES = ("user", "repositoriesContributedTo", "nodes")
_PAGE = TypeAdapter(RepositoriesPage)
_PAGE_END = TypeAdapter(PageEnd)


@dataclass
class FoundRepositories:
    """The repositories that GitHub named, by identity, and what it could not name.

    Attributes:
        hidden: the repositories that it did not show.
        unlisted: whether GitHub failed to list the recent repositories; those with commits are
            also found by `read_committed`.
        missing: windows whose repositories GitHub did not name, even when asked for alone.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    hidden: HiddenRepositories = field(default_factory=HiddenRepositories)
    unlisted: bool = False
    missing: list[TimeWindow] = field(default_factory=list)

    def add(self, repository: Repository) -> None:
        """Add a repository, unless it was named before.

        Raises:
            Malformed: there are more than anybody works in.
        """
        self.repositories.setdefault(repository.identity, repository)
        if len(self.repositories) > _MOST_IN_ALL:
            raise _endless(f"names more than {_MOST_IN_ALL:,} repositories")


# ------------------------------------------------------ the recent repositories


class RecentList:
    """Reads `repositoriesContributedTo`, which has only recent repositories, page by page."""

    def __init__(self, graphql: GraphQL, login: str) -> None:
        self._graphql = graphql
        self._login = login
        most = queries.MOST_REPOSITORIES
        self._page = Adaptive(most, most, _SMALLEST_PAGE)
        self._skips_left = _MOST_SKIPS

    def read(self, found: FoundRepositories) -> None:
        """Add the repositories of all pages.

        Raises:
            Malformed, Rejected, Denied: the list does not end, or parts of the answer are missing.
        """
        cursor: str | None = None
        seen: set[str] = set()
        empty = 0
        while True:
            page = self._read_page(cursor, found)
            if page is None:
                found.unlisted = True
                return
            cursor = page.cursor
            if not page.more:
                return
            empty = empty + 1 if page.empty else 0
            if cursor is None or cursor in seen:
                raise _endless("goes in circles: a cursor came twice")
            if empty > _MOST_EMPTY:
                raise _endless(f"goes on after {empty} empty pages")
            seen.add(cursor)
            if len(seen) >= _MOST_PAGES:
                raise _endless(f"goes on after {_MOST_PAGES:,} pages")

    def _read_page(self, cursor: str | None, found: FoundRepositories) -> PageEnd | None:
        """Add the repositories of the page at the cursor; returns where it ends.

        Returns None when even the smallest page is too much, or too many had to be skipped.
        """
        size = self._page.size
        while True:
            is_least = size <= self._page.least
            try:
                answer = self._ask(queries.REPOSITORIES, size, cursor, patient=is_least)
            except TooMuchError:
                if is_least:
                    return None
                self._page.shrink()
                size = self._page.size
                continue
            refused = _refused(answer)
            if refused is None:
                self._page.grow()
                return _take_page(answer, size, found)
            if size == 1:
                return self._skip(cursor, refused, found)
            size //= 2

    def _skip(
        self, cursor: str | None, problem: Problem, found: FoundRepositories
    ) -> PageEnd | None:
        """Go on behind the repository at the cursor, with which GitHub answers no page at all."""
        self._skips_left -= 1
        if self._skips_left < 0:
            return None
        answer = self._ask(queries.PAGE_END, 1, cursor, patient=True)
        if answer.problems:
            return None
        found.hidden.listed[problem.barrier or Barrier.FAULT] += 1
        return read_as(_PAGE_END, answer.data, "list of repositories")

    def _ask(self, query: str, size: int, cursor: str | None, *, patient: bool) -> GraphQLAnswer:
        variables: Variables = {"login": self._login, "first": size, "after": cursor}
        return self._graphql.ask(query, variables, patient=patient)


def _refused(answer: GraphQLAnswer) -> Problem | None:
    """The error for which GitHub answers no page; None when there is a page.

    Raises:
        Rejected, Missing, Denied: an error is not about a repository of the page.
    """
    place: object = answer.data
    for step in _NODES:
        place = place.get(step) if isinstance(place, dict) else None
    for problem in answer.problems:
        is_of_a_node = problem.path[: len(_NODES)] == _NODES
        if place is None and (is_of_a_node or problem.barrier is not None):
            return problem
        if not is_of_a_node:
            raise refusal(problem)
    return None


def _take_page(answer: GraphQLAnswer, size: int, found: FoundRepositories) -> PageEnd:
    page = read_as(_PAGE, answer.data, "list of repositories")
    nodes = page.nodes or ()
    if len(nodes) > size + _MARGIN:
        raise _endless(f"has {len(nodes):,} repositories on a page for {size}")
    for index, node in enumerate(nodes):
        if node is None:
            problem = next((p for p in answer.problems if p.path[3:4] == (index,)), None)
            found.hidden.listed[_barrier(problem)] += 1
        else:
            found.add(node.repository())
    return PageEnd(page.more, page.cursor, empty=not nodes)


def _endless(what: str) -> Malformed:
    return Malformed(f"GitHub's list of repositories {what}", hint=UNEXPECTED_HINT)


def _barrier(problem: Problem | None) -> Barrier:
    """Why an entry is null: what its error says; without an error the token may not see it."""
    return Barrier.RIGHTS if problem is None else problem.barrier or Barrier.FAULT


# ------------------------------------------------- the repositories with commits


def read_committed(
    graphql: GraphQL, login: str, windows: Iterable[TimeWindow], found: FoundRepositories
) -> None:
    """Add the repositories with commits in each window.

    GitHub names at most a hundred for a window; a window with so many is asked for in halves. A
    repository that the token may not see may take the answer for its whole window away. Then
    GitHub is asked for the URLs of that window, whose names are looked up one by one; and if it
    gives no URLs either, for halves of the window, down to single days.
    """
    _CommittedLists(graphql, login, found).read(list(windows))


class _CommittedLists:
    """Reads `commitContributionsByRepository` of many windows into `found`."""

    def __init__(self, graphql: GraphQL, login: str, found: FoundRepositories) -> None:
        self._graphql = graphql
        self._login = login
        self._found = found
        self._names: dict[str, Barrier] = {}

    def read(self, windows: list[TimeWindow]) -> None:
        """Ask for the windows, and in other ways for those that are refused."""
        first = self._ask(windows, queries.COMMITS)
        self._found.missing += first.lost
        if first.refused:
            barrier = _barrier(first.refused[0][1])
            urls = self._ask([window for window, _ in first.refused], queries.COMMIT_URLS, barrier)
            parts = [window for window, _ in urls.refused] + urls.lost
            last = self._ask(parts, queries.COMMITS, halve_refused=True)
            self._found.missing += last.lost
            for window, problem in last.refused:
                self._give_up(window, problem)
        self._look_up_names()

    def _ask(
        self,
        windows: list[TimeWindow],
        query: queries.WindowQuery[CommittedRepositories],
        barrier: Barrier | None = None,
        *,
        halve_refused: bool = False,
    ) -> Unanswered:
        """Ask for the windows.

        A query for URLs does not say why a repository is not shown: `barrier` is then noted for it.
        """

        def take(answer: WindowAnswer[CommittedRepositories]) -> bool:
            if len(answer.value.entries) > queries.MOST_REPOSITORIES + _MARGIN:
                count = len(answer.value.entries)
                raise _endless(f"has {count:,} repositories for one window of time")
            unnamed: Counter[Barrier] = Counter()
            for index, entry in enumerate(answer.value.entries):
                cause = barrier or _barrier(answer.problem_of(index))
                if entry is not None and entry.repository is not None:
                    self._found.add(entry.repository.repository())
                elif entry is not None and entry.full_name is not None:
                    self._names.setdefault(entry.full_name, cause)
                    if len(self._names) > _MOST_IN_ALL:
                        raise _endless(f"names more than {_MOST_IN_ALL:,} that it does not show")
                else:
                    unnamed[cause] += 1
            self._found.hidden.add_window(unnamed)
            return len(answer.value.entries) < queries.MOST_REPOSITORIES

        size = Adaptive(_FIRST_WINDOWS, _MOST_WINDOWS)
        return each_window(
            self._graphql, self._login, windows, size, query, take, halve_refused=halve_refused
        )

    def _give_up(self, window: TimeWindow, problem: Problem) -> None:
        """Note a window that GitHub refuses; if it is a single day, that is one repository."""
        if problem.barrier is None or window.halves(1) is not None:
            self._found.missing.append(window)
        else:
            self._found.hidden.add_window(Counter({problem.barrier: 1}))

    def _look_up_names(self) -> None:
        """Look up the repositories that GitHub named, but did not show."""
        shown = {r.full_name.lower() for r in self._found.repositories.values()}
        names = [name for name in self._names if name.lower() not in shown]
        result = look_up(self._graphql, names)
        barriers = result.barriers
        for name in names:
            repository = result.found.get(name.lower())
            if repository is not None:
                self._found.add(repository)
            else:
                self._found.hidden.named[name] = barriers.get(name.lower(), self._names[name])
