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
from datafetch.github.rules.csv import assign_names, plain_name, possible_repositories

UNAVAILABLE_AGAIN_MS = 7 * 24 * 3600 * 1000
"""Unavailable statistics are asked for again after a week, even without a push."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One repository that counts.

    Attributes:
        csv: the name that its CSV has, or will have.
        record: what is remembered of it.
        stored: the name of the CSV that is stored; another one than `csv` after a rename.
        etag: ETag of the stored CSV.
        counted: whether GitHub counts commits of the owner in it.
    """

    repository: Repository
    csv: str
    record: RememberedRepository | None = None
    stored: str | None = None
    etag: str | None = None
    counted: bool = True
    gone: bool = False

    @property
    def remembered_weeks(self) -> tuple[Week, ...] | None:
        """The weeks of the stored CSV, as far as they need not be read from it."""
        record = self.record
        if record is None or self.etag is None or record.etag != self.etag:
            return None
        return record.weeks


@dataclass(frozen=True, slots=True)
class Roster:
    """The repositories that count, and names of CSVs that a later name of theirs replaced."""

    entries: tuple[Entry, ...]
    replaced: tuple[str, ...] = ()


def strays(
    discovered: Sequence[Repository],
    records: Mapping[str, RememberedRepository],
    stored: Iterable[str],
) -> dict[str, list[str]]:
    """Stored CSVs of repositories that GitHub did not list, each with whose it may be."""
    known = _by_identity(records.values())
    taken = {name.lower() for name in _names(discovered, records, stored).values()}
    for repository in discovered:
        record = _record_of(repository, known)
        taken.add(record.csv.lower() if record else plain_name(repository.full_name).lower())
    return {
        name: [records[name].repository.full_name]
        if name in records
        else possible_repositories(name)
        for name in stored
        if name.lower() not in taken
    }


def build_roster(
    discovered: Sequence[Repository],
    found: Mapping[str, Repository],
    records: Mapping[str, RememberedRepository],
    stored: Mapping[str, str],
    *,
    counted: Collection[str],
) -> Roster:
    """Bring together what GitHub lists, what is stored and what is remembered.

    `found` has the repositories that were looked up for `strays`, by lower-case full name;
    `records` and `stored` (ETags) are by CSV name; `counted` are the identities of those in
    which GitHub counts commits. Forks are left out, with their CSVs.
    """
    known = _by_identity(records.values())
    looked_up, gone = _match(strays(discovered, records, stored), found, records, stored)
    everyone = {r.identity: r for r in (*looked_up.values(), *discovered) if not r.fork}
    names = _names(tuple(everyone.values()), records, stored)
    former = {repository.identity: name for name, repository in looked_up.items()}
    entries, replaced = [], []
    for identity, repository in everyone.items():
        record = _record_of(repository, known)
        csv = names[identity]
        others = [former.get(identity), record.csv if record else None]
        old = [name for name in others if name is not None and name != csv and name in stored]
        holder = csv if csv in stored else next(iter(old), None)
        replaced += [name for name in dict.fromkeys(old) if name != holder]
        entries.append(
            Entry(
                repository,
                csv,
                record,
                holder,
                stored[holder] if holder else None,
                counted=identity in counted,
            )
        )
    return Roster(tuple(entries + gone), tuple(dict.fromkeys(replaced)))


def _match(
    doubtful: Mapping[str, Sequence[str]],
    found: Mapping[str, Repository],
    records: Mapping[str, RememberedRepository],
    stored: Mapping[str, str],
) -> tuple[dict[str, Repository], list[Entry]]:
    """Whose the doubtful CSVs are, by CSV name, and entries for those of nobody any more."""
    looked_up: dict[str, Repository] = {}
    gone: list[Entry] = []
    for name, candidates in doubtful.items():
        match = next((found[c.lower()] for c in candidates if c.lower() in found), None)
        record = records.get(name)
        if match is not None and record is not None and record.repository.id not in ("", match.id):
            match = None  # the name belongs to another repository now
        if match is not None:
            looked_up[name] = match
        elif candidates:
            repository = record.repository if record else Repository("", candidates[0])
            entry = Entry(repository, name, record, name, stored[name], counted=False, gone=True)
            gone.append(entry)
    return looked_up, gone


def is_settled(entry: Entry, now_ms: int) -> bool:
    """Whether asking GitHub for its statistics would tell nothing new."""
    if entry.gone:
        return True
    record = entry.record
    if record is None or record.status not in ANSWERED:
        return False
    if record.pushed_at != entry.repository.pushed_at or record.etag != entry.etag:
        return False
    if entry.stored not in (None, entry.csv):
        return False
    if record.status is Status.UNAVAILABLE:
        return record.asked_at is not None and now_ms - record.asked_at < UNAVAILABLE_AGAIN_MS
    return True


def asking_order(entries: Iterable[Entry], failed_before: Callable[[str], bool]) -> list[Entry]:
    """What failed before comes first, then what has no CSV, then the rest by name."""

    def place(entry: Entry) -> tuple[bool, bool, str]:
        name = entry.repository.full_name
        return (not failed_before(name), entry.stored is not None, name.lower())

    return sorted(entries, key=place)


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """What becomes of a repository after an answer; `write` are the weeks of its new CSV."""

    status: Status
    write: tuple[Week, ...] | None = None
    validator: str | None = None


def judge(answer: StatisticsAnswer, entry: Entry, stored: Sequence[Week] | None) -> AnswerVerdict:
    """Decide what an answer is worth against what is stored: something never gives way to nothing.

    Weeks with commits but no lines at all, and an owner who is absent, or has no statistics,
    though GitHub counts commits, are `unavailable` (for repositories of 10,000 commits and more GitHub answers
    zero lines: docs.github.com/rest/metrics/statistics).
    """
    has_something = bool(stored and busy(stored))
    nothing = Status.UNAVAILABLE if has_something else Status.NONE
    match answer:
        case StillComputing():
            return AnswerVerdict(Status.PENDING)
        case SameStatistics():
            record = entry.record
            return AnswerVerdict(Status.COMPLETE, validator=record.validator if record else None)
        case NoStatistics() | OwnerAbsent():
            return AnswerVerdict(Status.UNAVAILABLE if entry.counted else nothing)
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
    records: Mapping[str, RememberedRepository],
    stored: Iterable[str],
) -> dict[str, str]:
    real = [repository for repository in discovered if not repository.fork]
    return assign_names(real, records.values(), stored)


def _by_identity(records: Iterable[RememberedRepository]) -> dict[str, RememberedRepository]:
    return {record.repository.identity: record for record in records}


def _record_of(
    repository: Repository, known: Mapping[str, RememberedRepository]
) -> RememberedRepository | None:
    """By node id, else by the name under which it was remembered before it had one."""
    return known.get(repository.identity) or known.get(repository.full_name.lower())


def name_them(repositories: Sequence[Repository]) -> str:
    """Their names for people; private ones are only counted."""
    names = sorted(repository.full_name for repository in repositories if not repository.private)
    private = len(repositories) - len(names)
    if private:
        names.append(PRIVATE_LABEL if private == 1 else f"{private} private repositories")
    return ", ".join(names)
