"""Status and exit code of a run that ended."""

from dataclasses import replace

import pytest

from datafetch.errors import Cancelled, ConfigurationError, GuardRefused, LeaseHeld
from datafetch.models.run import JobReport, RunStatus
from datafetch.ops.verdict import error_text, hint_of, verdict

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
    assert _error(RuntimeError("at https://a.example/x?token=abc")) == (
        "unexpected: RuntimeError: at https://a.example/x"
    )


def _error(failure: Exception) -> str:
    said = error_text(JobReport(failure=failure), RunStatus.FAILED, 0.5)
    assert said is not None
    return said


def _with_notes(error: Exception) -> Exception:
    error.add_note("while the list was read")
    error.add_note("and its pages")
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            SyntaxError("invalid\nsyntax", ("x.py", 1, 3, "a b", 1, 4)),
            "SyntaxError: invalid syntax",
        ),
        (MemoryError(), "MemoryError"),
        (KeyError("a"), "KeyError: 'a'"),
        (_with_notes(ValueError("the cause\nand more")), "ValueError: the cause and more"),
    ],
)
def test_an_unexpected_error_is_named_in_one_line(error, text):
    """Whatever an error says of itself, or does not, the result has one line that names it."""
    said = _error(error)
    assert said.startswith(f"unexpected: {text}")
    assert "\n" not in said


@pytest.mark.parametrize("kind", [ValueError, GuardRefused])
def test_an_error_line_is_one_line_that_moves_no_cursor(kind):
    """What servers say stands in errors: it forges no second line, and fills no screen."""
    said = _error(kind("first\n\x1b[2Jsecond\x85third" + "x" * 100_000))
    assert said.isprintable()
    assert "first" in said
    assert len(said) <= 2000


def test_a_partial_run_says_how_many_and_that_it_is_within_its_budget():
    """Failed items are counted in words, so that nobody takes a partial run for a whole one."""
    report = JobReport(processed=10, failed=3, newly_failed=3)
    text = error_text(report, RunStatus.PARTIAL, 0.5)
    assert text == "3 of 10 items failed: within the budget DATAFETCH_MAX_FAILURE_RATIO=0.5"
    assert hint_of(report, RunStatus.PARTIAL) == ""


def test_old_failures_are_told_from_new_ones():
    """Only new failures count against the budget, so that the numbers must be seen apart."""
    report = JobReport(processed=10, failed=8, newly_failed=1)
    text = error_text(report, RunStatus.PARTIAL, 0.5)
    assert text is not None
    assert text.startswith("8 of 10 items failed, 1 of them for the first time")


def test_a_run_over_its_budget_says_which_setting_that_is_and_what_to_do():
    """Status failed with "27 of 40 items failed" did not say why 13 failures are no failure; the note of failures says the rest."""
    report = JobReport(processed=40, failed=27, newly_failed=27)
    text = error_text(report, RunStatus.FAILED, 0.25)
    assert text == "27 of 40 items failed: more than the budget DATAFETCH_MAX_FAILURE_RATIO=0.25"
    hint = hint_of(report, RunStatus.FAILED)
    assert "--verbose" not in hint
    assert "tried again" not in hint
    assert "raise DATAFETCH_MAX_FAILURE_RATIO" in hint


def test_more_failures_than_items_are_no_riddle():
    """A page and its picture both fail: "3 of 0" is never said."""
    report = JobReport(processed=0, failed=3, newly_failed=3)
    text = error_text(report, RunStatus.FAILED, 0.5)
    assert text is not None
    assert text.startswith("3 of 3 items failed")


def test_what_is_left_for_later_does_not_hide_what_failed():
    """A run that its budget stopped half-way and that had failures tells both."""
    report = JobReport(processed=9, failed=2, newly_failed=2, partial="the rate limit is used up")
    text = error_text(report, RunStatus.PARTIAL, 0.5)
    assert text is not None
    assert text.startswith("the rate limit is used up; 2 of 9 items failed")


@pytest.mark.parametrize("signal", [2, 15, None])
def test_a_stopped_run_says_what_the_next_one_does(signal):
    """Whoever stopped a run need not fear for what it did."""
    report = JobReport(failure=Cancelled("stopped by SIGTERM", signal=signal))
    assert "the next run goes on" in hint_of(report, RunStatus.CANCELLED)
    assert "Nothing was written" in hint_of(report, RunStatus.CANCELLED, dry_run=True)


def test_a_hint_is_redacted():
    """Hints name addresses of settings, some of which have a password."""
    report = JobReport(failure=GuardRefused("no", hint="look at https://u:secret@a.example/"))
    assert hint_of(report, RunStatus.FAILED) == "look at https://a.example/"
    assert "--verbose" in hint_of(JobReport(failure=ValueError("x")), RunStatus.FAILED)
