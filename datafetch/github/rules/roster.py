"""Which repositories count, which of them are asked for statistics, and what an answer means."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from datafetch.github.model import (
    ANSWERED,
    PRIVATE_LABEL,
    NoStatistics,
    OwnerAbsent,
    OwnerWeeks,
    RememberedRepository,
    Repository,
    SameStatistics,
    StatisticsAnswer,
    Status,
    StillComputing,
    Week,
    busy,
)
from datafetch.github.rules.csv import (
    assign_names,
    expand,
    plain_name,
    possible_repositories,
)

UNAVAILABLE_AGAIN_MS = 7 * 24 * 3600 * 1000
"""Unavailable statistics are asked for again after a week, even without a push."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One repository of the roster.

    Attributes:
        csv: the name under which its CSV is written.
        remembered: what is remembered of it; None when it is new.
        stored: the name of its stored CSV, which after a rename is not `csv`; None without one.
        etag: ETag of the stored CSV.
        counted: whether GitHub counts commits of the owner in it.
        gone: whether GitHub has no such repository any more.
    """

    repository: Repository
    csv: str
    remembered: RememberedRepository | None = None
    stored: str | None = None
    etag: str | None = None
    counted: bool = True
    gone: bool = False

    @property
    def remembered_weeks(self) -> tuple[Week, ...] | None:
        """The weeks of the stored CSV; None when they are not remembered and have to be read."""
        known = self.remembered
        if known is None or known.weeks is None or self.etag is None or known.etag != self.etag:
            return None
        return expand(known.weeks)


@dataclass(frozen=True, slots=True)
class Roster:
    """The repositories whose lines are summed up.

    Attributes:
        entries: one for each repository.
        replaced: names of stored CSVs under a former name that are not used, because another
            stored CSV of the same repository is (`Entry.stored`).
    """

    entries: tuple[Entry, ...]
    replaced: tuple[str, ...] = ()


def strays(
    discovered: Sequence[Repository],
    remembered: Mapping[str, RememberedRepository],
    stored: Iterable[str],
) -> dict[str, list[str]]:
    """Stored CSVs whose repository GitHub did not list, each with the full names it may have."""
    by_identity = _by_identity(remembered.values())
    taken = {name.lower() for name in _names(discovered, remembered, stored).values()}
    for repository in discovered:
        known = _known(repository, by_identity)
        taken.add(known.csv.lower() if known else plain_name(repository.full_name).lower())
    return {
        name: [remembered[name].full_name] if name in remembered else possible_repositories(name)
        for name in stored
        if name.lower() not in taken
    }


def build_roster(
    discovered: Sequence[Repository],
    looked_up: Mapping[str, Repository],
    remembered: Mapping[str, RememberedRepository],
    stored: Mapping[str, str],
    *,
    counted: Collection[str],
) -> Roster:
    """Bring together what GitHub lists, what is stored and what is remembered.

    Forks are left out, and so are their CSVs.

    Args:
        discovered: the repositories that GitHub listed.
        looked_up: the repositories that were found for the `strays`, by lower-case full name.
        remembered: by CSV name.
        stored: ETags of the stored CSVs, by CSV name.
        counted: identities of those in which GitHub counts commits of the owner.
    """
    by_identity = _by_identity(remembered.values())
    found, gone = _match(strays(discovered, remembered, stored), looked_up, remembered, stored)
    everyone = {r.identity: r for r in (*found.values(), *discovered) if not r.fork}
    names = _names(tuple(everyone.values()), remembered, stored)
    former = {repository.identity: name for name, repository in found.items()}
    entries, replaced = [], []
    for identity, repository in everyone.items():
        known = _known(repository, by_identity)
        csv = names[identity]
        # What is remembered is of the last run, so its CSV is newer than one that is not.
        others = [known.csv if known else None, former.get(identity)]
        old = [name for name in others if name is not None and name != csv and name in stored]
        holder = csv if csv in stored else next(iter(old), None)
        replaced += [name for name in dict.fromkeys(old) if name != holder]
        etag = stored[holder] if holder else None
        counts = identity in counted
        entries.append(Entry(repository, csv, known, holder, etag, counted=counts))
    return Roster(tuple(entries + gone), tuple(dict.fromkeys(replaced)))


def _match(
    stray_csvs: Mapping[str, Sequence[str]],
    looked_up: Mapping[str, Repository],
    remembered: Mapping[str, RememberedRepository],
    stored: Mapping[str, str],
) -> tuple[dict[str, Repository], list[Entry]]:
    """The repositories of the stray CSVs, by CSV name.

    Also returns an entry for each stray CSV whose repository does not exist any more.
    """
    found: dict[str, Repository] = {}
    gone: list[Entry] = []
    for name, candidates in stray_csvs.items():
        match = next((looked_up[c.lower()] for c in candidates if c.lower() in looked_up), None)
        known = remembered.get(name)
        if match is not None and known is not None and known.id not in ("", match.id):
            match = None  # another repository has taken over the name
        if match is not None:
            found[name] = match
        elif candidates:
            repository = known.repository if known else Repository("", candidates[0])
            entry = Entry(repository, name, known, name, stored[name], counted=False, gone=True)
            gone.append(entry)
    return found, gone


def is_settled(entry: Entry, now_ms: int) -> bool:
    """Whether asking GitHub for the statistics would bring nothing new."""
    if entry.gone:
        return True
    known = entry.remembered
    if known is None or known.status not in ANSWERED:
        return False
    if known.pushed_at != entry.repository.pushed_at or known.etag != entry.etag:
        return False
    if entry.stored not in (None, entry.csv):
        return False
    if known.status is Status.UNAVAILABLE:
        return known.asked_at is not None and now_ms - known.asked_at < UNAVAILABLE_AGAIN_MS
    return True


def asking_order(entries: Iterable[Entry], failed_before: Callable[[str], bool]) -> list[Entry]:
    """Those that failed before come first, then those without a CSV, then the rest, by name."""

    def place(entry: Entry) -> tuple[bool, bool, str]:
        name = entry.repository.full_name
        return (not failed_before(name), entry.stored is not None, name.lower())

    return sorted(entries, key=place)


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """What an answer means for a repository.

    Attributes:
        status: what is known of its statistics now.
        write: the weeks of its new CSV; None when the stored one stays.
        validator: to send with the next request.
    """

    status: Status
    write: tuple[Week, ...] | None = None
    validator: str | None = None


def judge(answer: StatisticsAnswer, entry: Entry, stored: Sequence[Week] | None) -> AnswerVerdict:
    """Decide what an answer means, given the weeks of the stored CSV.

    A CSV with lines is never replaced by one without. For repositories of 10,000 commits and more
    GitHub answers zero lines (docs.github.com/rest/metrics/statistics). So these are `UNAVAILABLE`:
    weeks with commits but no lines at all; no weeks of the owner though GitHub counts commits of
    the owner; no lines though the stored CSV has some.
    """
    has_something = bool(stored and busy(stored))
    without_lines = Status.UNAVAILABLE if has_something else Status.NONE
    match answer:
        case StillComputing():
            return AnswerVerdict(Status.PENDING)
        case SameStatistics():
            known = entry.remembered
            return AnswerVerdict(Status.COMPLETE, validator=known.validator if known else None)
        case NoStatistics() | OwnerAbsent():
            return AnswerVerdict(Status.UNAVAILABLE if entry.counted else without_lines)
        case OwnerWeeks(weeks, validator):
            return _judge_weeks(weeks, validator, entry, stored)


def _judge_weeks(
    weeks: tuple[Week, ...], validator: str | None, entry: Entry, stored: Sequence[Week] | None
) -> AnswerVerdict:
    commits = any(week.commits for week in weeks)
    lines = any(week.added or week.deleted for week in weeks)
    if commits and not lines:
        return AnswerVerdict(Status.UNAVAILABLE)
    if stored is not None and not lines and busy(stored):
        return AnswerVerdict(Status.UNAVAILABLE)
    same = stored is not None and entry.stored == entry.csv and busy(stored) == busy(weeks)
    return AnswerVerdict(Status.COMPLETE, None if same else weeks, validator)


def _names(
    discovered: Iterable[Repository],
    remembered: Mapping[str, RememberedRepository],
    stored: Iterable[str],
) -> dict[str, str]:
    """The CSV name of each repository that is no fork, by its identity."""
    real = [repository for repository in discovered if not repository.fork]
    return assign_names(real, remembered.values(), stored)


def _by_identity(remembered: Iterable[RememberedRepository]) -> dict[str, RememberedRepository]:
    return {known.repository.identity: known for known in remembered}


def _known(
    repository: Repository, by_identity: Mapping[str, RememberedRepository]
) -> RememberedRepository | None:
    """What is remembered of a repository; it may have been remembered before its id was known."""
    return by_identity.get(repository.identity) or by_identity.get(repository.full_name.lower())


def name_them(repositories: Sequence[Repository]) -> str:
    """The names of the public ones, and the number of private ones, as text for people."""
    names = sorted(repository.full_name for repository in repositories if not repository.private)
    private = len(repositories) - len(names)
    if private:
        names.append(PRIVATE_LABEL if private == 1 else f"{private} private repositories")
    return ", ".join(names)
