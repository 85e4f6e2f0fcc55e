"""One run of an operation, from its start to its result: what jobs and builds have in common."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from datafetch.factory import Parts
from datafetch.job import SoFar
from datafetch.logs import bound_logger
from datafetch.models.run import JobReport, Operation, RunResult
from datafetch.models.shard import Shard
from datafetch.net.counts import Counts, since, summed
from datafetch.ops.carry_out import carry_out, counted
from datafetch.ops.run_log import RunLog
from datafetch.ops.verdict import error_text, hint_of, verdict
from datafetch.redaction import redact
from datafetch.runtime.supervise import STOP_S, StoppedLate, Stopping, supervise
from datafetch.settings import Settings


class OperationRun:
    """One run of an operation, from its start to its result; jobs and builds share this code."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        operation: Operation,
        *,
        known_as: str,
        dry_run: bool,
        id_end: str = "",
        shard: Shard | None = None,
    ) -> None:
        """The run's time begins now.

        `known_as` is what the log calls the operation; `id_end` is how the run's id ends; `shard`
        is the share that this run works on, None for all items.
        """
        self._shard = shard
        self._settings = settings
        self._parts = parts
        self._operation = operation
        self._dry_run = dry_run
        self._started = parts.clock.monotonic()
        self._counts_before = parts.http.counts()
        self._counts_elsewhere = Counts()
        """Counts of the requests that worker processes sent for this run."""
        self._so_far = SoFar()
        moment = datetime.fromtimestamp(parts.clock.now(), UTC)
        self.run_id = f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}{id_end}"
        about = {"job": known_as, "runId": self.run_id}
        self.log = bound_logger(**about if shard is None else {**about, "shard": str(shard)})
        self.events = RunLog(self.log, dry_run=dry_run)

    def begin(self) -> None:
        """Write to the log that the run begins, since nothing keeps it out any more."""
        self.events.started(environment=self._settings.env.value, store=self._parts.store.name)

    def supervised(self, run: Callable[[], RunResult]) -> RunResult:
        """Make the whole run, on a thread of its own, and return its result.

        When the command is stopped, what waits for a server is ended, and what has not ended after
        `STOP_S` is left: no moment of a run keeps the command from ending.
        """
        parts = self._parts
        cut = None if parts.cuttable is None else parts.cuttable.cut
        stopping = Stopping(at_once=parts.http.close, grace_s=STOP_S, cut=cut)
        try:
            return supervise(run, parts.cancel, stopping)
        except StoppedLate:
            if parts.cuttable is not None:
                parts.cuttable.cut(for_good=True)
            self.log.warning("stopped_late")
            return self._left()

    def _left(self) -> RunResult:
        """The result of a run that did not end in time after it was stopped."""
        report = counted(self._so_far.report, self.log)
        return self.result(replace(report, failure=self._parts.cancel.reason))

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
            upstreams=summed(
                since(self._counts_before, self._parts.http.counts()),
                self._counts_elsewhere.snapshot(),
            ),
            shard=self._shard,
        )

    def finish(self, result: RunResult) -> None:
        """Write to the log how the run ended, and that this machine's clock is wrong, if it is."""
        skew = self._parts.skew.found()
        if skew is not None:
            self.events.warn_of(
                "clock_skew", str(skew), host=skew.host, ahead_s=round(skew.ahead_s)
            )
        self.events.finished(result)
