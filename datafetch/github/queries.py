"""The GraphQL queries for GitHub.

Schema: docs.github.com/public/fpt/schema.docs.graphql.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from datafetch.github.answers import CalendarDays, CalendarTotal, CommittedRepositories
from datafetch.github.model import TimeWindow

C = TypeVar("C")
"""The type of what GitHub answers for one window."""

MOST_REPOSITORIES = 100
"""GitHub's most for a page, and for `commitContributionsByRepository`."""

REPOSITORY_FIELDS = "id nameWithOwner isFork isPrivate pushedAt"

YEARS = """
query($login: String!, $from: DateTime!, $to: DateTime!) {
  user(login: $login) {
    contributionsCollection(from: $from, to: $to) { contributionYears }
  }
}
"""
"""All years with contributions, whatever the window is; a short window makes the query cheap."""

OWNER = """
query($login: String!) {
  repositoryOwner(login: $login) { __typename }
}
"""
"""What kind of account a login is."""

REPOSITORIES = f"""
query($login: String!, $first: Int!, $after: String) {{
  user(login: $login) {{
    repositoriesContributedTo(
      first: $first, after: $after, includeUserRepositories: true, contributionTypes: [COMMIT]
    ) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ {REPOSITORY_FIELDS} }}
    }}
  }}
}}
"""

PAGE_END = """
query($login: String!, $first: Int!, $after: String) {
  user(login: $login) {
    repositoriesContributedTo(
      first: $first, after: $after, includeUserRepositories: true, contributionTypes: [COMMIT]
    ) {
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
"""Where the page of `REPOSITORIES` ends, to go on behind a repository that takes it away."""


def alias(index: int) -> str:
    """The GraphQL alias of the item at this index of a batch."""
    return f"a{index}"


def moment(time: datetime) -> str:
    """The time in the format of GitHub's `DateTime`."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def lookups(count: int) -> str:
    """The query that looks up `count` repositories by name (variables `o0`, `n0`, …)."""
    parameters = ", ".join(f"$o{i}: String!, $n{i}: String!" for i in range(count))
    fields = "\n".join(
        f"  {alias(i)}: repository(owner: $o{i}, name: $n{i}) {{ {REPOSITORY_FIELDS} }}"
        for i in range(count)
    )
    return f"query({parameters}) {{\n{fields}\n}}\n"


@dataclass(frozen=True, slots=True)
class WindowQuery(Generic[C]):
    """What to ask about the contributions of a window.

    Attributes:
        fields: GraphQL that selects fields of GitHub's `ContributionsCollection`.
        adapter: validates the collection of one window.
        entries: the field of the collection that lists repositories; None when there is none.
    """

    fields: str
    adapter: TypeAdapter[C]
    entries: str | None = None

    def text(self, windows: Sequence[TimeWindow]) -> str:
        """The query for these windows, each under the alias of its index."""
        lines = "\n".join(
            f'    {alias(index)}: contributionsCollection(from: "{moment(window.start)}",'
            f' to: "{moment(window.end)}") {{ {self.fields} }}'
            for index, window in enumerate(windows)
        )
        return f"query($login: String!) {{\n  user(login: $login) {{\n{lines}\n  }}\n}}\n"


DAYS = WindowQuery(
    "contributionCalendar"
    " { weeks { contributionDays { date contributionCount contributionLevel } } }",
    TypeAdapter(CalendarDays),
)
"""The days of each window's calendar."""

TOTALS = WindowQuery(
    "contributionCalendar { totalContributions }",
    TypeAdapter(CalendarTotal),
)
"""The number of contributions in each window."""

_ENTRIES = "commitContributionsByRepository"

COMMITS = WindowQuery(
    f"{_ENTRIES}(maxRepositories: {MOST_REPOSITORIES})"
    f" {{ url repository {{ {REPOSITORY_FIELDS} }} }}",
    TypeAdapter(CommittedRepositories),
    _ENTRIES,
)
"""The repositories with commits in each window, those with the most commits first."""

COMMIT_URLS = WindowQuery(
    f"{_ENTRIES}(maxRepositories: {MOST_REPOSITORIES}) {{ url }}",
    TypeAdapter(CommittedRepositories),
    _ENTRIES,
)
"""The same, but only URLs. GitHub gives those of repositories that it does not show, too, and they
contain the names."""
