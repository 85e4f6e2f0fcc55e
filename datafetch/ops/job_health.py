"""Whether a job is failing, and whether people are to be told that this has just changed: pure."""

from dataclasses import dataclass
from typing import Literal

from datafetch.errors import ExitCode
from datafetch.models.run import RunResult, RunStatus

Turn = Literal["failing", "working"]
"""A job began to fail, or works again."""

SIGNALS = frozenset({ExitCode.SIGHUP, ExitCode.SIGINT, ExitCode.SIGTERM})
"""Exit codes of runs that people, or the machine, have stopped."""

_WORKED = frozenset({RunStatus.SUCCEEDED, RunStatus.UNCHANGED, RunStatus.PARTIAL})


@dataclass(frozen=True, slots=True)
class JobHealth:
    """A job after a run whose records were written; times are epoch milliseconds.

    Attributes:
        failures_before: failed runs in a row that the run before this one had stored.
        failures: those after this run.
        last_run_at: when this run ended.
        last_success_at: when a run of the job succeeded last; None for never.
        dead_letters: items that wait, or are given up.
    """

    failures_before: int
    failures: int
    last_run_at: int
    last_success_at: int | None
    dead_letters: int


def was_stopped(result: RunResult) -> bool:
    """Whether a signal ended the run: this tells nothing of the job's health."""
    return result.exit_code in SIGNALS


def turn(health: JobHealth, result: RunResult, after: int) -> Turn | None:
    """What people are to be told after a run; None for nothing.

    A job counts as failing after so many failed runs in a row (`after`). Nobody else remembers
    who was told what: the number that is stored says it. A run that a signal has ended changes
    nothing, but it may be the one that finds the run before it killed, which counts as a failure.
    """
    if health.failures_before < after <= health.failures:
        return "failing"
    if result.status in _WORKED and health.failures_before >= after:
        return "working"
    return None
