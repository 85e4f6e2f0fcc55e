"""Builds the GitHub aggregates of one run and the plan that publishes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from datafetch.clock import pacific_text
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery
from datafetch.github.rules.calendar import all_time_total
from datafetch.github.rules.stats import (
    Lines,
    RepositoryWeeks,
    activity,
    same_but_time,
    settle,
    stored_contributions,
    stored_lines,
    stored_part,
    stored_weekly,
    sum_lines,
    summary,
    weekly_activity,
)
from datafetch.store.base import encode_json
from datafetch.store.publish import PublishPlan, Write


@dataclass(frozen=True, slots=True)
class AllTimeContributions:
    """Contributions of all years; `whole` is false when a year never could be read."""

    total: int
    whole: bool


def count_contributions(found: Discovery, dataset: GitHubDataset) -> AllTimeContributions:
    """Add up the years; what could not be read counts as it last was."""
    total = all_time_total(found.years, found.totals, dataset.years)
    if total is not None:
        return AllTimeContributions(total, whole=True)
    stored = stored_contributions(dataset.value(dataset.context.keys.github_activity()))
    if stored is not None:
        return AllTimeContributions(stored, whole=True)
    return AllTimeContributions(sum(found.totals.values()), whole=False)


@dataclass(frozen=True, slots=True)
class Aggregates:
    """The plan that publishes them.

    Attributes:
        changed: their data differs from what is stored.
        held: sums of lines stay as they are stored, because the new ones would be worse.
    """

    plan: PublishPlan
    changed: bool
    held: bool


def build_aggregates(
    dataset: GitHubDataset,
    found: Discovery,
    repositories: Sequence[RepositoryWeeks],
    contributions: AllTimeContributions,
    *,
    all_read: bool,
    deletes: Sequence[str],
) -> Aggregates:
    """Sum up, keep what is stored where the new sums would be worse, and plan the writes."""
    keys = dataset.context.keys
    window = (found.window.start.date(), found.window.end.date())
    trailing = sum_lines(repositories, window)
    all_time = sum_lines(repositories, None)
    if not contributions.whole:
        all_time = replace(all_time, complete=False)

    held: list[Lines] = []

    def better(new: Lines, stored: Lines | None) -> Lines:
        best = settle(new, stored, all_read=all_read)
        if best is not new:
            held.append(best)
        return best

    updated = pacific_text(dataset.context.clock.now())
    summaries = {
        keys.github_summary(): (trailing, sum(day.count for day in found.days)),
        keys.github_summary_all_time(): (all_time, contributions.total),
    }
    writes: list[Write] = []
    for key, (lines, count) in summaries.items():
        stored = dataset.value(key)
        settled = better(lines, stored_lines(stored))
        value = summary(settled, contributions=count, updated=updated)
        if not same_but_time(value, stored):
            writes.append(Write(key, encode_json(value)))
    writes += _weekly(dataset, repositories, all_time, all_read=all_read)
    old = dataset.value(keys.github_activity())
    new = activity(
        found.days,
        trailing=better(trailing, stored_part(old, "trailingYearData")),
        all_time=better(all_time, stored_part(old, "cumulativeAllTimeData")),
        all_time_contributions=contributions.total,
    )
    plan = _plan(dataset, Write(keys.github_activity(), encode_json(new)), writes, deletes)
    return Aggregates(plan, changed=bool(writes) or new != old, held=bool(held))


def _weekly(
    dataset: GitHubDataset,
    repositories: Sequence[RepositoryWeeks],
    all_time: Lines,
    *,
    all_read: bool,
) -> list[Write]:
    keys = dataset.context.keys
    stored: Any = dataset.value(keys.github_weekly())
    before = stored_lines(dataset.value(keys.github_summary_all_time()))
    sums = stored_weekly(stored, complete=before is not None and before.complete)
    weekly = weekly_activity(repositories)
    if weekly == stored or settle(all_time, sums, all_read=all_read) is sums:
        return []
    return [Write(keys.github_weekly(), encode_json(weekly))]


def _plan(
    dataset: GitHubDataset, commit: Write, content: Sequence[Write], deletes: Sequence[str]
) -> PublishPlan:
    known = dataset.aggregates
    base = known.get(commit.key)
    return PublishPlan(
        dataset="github",
        commit=commit,
        base_etag=base.etag if base else None,
        content=content,
        deletes=deletes,
        etags={key: aggregate.etag for key, aggregate in known.items()},
        # A hash that no bytes have: the site shows when the activity was last written, so it is
        # written on every success, equal or not.
        hashes={key: aggregate.sha256 for key, aggregate in known.items()} | {commit.key: ""},
    )
