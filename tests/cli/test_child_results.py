"""Results of jobs that ran as processes of their own: read, or made for those that left none."""

import json
import signal

import pytest

from datafetch.cli.child_results import not_started, result_of
from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.models.shard import Shard
from datafetch.runtime.children import Ended

PRINTED = RunResult(
    Operation.LOGOS,
    RunStatus.PARTIAL,
    "20261127T080000Z-1",
    items_processed=9,
    items_changed=4,
    items_skipped=3,
    items_failed=2,
    duration_s=1.5,
    change_detected=True,
    last_fetched_at=1_795_507_200_000,
    error="2 of 9 items failed",
    notes=("a note",),
    shard=Shard(2, 4),
)


def of(code: int, output: bytes) -> RunResult:
    """The result of a process of the logo job."""
    return result_of(Operation.LOGOS, Ended("logos", code, output, 2.5), dry_run=False)


def test_a_printed_result_comes_back_as_it_was():
    """What the job's own process has printed is what the command prints, field by field."""
    printed = PRINTED.to_json()
    assert of(0, json.dumps([printed]).encode()).to_json() == printed


def test_the_exit_code_is_that_of_the_process():
    """A result that says it went well counts for nothing when its process ended with 1."""
    result = of(1, json.dumps([PRINTED.to_json()]).encode())
    assert (result.exit_code, result.success) == (1, False)


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "said"),
    [
        (-signal.SIGKILL, "failed", 1, "killed (SIGKILL)"),
        (-signal.SIGSEGV, "failed", 1, "ended by SIGSEGV"),
        (-signal.SIGTERM, "cancelled", 143, "ended by SIGTERM"),
        (-signal.SIGINT, "cancelled", 130, "ended by SIGINT"),
        (-64, "failed", 1, "ended by SIGRTMAX"),
        (-63, "failed", 1, "ended by signal 63"),
        (0, "failed", 1, "exit code 0 and did not say how it went"),
        (1, "failed", 1, "exit code 1"),
        (2, "failed", 2, "exit code 2"),
        (75, "locked", 75, "exit code 75"),
        (78, "failed", 78, "exit code 78"),
        (99, "failed", 1, "exit code 99"),
    ],
)
def test_a_process_without_a_result_gets_an_honest_one(code, status, exit_code, said):
    """A job whose process was killed stands in the results, and never as a success."""
    result = of(code, b"")
    assert (result.status.value, result.exit_code, result.success) == (status, exit_code, False)
    assert said in (result.error or "")
    assert result.to_json()["duration"] == 2.5
    assert result.to_json()["itemsProcessed"] == 0
    assert "takes over the lock" in result.to_json()["notes"][-1]


@pytest.mark.parametrize(
    "output",
    [
        b"[]",
        b"{}",
        b"[1]",
        b"half a res",
        b'[{"operation":"logos"}]',
        json.dumps([PRINTED.to_json(), PRINTED.to_json()]).encode(),
        json.dumps([PRINTED.to_json() | {"operation": "bookmarks"}]).encode(),
        json.dumps([PRINTED.to_json() | {"itemsChanged": "many"}]).encode(),
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_result_is_not_believed(output):
    """A process that prints something else has not said how it went, whatever its exit code."""
    result = of(0, output)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)


def test_a_process_that_cannot_be_started_has_a_result():
    """No more processes on this machine: the job failed, and the result says why."""
    result = not_started(Operation.LOGOS, OSError(11, "Try again"), dry_run=False)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert result.error == "its process could not be started: Try again"
