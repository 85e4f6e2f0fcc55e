"""The GraphQL queries sent to GitHub, as text; values go in as variables wherever they can.

Schema: docs.github.com/public/fpt/schema.docs.graphql.
"""

from collections.abc import Sequence
from datetime import datetime

from datafetch.github.model import Window

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
"""All years with contributions; they do not depend on the window, which is one so that it is small."""

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

_TOTAL = "contributionCalendar { totalContributions }"
_DAYS = (
    "contributionCalendar"
    " { weeks { contributionDays { date contributionCount contributionLevel } } }"
)
_COMMITS = (
    f"commitContributionsByRepository(maxRepositories: {MOST_REPOSITORIES})"
    f" {{ repository {{ {REPOSITORY_FIELDS} }} }}"
)


def alias(index: int) -> str:
    """The alias of the item at this place of a batch."""
    return f"a{index}"


def moment(time: datetime) -> str:
    """GitHub's `DateTime`."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def days(windows: Sequence[Window]) -> str:
    """The days of each window's calendar."""
    return _collections(windows, _DAYS)


def totals(windows: Sequence[Window]) -> str:
    """The number of contributions in each window."""
    return _collections(windows, _TOTAL)


def commits(windows: Sequence[Window]) -> str:
    """The repositories that got commits in each window, the busiest first."""
    return _collections(windows, _COMMITS)


def lookups(count: int) -> str:
    """So many repositories by owner and name (variables `o0`, `n0`, …)."""
    parameters = ", ".join(f"$o{i}: String!, $n{i}: String!" for i in range(count))
    fields = "\n".join(
        f"  {alias(i)}: repository(owner: $o{i}, name: $n{i}) {{ {REPOSITORY_FIELDS} }}"
        for i in range(count)
    )
    return f"query({parameters}) {{\n{fields}\n}}\n"


def _collections(windows: Sequence[Window], fields: str) -> str:
    lines = "\n".join(
        f'    {alias(index)}: contributionsCollection(from: "{moment(window.start)}",'
        f' to: "{moment(window.end)}") {{ {fields} }}'
        for index, window in enumerate(windows)
    )
    return f"query($login: String!) {{\n  user(login: $login) {{\n{lines}\n  }}\n}}\n"
