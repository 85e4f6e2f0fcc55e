"""The CSV of one repository: its rows, its name, and the compact form in which it is remembered."""

import hashlib
from collections.abc import Iterable, Sequence

from datafetch.github.model import (
    LARGEST_COUNT,
    LAST_WEEK,
    WEEK_S,
    CompactWeeks,
    ConsecutiveWeeks,
    RememberedRepository,
    Repository,
    ScatteredWeeks,
    Week,
)

_FIELDS = 4


def format_csv(weeks: Iterable[Week]) -> bytes:
    """The rows `w,a,d,c` of the weeks, by date, without a header."""
    rows = (f"{w.start},{w.added},{w.deleted},{w.commits}\n" for w in sorted(weeks))
    return "".join(rows).encode()


def parse_csv(body: bytes) -> tuple[Week, ...]:
    """The weeks of a CSV, by date; when two rows are of the same week, the later row counts.

    Raises:
        ValueError: a row is not four whole numbers, of which the first is a date and the others
            are not beyond `LARGEST_COUNT`.
    """
    weeks: dict[int, Week] = {}
    for number, line in enumerate(body.decode("utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split(",")
        if len(fields) != _FIELDS:
            raise ValueError(f"row {number} has {len(fields)} fields instead of {_FIELDS}")
        start, added, deleted, commits = (int(field) for field in fields)
        if not 0 <= start <= LAST_WEEK:
            raise ValueError(f"row {number} begins at no date")
        if any(abs(count) > LARGEST_COUNT for count in (added, deleted, commits)):
            raise ValueError(f"row {number} has a number that is too large")
        weeks[start] = Week(start, added, deleted, commits)
    return tuple(weeks[start] for start in sorted(weeks))


def compact(weeks: Sequence[Week]) -> CompactWeeks:
    """The weeks in the form in which they are remembered.

    It is small, because most weeks of most repositories follow each other and are idle.
    """
    first = weeks[0].start if weeks else 0
    if any(week.start != first + index * WEEK_S for index, week in enumerate(weeks)):
        return ScatteredWeeks(tuple((w.start, w.added, w.deleted, w.commits) for w in weeks))
    return ConsecutiveWeeks(
        first, tuple(0 if w.idle else (w.added, w.deleted, w.commits) for w in weeks)
    )


def expand(weeks: CompactWeeks) -> tuple[Week, ...]:
    """The weeks that were given to `compact`."""
    if isinstance(weeks, ScatteredWeeks):
        return tuple(Week(*row) for row in weeks.rows)
    return tuple(
        Week(weeks.first + index * WEEK_S, *(row or (0, 0, 0)))
        for index, row in enumerate(weeks.rows)
    )


def plain_name(full_name: str) -> str:
    """The CSV name of a repository, `owner_repo`, when no other repository has the same."""
    return full_name.replace("/", "_", 1)


def told_apart_name(full_name: str) -> str:
    """The CSV name of a repository whose plain name belongs to another one."""
    digest = hashlib.sha256(full_name.lower().encode()).hexdigest()[:8]
    return f"{plain_name(full_name)}-{digest}"


def possible_repositories(name: str) -> list[str]:
    """The full names that the repository of a CSV may have, the likeliest first.

    Logins have no underscore, except before the short code of enterprise-managed users
    (docs.github.com, "Username considerations for external authentication").
    """
    parts = name.split("_")
    splits = ("_".join(parts[:at]) + "/" + "_".join(parts[at:]) for at in range(1, len(parts)))
    return [split for split in splits if not split.startswith("/") and not split.endswith("/")]


def assign_names(
    repositories: Iterable[Repository],
    remembered: Iterable[RememberedRepository],
    stored: Iterable[str] = (),
) -> dict[str, str]:
    """The CSV name of each repository, by its identity.

    `a_b/c` and `a/b_c` would share a name. The repository that had the name first keeps it, and
    the other one gets a name with a digest. The remembered names tell which was first; without
    them, one whose stored CSV has a digest name was not first; else the alphabet decides. Names
    are compared without case, because some file systems ignore it.
    """
    wanted = sorted(repositories, key=lambda repository: repository.full_name.lower())
    former = {known.repository.identity: known.csv for known in remembered}
    stored_names = frozenset(stored)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for repository in wanted:
        own = (plain_name(repository.full_name), told_apart_name(repository.full_name))
        known = former.get(repository.identity)
        if known is None and own[1] in stored_names:
            known = own[1]
        if known in own and known.lower() not in taken:
            names[repository.identity] = known
            taken.add(known.lower())
        elif known is not None:
            taken.add(known.lower())  # after a rename its CSV still has the former name
    for repository in wanted:
        if repository.identity not in names:
            name = plain_name(repository.full_name)
            if name.lower() in taken:
                name = told_apart_name(repository.full_name)
            names[repository.identity] = name
            taken.add(name.lower())
    return names
