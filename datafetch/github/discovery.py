"""What the GitHub job reads before it asks for statistics: calendars and repositories."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from datafetch.errors import UsageError
from datafetch.github.api import GitHubActivity
from datafetch.github.barriers import PERMISSIONS, HiddenError, HiddenRepositories, words_of
from datafetch.github.dataset import GitHubDataset
from datafetch.github.graphql import refusal
from datafetch.github.lists import FoundRepositories
from datafetch.github.model import (
    Day,
    Repository,
    Status,
    TimeWindow,
    excludes,
    is_full_name,
)
from datafetch.github.rules.calendar import trailing_days, trailing_year, year_window
from datafetch.github.rules.roster import LookedUp, Roster, build_roster, strays
from datafetch.job import JobContext
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.shard import Shard
from datafetch.upstream_errors import Missing, RateLimited, Rejected


@dataclass(frozen=True, slots=True)
class Listed:
    """What the roster was made of, so that it can be made again from a changed dataset.

    Attributes:
        repositories: those that GitHub listed, and those that the user named.
        looked_up: see `build_roster`.
        counted: see `build_roster`.
        remembered: identities of the repositories that the dataset remembered.
        stored: names of the CSVs that were stored.
    """

    repositories: tuple[Repository, ...] = ()
    looked_up: LookedUp = field(default_factory=LookedUp)
    counted: frozenset[str] = frozenset()
    remembered: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was read about a login.

    Attributes:
        window: the trailing year.
        days: the calendar of the trailing year.
        years: the years with contributions.
        totals: contributions of each year that could be read.
        roster: the repositories that count.
        only: identities of the repositories that the user named.
        limited: the error, when GitHub's limit was reached before everything was read; the roster
            then also has the remembered repositories.
        missing: for how many windows of time GitHub did not name the repositories.
        hidden: the listed repositories that GitHub does not show to the token.
        unlisted: whether GitHub failed to list the recent repositories; those with commits were
            found all the same, by windows of time.
        withheld: how many organizations GitHub left out of its answers without an error.
        excluded: patterns of the repositories that count nowhere.
        idle_patterns: those of them that match no repository.
        listed: what the roster was made of.
    """

    window: TimeWindow
    days: Sequence[Day]
    years: tuple[int, ...]
    totals: dict[int, int]
    roster: Roster
    only: frozenset[str]
    limited: RateLimited | None
    missing: int
    hidden: HiddenRepositories
    unlisted: bool
    withheld: int = 0
    excluded: frozenset[str] = frozenset()
    idle_patterns: tuple[str, ...] = ()
    listed: Listed = field(default_factory=Listed)

    @property
    def whole(self) -> bool:
        """Whether no window of time is missing, and no rate limit ended the reading.

        Hidden repositories, and a failed list of the recent ones, do not count here.
        """
        return self.limited is None and not self.missing

    def only_of(self, shard: Shard | None) -> "Discovery":
        """This discovery with the repositories of one share only; None keeps all."""
        if shard is None:
            return self
        own = tuple(e for e in self.roster.entries if shard.has(e.repository.identity))
        return replace(self, roster=replace(self.roster, entries=own))

    def against(self, dataset: GitHubDataset) -> "Discovery":
        """This discovery with a roster made anew, by the dataset as it is stored now.

        Other shares may have written CSVs since, also of repositories that GitHub did not list to
        this run. Such a repository counts if the dataset remembers it, and is left out if not.
        """
        listed = self.listed
        seen = listed.remembered | {repository.identity for repository in listed.repositories}
        new = [
            known.repository
            for known in dataset.repositories.values()
            if known.status is not Status.GONE
            and known.repository.identity not in seen
            and known.csv not in listed.stored
        ]
        roster = build_roster(
            (*listed.repositories, *new),
            listed.looked_up,
            dataset.repositories,
            dataset.stored,
            counted=listed.counted | {repository.identity for repository in new},
            excluded=self.excluded,
        )
        known = listed.stored | dataset.repositories.keys()
        entries = tuple(e for e in roster.entries if not e.gone or e.csv in known)
        return replace(self, roster=replace(roster, entries=entries))


def discover(
    context: JobContext[GitHubSettings], activity: GitHubActivity, dataset: GitHubDataset
) -> Discovery:
    """Read calendars and repositories, and bring them together with what is stored.

    Raises:
        UsageError: a name that the user gave is not `OWNER/NAME`.
        Missing: a repository that the user named, or the login, does not exist.
        Rejected: a repository that the user named is a fork, or excluded.
        HiddenError: a repository that the user named is not shown to the token.
        UpstreamError: GitHub could not be read.
    """
    now = datetime.fromtimestamp(context.clock.now(), UTC)
    window = trailing_year(now)
    years = activity.years(now)
    days = trailing_days(activity.days(window), window)
    excluded = context.settings.exclude
    only = _look_up_named(activity, context.options.only, excluded)
    year_windows = {year: year_window(year, now) for year in years}
    lists = _read_lists(activity, dataset, only, year_windows, excluded)
    listed = Listed(
        tuple(_with_named(lists.found, only)),
        lists.looked_up,
        frozenset(lists.found.repositories),
        frozenset(known.repository.identity for known in dataset.repositories.values()),
        frozenset(dataset.stored),
    )
    roster = build_roster(
        listed.repositories,
        listed.looked_up,
        dataset.repositories,
        dataset.stored,
        counted=listed.counted,
        excluded=excluded,
    )
    return Discovery(
        window=window,
        days=days,
        years=years,
        totals=lists.totals,
        roster=roster,
        only=frozenset(repository.identity for repository in only),
        limited=lists.limited,
        missing=len(lists.found.missing),
        hidden=lists.found.hidden,
        unlisted=lists.found.unlisted,
        withheld=activity.withheld,
        excluded=excluded,
        idle_patterns=_idle_patterns(excluded, lists, dataset, activity.withheld),
        listed=listed,
    )


@dataclass
class _Lists:
    """What GitHub answered before its limit was reached."""

    found: FoundRepositories = field(default_factory=FoundRepositories)
    totals: dict[int, int] = field(default_factory=dict)
    looked_up: LookedUp = field(default_factory=LookedUp)
    limited: RateLimited | None = None


def _read_lists(
    activity: GitHubActivity,
    dataset: GitHubDataset,
    only: Sequence[Repository],
    windows: Mapping[int, TimeWindow],
    excluded: Collection[str],
) -> _Lists:
    lists = _Lists()
    try:
        lists.totals = activity.totals(windows)
        activity.contributed_to(lists.found)
        activity.committed_to(windows.values(), lists.found)
        known = _with_named(lists.found, only)
        by_csv = strays(known, dataset.repositories, dataset.stored, excluded)
        found = activity.look_up([name for names in by_csv.values() for name in names])
        lists.looked_up = LookedUp(found.found, found.barriers)
    except RateLimited as error:
        lists.limited = error
        # The remembered repositories stand in for those that could not be read.
        remembered = [k for k in dataset.repositories.values() if k.status is not Status.GONE]
        for record in remembered:
            lists.found.add(record.repository)
        lists.looked_up = LookedUp(
            {record.full_name.lower(): record.repository for record in remembered}
        )
    return lists


def _look_up_named(
    activity: GitHubActivity, names: Sequence[str], excluded: Collection[str]
) -> list[Repository]:
    _refuse_malformed(names)
    if not names:
        return []
    _refuse_excluded(names, excluded)
    result = activity.look_up(names)
    for name, problem in result.hidden.items():
        if problem.barrier is None:
            raise refusal(problem)
        words = words_of(problem.message or "")
        raise HiddenError(problem.barrier, f"--repo {name}: GitHub does not show it: {words}")
    found = result.found
    unknown = [name for name in names if name.lower() not in found]
    if unknown:
        raise Missing(
            f"{_options(unknown)}: GitHub has no such repository, or does not show it to the token",
            hint=f"Check the spelling; if it is private, the token must be let in. {PERMISSIONS}",
        )
    _refuse_excluded([repository.full_name for repository in found.values()], excluded)
    forks = [name for name in names if found[name.lower()].fork]
    if forks:
        raise Rejected(
            f"{_options(forks)}: a fork, and forks count nowhere",
            hint="Name the repository that it was forked from.",
        )
    return list(found.values())


def _refuse_malformed(names: Sequence[str]) -> None:
    wrong = [words_of(name) for name in names if not is_full_name(name)]
    if not wrong:
        return
    likely = _likely_name(wrong[0])
    hint = "Write OWNER/NAME, as in https://github.com/OWNER/NAME."
    if likely is not None:
        hint = f"Write --repo {likely}"
    raise UsageError(f"{_options(wrong)}: not OWNER/NAME", hint=hint)


def _likely_name(text: str) -> str | None:
    """The OWNER/NAME at the end of an address at GitHub; None when it is no such address."""
    rest, _, name = text.removesuffix("/").removesuffix(".git").rpartition("/")
    site, _, owner = rest.rpartition("/")
    at_github = "github" in site.rstrip("/").rpartition("/")[2]
    return f"{owner}/{name}" if at_github and is_full_name(f"{owner}/{name}") else None


def _refuse_excluded(names: Iterable[str], excluded: Collection[str]) -> None:
    left_out = [name for name in names if excludes(excluded, name)]
    if left_out:
        raise Rejected(
            f"{_options(left_out)}: excluded by GITHUB_EXCLUDE",
            hint="Take it out of GITHUB_EXCLUDE, or leave out --repo.",
        )


def _options(names: Iterable[str]) -> str:
    """The options as they were typed."""
    return " ".join(f"--repo {name}" for name in names)


def _idle_patterns(
    patterns: Collection[str], lists: _Lists, dataset: GitHubDataset, withheld: int
) -> tuple[str, ...]:
    """The patterns of `GITHUB_EXCLUDE` that match no repository.

    Empty when GitHub may know more repositories than it named.
    """
    found = lists.found
    nameless = found.hidden.listed or found.hidden.in_window
    if lists.limited or found.missing or found.unlisted or nameless or withheld:
        return ()
    names = [repository.full_name for repository in found.repositories.values()]
    names += [known.full_name for known in dataset.repositories.values()]
    names += [*found.hidden.named]
    return tuple(
        pattern
        for pattern in sorted(patterns)
        if not any(excludes((pattern,), name) for name in names)
    )


def _with_named(found: FoundRepositories, only: Sequence[Repository]) -> list[Repository]:
    repositories = dict(found.repositories)
    for repository in only:
        repositories.setdefault(repository.identity, repository)
    return list(repositories.values())
