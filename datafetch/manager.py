"""The life of a run: lease, state, job, dead letters, history, result.

Stored data is changed only by a run that `DataFetchManager.run` makes.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from datafetch.build.request import PrefetchRequest
from datafetch.errors import (
    DatafetchError,
    ExitCode,
    PreconditionFailed,
    StoreError,
    Unexpected,
)
from datafetch.factory import AnyJob, Parts, check_jobs, make_job
from datafetch.job import JobContext, Progress, S, SoFar
from datafetch.logs import bound_logger, redact
from datafetch.models.places import Environment
from datafetch.models.run import OPERATIONS, JobReport, Operation, RunRequest, RunResult
from datafetch.net.counts import since
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.lease_keeper import LeaseKeeper
from datafetch.ops.run_records import RunRecords
from datafetch.ops.verdict import error_text, verdict
from datafetch.runtime.engine import beside, together
from datafetch.runtime.supervise import StoppedLate, supervise
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import FencedStore
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

    def run(self, request: RunRequest) -> RunResult:
        """Run one job and say how it ended; errors come back in the result, not as exceptions.

        Raises:
            ConfigurationError: the job's settings are incomplete; nothing was done.
        """
        return _JobRun(self._settings, self._parts, request, self._progress).run()

    def prefetch(self, operation: Operation, request: PrefetchRequest) -> RunResult:
        """Write one part of the build's files. Only the store is read, and no lease is taken."""
        # Imported here, because jobs do not need it.
        from datafetch.build.job import Prefetch

        parts = self._parts
        run = _OperationRun(self._settings, parts, operation, known_as=operation.value)
        prefetch = Prefetch(
            ReadOnlyStore(parts.store),
            parts.keys,
            parts.clock,
            run.log,
            request,
            engine=parts.engine,
            urls=parts.urls,
        )
        work = {
            Operation.BOOKMARKS_PREFETCH: prefetch.bookmarks,
            Operation.GITHUB_PREFETCH: prefetch.github,
            Operation.LOGOS_PREFETCH: prefetch.logos,
            Operation.OPENGRAPH_PREFETCH: prefetch.opengraph,
        }[operation]
        return run.logged(run.result(run.carry_out(work)))


class _OperationRun:
    """One run of an operation, from its start to its result; jobs and builds share this code."""

    def __init__(
        self, settings: Settings, parts: Parts, operation: Operation, *, known_as: str
    ) -> None:
        """The run's time begins now. `known_as` is what the log calls the operation."""
        self._settings = settings
        self._parts = parts
        self._operation = operation
        self._started = parts.clock.monotonic()
        self._counts_before = parts.http.counts()
        self._so_far = SoFar()
        moment = datetime.fromtimestamp(parts.clock.now(), UTC)
        self.run_id = f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.log = bound_logger(job=known_as, runId=self.run_id)

    def carry_out(self, work: Callable[[], JobReport]) -> JobReport:
        """Do the work until it ends or the command is stopped; report an error as the `failure`.

        What was done before an error or a stop is counted as the job told it (`SoFar`).
        """
        cancel = self._parts.cancel
        failure: DatafetchError
        try:
            report = supervise(work, cancel, self._parts.http.close)
        except StoppedLate:
            self.log.warning("stopped_late")
            failure = cancel.reason
        except DatafetchError as error:
            failure = cancel.reason if cancel.cancelled else error
        except Exception as error:
            self.log.exception("unexpected_error")
            failure = Unexpected.of(error)
        else:
            if report.failure is not None and cancel.cancelled:
                return replace(report, failure=cancel.reason)
            return report
        return replace(self._counted_so_far(), failure=failure)

    def _counted_so_far(self) -> JobReport:
        try:
            return self._so_far.report()
        except Exception:  # a job that still runs may be changing what it counts
            self.log.exception("counts_unknown")
            return JobReport()

    def result(self, report: JobReport) -> RunResult:
        """Make the run's result from the report of its work; its duration ends now."""
        status, code = verdict(report, self._settings.max_failure_ratio)
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
            error=error_text(report, status),
            hint=redact(getattr(report.failure, "hint", "")),
            exit_code=int(code),
            notes=tuple(redact(note) for note in report.notes),
            duration_s=self._parts.clock.monotonic() - self._started,
            upstreams=since(self._counts_before, self._parts.http.counts()),
        )

    def logged(self, result: RunResult) -> RunResult:
        """Write the result to the log, and return it."""
        fields = {key: value for key, value in result.to_json().items() if value is not None}
        del fields["notes"]  # each has a line of its own
        if result.error and result.hint:
            fields["hint"] = result.hint
        for note in result.notes:
            self.log.info("run_note", extra={"note": note})
        if result.exit_code == ExitCode.OK:
            self.log.info("run_finished", extra=fields)
        elif result.exit_code == ExitCode.LOCKED:
            self.log.warning("run_finished", extra=fields)
        else:
            self.log.error("run_finished", extra=fields)
        return result


class _JobRun(_OperationRun):
    """One run of a job: takes the lease, reads the records, does the work, writes the records."""

    def __init__(
        self, settings: Settings, parts: Parts, request: RunRequest, progress: ProgressMaker
    ) -> None:
        name = request.job
        super().__init__(settings, parts, OPERATIONS[name], known_as=name.value)
        self._request = request
        self._progress = progress
        self._keeper = LeaseKeeper(parts.leases, parts.clock, parts.cancel, self.run_id, self.log)

    def run(self) -> RunResult:
        """See `DataFetchManager.run`."""
        self.log.info(
            "run_started",
            extra={"environment": self._settings.env.value, "store": self._parts.store.name},
        )
        check_jobs(self._settings, [self._request.job])
        return self.logged(self._run())

    def _run(self) -> RunResult:
        """Do the run and return its result.

        Errors outside the job's own work, such as in taking the lease, are not raised either: they
        become a result that failed, was locked out or was cancelled.
        """
        try:
            return self._dry() if self._request.options.dry_run else self._locked()
        except DatafetchError as error:
            return self.result(JobReport(failure=error))
        except Exception as error:
            self.log.exception("unexpected_error")
            return self.result(JobReport(failure=Unexpected.of(error)))

    def _dry(self) -> RunResult:
        parts, name = self._parts, self._request.job
        store = ReadOnlyStore(parts.store)
        letters = DeadLetters.load(store, parts.keys, name, parts.clock)
        return self.result(self._work(make_job(self._settings, name), store, letters))

    def _locked(self) -> RunResult:
        parts, name = self._parts, self._request.job
        records = RunRecords(parts.store, parts.keys, name, parts.clock)
        # While the store answers, what the first HTTP request needs is loaded.
        prepared = beside(parts.http.prepare)
        lease = self._keeper.take(name, lambda: records.ask(parts.breakers.load))
        if lease.note:
            self.log.warning("publish_not_atomic", extra={"note": lease.note})
        try:
            letters, job, _ = together(
                lambda: records.begin(self.run_id),
                lambda: make_job(self._settings, name),
                prepared,
            )
            report = self._work(job, FencedStore(parts.store, lease), letters)
            lease.retire()
            if lease.note:
                report = replace(report, notes=(*report.notes, lease.note))
            return self._recorded(records, report)
        finally:
            self._keeper.give_back(lease)

    def _work(self, job: AnyJob, store: ObjectStore, letters: DeadLetters) -> JobReport:
        def context(settings: S) -> JobContext[S]:
            return self._context(settings, store, letters)

        return self.carry_out(lambda: job.run(context))

    def _recorded(self, records: RunRecords, report: JobReport) -> RunResult:
        """Store breakers, state, history and dead letters, and return the run's result."""
        self._parts.breakers.save()
        result = self.result(report)
        try:
            records.end(result, full_sync=report.full_sync)
        except PreconditionFailed as error:
            # This run lost its lease, and another run wrote the records: those stay.
            self.log.warning("records_superseded", extra={"key": error.key})
        except StoreError as error:
            self.log.error("records_not_written", extra={"error": str(error)})  # noqa: TRY400 - expected
            if report.failure is None:
                return self.result(replace(report, failure=error))
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
        )
