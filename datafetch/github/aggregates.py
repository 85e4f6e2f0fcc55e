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
    stored_older,
    stored_trailing,
    stored_weekly,
    summary,
    to_json,
    weekly_activity,
)
from datafetch.github.rules.stats import (
    Lines,
    RepositoryWeeks,
    older_commits,
    settle,
    settle_older,
    sum_lines,
)
from datafetch.store.base import encode_json
from datafetch.store.publish import PublishPlan, Write


@dataclass(frozen=True, slots=True)
class Contributions:
    """A number of contributions.

    Attributes:
        whole: whether `total` counts as complete.
    """

    total: int
    whole: bool = True

    def mark(self, lines: Lines) -> Lines:
        """The lines that are published with them; not complete unless the contributions are."""
        return lines if self.whole else replace(lines, complete=False)


def count_contributions(discovery: Discovery, dataset: GitHubDataset) -> Contributions:
    """Add up all years; a year that GitHub did not answer this time counts as it was last read.

    If a year was never read, the total is the larger one of the published total and the sum of
    the years that are known. The published total counts as complete when it was published as
    such; the sum is not complete.
    """
    known, whole = all_time_total(discovery.years, discovery.totals, dataset.years)
    published = dataset.value(dataset.context.keys.github_activity())
    stored = stored_contributions(published)
    if whole or stored is None or stored < known:
        return Contributions(known, whole=whole)
    lines = stored_all_time(published)
    return Contributions(stored, whole=lines is None or lines.complete)


@dataclass(frozen=True, slots=True)
class Aggregates:
    """The aggregates of a run.

    Attributes:
        plan: what to publish.
        changed: whether their data differs from what is stored.
        held: whether some stored sums of lines are kept, because the new ones are worse.
    """

    plan: PublishPlan
    changed: bool
    held: bool


@dataclass
class _Settling:
    """Chooses between new and stored sums of lines, and collects the stored ones that it kept."""

    all_read: bool
    kept: list[Lines] = field(default_factory=list)

    def better(self, new: Lines, stored: Lines | None) -> Lines:
        """The better of the new and the stored sums."""
        best = settle(new, stored, all_read=self.all_read)
        if best is not new:
            self.kept.append(best)
        return best


def build_aggregates(
    dataset: GitHubDataset,
    discovery: Discovery,
    repositories: Sequence[RepositoryWeeks],
    contributions: Contributions,
    *,
    all_read: bool,
    deletes: Sequence[str],
) -> Aggregates:
    """Sum up the lines of the repositories, and plan which objects are written and deleted.

    Where the new sums would be worse than the stored ones, the stored ones are kept.
    """
    window = (discovery.window.start.date(), discovery.window.end.date())
    trailing = sum_lines(repositories, window)
    all_time = sum_lines(repositories, None)
    settling = _Settling(all_read)
    writes = [
        *_summaries(dataset, discovery, trailing, all_time, contributions, settling),
        *_weekly(dataset, repositories, all_time, all_read=all_read),
    ]
    key = dataset.context.keys.github_activity()
    stored = dataset.value(key)
    value = to_json(
        activity(
            discovery.days,
            trailing=settling.better(trailing, stored_trailing(stored)),
            all_time=contributions.mark(settling.better(all_time, stored_all_time(stored))),
            all_time_contributions=contributions.total,
            older=settle_older(
                older_commits(repositories, window[0], all_named=discovery.whole),
                stored_older(stored),
                all_read=all_read,
            ),
        )
    )
    return Aggregates(
        _plan(dataset, Write(key, encode_json(value)), writes, deletes),
        changed=bool(writes) or value != stored,
        held=bool(settling.kept),
    )


def _summaries(
    dataset: GitHubDataset,
    discovery: Discovery,
    trailing: Lines,
    all_time: Lines,
    contributions: Contributions,
    settling: _Settling,
) -> list[Write]:
    """Writes of the summaries that differ from the stored ones in more than the time."""
    keys = dataset.context.keys
    updated = pacific_text(dataset.context.clock.now())
    days = sum(day.count for day in discovery.days)
    writes = []
    for key, lines, count in (
        (keys.github_summary(), trailing, Contributions(days)),
        (keys.github_summary_all_time(), all_time, contributions),
    ):
        stored = dataset.value(key)
        settled = count.mark(settling.better(lines, stored_lines(stored)))
        value = summary(settled, contributions=count.total, updated=updated)
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
    """The write of the weekly aggregate; none when the stored one is equal or better."""
    keys = dataset.context.keys
    stored = dataset.value(keys.github_weekly())
    before = stored_lines(dataset.value(keys.github_summary_all_time()))
    stored_sums = stored_weekly(stored, complete=before is not None and before.complete)
    value = to_json(weekly_activity(repositories))
    if value == stored or settle(all_time, stored_sums, all_read=all_read) is stored_sums:
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
        kept=sorted(stored.keys() - {commit.key} - {write.key for write in content}),
        # The site shows when the activity was last written, so every successful run writes it, even
        # if equal: no bytes have an empty hash.
        hashes={key: aggregate.sha256 for key, aggregate in stored.items()} | {commit.key: ""},
    )
