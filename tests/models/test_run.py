"""A run's report and result: when too much failed, and the object that `--json` prints."""

from dataclasses import replace

import pytest

from datafetch.models.run import JobReport, Operation, RunResult, RunStatus


@pytest.mark.parametrize(
    ("processed", "newly_failed", "over"),
    [(10, 5, False), (10, 6, True), (0, 0, False), (0, 1, True), (2, 4, True), (1, 0, False)],
)
def test_a_run_fails_when_more_than_the_ratio_newly_failed(
    processed: int, newly_failed: int, over: bool
) -> None:
    """Exactly the ratio is within it; a run of which every item failed is over it."""
    assert JobReport(processed=processed, newly_failed=newly_failed).over_budget(0.5) is over


def test_old_dead_letters_do_not_count() -> None:
    """Ten sites that have been down for weeks fail no run."""
    assert not JobReport(processed=10, failed=10).over_budget(0)


def test_the_result_is_printed_as_the_contract_writes_it() -> None:
    """Names and order of the fields are relied upon; the duration is in seconds, to the millisecond."""
    result = RunResult(
        Operation.GITHUB,
        RunStatus.PARTIAL,
        "run-1",
        items_processed=9,
        items_changed=4,
        items_skipped=2,
        items_failed=3,
        newly_failed=1,
        duration_s=1.23456,
        change_detected=True,
        last_fetched_at=5,
        error="the budget is used up",
        hint="Wait.",
        notes=("x",),
    )
    assert [*result.to_json().items()] == [
        ("operation", "github-activity"),
        ("success", True),
        ("status", "partial"),
        ("runId", "run-1"),
        ("itemsProcessed", 9),
        ("itemsChanged", 4),
        ("itemsSkipped", 2),
        ("itemsFailed", 3),
        ("duration", 1.235),
        ("changeDetected", True),
        ("lastFetchedAt", 5),
        ("error", "the budget is used up"),
        ("dryRun", False),
        ("notes", ["x", "Wait."]),
    ]


def test_a_dry_run_says_that_it_is_one() -> None:
    """Who reads JSON could not tell a plan from what was done."""
    result = RunResult(Operation.LOGOS, RunStatus.UNCHANGED, "run-1", dry_run=True)
    assert result.to_json()["dryRun"] is True


def test_what_to_do_is_told_after_an_error_only() -> None:
    """Who reads JSON was told what failed, and not what to type."""
    result = RunResult(Operation.GITHUB, RunStatus.FAILED, "run-1", hint="Wait.", notes=("x",))
    assert result.to_json()["notes"] == ["x"]
    assert replace(result, error="down").to_json()["notes"] == ["x", "Wait."]


@pytest.mark.parametrize(("code", "success"), [(0, True), (1, False), (75, False), (143, False)])
def test_success_is_exit_code_0(code: int, success: bool) -> None:
    """A run that did nothing because another has the lock is no success."""
    result = RunResult(Operation.LOGOS, RunStatus.LOCKED, "run-1", exit_code=code)
    assert result.to_json()["success"] is success
