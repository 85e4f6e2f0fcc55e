"""Lays the results of one share of the repositories into the dataset, under the dataset's lease."""

from dataclasses import dataclass

from datafetch.errors import LeaseHeld
from datafetch.github.aggregates import Aggregates, count_contributions
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery
from datafetch.github.publishing import Known, publish, replaced_csvs, stored_weeks, take_up
from datafetch.github.statistics import StatisticsRound
from datafetch.job import SHARE_WAIT_S, JobContext
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.run import JobName


@dataclass(frozen=True, slots=True)
class Unmerged:
    """The results of a share are kept in its own record, and not published.

    Attributes:
        reason: why not, as a sentence.
    """

    reason: str
    changed: bool = False
    held: bool = False


def merge_share(
    context: JobContext[GitHubSettings],
    dataset: GitHubDataset,
    discovery: Discovery,
    done: StatisticsRound,
) -> Aggregates | Unmerged:
    """Read the stored dataset anew, lay this share's results into it, and publish it.

    `dataset` is the share's own. Its record is removed once all of it is in the stored dataset.
    When the lease is not free in time, nothing is published, and an `Unmerged` is returned.

    Raises:
        BaseMoved: somebody without the dataset's lease wrote to it.
        LeaseLost: a lease ended.
        StoreError: the store failed.
    """
    try:
        with context.wait_for_lease(JobName.GITHUB, SHARE_WAIT_S) as fence:
            return _merged(context.under(fence), dataset, discovery, done)
    except LeaseHeld as held:
        context.log.warning("merge_put_off", extra={"reason": str(held)})
        return Unmerged(f"what this share read is kept and published by its next run: {held}")


def _merged(
    context: JobContext[GitHubSettings],
    share: GitHubDataset,
    found: Discovery,
    done: StatisticsRound,
) -> Aggregates:
    dataset = GitHubDataset.load(context)
    replaced = replaced_csvs(found, done)
    for name in replaced:
        dataset.stored.pop(name, None)
    asked = {result.entry.repository.identity for result in done.results.values()}
    dataset.lay_in(share, asked=asked)
    discovery = found.against(dataset)
    weeks = stored_weeks(context, discovery.roster.entries)
    take_up(dataset, discovery, weeks)
    contributions = count_contributions(discovery, dataset)
    dataset.save()
    known = Known(discovery, weeks, done, replaced, shared=True)
    aggregates = publish(context, context.publisher(), dataset, known, contributions)
    share.forget()
    return aggregates
