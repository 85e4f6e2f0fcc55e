"""One run of a job: takes the lease, reads the records, does the work, writes the records."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from datafetch.errors import (
    Cancelled,
    DatafetchError,
    LeaseHeld,
    PreconditionFailed,
    StoreError,
    Unexpected,
)
from datafetch.factory import AnyJob, Parts, make_job
from datafetch.job import JobContext, Remarks, S
from datafetch.job_groups import SPREAD, check_jobs, is_configured
from datafetch.models.json import JsonObject
from datafetch.models.places import Environment
from datafetch.models.run import OPERATIONS, JobName, JobReport, RunRequest, RunResult
from datafetch.models.shard import lease_name, with_share
from datafetch.operation_run import OperationRun
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.job_health import JobHealth
from datafetch.ops.lease import HeldLease
from datafetch.ops.lease_keeper import LeaseKeeper
from datafetch.ops.leases.process import this_host
from datafetch.ops.notices import RunEnd, RunNotices
from datafetch.ops.run_notes import (
    STAYS_DUE,
    UNMERGED_STAYS_DUE,
    lock_unknown_note,
    no_cdn_note,
    superseded_note,
    too_many_note,
    unrecorded_note,
    waiting_notes,
)
from datafetch.ops.run_records import RunRecords
from datafetch.ops.scheduled import NotDueError, ScheduledStart
from datafetch.ops.slot_start import find_due, take_for_slot
from datafetch.ops.slots import Reason
from datafetch.redaction import redact
from datafetch.run_context import make_context
from datafetch.runtime.engine import Engine, beside, together
from datafetch.runtime.progress import Progress
from datafetch.runtime.schedule import jitter_s
from datafetch.runtime.supervise import STOP_S
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import FencedStore
from datafetch.store.output_limit import LimitedStore, OutputLimit
from datafetch.store.readonly import ReadOnlyStore
from datafetch.worker_news import add_news

ProgressMaker = Callable[[str], Progress]


class JobRun(OperationRun):
    """One run of a job: takes the lease, reads the records, does the work, writes the records."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        request: RunRequest,
        progress: ProgressMaker,
        said: set[str],
    ) -> None:
        """`said` has the notes that the manager's earlier runs gave and that once is enough for."""
        name = request.job
        dry_run = request.options.dry_run
        super().__init__(
            settings,
            parts,
            OPERATIONS[name],
            known_as=name.value,
            dry_run=dry_run,
            shard=request.options.shard,
        )
        self._request = request
        self._progress = progress
        self._said = said
        self._output = OutputLimit(settings.max_output_mb)
        self._remarks = Remarks()
        self._limit_s = settings.time_limit_s(name.value)
        self._keeper = LeaseKeeper(
            parts.leases,
            parts.clock,
            parts.cancel,
            self.run_id,
            self.log,
            limit_s=self._limit_s + STOP_S,
        )
        self._lease: HeldLease | None = None
        self._ended: RunResult | None = None
        self._notices: RunNotices | None = None
        self._is_not_due = False
        self._let_go: Callable[[], None] = parts.engine.end_run
        self._health: JobHealth | None = None
        self._start = self._scheduled_start() if request.options.scheduled else None

    def run(self) -> RunResult:
        """See `DataFetchManager.run`."""
        scheduled = self._request.options.scheduled
        check_jobs(self._settings, [self._request.job], scheduled=scheduled)
        if not self._dry_run:
            self._notices = self._parts.notices.of_run(
                self._request.job, self.run_id, self.log, self.events, self._shard
            )
        result = self.supervised(self._run)
        # By now the records are written and the lock is given back: nobody waits for a slow monitor.
        if self._notices is None or self._is_not_due:
            self.finish(result)
            if self._notices is not None:
                self._notices.close()
            return result
        result = self._notices.changed(result)
        self.finish(result)
        self._notices.ended(RunEnd(result, self._health, self._parts.breakers.open_hosts()))
        return result

    def _run(self) -> RunResult:
        """Do the run and return its result.

        Errors outside the job's own work, such as in taking the lease, are not raised either: they
        become a result that failed, was locked out or was cancelled.
        """
        try:
            return self._dry() if self._request.options.dry_run else self._locked()
        except NotDueError as error:
            self._is_not_due = True
            return self.result(JobReport(notes=(str(error),)))
        except DatafetchError as error:
            cancel = self._parts.cancel
            lost = self._lease and self._lease.lost()
            if lost and not (cancel.cancelled and cancel.reason.signal):
                return self.result(JobReport(failure=lost))  # which has stopped the run, too
            if cancel.cancelled:
                asked = isinstance(error, StoreError) and not self._dry_run and not self._lease
                notes = (self._lock_unknown_note(),) if asked else ()
                return self.result(JobReport(failure=cancel.reason, notes=notes))
            if isinstance(error, LeaseHeld):
                self.events.locked(error)
            return self.result(JobReport(failure=error))
        except Exception as error:
            self.log.exception("unexpected_error")
            return self.result(JobReport(failure=Unexpected.of(error)))

    def _dry(self) -> RunResult:
        parts, name = self._parts, self._request.job
        if self._start is not None:
            self._start.look()
            self._start.check_pause()
        self.begin()
        store = ReadOnlyStore(parts.store)
        with self._time_limit():
            letters = DeadLetters.load(store, parts.keys, name, parts.clock)
            return self.result(self._work(make_job(self._settings, name), store, letters))

    def _locked(self) -> RunResult:
        parts, name, start = self._parts, self._request.job, self._start
        records = RunRecords(parts.store, parts.keys, name, parts.clock, self._start, self._shard)
        reason = None if start is None else find_due(start, parts.clock, self.log)
        # While the store answers, what the first HTTP request needs is loaded.
        prepared = beside(parts.http.prepare)

        def when_free() -> None:
            # Of a slot that is being run only the lock is looked at, as long as it is not free.
            if self._start is not None and reason is Reason.CLAIMED:
                self._start.check_pause()
            records.ask(parts.breakers.load)

        lease = self._lease = self._take(when_free)
        with self._time_limit():
            try:
                if self._start is not None and reason is Reason.NEW_SCHEDULE:
                    raise NotDueError(self._start.note_schedule(lease))
                result = self._ended = self._recorded_run(lease, records, prepared)
            finally:
                left = self._keeper.give_back(lease)
                self._let_go()
        return replace(result, notes=(*result.notes, left)) if left else result

    def _scheduled_start(self) -> ScheduledStart | None:
        parts, name = self._parts, self._request.job
        schedule = self._settings.schedule_of(name)
        if schedule is None:  # which `check_jobs` refuses
            return None

        def ahead_s() -> float:
            skew = parts.skew.found()
            return 0.0 if skew is None else skew.ahead_s

        return ScheduledStart(
            parts.store,
            parts.keys,
            name,
            parts.clock,
            schedule,
            fired_at=parts.clock.now(),
            jitter_s=jitter_s(this_host(), name.value, self._settings.jitter_seconds),
            ahead_s=ahead_s,
            shard=self._shard,
        )

    def _take(self, when_free: Callable[[], None]) -> HeldLease:
        """Take the lease of the job, or of the share that this run works on.

        Raises:
            NotDueError: another run has the lease, and runs the slot of this scheduled one.
            LeaseHeld: another run has it.
        """
        keeper, start, wait_s = self._keeper, self._start, self._request.options.wait_s
        name = lease_name(self._request.job.value, self._shard)
        if start is None:
            return keeper.take(name, when_free, wait_s=wait_s)
        return take_for_slot(keeper, name, start, self._parts.clock, when_free, wait_s=wait_s)

    def _recorded_run(
        self, lease: HeldLease, records: RunRecords, prepared: Callable[[], None]
    ) -> RunResult:
        """Do the work under the lease, and write the records."""
        parts, name = self._parts, self._request.job
        parts.cancel.raise_if_cancelled()
        self.begin()
        place = self._settings.cluster_place
        if place is not None and place.insecure and name in SPREAD:
            self.log.warning("cluster_insecure", extra={"cluster": place.text})
        if lease.note:
            self.events.warn_of("publish_not_atomic", lease.note)
        letters, job, _ = together(
            lambda: records.begin(self.run_id, lease),
            lambda: make_job(self._settings, name),
            prepared,
        )
        # Not before: a scheduled run may find only now that its slot was run meanwhile.
        if self._notices is not None:
            self._notices.started(records.killed())
        late = self._start.late() if self._start is not None else None
        if late is not None:
            self.events.warn_of("slot_late", late.note, slot=late.slot, late_s=round(late.late_s))
        store = LimitedStore(FencedStore(parts.store, lease), self._output)
        try:
            report = self._work(job, store, letters)
        finally:
            # Worker processes are told to end while the records are written.
            self._let_go = beside(parts.engine.end_run)
        lease.retire()
        told = (
            lease.note,
            late.note if late is not None else "",
            self._stays_due_note(report),
        )
        notes = (*records.notes(), *(note for note in told if note))
        return self._recorded(records, report.noting(*notes))

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        """Stop the run when the block takes longer than a run of the job may."""
        reason = Cancelled(
            f"stopped after {self._limit_s:g} s, the longest that a run of "
            f"{self._request.job.value} may take",
            hint=f"{Cancelled.hint} If it needs longer, raise DATAFETCH_TIMEOUT_SECONDS.",
        )
        timer = threading.Timer(self._limit_s, self._parts.cancel.cancel, [reason])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _left(self) -> RunResult:
        """See `OperationRun._left`; says also what was not written."""
        result = self._ended or super()._left()
        if self._dry_run:
            return result
        notes = [*result.notes]
        if self._lease is None:
            notes.append(self._lock_unknown_note())
        else:
            if self._ended is None:
                notes.append(unrecorded_note(with_share(self._request.job, self._shard)))
            notes.append(self._keeper.leave(self._lease))
        return replace(result, notes=tuple(notes))

    def _lock_unknown_note(self) -> str:
        now, name = self._parts.clock.now(), lease_name(self._request.job.value, self._shard)
        return lock_unknown_note(name, now + self._settings.lock_ttl_s(name), now)

    def _work(self, job: AnyJob, store: ObjectStore, letters: DeadLetters) -> JobReport:
        def context(settings: S) -> JobContext[S]:
            return self._context(settings, store, letters)

        report = self.carry_out(lambda: job.run(context))
        return report.noting(*self._remarks.notes(), *self._run_notes(report, letters))

    def _run_notes(self, report: JobReport, letters: DeadLetters) -> Iterator[str]:
        """What every job's users are told, whichever job it is."""
        name = self._request.job
        now = self._parts.clock.now()
        # The letters of other shares that are due are tried by those.
        whole = report.full_sync or self._shard is not None
        yield from waiting_notes(letters.untried(), name, whole=whole, now=now)
        if letters.too_many and not self._dry_run:
            yield too_many_note(letters.too_many)
        if self._settings.env is Environment.PRODUCTION:
            note = no_cdn_note(name, self._parts.urls)
            if note and note not in self._said:
                self._said.add(note)
                yield note

    def _stays_due_note(self, report: JobReport) -> str:
        """Why the slot of a scheduled run stays due; empty when it does not."""
        if self._start is None:
            return ""
        if report.unmerged:
            return UNMERGED_STAYS_DUE
        # The bookmarks that the job needs are not stored yet, and will be.
        too_early = report.too_early and is_configured(self._settings, JobName.BOOKMARKS)
        return STAYS_DUE if too_early else ""

    def _recorded(self, records: RunRecords, report: JobReport) -> RunResult:
        """Store breakers, state, history and dead letters, and return the run's result."""
        parts = self._parts
        parts.breakers.save()
        result = self.result(report)
        try:
            records.end(
                result,
                full_sync=report.full_sync,
                stays_due=bool(self._stays_due_note(report)),
                unmerged=report.unmerged,
            )
        except PreconditionFailed as error:
            # This run lost its lease, and another run wrote the records: those stay.
            self.log.warning("records_superseded", extra={"key": error.key})
            return replace(
                result, notes=(*result.notes, superseded_note(self._request.job, self._shard))
            )
        except StoreError as error:
            self.log.error("records_not_written", extra={"error": str(error)})  # noqa: TRY400 - expected
            if report.failure is None:
                cancel = parts.cancel
                failure = cancel.reason if cancel.cancelled else error
                return self.result(replace(report, failure=failure))
            note = redact(f"the records of this run were not written: {error}")
            return replace(result, notes=(*result.notes, note))
        self._health = records.health()
        return result

    def _context(self, group: S, store: ObjectStore, letters: DeadLetters) -> JobContext[S]:
        parts, lease = self._parts, self._lease
        context = make_context(
            parts,
            self._settings,
            group,
            run_id=self.run_id,
            options=self._request.options,
            store=store,
            letters=letters,
            log=self.log,
            wait_for_lease=self._keeper.wait_for,
        )
        context = replace(
            context,
            progress=self._progress(self._request.job.value),
            so_far=self._so_far,
            remarks=self._remarks,
            output=self._output,
            told=self._add_news,
        )
        if lease is None:  # in a dry run, which uses no worker processes
            return replace(context, engine=Engine(parts.engine.width, parts.cancel))
        return replace(context, write_s=lease.write_s)

    def _add_news(self, told: JsonObject) -> None:
        """Add what a worker process tells to the run's own counts, breakers, remarks and log."""
        add_news(
            told,
            counts=self._counts_elsewhere,
            breakers=self._parts.breakers,
            remarks=self._remarks,
            output=self._output,
        )
