"""Sums up what is known of all repositories, and publishes the sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datafetch.clock import to_ms
from datafetch.errors import StoreError
from datafetch.github.aggregates import Aggregates, Contributions, build_aggregates
from datafetch.github.csv_files import nameless, read_csv
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery
from datafetch.github.model import DECIDED, Status, Week
from datafetch.github.report import status_of
from datafetch.github.rules.roster import Entry, is_settled
from datafetch.github.rules.stats import RepositoryWeeks
from datafetch.github.statistics import StatisticsRound, remember
from datafetch.job import AnyContext
from datafetch.store.publish import Publisher


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of all repositories, once GitHub was asked for those that need it.

    Attributes:
        weeks: the weeks of each repository's stored CSV, by `Entry.csv`.
        done: what became of the repositories that this run asked for.
        replaced: names of stored CSVs to remove, beside those that `discovery` and `done` name.
        shared: whether other runs ask for other shares of the repositories. What is remembered of
            those repositories then counts as much as this run's own answers.
    """

    discovery: Discovery
    weeks: dict[str, tuple[Week, ...]]
    done: StatisticsRound
    replaced: Sequence[str] = field(default=())
    shared: bool = False

    def repositories(self) -> list[RepositoryWeeks]:
        """The repositories to sum up."""
        # A repository that was only asked for by name does not count until it has a CSV.
        return [
            self._weeks_of(entry)
            for entry in self.discovery.roster.entries
            if entry.counted or entry.stored is not None or entry.csv in self.weeks
        ]

    def all_read(self, now_ms: int) -> bool:
        """Whether the sums lack nothing, as far as is known, and all their repositories are up to date."""
        return self.discovery.whole and all(
            self._is_read(entry, now_ms) and self._has_lines(entry)
            for entry in self.discovery.roster.entries
        )

    def _is_read(self, entry: Entry, now_ms: int) -> bool:
        """Whether a repository's statistics are up to date: answered in this run, or settled before."""
        status = self.done.status(entry)
        if status is not None:
            return status in DECIDED
        return is_settled(entry, now_ms) or (self.shared and _was_hidden(entry))

    def _has_lines(self, entry: Entry) -> bool:
        """Whether the sums have a repository's lines, or it has none as far as is known.

        False when `weeks` does not have the repository, and GitHub either gives no statistics of it
        or hides it although a CSV is stored.
        """
        status = status_of(entry, self.done)
        if status is Status.HIDDEN:
            return entry.csv in self.weeks or entry.stored is None
        return entry.csv in self.weeks or status is not Status.UNAVAILABLE

    def _weeks_of(self, entry: Entry) -> RepositoryWeeks:
        status = status_of(entry, self.done)
        return RepositoryWeeks(
            entry.repository.full_name,
            self.weeks.get(entry.csv, ()),
            known=entry.csv in self.weeks or status in DECIDED,
            whole=self._has_lines(entry),
            private=entry.repository.private,
        )


def replaced_csvs(discovery: Discovery, done: StatisticsRound) -> list[str]:
    """Names of stored CSVs under a former name that another CSV of the repository replaced."""
    moved = [e.stored for e in done.written if e.stored is not None and e.stored != e.csv]
    return list(dict.fromkeys((*discovery.roster.replaced, *moved)))


def _was_hidden(entry: Entry) -> bool:
    """Whether GitHub hid the repository when it was last asked, and nothing was pushed since."""
    known = entry.remembered
    return (
        known is not None
        and known.status is Status.HIDDEN
        and known.pushed_at == entry.repository.pushed_at
    )


def stored_weeks(context: AnyContext, entries: Sequence[Entry]) -> dict[str, tuple[Week, ...]]:
    """The weeks of each repository's stored CSV, by `Entry.csv`.

    A CSV with remembered weeks is not read. After a rename `Entry.csv` is the new name, while the
    weeks come from the file under the former one.

    Raises:
        StoreError: the store did not answer.
    """

    def read(entry: Entry) -> tuple[str, tuple[Week, ...] | None]:
        return entry.csv, read_csv(context, entry)

    known = {entry.csv: entry.remembered_weeks for entry in entries}
    unread = [e for e in entries if e.stored is not None and known[e.csv] is None]
    known.update(context.engine.map(read, unread))
    return {csv: weeks for csv, weeks in known.items() if weeks is not None}


def take_up(
    dataset: GitHubDataset, discovery: Discovery, weeks: Mapping[str, tuple[Week, ...]]
) -> None:
    """Update the remembered repositories from GitHub's list, and from the stored CSVs."""
    known = [remember(entry, weeks.get(entry.csv)) for entry in discovery.roster.entries]
    dataset.repositories = {
        repository.csv: repository for repository in (*discovery.roster.excluded, *known)
    }
    dataset.years = {**dataset.years, **discovery.totals}


def publish(
    context: AnyContext,
    publisher: Publisher,
    dataset: GitHubDataset,
    known: Known,
    contributions: Contributions,
) -> Aggregates:
    """Sum up what is known now, and publish the sums.

    Raises:
        BaseMoved: somebody else published since `dataset` was read.
        StoreError, LeaseLost: the sums could not be written.
    """
    replaced = (*known.replaced, *replaced_csvs(known.discovery, known.done))
    aggregates = build_aggregates(
        dataset,
        known.discovery,
        known.repositories(),
        contributions,
        all_read=known.all_read(to_ms(context.clock.now())),
        deletes=[context.keys.github_csv(name) for name in dict.fromkeys(replaced)],
    )
    try:
        publisher.publish(aggregates.plan)
    except StoreError as error:
        raise nameless(error, context.keys.github_csv_prefix()) from None
    return aggregates
