"""Does the work of a run until it ends, fails or is stopped, and always has a report of it."""

from collections.abc import Callable
from dataclasses import replace

from datafetch.clock import CancelToken
from datafetch.errors import DatafetchError, Unexpected
from datafetch.logs import EventLogger
from datafetch.models.run import JobReport
from datafetch.runtime.supervise import GRACE_S, StoppedLate, Stopping, supervise


def carry_out(
    work: Callable[[], JobReport],
    cancel: CancelToken,
    *,
    on_cancel: Callable[[], None],
    so_far: Callable[[], JobReport],
    log: EventLogger,
    grace_s: float = GRACE_S,
) -> JobReport:
    """The report of the work; an error, or the reason to stop, is its `failure`.

    Args:
        work: runs on a thread of its own.
        cancel: asks the work to stop. If the work then ends with one of our errors, the failure is
            the reason to stop, not that error; an unexpected error is reported all the same.
        on_cancel: makes work that waits end.
        so_far: what the work has done when it ends without a report; called once, while work that
            does not stop may still be going on.
        log: told of work that did not stop in time and of unexpected errors.
        grace_s: seconds in which the work has to stop, as in `supervise`.
    """
    failure: DatafetchError
    try:
        report = supervise(work, cancel, Stopping(on_cancel, grace_s))
    except StoppedLate:
        log.warning("stopped_late")
        failure = cancel.reason
    except DatafetchError as error:
        failure = cancel.reason if cancel.cancelled else error
    except Exception as error:
        log.exception("unexpected_error")
        failure = Unexpected.of(error)
    else:
        if report.failure is not None and cancel.cancelled:
            return replace(report, failure=cancel.reason)
        return report
    return replace(counted(so_far, log), failure=failure)


def counted(so_far: Callable[[], JobReport], log: EventLogger) -> JobReport:
    """What work that did not end has done so far; nothing when that cannot be told."""
    try:
        return so_far()
    except Exception:  # work that still goes on may be changing what it counts
        log.exception("counts_unknown")
        return JobReport()
