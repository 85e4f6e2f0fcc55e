"""The logo job: asks for the logos that are missing or due, and keeps the manifest of them all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from datafetch.clock import to_ms
from datafetch.errors import (
    BaseMoved,
    Cancelled,
    ClusterFailed,
    DatafetchError,
    LeaseLost,
    StoreError,
)
from datafetch.job import SHARE_WAIT_S, JobContext
from datafetch.logos import report as words
from datafetch.logos.batch import item_work, paced_providers
from datafetch.logos.domain_files import domains_in_scope
from datafetch.logos.manifest import LogoManifest
from datafetch.logos.negative_cache import NegativeCache
from datafetch.logos.rules.choice import Ask, DuePolicy, Keep, Leave, plan_domain
from datafetch.logos.saving import saving_of
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logos.worker import HasLogo, LogoResult, LogoTask, LogoWorker
from datafetch.models.job_settings import LogoSettings
from datafetch.models.run import JobName, JobReport
from datafetch.models.text import one_line
from datafetch.net.guard import authority
from datafetch.ops.failures import NAMED, FailedItem, failed_note
from datafetch.runtime.engine import together
from datafetch.runtime.lanes import Lanes
from datafetch.upstream_errors import BreakerOpen, UpstreamError

_MOST_OF_A_REASON = 120
"""Characters that are told of why a domain has no logo."""

_SHORT_WAIT_S = 30.0
"""Seconds that a share which ends with an error waits for its dataset's lease, to save progress."""


def fetch_logos(context: JobContext[LogoSettings]) -> JobReport:
    """Fetch the logo of every known domain that has none yet or whose logo is due.

    Raises:
        DatafetchError: the run failed as a whole; stored data is as good as before.
    """
    return _LogoRun(context).run()


class _LogoRun:
    """One run: what it was given and what it has counted so far."""

    def __init__(self, context: JobContext[LogoSettings]) -> None:
        self._context = context
        self._policy = _policy(context)
        # A share may not write to the dataset before it has the dataset's lease.
        shard = context.options.shard
        self._manifest = LogoManifest(context, shard)
        self._without_logo = NegativeCache(context, keep=shard is None)
        self._saving = saving_of(context, self._manifest, self._without_logo)
        self._waits: str | None = None
        self._asked = self._done = self._changed = self._skipped = self._newly_failed = 0
        self._unsaved = 0
        self._unanswered = 0
        self._limited = False
        self._lanes: Lanes[str] = Lanes((), (), 1, str)
        self._failures: list[FailedItem] = []
        self._named_without: list[str] = []
        context.so_far.told_by(self._done_so_far)

    def run(self) -> JobReport:
        scope, _, _ = together(
            lambda: domains_in_scope(self._context),
            self._manifest.load,
            self._without_logo.load,
        )
        shard = self._context.options.shard
        known = scope.domains
        domains = known if shard is None else [name for name in known if shard.has(name)]
        self._context.progress.total(len(domains))
        if self._context.options.dry_run:
            return self._dry_report(domains, known)
        if known:
            if not self._context.options.only:
                self._context.dead_letters.keep_only(frozenset(known))
            self._work_on(domains, known)
        report = self._report(len(domains), self._last_fetched_at(), known=bool(known))
        return replace(report, too_early=scope.no_bookmarks)

    # ------------------------------------------------------------------- plan

    def _tasks(self, domains: Sequence[str]) -> Iterator[LogoTask]:
        """The domains to ask for, at most `limit`; domains that need nothing count as progress.

        Those whose dead letters are due come first. Without a limit, they take half of the places
        at most: their hosts may hang.
        """
        limit, letters = self._context.options.limit, self._context.dead_letters
        due = [domain for domain in domains if letters.due(domain)]
        rest = [domain for domain in domains if not letters.due(domain)]
        most = len(due) if limit is not None else self._context.engine.width // 2
        self._lanes = Lanes(due, rest, most, str)
        for domain in self._lanes:
            task = self._task(domain)
            if task is None:
                self._lanes.ended(domain)
                self._context.progress.advance()
                continue
            if limit is not None and self._asked >= limit:
                self._limited = True
                return
            self._asked += 1
            yield task

    def _task(self, domain: str) -> LogoTask | None:
        stored = self._manifest.get(domain)
        plan = plan_domain(
            stored,
            self._without_logo.get(domain),
            self._policy,
            failed_and_waits=self._context.dead_letters.waiting(domain),
            failed_and_due=self._context.dead_letters.due(domain),
            now_ms=to_ms(self._context.clock.now()),
        )
        match plan:
            case Ask(conditionally):
                picture = None if self._policy.force else self._manifest.picture_of(domain)
                return LogoTask(domain, stored, conditionally, picture)
            case Keep():
                return None
            case Leave(reason):
                self._skip(domain, reason)
                return None
            case _:
                assert_never(plan)

    def _dry_report(self, domains: Sequence[str], known: Sequence[str]) -> JobReport:
        if not known:
            return self._report(0, self._manifest.newest(), known=False)
        tasks = list(self._tasks(domains))
        again = sum(task.stored is not None for task in tasks)
        new = len(tasks) - again
        note = f"would ask for {new} new logos and look again at {again}"
        return self._report(len(domains), self._manifest.newest(), note)

    # ------------------------------------------------------------------- work

    def _work_on(self, domains: Sequence[str], known: Sequence[str]) -> None:
        worker = LogoWorker(self._context, paced_providers(self._context))
        self._manifest.claim(domains)
        work = item_work(self._context, len(domains))
        try:
            for result in self._context.spread(work, worker, self._tasks(domains)):
                self._record(result)
                self._context.progress.advance()
                if self._saving.now_and_then():
                    self._unsaved = 0
            self._write_others_again(known)
        except (Cancelled, StoreError, ClusterFailed):
            self._save_what_there_is()
            raise
        try:
            self._save(SHARE_WAIT_S)
        except Cancelled:  # while a share waited for the lease
            self._save_what_there_is()
            raise

    def _write_others_again(self, known: Sequence[str]) -> None:
        """With --force, write again the pictures of domains that are not known any more.

        The manifest names them, so that visitors load them. A run for some domains leaves them.
        """
        options = self._context.options
        if options.force and not (options.only or options.missing or self._limited):
            keys = self._manifest.keys_beyond(known)
            for _ in self._context.engine.map(self._context.write_again, keys):
                pass

    def _save_what_there_is(self) -> None:
        """Save what a run that ends early knows, so that the next one fetches nothing twice.

        When that fails as well, the error that ended the run is the one to report.
        """
        try:
            self._save(0.0 if self._context.cancel.cancelled else _SHORT_WAIT_S)
            reason = self._waits
        except (Cancelled, StoreError, LeaseLost, BaseMoved) as error:
            self._context.log.warning("progress_not_saved", extra={"error": str(error)})
            reason = str(error)
        if reason is not None:
            shard = self._context.options.shard
            self._context.remarks.say(words.not_remembered(reason, shard))

    def _save(self, wait_s: float) -> None:
        self._waits = self._saving.save(wait_s)
        if self._waits is None:
            self._unsaved = 0

    def _record(self, result: LogoResult) -> None:
        letters = self._context.dead_letters
        self._done += 1
        self._lanes.ended(result.domain)
        match result:
            case HasLogo(domain, logo, changed):
                self._manifest.put(domain, logo)
                self._changed += changed
                self._unsaved += changed
                self._without_logo.drop(domain)
                letters.succeeded(domain)
            case NoLogo(domain, reason):
                self._without_logo.add(domain, reason)
                letters.succeeded(domain)
                self._skip(domain, f"no logo: {reason}")
                if self._context.options.only:
                    self._named_without.append(f"{domain} ({one_line(reason, _MOST_OF_A_REASON)})")
            case NoAnswer(domain, error, asked):
                self._unanswered += 1
                newly = letters.failed(domain, error, counts=asked)
                if asked:
                    self._failures.append(self._failed_item(domain, error))
                    self._newly_failed += newly
                else:
                    self._skipped += 1
                fields = {"domain": domain, "error": str(error)}
                if isinstance(error, BreakerOpen):  # of the host a warning tells already
                    self._context.log.info("logo_failed", extra=fields)
                else:
                    self._context.log.warning("logo_failed", extra=fields)
            case _:
                assert_never(result)

    def _failed_item(self, domain: str, error: DatafetchError) -> FailedItem:
        """The domain with the reason, and who gave it when that is not the site itself."""
        failed = self._context.dead_letters.failed_item(domain, error)
        host = authority(error.url) if isinstance(error, UpstreamError) else ""
        return (
            replace(failed, reason=f"{host}: {failed.reason}")
            if host != domain and host
            else failed
        )

    def _skip(self, domain: str, reason: str) -> None:
        self._skipped += 1
        self._context.log.debug("logo_skipped", extra={"domain": domain, "reason": reason})

    # ----------------------------------------------------------------- report

    def _last_fetched_at(self) -> int | None:
        """Now; if none of the domains that were asked for was answered, the time of `newest`."""
        if self._asked and self._unanswered == self._asked:
            return self._manifest.newest()
        return to_ms(self._context.clock.now())

    def _notes(self) -> tuple[str, ...]:
        """What is told of domains that failed, and of named ones that have no logo."""
        notes: list[str] = []
        failures, without = list(self._failures), self._named_without
        if failures:
            notes.append(failed_note(failures, JobName.LOGOS, self._context.clock.now()))
        if without:
            more = f" and {len(without) - NAMED} more" if len(without) > NAMED else ""
            notes.append(f"no usable logo was found for {', '.join(without[:NAMED])}{more}")
        return tuple(notes)

    def _done_so_far(self) -> JobReport:
        """What a run that is stopped now has done: only logos in the stored manifest are changes."""
        return JobReport(
            processed=self._done,
            changed=self._changed - self._unsaved,
            skipped=self._skipped,
            failed=len(self._failures),
            newly_failed=self._newly_failed,
            change_detected=self._changed > self._unsaved,
            notes=self._notes(),
        )

    def _report(
        self, scope: int, last_fetched_at: int | None, *notes: str, known: bool = True
    ) -> JobReport:
        options = self._context.options
        narrowed = options.only or options.missing or options.older_than_s is not None
        if not known:
            notes = (*notes, words.no_domains(dry_run=options.dry_run))
        partial = None
        if self._waits is not None:
            partial = words.not_remembered(self._waits, options.shard)
        elif self._limited:
            partial = words.limited_reason(options.limit, options.shard)
        changed = self._changed - self._unsaved if self._waits is not None else self._changed
        return JobReport(
            processed=scope,
            changed=changed,
            skipped=self._skipped,
            failed=len(self._failures),
            newly_failed=self._newly_failed,
            change_detected=changed > 0,
            last_fetched_at=last_fetched_at,
            partial=partial,
            notes=(*notes, *self._notes()),
            full_sync=not (narrowed or self._limited or options.shard),
            unmerged=self._waits is not None,
        )


def _policy(context: JobContext[LogoSettings]) -> DuePolicy:
    options = context.options
    settings = context.settings
    return DuePolicy(
        max_age_days=settings.max_age_days,
        force=options.force,
        named=bool(options.only),
        missing=options.missing,
        older_than_s=options.older_than_s,
    )
