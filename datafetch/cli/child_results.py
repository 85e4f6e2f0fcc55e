"""Results of jobs that ran as processes of their own: read from what they printed, or made for them."""

import signal
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.errors import ExitCode
from datafetch.models.json_bounds import check_density
from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.models.shard import Shard, read_shard
from datafetch.redaction import redact
from datafetch.runtime.children import Ended

_STATUS = {
    ExitCode.LOCKED: RunStatus.LOCKED,
    ExitCode.SIGHUP: RunStatus.CANCELLED,
    ExitCode.SIGINT: RunStatus.CANCELLED,
    ExitCode.SIGTERM: RunStatus.CANCELLED,
}
"""What exit codes tell of a run; the others that it failed."""

_KILLED_HINT = (
    "Memory may have run out: the system's log says so (`dmesg`, or `journalctl -k`). What was "
    "stored before stays; the next run takes over the lock when that has ended, and goes on."
)
_CRASHED_HINT = (
    "What it wrote to standard error may say why. What was stored before stays; the next run takes "
    "over the lock when that has ended, and goes on."
)


@dataclass(frozen=True, slots=True)
class _Printed:
    """A result as `RunResult.to_json` has it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    operation: Operation
    status: RunStatus
    run_id: str
    items_processed: int
    items_changed: int
    items_skipped: int
    items_failed: int
    duration: float
    change_detected: bool
    last_fetched_at: int | None
    error: str | None
    dry_run: bool
    notes: tuple[str, ...]
    shard: Annotated[Shard | None, BeforeValidator(read_shard)] = None


_ARRAY: TypeAdapter[list[_Printed]] = TypeAdapter(list[_Printed])


def result_of(operation: Operation, ended: Ended, *, dry_run: bool) -> RunResult:
    """The result that a process has printed; one that says what became of it when it has not."""
    code = _exit_code(ended.code)
    printed = _printed(operation, ended.output)
    if printed is None:
        return _made(operation, ended, code, dry_run=dry_run)
    return RunResult(
        operation,
        printed.status,
        run_id=printed.run_id,
        items_processed=printed.items_processed,
        items_changed=printed.items_changed,
        items_skipped=printed.items_skipped,
        items_failed=printed.items_failed,
        duration_s=printed.duration,
        change_detected=printed.change_detected,
        last_fetched_at=printed.last_fetched_at,
        error=printed.error,
        exit_code=code,
        dry_run=printed.dry_run,
        notes=printed.notes,
        shard=printed.shard,
    )


def _printed(operation: Operation, output: bytes) -> _Printed | None:
    """The operation's result in what a process has printed; None when there is not exactly one."""
    try:
        check_density(output)
        found = _ARRAY.validate_json(output)
    except (ValidationError, ValueError):
        return None
    if [result.operation for result in found] != [operation]:
        return None
    return found[0]


def _made(operation: Operation, ended: Ended, code: int, *, dry_run: bool) -> RunResult:
    failed = ExitCode(code or ExitCode.FAILED)  # without a result nobody knows that it went well
    return RunResult(
        operation,
        _STATUS.get(failed, RunStatus.FAILED),
        run_id="",
        duration_s=ended.duration_s,
        error=_what_became(ended.code),
        hint=_KILLED_HINT if ended.code == -signal.SIGKILL else _CRASHED_HINT,
        exit_code=int(failed),
        dry_run=dry_run,
        unseen=True,
    )


def not_started(operation: Operation, error: OSError, *, dry_run: bool) -> RunResult:
    """The result of a job whose process could not be started."""
    reason = redact(error.strerror or str(error))
    return RunResult(
        operation,
        RunStatus.FAILED,
        run_id="",
        error=f"its process could not be started: {reason}",
        hint="See the limits of processes and memory on this machine; the next run tries it again.",
        exit_code=int(ExitCode.FAILED),
        dry_run=dry_run,
    )


def _exit_code(code: int) -> int:
    """The exit code of this program that a process's stands for."""
    known = 128 - code if code < 0 else code  # as shells say the end by a signal
    return known if known in set(ExitCode) else int(ExitCode.FAILED)


def _what_became(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code} and did not say how it went"
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL) before it could say how it went"
    return f"its process was ended by {_signal_name(-code)} before it could say how it went"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
