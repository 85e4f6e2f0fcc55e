"""Builds the GitHub aggregates of one run and the plan that publishes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from datafetch.clock import pacific_text
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery
from datafetch.github.rules.calendar import all_time_total
from datafetch.github.rules.published import (
    activity,
    same_but_time,
    stored_all_time,
    stored_contributions,
    stored_lines,
    stored_trailing,
    stored_weekly,
    summary,
    to_json,
    weekly_activity,
)
from datafetch.github.rules.stats import Lines, RepositoryWeeks, settle, sum_lines
from datafetch.store.base import encode_json
from datafetch.store.publish import PublishPlan, Write


@dataclass(frozen=True, slots=True)
class AllTimeContributions:
    """Contributions of all years; not `whole` when there is a year that never could be read."""

    total: int
    whole: bool


def count_contributions(discovery: Discovery, dataset: GitHubDataset) -> AllTimeContributions:
    """Add up the years. A year that could not be read counts as it did when it last could."""
    total = all_time_total(discovery.years, discovery.totals, dataset.years)
    if total is not None:
        return AllTimeContributions(total, whole=True)
    stored = stored_contributions(dataset.value(dataset.context.keys.github_activity()))
    if stored is not None:
        return AllTimeContributions(stored, whole=True)
    return AllTimeContributions(sum(discovery.totals.values()), whole=False)


@dataclass(frozen=True, slots=True)
class Aggregates:
    """The aggregates of a run.

    Attributes:
        plan: publishes them.
        changed: whether their data differs from what is stored.
        held: whether some sums of lines stay as they are stored, because the new ones are worse.
    """

    plan: PublishPlan
    changed: bool
    held: bool


@dataclass
class _Settling:
    """Takes the better sums each time, and remembers whether stored ones stayed."""

    all_read: bool
    held: list[Lines] = field(default_factory=list)

    def better(self, new: Lines, stored: Lines | None) -> Lines:
        """The sums to publish."""
        best = settle(new, stored, all_read=self.all_read)
        if best is not new:
            self.held.append(best)
        return best


def build_aggregates(
    dataset: GitHubDataset,
    discovery: Discovery,
    repositories: Sequence[RepositoryWeeks],
    contributions: AllTimeContributions,
    *,
    all_read: bool,
    deletes: Sequence[str],
) -> Aggregates:
    """Sum up, and plan what is written and deleted.

    Where the new sums of lines would be worse than the stored ones, the stored ones stay.
    """
    window = (discovery.window.start.date(), discovery.window.end.date())
    trailing = sum_lines(repositories, window)
    all_time = sum_lines(repositories, None)
    if not contributions.whole:
        all_time = replace(all_time, complete=False)
    settling = _Settling(all_read)
    writes = [
        *_summaries(dataset, discovery, trailing, all_time, contributions.total, settling),
        *_weekly(dataset, repositories, all_time, all_read=all_read),
    ]
    key = dataset.context.keys.github_activity()
    stored = dataset.value(key)
    value = to_json(
        activity(
            discovery.days,
            trailing=settling.better(trailing, stored_trailing(stored)),
            all_time=settling.better(all_time, stored_all_time(stored)),
            all_time_contributions=contributions.total,
        )
    )
    return Aggregates(
        _plan(dataset, Write(key, encode_json(value)), writes, deletes),
        changed=bool(writes) or value != stored,
        held=bool(settling.held),
    )


def _summaries(
    dataset: GitHubDataset,
    discovery: Discovery,
    trailing: Lines,
    all_time: Lines,
    all_time_contributions: int,
    settling: _Settling,
) -> list[Write]:
    """The summaries that say something new."""
    keys = dataset.context.keys
    updated = pacific_text(dataset.context.clock.now())
    days = sum(day.count for day in discovery.days)
    writes = []
    for key, lines, count in (
        (keys.github_summary(), trailing, days),
        (keys.github_summary_all_time(), all_time, all_time_contributions),
    ):
        stored = dataset.value(key)
        settled = settling.better(lines, stored_lines(stored))
        value = summary(settled, contributions=count, updated=updated)
        if not same_but_time(value, stored):
            writes.append(Write(key, encode_json(to_json(value))))
    return writes


def _weekly(
    dataset: GitHubDataset,
    repositories: Sequence[RepositoryWeeks],
    all_time: Lines,
    *,
    all_read: bool,
) -> list[Write]:
    """The weekly aggregate, unless it is what is stored, or the stored one is better."""
    keys = dataset.context.keys
    stored = dataset.value(keys.github_weekly())
    before = stored_lines(dataset.value(keys.github_summary_all_time()))
    sums = stored_weekly(stored, complete=before is not None and before.complete)
    value = to_json(weekly_activity(repositories))
    if value == stored or settle(all_time, sums, all_read=all_read) is sums:
        return []
    return [Write(keys.github_weekly(), encode_json(value))]


def _plan(
    dataset: GitHubDataset, commit: Write, content: Sequence[Write], deletes: Sequence[str]
) -> PublishPlan:
    stored = dataset.aggregates
    base = stored.get(commit.key)
    return PublishPlan(
        dataset="github",
        commit=commit,
        base_etag=base.etag if base else None,
        content=content,
        deletes=deletes,
        etags={key: aggregate.etag for key, aggregate in stored.items()},
        # The site shows when the activity was last written. So it is written on every success,
        # equal or not: no bytes have an empty hash.
        hashes={key: aggregate.sha256 for key, aggregate in stored.items()} | {commit.key: ""},
    )
