"""Asks GitHub about a login: its calendars, its years, and the repositories it works in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from datafetch.github import lookups, queries
from datafetch.github.answers import (
    CalendarDays,
    CalendarTotal,
    ContributionYears,
    OwnerKind,
    read_as,
)
from datafetch.github.barriers import words_of
from datafetch.github.graphql import Adaptive, GraphQL, refusal
from datafetch.github.lists import FoundRepositories, RecentList, read_committed
from datafetch.github.lookups import LookUp
from datafetch.github.model import UNEXPECTED_HINT, Day, TimeWindow
from datafetch.github.windows import WindowAnswer, each_window
from datafetch.upstream_errors import Missing, Rejected

_MOST_TOTALS = 25
"""How many years one query asks for at most."""

_MOST_YEARS = 100
"""Each year is asked for; no programmer has worked for longer."""

_YEARS = TypeAdapter(ContributionYears)
_OWNER = TypeAdapter(OwnerKind)
_ORGANIZATION = "Organization"


class GitHubActivity:
    """Asks GitHub's GraphQL API about one login.

    Every method may raise what `GraphQL.ask` raises. When GitHub answers with an error beside
    data, the data is used only where the error says which part is missing: one window, or one
    repository of a list. A repository that the token may not see costs itself only.
    """

    def __init__(self, graphql: GraphQL, login: str) -> None:
        self._graphql = graphql
        self._login = login

    @property
    def withheld(self) -> int:
        """How many organizations GitHub left out of its answers so far, without an error."""
        return self._graphql.withheld

    def years(self, now: datetime) -> tuple[int, ...]:
        """The years with contributions, newest first: a hundred at most, and none after `now`.

        Commits may claim any date; GitHub answers no window that begins after its end.

        Raises:
            Missing: there is no such login, or it is an organization's.
            Malformed, Rejected, Denied: parts of the answer are missing.
        """
        variables = {
            "login": self._login,
            "from": queries.moment(now - timedelta(days=1)),
            "to": queries.moment(now),
        }
        answer = self._graphql.ask(queries.YEARS, variables)
        for problem in answer.problems:
            if problem.kind == "NOT_FOUND" and problem.path == ("user",):
                raise self._no_user()
            raise refusal(problem)
        if answer.data.get("user", "") is None:
            raise self._no_user()
        years = {*read_as(_YEARS, answer.data, "list of years").years}
        return tuple(
            sorted((year for year in years if year <= now.year), reverse=True)[:_MOST_YEARS]
        )

    def _no_user(self) -> Missing:
        """The error about a login that is no user's; asks GitHub what it is."""
        setting = f"GITHUB_REPO_OWNER={words_of(self._login)}"
        try:
            data = self._graphql.ask(queries.OWNER, {"login": self._login}).data
        except Missing:  # as for a user, GitHub may say it by an error
            data = {}
        if read_as(_OWNER, data, "owner").kind == _ORGANIZATION:
            return Missing(
                f"{setting}: this is an organization, and activity is a person's",
                hint="Set GITHUB_REPO_OWNER to the login of a person.",
            )
        return Missing(
            f"{setting}: GitHub knows no such login",
            hint=(
                "Set GITHUB_REPO_OWNER to a person's login alone, as in https://github.com/LOGIN; an"
                " organization has no activity of its own."
            ),
        )

    def days(self, window: TimeWindow) -> list[Day]:
        """The days of a window's calendar; days around the window, and days twice, are possible.

        Raises:
            Rejected: GitHub did not answer the whole window.
        """
        days: list[Day] = []

        def take(answer: WindowAnswer[CalendarDays]) -> bool:
            days.extend(answer.value.days())
            return True

        size = Adaptive(1, 1)
        if each_window(self._graphql, self._login, [window], size, queries.DAYS, take).lost:
            raise Rejected(
                "GitHub did not answer the calendar of the trailing year", hint=UNEXPECTED_HINT
            )
        return days

    def totals(self, windows: Mapping[int, TimeWindow]) -> dict[int, int]:
        """How many contributions each year has; a year that GitHub cannot answer is left out."""
        read: Counter[int] = Counter()

        def take(answer: WindowAnswer[CalendarTotal]) -> bool:
            read[answer.window.start.year] += answer.value.count
            return True

        size, years = Adaptive(_MOST_TOTALS, _MOST_TOTALS), list(windows.values())
        unanswered = each_window(self._graphql, self._login, years, size, queries.TOTALS, take)
        unknown = {window.start.year for window in unanswered.lost}
        return {year: count for year, count in read.items() if year not in unknown}

    def contributed_to(self, found: FoundRepositories) -> None:
        """Add the repositories on GitHub's list for the login, which has only recent ones."""
        RecentList(self._graphql, self._login).read(found)

    def committed_to(self, windows: Iterable[TimeWindow], found: FoundRepositories) -> None:
        """Add the repositories with commits in each window."""
        read_committed(self._graphql, self._login, windows, found)

    def look_up(self, names: Sequence[str]) -> LookUp:
        """Look up repositories by their names."""
        return lookups.look_up(self._graphql, names)
