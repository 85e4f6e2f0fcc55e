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
        failures_before: failed runs in a row before this run; one that was killed counts.
        failures: failed runs in a row after this run.
        last_run_at: when this run ended.
        last_success_at: when a run of the job succeeded last; None for never.
        dead_letters: items that wait, or are given up.
    """

    failures_before: int
    failures: int
    last_run_at: int
    last_success_at: int | None
    dead_letters: int


@dataclass(frozen=True, slots=True)
class KilledRun:
    """The run before this one, which never said how it ended.

    Attributes:
        run_id: its id, as it is printed.
        gone: what became of it, such as "ended without notice; process 7 on web1 was gone".
        failures_before, failures: failed runs in a row without it, and with it.
    """

    run_id: str
    gone: str
    failures_before: int
    failures: int


def was_stopped(result: RunResult) -> bool:
    """Whether a signal ended the run: this tells nothing of the job's health."""
    return result.exit_code in SIGNALS


def turn(health: JobHealth, result: RunResult, after: int) -> Turn | None:
    """What people are to be told after a run; None for nothing.

    A job counts as failing after so many failed runs in a row (`after`). Nobody else remembers
    who was told what: the number that is stored says it. That a run was killed is told
    when the next one begins: see `began_to_fail`.
    """
    if began_to_fail(health, after):
        return "failing"
    if result.status in _WORKED and health.failures_before >= after:
        return "working"
    return None


def began_to_fail(counts: JobHealth | KilledRun, after: int) -> bool:
    """Whether a job counts as failing since this run, and did not before."""
    return counts.failures_before < after <= counts.failures
