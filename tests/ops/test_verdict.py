"""Status and exit code of a run that ended."""

from dataclasses import replace

import pytest

from datafetch.errors import Cancelled, ConfigurationError, GuardRefused, LeaseHeld
from datafetch.models.run import JobReport, RunStatus
from datafetch.ops.verdict import error_text, verdict

OK = JobReport(processed=10)


@pytest.mark.parametrize(
    ("report", "error", "expected"),
    [
        (OK, None, (RunStatus.UNCHANGED, 0)),
        (JobReport(processed=10, changed=1), None, (RunStatus.SUCCEEDED, 0)),
        (JobReport(processed=10, failed=5, newly_failed=5), None, (RunStatus.PARTIAL, 0)),
        (JobReport(processed=10, failed=6, newly_failed=6), None, (RunStatus.FAILED, 1)),
        (JobReport(processed=10, failed=10, newly_failed=0), None, (RunStatus.PARTIAL, 0)),
        (JobReport(processed=0, failed=3, newly_failed=3), None, (RunStatus.FAILED, 1)),
        (JobReport(processed=10, partial="budget"), None, (RunStatus.PARTIAL, 0)),
        (OK, GuardRefused("shrunk"), (RunStatus.FAILED, 1)),
        (OK, LeaseHeld("held"), (RunStatus.LOCKED, 75)),
        (OK, ConfigurationError(["x"]), (RunStatus.FAILED, 78)),
        (OK, Cancelled(signal=2), (RunStatus.CANCELLED, 130)),
        (OK, Cancelled(signal=15), (RunStatus.CANCELLED, 143)),
        (OK, Cancelled(), (RunStatus.CANCELLED, 1)),
        (OK, RuntimeError("bug"), (RunStatus.FAILED, 1)),
    ],
)
def test_each_ending_has_its_status_and_code(report, error, expected):
    """The exit code was 0 after total failure."""
    assert verdict(replace(report, failure=error), 0.5) == expected


def test_an_error_line_is_redacted():
    """Nothing secret is stored with a result."""
    text = error_text(
        JobReport(failure=RuntimeError("at https://a.example/x?token=abc")), RunStatus.FAILED
    )
    assert text == "unexpected: RuntimeError: at https://a.example/x"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            SyntaxError("invalid\nsyntax", ("x.py", 1, 3, "a b", 1, 4)),
            "SyntaxError: invalid syntax",
        ),
        (MemoryError(), "MemoryError"),
        (KeyError("a"), "KeyError: 'a'"),
    ],
)
def test_an_unexpected_error_is_named_in_one_line(error, text):
    """Whatever an error says of itself, or does not, the result has one line that names it."""
    said = error_text(JobReport(failure=error), RunStatus.FAILED)
    assert said is not None
    assert said.startswith(f"unexpected: {text}")
    assert "\n" not in said


def test_a_partial_run_says_what_waits():
    """Failed items are counted in words, so that nobody takes a partial run for a whole one."""
    report = JobReport(processed=10, failed=3, newly_failed=3)
    text = error_text(report, RunStatus.PARTIAL)
    assert text == "3 of 10 items failed and wait to be tried again"
