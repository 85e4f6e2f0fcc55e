"""The shapes of GitHub's GraphQL answers, named as in its schema, and how values are made of them.

Fields that GitHub adds are ignored. Schema: docs.github.com/public/fpt/schema.docs.graphql.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, AliasPath, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.github.model import UNEXPECTED_HINT, CountOfGitHub, Day, Repository, is_full_name
from datafetch.models.problems import first_problem
from datafetch.upstream_errors import Malformed

T = TypeVar("T")

_LEVELS = ("NONE", "FIRST_QUARTILE", "SECOND_QUARTILE", "THIRD_QUARTILE", "FOURTH_QUARTILE")
"""GitHub's enum `ContributionLevel`, from level 0 to level 4."""

_CAMEL = ConfigDict(alias_generator=to_camel)


def read_as(adapter: TypeAdapter[T], value: object, what: str, *, url: str = "") -> T:
    """Validate a part of an answer; `what` names that part in the error.

    Raises:
        Malformed: it is not as GitHub documents it. The message names the field, never its value,
            which may be the name of a private repository.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        text = f"GitHub's {what} is not as documented: {first_problem(error)}"
        # Not `from error`: the text of pydantic's error quotes the value.
        raise Malformed(text, url=url, hint=UNEXPECTED_HINT) from None


def _full_name(text: str) -> str:
    if not is_full_name(text):
        raise ValueError("it is not OWNER/NAME with the characters that GitHub allows")
    return text


@dataclass(frozen=True, slots=True)
class RepositoryNode:
    """GitHub's `Repository`, with the fields of `queries.REPOSITORY_FIELDS`."""

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    id: str
    name_with_owner: Annotated[str, AfterValidator(_full_name)]
    is_private: bool
    is_fork: bool
    pushed_at: str | None

    def repository(self) -> Repository:
        """This node as the job's own `Repository`."""
        return Repository(
            id=self.id,
            full_name=self.name_with_owner,
            private=self.is_private,
            fork=self.is_fork,
            pushed_at=self.pushed_at,
        )


@dataclass(frozen=True, slots=True)
class ContributionYears:
    """The answer to the query for the years with contributions."""

    years: Annotated[
        tuple[Annotated[int, Field(ge=1, le=9999)], ...],
        Field(validation_alias=AliasPath("user", "contributionsCollection", "contributionYears")),
    ]


@dataclass(frozen=True, slots=True)
class OwnerKind:
    """The answer to the query of what a login is.

    Attributes:
        kind: `User` or `Organization`; None when there is no such login.
    """

    kind: Annotated[
        str | None, Field(validation_alias=AliasPath("repositoryOwner", "__typename"))
    ] = None


_LIST = ("user", "repositoriesContributedTo")


@dataclass(frozen=True, slots=True)
class RepositoriesPage:
    """One page of `repositoriesContributedTo`.

    Attributes:
        nodes: a None among them stands for a repository that the token may not see.
        more: whether there is a page after this one.
        cursor: where that page begins.
    """

    nodes: Annotated[
        tuple[RepositoryNode | None, ...] | None, Field(validation_alias=AliasPath(*_LIST, "nodes"))
    ]
    more: Annotated[bool, Field(validation_alias=AliasPath(*_LIST, "pageInfo", "hasNextPage"))]
    cursor: Annotated[
        str | None, Field(validation_alias=AliasPath(*_LIST, "pageInfo", "endCursor"))
    ]


@dataclass(frozen=True, slots=True)
class PageEnd:
    """Where a page of `repositoriesContributedTo` ends: see `RepositoriesPage`.

    Attributes:
        empty: whether there is nothing on the page.
    """

    more: Annotated[bool, Field(validation_alias=AliasPath(*_LIST, "pageInfo", "hasNextPage"))]
    cursor: Annotated[
        str | None, Field(validation_alias=AliasPath(*_LIST, "pageInfo", "endCursor"))
    ]
    empty: bool = False


@dataclass(frozen=True, slots=True)
class ContributionDay:
    """GitHub's `ContributionCalendarDay`."""

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    date: date
    contribution_count: CountOfGitHub
    contribution_level: Literal[
        "NONE", "FIRST_QUARTILE", "SECOND_QUARTILE", "THIRD_QUARTILE", "FOURTH_QUARTILE"
    ]

    def day(self) -> Day:
        """This day as the job's own `Day`."""
        return Day(self.date, self.contribution_count, _LEVELS.index(self.contribution_level))


@dataclass(frozen=True, slots=True)
class ContributionWeek:
    """GitHub's `ContributionCalendarWeek`."""

    __pydantic_config__: ClassVar[ConfigDict] = _CAMEL

    contribution_days: tuple[ContributionDay, ...]


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """A `ContributionsCollection` that was asked for the days of its calendar."""

    weeks: Annotated[
        tuple[ContributionWeek, ...],
        Field(validation_alias=AliasPath("contributionCalendar", "weeks")),
    ]

    def days(self) -> list[Day]:
        """The days of all weeks."""
        return [day.day() for week in self.weeks for day in week.contribution_days]


@dataclass(frozen=True, slots=True)
class CalendarTotal:
    """A `ContributionsCollection` that was asked for the number of contributions."""

    count: Annotated[
        CountOfGitHub,
        Field(validation_alias=AliasPath("contributionCalendar", "totalContributions")),
    ]


@dataclass(frozen=True, slots=True)
class CommitContributions:
    """GitHub's `CommitContributionsByRepository`.

    Attributes:
        repository: None when it was not asked for, or the token may not see it.
        url: of the login's commits in it: `https://HOST/OWNER/NAME/commits?…`.
    """

    repository: RepositoryNode | None = None
    url: str | None = None

    @property
    def full_name(self) -> str | None:
        """The repository's full name, even if the token may not see it; None when unknown."""
        if self.repository is not None:
            return self.repository.name_with_owner
        path = re.split(r"[?#]", (self.url or "").partition("://")[2])[0].split("/")
        name = "/".join(path[1:3])
        return name if is_full_name(name) else None


@dataclass(frozen=True, slots=True)
class CommittedRepositories:
    """A `ContributionsCollection` that was asked for the repositories with commits.

    Attributes:
        entries: None stands for one that GitHub does not show.
    """

    entries: Annotated[
        tuple[CommitContributions | None, ...],
        Field(validation_alias="commitContributionsByRepository"),
    ]
