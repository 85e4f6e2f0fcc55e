"""The report of work that ended, failed, or was stopped."""

import threading
from typing import NoReturn

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled, GuardRefused, StoreUnavailable
from datafetch.job import SoFar
from datafetch.logs import bound_logger
from datafetch.models.run import JobReport
from datafetch.ops.carry_out import carry_out

DONE = JobReport(processed=7, changed=3, failed=1, notes=("x",))
STOP = Cancelled("stopped by SIGTERM", signal=15)


def _nothing() -> None:
    """Nobody has to be told of the stop."""


def _carried_out(work, cancel=None, so_far=lambda: DONE, on_cancel=_nothing, grace_s=5.0):
    return carry_out(
        work,
        cancel or CancelToken(),
        on_cancel=on_cancel,
        so_far=so_far,
        log=bound_logger(),
        grace_s=grace_s,
    )


def test_work_that_ends_has_its_own_report():
    """What was told on the way is not added to it."""
    assert _carried_out(lambda: JobReport(processed=9)) == JobReport(processed=9)


def test_work_that_was_stopped_counts_what_it_kept():
    """Ctrl-C after 400 of 500 logos said "0 items": the counts until the stop are in the result."""
    cancel = CancelToken()

    def work() -> NoReturn:
        cancel.cancel(STOP)
        cancel.raise_if_cancelled()
        raise AssertionError

    report = _carried_out(work, cancel)
    assert (report.processed, report.changed, report.failed) == (7, 3, 1)
    assert report.failure is STOP
    assert report.notes == ("x",)


def test_work_that_does_not_stop_counts_what_it_kept(caplog):
    """A thread that hangs in the store is left behind, and what it had done before is counted."""
    cancel, gate = CancelToken(), threading.Event()

    def work() -> JobReport:
        cancel.cancel(STOP)
        gate.wait(20)
        return JobReport()

    report = _carried_out(work, cancel, grace_s=0.0)
    gate.set()
    assert (report.changed, report.failure) == (3, STOP)
    assert [record.message for record in caplog.records] == ["stopped_late"]


@pytest.mark.parametrize(
    ("error", "said"),
    [(StoreUnavailable("down"), "down"), (ValueError("odd"), "unexpected: ValueError: odd")],
)
def test_work_that_failed_counts_what_it_kept(error, said):
    """What was stored before an error is counted beside it."""

    def work() -> NoReturn:
        raise error

    report = _carried_out(work)
    assert (report.changed, str(report.failure)) == (3, said)


def test_whatever_a_stop_breaks_it_is_a_stop():
    """Sockets that are shut under the work end in odd errors, which a job may report itself."""
    cancel = CancelToken()

    def work() -> JobReport:
        cancel.cancel(STOP)
        return JobReport(processed=2, failure=GuardRefused("too few"))

    report = _carried_out(work, cancel)
    assert (report.processed, report.failure) == (2, STOP)


def test_counts_that_cannot_be_had_hide_no_stop(caplog):
    """The work still runs while it is asked: an error of the counting costs the counts only."""

    def work() -> NoReturn:
        raise StoreUnavailable("down")

    def so_far() -> NoReturn:
        raise RuntimeError("dictionary changed size during iteration")

    report = _carried_out(work, so_far=so_far)
    assert (report.processed, str(report.failure)) == (0, "down")
    assert [record.message for record in caplog.records] == ["counts_unknown"]


def test_a_job_that_told_nothing_has_done_nothing():
    """The counts are zero until the job says how to find them out."""
    so_far = SoFar()
    assert so_far.report() == JobReport()
    so_far.told_by(lambda: DONE)
    assert so_far.report() == DONE
