"""The life of a run: lease, state, job, dead letters, history, result.

Whatever changes anything goes through `DataFetchManager.run`; there is no second way.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from datafetch.build.request import PrefetchRequest
from datafetch.errors import (
    DatafetchError,
    ExitCode,
    LeaseHeld,
    PreconditionFailed,
    StoreError,
)
from datafetch.factory import AnyJob, Parts, check_jobs, make_job
from datafetch.job import ContextMaker, JobContext, NoProgress, Progress, S
from datafetch.logs import EventLogger, bound_logger, redact
from datafetch.models.places import Environment
from datafetch.models.run import (
    OPERATIONS,
    JobName,
    JobReport,
    Operation,
    RunRequest,
    RunResult,
)
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
_Contexts = Callable[[ObjectStore, DeadLetters], ContextMaker]


@dataclass(frozen=True)
class _Ended:
    """How the job's own part ended: with a report or with an error."""

    report: JobReport
    error: Exception | None = None


ResultMaker = Callable[[_Ended], RunResult]


class DataFetchManager:
    """Runs jobs, one after the other, each with everything that surrounds a run."""

    def __init__(
        self, settings: Settings, parts: Parts, progress: ProgressMaker | None = None
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._progress = progress or (lambda _name: NoProgress())

    def run(self, request: RunRequest) -> RunResult:
        """Run one job and say how it ended; errors come back in the result, not as exceptions.

        Raises:
            ConfigurationError: the job's settings are incomplete; nothing was done.
        """
        run_id = self._new_run_id()
        log = bound_logger(job=request.job.value, runId=run_id)
        started = self._parts.clock.monotonic()
        started_at = datetime.fromtimestamp(self._parts.clock.now(), UTC)
        log.info(
            "run_started",
            extra={"environment": self._settings.env.value, "store": self._parts.store.name},
        )
        check_jobs(self._settings, [request.job])
        before = self._parts.http.counts()
        keeper = LeaseKeeper(self._parts.leases, self._parts.clock, self._parts.cancel, run_id, log)

        def result_of(ended: _Ended) -> RunResult:
            return replace(
                self._result(OPERATIONS[request.job], run_id, ended),
                duration_s=self._parts.clock.monotonic() - started,
                started_at=started_at,
                upstreams=since(before, self._parts.http.counts()),
            )

        def context_for(store: ObjectStore, letters: DeadLetters) -> ContextMaker:
            return self._context(request, run_id, store, letters, keeper, log)

        if request.options.dry_run:
            result = self._run_dry(request.job, context_for, result_of, log)
        else:
            result = self._run_locked(request.job, keeper, run_id, context_for, result_of, log)
        self._say(result, log)
        return result

    def prefetch(self, operation: Operation, request: PrefetchRequest) -> RunResult:
        """Write one part of the build's files: reads the store only, without lease or state."""
        # Only builds need it.
        from datafetch.build.job import Prefetch

        parts = self._parts
        run_id = self._new_run_id()
        log = bound_logger(job=operation.value, runId=run_id)
        started = parts.clock.monotonic()
        prefetch = Prefetch(
            ReadOnlyStore(parts.store),
            parts.keys,
            parts.clock,
            log,
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
        result = self._result(operation, run_id, self._supervised(work, log))
        result = replace(result, duration_s=parts.clock.monotonic() - started)
        self._say(result, log)
        return result

    # ---------------------------------------------------------------- the run

    def _run_dry(
        self, name: JobName, context_for: _Contexts, result_of: ResultMaker, log: EventLogger
    ) -> RunResult:
        store = ReadOnlyStore(self._parts.store)
        try:
            letters = DeadLetters.load(store, self._parts.keys, name, self._parts.clock)
        except StoreError as error:
            return result_of(_Ended(JobReport(), error))
        job = make_job(self._settings, name)
        return result_of(self._work(job, context_for(store, letters), log))

    def _run_locked(
        self,
        name: JobName,
        keeper: LeaseKeeper,
        run_id: str,
        context_for: _Contexts,
        result_of: ResultMaker,
        log: EventLogger,
    ) -> RunResult:
        parts = self._parts
        records = RunRecords(parts.store, parts.keys, name, parts.clock)
        # What the first request would wait for is loaded while the store answers.
        prepared = beside(parts.http.prepare)
        try:
            lease = keeper.take(name, lambda: records.ask(parts.breakers.load))
        except (LeaseHeld, StoreError) as error:
            return result_of(_Ended(JobReport(), error))
        try:
            try:
                letters, job, _ = together(
                    lambda: records.begin(run_id), lambda: make_job(self._settings, name), prepared
                )
            except StoreError as error:
                return result_of(_Ended(JobReport(), error))
            ended = self._work(job, context_for(FencedStore(parts.store, lease), letters), log)
            lease.retire()
            return self._record(records, ended, result_of, log)
        finally:
            keeper.give_back(lease)

    def _work(self, job: AnyJob, make_context: ContextMaker, log: EventLogger) -> _Ended:
        return self._supervised(lambda: job.run(make_context), log)

    def _supervised(self, work: Callable[[], JobReport], log: EventLogger) -> _Ended:
        try:
            report = supervise(work, self._parts.cancel, self._parts.http.close)
        except StoppedLate:
            log.warning("stopped_late")
            return _Ended(JobReport(), self._parts.cancel.reason)
        except DatafetchError as error:
            if self._parts.cancel.cancelled:
                return _Ended(JobReport(), self._parts.cancel.reason)
            return _Ended(JobReport(), error)
        except Exception as error:
            log.exception("unexpected_error")
            return _Ended(JobReport(), error)
        return _Ended(report, report.failure)

    def _record(
        self, records: RunRecords, ended: _Ended, result_of: ResultMaker, log: EventLogger
    ) -> RunResult:
        self._parts.breakers.save()
        result = result_of(ended)
        try:
            records.end(result, full_sync=ended.report.full_sync)
        except PreconditionFailed as error:
            # Only a run that lost its lease meets this: the other run's records stand.
            log.warning("records_superseded", extra={"key": error.key})
        except StoreError as error:
            log.error("records_not_written", extra={"error": str(error)})  # noqa: TRY400 - expected
            if ended.error is None:
                return result_of(replace(ended, error=error))
        return result

    # ------------------------------------------------------------- the values

    def _new_run_id(self) -> str:
        moment = datetime.fromtimestamp(self._parts.clock.now(), UTC)
        return f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"

    def _context(
        self,
        request: RunRequest,
        run_id: str,
        store: ObjectStore,
        letters: DeadLetters,
        keeper: LeaseKeeper,
        log: EventLogger,
    ) -> ContextMaker:
        parts = self._parts

        def make(settings: S) -> JobContext[S]:
            return JobContext(
                run_id=run_id,
                options=request.options,
                settings=settings,
                store=store,
                keys=parts.keys,
                urls=parts.urls,
                http=parts.http,
                clock=parts.clock,
                cancel=parts.cancel,
                engine=parts.engine,
                dead_letters=letters,
                log=log,
                progress=self._progress(request.job.value),
                production=self._settings.env is Environment.PRODUCTION,
                max_failure_ratio=self._settings.max_failure_ratio,
                wait_for_lease=keeper.wait_for,
            )

        return make

    def _result(self, operation: Operation, run_id: str, ended: _Ended) -> RunResult:
        report, error = ended.report, ended.error
        status, code = verdict(report, error, self._settings.max_failure_ratio)
        return RunResult(
            operation=operation,
            status=status,
            run_id=run_id,
            items_processed=report.processed,
            items_changed=report.changed,
            items_skipped=report.skipped,
            items_failed=report.failed,
            newly_failed=report.newly_failed,
            change_detected=report.change_detected,
            last_fetched_at=report.last_fetched_at,
            error=error_text(report, error, status),
            hint=getattr(error, "hint", ""),
            exit_code=int(code),
            notes=tuple(redact(note) for note in report.notes),
        )

    def _say(self, result: RunResult, log: EventLogger) -> None:
        fields = {key: value for key, value in result.to_json().items() if value is not None}
        for note in result.notes:
            log.info("run_note", extra={"note": note})
        if result.exit_code == ExitCode.OK:
            log.info("run_finished", extra=fields)
        elif result.exit_code == ExitCode.LOCKED:
            log.warning("run_finished", extra=fields)
        else:
            log.error("run_finished", extra=fields)
