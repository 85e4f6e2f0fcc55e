"""How a run that ended is judged: status, exit code, error line and hint, from its report."""

from datafetch.errors import Cancelled, DatafetchError, ExitCode, LeaseHeld, Unexpected
from datafetch.models.run import JobReport, RunStatus
from datafetch.models.text import one_line
from datafetch.redaction import redact

_LONGEST_ERROR = 2000

_OVER_BUDGET_HINT = (
    "What did not fail is stored, and items that fail again do not count against the budget. Where "
    "so many new failures are normal, raise DATAFETCH_MAX_FAILURE_RATIO (0 to 1)."
)


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


def error_text(report: JobReport, status: RunStatus, max_failure_ratio: float) -> str | None:
    """The result's `error`: one redacted line; None when nothing failed and all was done."""
    error = report.failure
    if error is not None:
        known = error if isinstance(error, DatafetchError) else Unexpected.of(error)
        return one_line(redact(str(known)), _LONGEST_ERROR)
    reasons = [report.partial] if report.partial else []
    if report.failed or status is RunStatus.FAILED:
        reasons.append(_failures(report, status, max_failure_ratio))
    return one_line(redact("; ".join(reasons)), _LONGEST_ERROR) if reasons else None


def _failures(report: JobReport, status: RunStatus, max_failure_ratio: float) -> str:
    failed = max(report.failed, report.newly_failed)
    text = f"{failed} of {max(report.processed, failed)} items failed"
    if report.newly_failed != failed:
        text += f", {report.newly_failed} of them for the first time"
    said = "more than" if status is RunStatus.FAILED else "within"
    return f"{text}: {said} the budget DATAFETCH_MAX_FAILURE_RATIO={max_failure_ratio:g}"


def hint_of(report: JobReport, status: RunStatus, *, dry_run: bool = False) -> str:
    """What to do about the error, as redacted sentences; empty when there is nothing to say."""
    error = report.failure
    if isinstance(error, Cancelled) and dry_run:
        return "Nothing was written: this was a dry run."
    if error is not None:
        return redact(error.hint if isinstance(error, DatafetchError) else Unexpected.hint)
    return _OVER_BUDGET_HINT if status is RunStatus.FAILED else ""
