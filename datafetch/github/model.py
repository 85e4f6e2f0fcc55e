"""The values of the GitHub job: repositories, weeks of lines, calendars, and what is remembered."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

WEEK_S = 7 * 24 * 3600
LAST_WEEK = 253_402_300_799
"""The end of the year 9999 in epoch seconds; dates have no later one."""

PRIVATE_LABEL = "a private repository"
"""What logs and results say instead of the name of a private repository."""

UNEXPECTED_HINT = (
    "GitHub failed, or has changed: the next run tries again; if this goes on, report it at"
    " https://github.com/datafetch/datafetch/issues."
)
"""What to do about an answer that GitHub does not document."""

_FULL_NAME = re.compile(r"[A-Za-z0-9_-]+/(?!\.{1,2}$)[A-Za-z0-9_.-]+")


def is_full_name(text: str) -> bool:
    """Whether the text is `OWNER/NAME` with the characters that GitHub allows in them."""
    return _FULL_NAME.fullmatch(text) is not None


def excludes(patterns: Collection[str], full_name: str) -> bool:
    """Whether one of the patterns, `owner/name` or `owner/*` in lower case, names the repository."""
    name = full_name.lower()
    return name in patterns or f"{name.partition('/')[0]}/*" in patterns


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository as GitHub names it now.

    Attributes:
        id: GitHub's node id, which a rename does not change; empty when GitHub never named it.
        full_name: `owner/name`.
        private: a repository counts as private until GitHub says that it is not.
        pushed_at: ISO time of the last push; None when there never was a push.
    """

    id: str
    full_name: str
    private: bool = True
    fork: bool = False
    pushed_at: str | None = None

    @property
    def owner(self) -> str:
        """The part before the slash."""
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        """The part after the slash."""
        return self.full_name.partition("/")[2]

    @property
    def identity(self) -> str:
        """The key that identifies it: the node id; without one the full name, in lower case."""
        return self.id or self.full_name.lower()

    @property
    def label(self) -> str:
        """Its name for logs and results, where the name of a private repository never appears."""
        return PRIVATE_LABEL if self.private else self.full_name


LARGEST_COUNT = 2**53 - 1
"""The largest number that the site's readers hold exactly (ECMA-262, Number.MAX_SAFE_INTEGER)."""

CountOfGitHub = Annotated[int, Field(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]
"""A number of lines, commits or contributions. Sums of them can always be written."""


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One person's work in one repository in one week; GitHub names the fields `w`, `a`, `d`, `c`.

    `start` is epoch seconds of Sunday 00:00 UTC
    (docs.github.com/rest/metrics/statistics: "start of the week, given as a Unix timestamp").
    """

    start: Annotated[int, Field(validation_alias="w", ge=0, le=LAST_WEEK)]
    added: Annotated[CountOfGitHub, Field(validation_alias="a")]
    deleted: Annotated[CountOfGitHub, Field(validation_alias="d")]
    commits: Annotated[CountOfGitHub, Field(validation_alias="c")]

    @property
    def day(self) -> date:
        """The date of its first day, in UTC."""
        return datetime.fromtimestamp(self.start, UTC).date()

    @property
    def idle(self) -> bool:
        """Whether it has neither lines nor commits."""
        return not (self.added or self.deleted or self.commits)


def busy(weeks: Iterable[Week]) -> tuple[Week, ...]:
    """The weeks that are not idle."""
    return tuple(week for week in weeks if not week.idle)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A stretch of time in UTC, both ends included."""

    start: datetime
    end: datetime

    def halves(self, least_days: int) -> tuple["TimeWindow", "TimeWindow"] | None:
        """Two windows of whole days that cover this one; None when it has at most `least_days`."""
        first, last = self.start.date(), self.end.date()
        days = (last - first).days + 1
        if days <= least_days:
            return None
        middle = datetime.combine(first + timedelta(days=days // 2), time(0), self.start.tzinfo)
        return TimeWindow(self.start, middle - timedelta(seconds=1)), TimeWindow(middle, self.end)


@dataclass(frozen=True, slots=True)
class Day:
    """One square of the contribution calendar; `level` is 0 to 4."""

    date: date
    count: int
    level: int


class Barrier(StrEnum):
    """Why GitHub keeps a repository from the token."""

    SAML = "saml"
    """Its organization wants single sign-on, and the token is not authorised for it."""
    RULES = "rules"
    """Its organization refuses this kind of token or this IP address."""
    BLOCKED = "blocked"
    """GitHub has taken it down: a DMCA notice, or its terms of service."""
    RIGHTS = "rights"
    """The token lacks a right, or GitHub gave no reason."""
    FAULT = "fault"
    """GitHub failed while it read this repository."""


class Status(StrEnum):
    """What is known of a repository's statistics."""

    NEW = "new"
    """Not asked yet, or somebody else changed its CSV since."""
    COMPLETE = "complete"
    """Its CSV has what GitHub answered."""
    NONE = "none"
    """GitHub answered that the owner did nothing in it."""
    UNAVAILABLE = "unavailable"
    """GitHub's answer lacks lines that must exist; the stored CSV is used, if there is one."""
    PENDING = "pending"
    """GitHub was still computing at the end of the run."""
    FAILED = "failed"
    """GitHub did not answer, or not as documented."""
    GONE = "gone"
    """There is no such repository any more; the stored CSV is used."""
    HIDDEN = "hidden"
    """GitHub does not show it to the token; the stored CSV is used, if there is one."""


ANSWERED = frozenset({Status.COMPLETE, Status.NONE, Status.UNAVAILABLE})
"""The statuses of a repository for whose statistics GitHub has given a final answer."""

DECIDED = ANSWERED | {Status.HIDDEN}
"""The statuses with which a repository without a CSV leaves the sums of the others complete."""


@dataclass(frozen=True, slots=True)
class ConsecutiveWeeks:
    """Weeks that follow each other without a gap, as they are stored.

    Attributes:
        first: when the first of them begins, as `Week.start`.
        rows: lines added, lines deleted and commits of each week; 0 stands for an idle one.
    """

    first: Annotated[int, Field(alias="from", ge=0, le=LAST_WEEK)]
    rows: tuple[Literal[0] | tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class ScatteredWeeks:
    """Weeks with gaps between them, as they are stored: the four numbers of each `Week`."""

    rows: tuple[tuple[int, int, int, int], ...]


CompactWeeks = Annotated[ConsecutiveWeeks | ScatteredWeeks, Field(union_mode="left_to_right")]


@dataclass(frozen=True, slots=True)
class RememberedRepository:
    """What is remembered of one repository between runs, as it is stored.

    Attributes:
        id, full_name, private: as GitHub last named the repository.
        last_push: its `pushed_at` then.
        pushed_at: its last push as of the last request for its statistics, answered or failed.
        etag: ETag of its CSV when it was last written or read; None when it has none.
        validator: ETag of GitHub's last statistics, for conditional requests.
        asked_at: when GitHub last gave a final answer (`ANSWERED`), in epoch milliseconds.
        weeks: what the CSV with this `etag` contains; None when that is not known.
        csv: the name of its CSV without extension, whether it has one or not. It is stored as the
            key, not as a field.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    id: str
    full_name: Annotated[str, Field(alias="repository")]
    private: bool
    last_push: str | None
    status: Status = Status.NEW
    pushed_at: str | None = None
    etag: str | None = None
    validator: str | None = None
    asked_at: int | None = None
    weeks: CompactWeeks | None = None
    csv: Annotated[str, Field(exclude=True)] = ""

    @classmethod
    def of(cls, repository: Repository, csv: str) -> "RememberedRepository":
        """A repository of which nothing else is known yet."""
        return cls(
            repository.id, repository.full_name, repository.private, repository.pushed_at, csv=csv
        )

    @property
    def repository(self) -> Repository:
        """The repository as GitHub last named it."""
        return Repository(self.id, self.full_name, private=self.private, pushed_at=self.last_push)


@dataclass(frozen=True, slots=True)
class StillComputing:
    """GitHub still computes the statistics (202)."""


@dataclass(frozen=True, slots=True)
class SameStatistics:
    """The statistics are still those whose validator was sent (304)."""

    validator: str


@dataclass(frozen=True, slots=True)
class NoStatistics:
    """The repository has none: it is empty (204)."""


@dataclass(frozen=True, slots=True)
class OwnerAbsent:
    """There are statistics, but none of the owner's."""


@dataclass(frozen=True, slots=True)
class OwnerWeeks:
    """The owner's weeks, and the validator to send with the next request."""

    weeks: tuple[Week, ...]
    validator: str | None = None


StatisticsAnswer = StillComputing | SameStatistics | NoStatistics | OwnerAbsent | OwnerWeeks
