"""The life of a run: lease, state, job, dead letters, history, result.

Stored data is changed only by a run that `DataFetchManager.run` makes.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from datafetch.build.request import PrefetchRequest
from datafetch.errors import DatafetchError, LeaseHeld, PreconditionFailed, StoreError, Unexpected
from datafetch.factory import AnyJob, Parts, check_jobs, make_job
from datafetch.job import JobContext, Progress, Remarks, S, SoFar
from datafetch.logs import bound_logger
from datafetch.models.places import Environment
from datafetch.models.run import OPERATIONS, JobReport, Operation, RunRequest, RunResult
from datafetch.net.counts import since
from datafetch.ops.carry_out import carry_out
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.lease_keeper import LeaseKeeper
from datafetch.ops.run_log import RunLog
from datafetch.ops.run_notes import no_cdn_note, superseded_note, waiting_notes
from datafetch.ops.run_records import RunRecords
from datafetch.ops.verdict import error_text, hint_of, verdict
from datafetch.redaction import redact
from datafetch.runtime.engine import beside, together
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import FencedStore
from datafetch.store.output_limit import LimitedStore, OutputLimit
from datafetch.store.readonly import ReadOnlyStore

ProgressMaker = Callable[[str], Progress]


class DataFetchManager:
    """Runs one job at a time, with its lease, its records and its result."""

    def __init__(
        self, settings: Settings, parts: Parts, progress: ProgressMaker | None = None
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._progress = progress or (lambda _name: Progress())
        self._said: set[str] = set()

    def run(self, request: RunRequest) -> RunResult:
        """Run one job and say how it ended; errors come back in the result, not as exceptions.

        Raises:
            ConfigurationError: the job's settings are incomplete; nothing was done.
        """
        return _JobRun(self._settings, self._parts, request, self._progress, self._said).run()

    def prefetch(self, operation: Operation, request: PrefetchRequest) -> RunResult:
        """Write one part of the build's files. Only the store is read, and no lease is taken."""
        # Imported here, because jobs do not need it.
        from datafetch.build.job import Prefetch

        parts = self._parts
        run = _OperationRun(
            self._settings,
            parts,
            operation,
            known_as=operation.value,
            dry_run=request.dry_run,
        )
        run.begin()
        prefetch = Prefetch(
            ReadOnlyStore(parts.store),
            parts.keys,
            parts.clock,
            run.log,
            request,
            engine=parts.engine,
            urls=parts.urls,
            max_output_mb=self._settings.max_output_mb,
        )
        work = {
            Operation.BOOKMARKS_PREFETCH: prefetch.bookmarks,
            Operation.GITHUB_PREFETCH: prefetch.github,
            Operation.LOGOS_PREFETCH: prefetch.logos,
            Operation.OPENGRAPH_PREFETCH: prefetch.opengraph,
        }[operation]
        result = run.result(run.carry_out(work))
        run.finish(result)
        return result


class _OperationRun:
    """One run of an operation, from its start to its result; jobs and builds share this code."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        operation: Operation,
        *,
        known_as: str,
        dry_run: bool,
    ) -> None:
        """The run's time begins now. `known_as` is what the log calls the operation."""
        self._settings = settings
        self._parts = parts
        self._operation = operation
        self._dry_run = dry_run
        self._started = parts.clock.monotonic()
        self._counts_before = parts.http.counts()
        self._so_far = SoFar()
        moment = datetime.fromtimestamp(parts.clock.now(), UTC)
        self.run_id = f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.log = bound_logger(job=known_as, runId=self.run_id)
        self.events = RunLog(self.log, dry_run=dry_run)

    def begin(self) -> None:
        """Write to the log that the run begins, since nothing keeps it out any more."""
        self.events.started(environment=self._settings.env.value, store=self._parts.store.name)

    def carry_out(self, work: Callable[[], JobReport]) -> JobReport:
        """The report of the work; it is stopped when the command is."""
        return carry_out(
            work,
            self._parts.cancel,
            on_cancel=self._parts.http.close,
            so_far=self._so_far.report,
            log=self.log,
        )

    def result(self, report: JobReport) -> RunResult:
        """Make the run's result from the report of its work; its duration ends now."""
        ratio = self._settings.max_failure_ratio
        status, code = verdict(report, ratio)
        skew = self._parts.skew.found()
        notes = report.notes if skew is None else (*report.notes, str(skew))
        return RunResult(
            operation=self._operation,
            status=status,
            run_id=self.run_id,
            items_processed=report.processed,
            items_changed=report.changed,
            items_skipped=report.skipped,
            items_failed=report.failed,
            newly_failed=report.newly_failed,
            change_detected=report.change_detected,
            last_fetched_at=report.last_fetched_at,
            error=error_text(report, status, ratio),
            hint=hint_of(report, status, dry_run=self._dry_run),
            exit_code=int(code),
            dry_run=self._dry_run,
            notes=tuple(redact(note) for note in notes),
            duration_s=self._parts.clock.monotonic() - self._started,
            upstreams=since(self._counts_before, self._parts.http.counts()),
        )

    def finish(self, result: RunResult) -> None:
        """Write to the log how the run ended, and that this machine's clock is wrong, if it is."""
        skew = self._parts.skew.found()
        if skew is not None:
            self.events.warn_of(
                "clock_skew", str(skew), host=skew.host, ahead_s=round(skew.ahead_s)
            )
        self.events.finished(result)


class _JobRun(_OperationRun):
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
        super().__init__(settings, parts, OPERATIONS[name], known_as=name.value, dry_run=dry_run)
        self._request = request
        self._progress = progress
        self._said = said
        self._output = OutputLimit(settings.max_output_mb)
        self._remarks = Remarks()
        self._keeper = LeaseKeeper(parts.leases, parts.clock, parts.cancel, self.run_id, self.log)

    def run(self) -> RunResult:
        """See `DataFetchManager.run`."""
        check_jobs(self._settings, [self._request.job])
        result = self._run()
        self.finish(result)
        return result

    def _run(self) -> RunResult:
        """Do the run and return its result.

        Errors outside the job's own work, such as in taking the lease, are not raised either: they
        become a result that failed, was locked out or was cancelled.
        """
        try:
            return self._dry() if self._request.options.dry_run else self._locked()
        except DatafetchError as error:
            if isinstance(error, LeaseHeld):
                self.events.locked(error)
            return self.result(JobReport(failure=error))
        except Exception as error:
            self.log.exception("unexpected_error")
            return self.result(JobReport(failure=Unexpected.of(error)))

    def _dry(self) -> RunResult:
        parts, name = self._parts, self._request.job
        self.begin()
        store = ReadOnlyStore(parts.store)
        letters = DeadLetters.load(store, parts.keys, name, parts.clock)
        return self.result(self._work(make_job(self._settings, name), store, letters))

    def _locked(self) -> RunResult:
        parts, name = self._parts, self._request.job
        records = RunRecords(parts.store, parts.keys, name, parts.clock)
        # While the store answers, what the first HTTP request needs is loaded.
        prepared = beside(parts.http.prepare)
        lease = self._keeper.take(name, lambda: records.ask(parts.breakers.load))
        try:
            self.begin()
            if lease.note:
                self.events.warn_of("publish_not_atomic", lease.note)
            letters, job, _ = together(
                lambda: records.begin(self.run_id),
                lambda: make_job(self._settings, name),
                prepared,
            )
            store = LimitedStore(FencedStore(parts.store, lease), self._output)
            report = self._work(job, store, letters)
            lease.retire()
            lock_note = (lease.note,) if lease.note else ()
            result = self._recorded(records, report.noting(*records.notes(), *lock_note))
        finally:
            left = self._keeper.give_back(lease)
        return replace(result, notes=(*result.notes, left)) if left else result

    def _work(self, job: AnyJob, store: ObjectStore, letters: DeadLetters) -> JobReport:
        def context(settings: S) -> JobContext[S]:
            return self._context(settings, store, letters)

        report = self.carry_out(lambda: job.run(context))
        return report.noting(*self._remarks.notes(), *self._run_notes(report, letters))

    def _run_notes(self, report: JobReport, letters: DeadLetters) -> Iterator[str]:
        """What every job's users are told, whichever job it is."""
        name = self._request.job
        now = self._parts.clock.now()
        yield from waiting_notes(letters.untried(), name, whole=report.full_sync, now=now)
        if self._settings.env is Environment.PRODUCTION:
            note = no_cdn_note(name, self._parts.urls)
            if note and note not in self._said:
                self._said.add(note)
                yield note

    def _recorded(self, records: RunRecords, report: JobReport) -> RunResult:
        """Store breakers, state, history and dead letters, and return the run's result."""
        self._parts.breakers.save()
        result = self.result(report)
        try:
            records.end(result, full_sync=report.full_sync)
        except PreconditionFailed as error:
            # This run lost its lease, and another run wrote the records: those stay.
            self.log.warning("records_superseded", extra={"key": error.key})
            return replace(result, notes=(*result.notes, superseded_note(self._request.job)))
        except StoreError as error:
            self.log.error("records_not_written", extra={"error": str(error)})  # noqa: TRY400 - expected
            if report.failure is None:
                return self.result(replace(report, failure=error))
            note = redact(f"the records of this run were not written: {error}")
            return replace(result, notes=(*result.notes, note))
        return result

    def _context(self, settings: S, store: ObjectStore, letters: DeadLetters) -> JobContext[S]:
        parts = self._parts
        return JobContext(
            run_id=self.run_id,
            options=self._request.options,
            settings=settings,
            store=store,
            keys=parts.keys,
            urls=parts.urls,
            http=parts.http,
            clock=parts.clock,
            cancel=parts.cancel,
            engine=parts.engine,
            dead_letters=letters,
            log=self.log,
            progress=self._progress(self._request.job.value),
            production=self._settings.env is Environment.PRODUCTION,
            max_failure_ratio=self._settings.max_failure_ratio,
            wait_for_lease=self._keeper.wait_for,
            so_far=self._so_far,
            remarks=self._remarks,
            output=self._output,
        )
