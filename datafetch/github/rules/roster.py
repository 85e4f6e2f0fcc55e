"""Which repositories count, and which of them are asked for statistics."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from datafetch.github.model import (
    ANSWERED,
    PRIVATE_LABEL,
    Barrier,
    RememberedRepository,
    Repository,
    Status,
    Week,
    excludes,
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
        barrier: why GitHub does not show it; None when it does.
    """

    repository: Repository
    csv: str
    remembered: RememberedRepository | None = None
    stored: str | None = None
    etag: str | None = None
    counted: bool = True
    gone: bool = False
    barrier: Barrier | None = None

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
        excluded: what is remembered of the excluded repositories.
    """

    entries: tuple[Entry, ...]
    replaced: tuple[str, ...] = ()
    excluded: tuple[RememberedRepository, ...] = ()


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What GitHub said of repositories that it did not list, by lower-case full name.

    Attributes:
        found: those that exist.
        hidden: those that it does not show, with the reason.
    """

    found: Mapping[str, Repository] = field(default_factory=dict)
    hidden: Mapping[str, Barrier] = field(default_factory=dict)


def strays(
    discovered: Sequence[Repository],
    remembered: Mapping[str, RememberedRepository],
    stored: Iterable[str],
    excluded: Collection[str] = (),
) -> dict[str, list[str]]:
    """Stored CSVs whose repository GitHub did not list, each with the full names it may have.

    Excluded repositories are not among them.
    """
    by_identity = _by_identity(remembered.values())
    known_ones = (*_excluded_repositories(remembered, excluded), *discovered)
    taken = {name.lower() for name in _names(known_ones, remembered, stored).values()}
    for repository in known_ones:
        known = _known(repository, by_identity)
        taken.add(known.csv.lower() if known else plain_name(repository.full_name).lower())
    return {
        name: [full for full in _candidates(name, remembered) if not excludes(excluded, full)]
        for name in stored
        if name.lower() not in taken
    }


def build_roster(
    discovered: Sequence[Repository],
    looked_up: LookedUp,
    remembered: Mapping[str, RememberedRepository],
    stored: Mapping[str, str],
    *,
    counted: Collection[str],
    excluded: Collection[str] = (),
) -> Roster:
    """Bring together what GitHub lists, what is stored and what is remembered.

    Forks are left out, and so are their CSVs. Excluded repositories are left out, too; their CSVs
    stay as they are, and so does what is remembered of them.

    Args:
        discovered: the repositories that GitHub listed.
        looked_up: what GitHub said of the repositories of the `strays`.
        remembered: by CSV name.
        stored: ETags of the stored CSVs, by CSV name.
        counted: identities of those in which GitHub counts commits of the owner.
        excluded: patterns of excluded repositories.
    """
    by_identity = _by_identity(remembered.values())
    stray_csvs = strays(discovered, remembered, stored, excluded)
    found, unseen = _match(stray_csvs, looked_up, remembered, stored)
    left_out = _excluded_repositories(remembered, excluded)
    everyone = {r.identity: r for r in (*left_out, *found.values(), *discovered) if not r.fork}
    names = _names(tuple(everyone.values()), remembered, stored)
    former = {repository.identity: name for name, repository in found.items()}
    entries, replaced, untouched = [], [], []
    for identity, repository in everyone.items():
        known = _known(repository, by_identity)
        if excludes(excluded, repository.full_name):
            untouched += [known] if known else []
            continue
        csv = names[identity]
        # What is remembered is of the last run, so its CSV is newer than one that is not.
        others = [known.csv if known else None, former.get(identity)]
        old = [name for name in others if name is not None and name != csv and name in stored]
        holder = csv if csv in stored else next(iter(old), None)
        replaced += [name for name in dict.fromkeys(old) if name != holder]
        etag = stored[holder] if holder else None
        counts = identity in counted
        entries.append(Entry(repository, csv, known, holder, etag, counted=counts))
    return Roster(tuple(entries + unseen), tuple(dict.fromkeys(replaced)), tuple(untouched))


def _excluded_repositories(
    remembered: Mapping[str, RememberedRepository], excluded: Collection[str]
) -> list[Repository]:
    """The remembered repositories that are excluded: their CSV names stay theirs."""
    return [k.repository for k in remembered.values() if excludes(excluded, k.full_name)]


def _candidates(csv: str, remembered: Mapping[str, RememberedRepository]) -> list[str]:
    """The full names that the repository of a CSV may have."""
    return [remembered[csv].full_name] if csv in remembered else possible_repositories(csv)


def _match(
    stray_csvs: Mapping[str, Sequence[str]],
    looked_up: LookedUp,
    remembered: Mapping[str, RememberedRepository],
    stored: Mapping[str, str],
) -> tuple[dict[str, Repository], list[Entry]]:
    """The repositories of the stray CSVs, by CSV name.

    Also returns an entry for each stray CSV whose repository does not exist any more, or is not
    shown to the token.
    """
    found: dict[str, Repository] = {}
    unseen: list[Entry] = []
    for name, candidates in stray_csvs.items():
        lower = [candidate.lower() for candidate in candidates]
        match = next((looked_up.found[c] for c in lower if c in looked_up.found), None)
        known = remembered.get(name)
        if match is not None and known is not None and known.id not in ("", match.id):
            match = None  # another repository has taken over the name
        if match is not None:
            found[name] = match
            continue
        hidden = next((c for c in candidates if c.lower() in looked_up.hidden), None)
        likely = hidden or next(iter(candidates), None)
        if likely is None or (
            hidden is None and len(candidates) < len(_candidates(name, remembered))
        ):
            continue  # it is the CSV of an excluded repository
        repository = known.repository if known else Repository("", likely)
        barrier = looked_up.hidden[hidden.lower()] if hidden else None
        entry = Entry(
            repository,
            name,
            known,
            name,
            stored[name],
            counted=False,
            gone=barrier is None,
            barrier=barrier,
        )
        unseen.append(entry)
    return found, unseen


def is_settled(entry: Entry, now_ms: int) -> bool:
    """Whether asking GitHub for the statistics would bring nothing new."""
    if entry.gone or entry.barrier:
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


def name_them(repositories: Sequence[Repository], most: int | None = None) -> str:
    """The names of the public ones, and the number of private ones, as text for people.

    With `most`, so many are named, and the others counted.
    """
    names = sorted(repository.full_name for repository in repositories if not repository.private)
    private = len(repositories) - len(names)
    shown = names[:most]
    more = len(names) - len(shown)
    if private:
        shown.append(PRIVATE_LABEL if private == 1 else f"{private} private repositories")
    return ", ".join(shown) + (f" and {more} more" if more else "")


def count_of(repositories: int) -> str:
    """So many repositories, as text for people."""
    return "1 repository" if repositories == 1 else f"{repositories} repositories"
