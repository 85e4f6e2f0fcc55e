"""How a run that ended is judged: status, exit code and error line, from its report."""

from datafetch.errors import Cancelled, DatafetchError, ExitCode, LeaseHeld, Unexpected
from datafetch.logs import redact
from datafetch.models.run import JobReport, RunStatus


def verdict(report: JobReport, max_failure_ratio: float) -> tuple[RunStatus, ExitCode]:
    """Status and exit code of a run, as the README's table of exit codes says."""
    if report.failure is not None:
        return _verdict_on_error(report.failure)
    if report.over_budget(max_failure_ratio):
        return RunStatus.FAILED, ExitCode.FAILED
    if report.failed or report.partial:
        return RunStatus.PARTIAL, ExitCode.OK
    if report.changed or report.change_detected:
        return RunStatus.SUCCEEDED, ExitCode.OK
    return RunStatus.UNCHANGED, ExitCode.OK


def _verdict_on_error(error: Exception) -> tuple[RunStatus, ExitCode]:
    code = error.exit_code if isinstance(error, DatafetchError) else ExitCode.FAILED
    if isinstance(error, Cancelled):
        return RunStatus.CANCELLED, code
    if isinstance(error, LeaseHeld):
        return RunStatus.LOCKED, code
    return RunStatus.FAILED, code


def error_text(report: JobReport, status: RunStatus) -> str | None:
    """The result's `error`: one redacted line; None when nothing failed and all was done."""
    error = report.failure
    if isinstance(error, DatafetchError):
        return redact(str(error))
    if error is not None:
        return redact(str(Unexpected.of(error)))
    if status is RunStatus.FAILED:
        return f"{report.newly_failed} of {report.processed} items failed"
    if report.partial:
        return redact(report.partial)
    if report.failed:
        return f"{report.failed} of {report.processed} items failed and wait to be tried again"
    return None
