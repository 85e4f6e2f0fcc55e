"""The GitHub job: finds the repositories, asks for their statistics, and publishes the sums."""

from collections.abc import Sequence

from datafetch.clock import to_ms
from datafetch.errors import BaseMoved, ClusterFailed
from datafetch.github.aggregates import Aggregates, Contributions, count_contributions
from datafetch.github.api import GitHubActivity
from datafetch.github.dataset import GitHubDataset
from datafetch.github.discovery import Discovery, discover
from datafetch.github.graphql import GraphQL
from datafetch.github.link import link_of
from datafetch.github.model import Status, Week
from datafetch.github.publishing import Known, publish, stored_weeks, take_up
from datafetch.github.report import (
    AskingPlan,
    dry_report,
    make_report,
    report_so_far,
    setting_notes,
)
from datafetch.github.rest import Statistics
from datafetch.github.rules.calendar import check_shrink
from datafetch.github.rules.published import stored_contributions
from datafetch.github.rules.roster import Entry, asking_order, is_settled
from datafetch.github.share import Unmerged, merge_share
from datafetch.github.statistics import Asking, StatisticsRound
from datafetch.job import JobContext
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.run import JobReport
from datafetch.store.publish import Publisher
from datafetch.upstream_errors import TransientError


def refresh_github(context: JobContext[GitHubSettings]) -> JobReport:
    """Read calendars and repositories, ask for the statistics of what was pushed to, and publish.

    Raises:
        DatafetchError: GitHub or the store failed as a whole. Stored data is as good as before, and
            repositories whose CSV was already written are not asked for again.
    """
    publisher = context.publisher()
    return publisher.with_restart(lambda _attempt: _GitHubRun(context, publisher).run())


class _GitHubRun:
    """One attempt at the whole work, from the store's current state."""

    def __init__(self, context: JobContext[GitHubSettings], publisher: Publisher) -> None:
        self._context = context
        self._publisher = publisher
        settings = context.settings
        self._settings = settings
        links = [
            link_of(context, name, patience_s=settings.retry_max_s) for name in ("GraphQL", "REST")
        ]
        self._facts = links[0].facts
        self._activity = GitHubActivity(GraphQL(links[0]), settings.owner)
        self._statistics = Statistics(links[1], settings.owner)

    def run(self) -> JobReport:
        """Read what is new and what is stored, decide which repositories to ask for, and do it."""
        context = self._context
        dataset = GitHubDataset.load(context, context.options.shard)
        discovery = discover(context, self._activity, dataset)
        contributions = count_contributions(discovery, dataset)
        check_shrink(
            contributions.total,
            stored_contributions(dataset.value(context.keys.github_activity())),
            ratio=self._settings.max_shrink_ratio,
            allowed=context.options.allow_shrink,
        )
        entries = discovery.only_of(context.options.shard).roster.entries
        plan = self._plan(entries, discovery.only)
        context.log.info(
            "github_planned", extra={"repositories": len(entries), "to_ask": len(plan.ask)}
        )
        if context.options.dry_run:
            return dry_report(entries, plan, self._setting_notes(discovery))
        return self._carry_out(dataset, discovery, contributions, plan)

    def _setting_notes(self, discovery: Discovery) -> list[str]:
        return setting_notes(discovery, self._settings.owner, self._facts)

    # ------------------------------------------------------------------ steps

    def _plan(self, entries: Sequence[Entry], only: frozenset[str]) -> AskingPlan:
        """Which repositories to ask for: those the user named, else those that may have changed."""
        options, letters = self._context.options, self._context.dead_letters
        now_ms = to_ms(self._context.clock.now())
        if only:
            wanted = [entry for entry in entries if entry.repository.identity in only]
        else:
            wanted = [
                entry
                for entry in entries
                if not (entry.gone or entry.barrier)
                and (options.force or not (is_settled(entry, now_ms) or self._is_left_alone(entry)))
            ]
        wanted = asking_order(wanted, lambda name: letters.get(name) is not None)
        ask = wanted if options.limit is None else wanted[: options.limit]
        return AskingPlan(tuple(ask), len(wanted) - len(ask))

    def _is_left_alone(self, entry: Entry) -> bool:
        """Whether the repository failed, its next attempt is not due, and nothing was pushed since."""
        if entry.remembered is None:
            return False
        return self._context.dead_letters.waiting(entry.repository.full_name) and (
            entry.remembered.pushed_at == entry.repository.pushed_at
        )

    def _carry_out(
        self,
        dataset: GitHubDataset,
        discovery: Discovery,
        contributions: Contributions,
        plan: AskingPlan,
    ) -> JobReport:
        """Ask, publish, and note what failed.

        Raises:
            BreakerOpen: GitHub failed so often that it was not asked any more. What it answered
                before is published.
        """
        context = self._context
        entries = discovery.roster.entries
        weeks = stored_weeks(context, entries)
        take_up(dataset, discovery, weeks)
        own = discovery.only_of(context.options.shard).roster.entries
        done = self._ask(dataset, own, plan, weeks)
        published: Aggregates | Unmerged
        if context.options.shard is None:
            known = Known(discovery, weeks, done)
            published = publish(context, self._publisher, dataset, known, contributions)
        else:
            published = merge_share(context, dataset, discovery, done)
        newly_failed = self._note_failures(entries, done, discovery)
        if done.closed:
            raise done.closed
        return make_report(
            discovery.only_of(context.options.shard),
            plan,
            done,
            options=context.options,
            newly_failed=newly_failed,
            changed=published.changed,
            held=published.held,
            waits=published.reason if isinstance(published, Unmerged) else None,
            now_ms=to_ms(context.clock.now()),
            settings=self._setting_notes(discovery),
        )

    def _ask(
        self,
        dataset: GitHubDataset,
        own: Sequence[Entry],
        plan: AskingPlan,
        weeks: dict[str, tuple[Week, ...]],
    ) -> StatisticsRound:
        """Ask for the statistics, and keep the state in step with the CSVs that are written."""
        self._context.progress.total(len(plan.ask))
        if not plan.ask:
            dataset.save()
            return StatisticsRound()
        dataset.begun = {entry.csv: entry.repository.pushed_at for entry in plan.ask}
        dataset.save()
        options = self._context.options
        asking = Asking(self._context, self._statistics, dataset, weeks)
        self._context.so_far.told_by(lambda: report_so_far(own, plan, asking.round, options))
        try:
            done = asking.ask(plan.ask)
        except BaseMoved:
            # Else the next attempt would think that this run wrote what somebody else wrote.
            dataset.begun = {}
            dataset.save()
            raise
        except ClusterFailed:
            # `begun` stays: a worker may have written CSVs and died before it could tell this run.
            dataset.save()
            raise
        dataset.begun = {}
        dataset.save()
        return done

    def _note_failures(
        self, entries: Sequence[Entry], done: StatisticsRound, discovery: Discovery
    ) -> int:
        """Make dead letters of what failed or is pending; returns how many of them are new."""
        letters, new = self._context.dead_letters, 0
        for result in done.results.values():
            item = result.entry.repository.full_name
            status = done.status(result.entry)
            if result.error is not None:
                new += letters.failed(item, result.error)
            elif status is Status.PENDING:
                error = TransientError("GitHub still computes the statistics", status=202)
                new += letters.failed(item, error, by_next_run=True)
            else:
                letters.succeeded(item)
        if discovery.whole:
            letters.keep_only({entry.repository.full_name for entry in entries})
        return new
