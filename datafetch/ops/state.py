"""What is remembered of a job between runs: its last run and its synchronisation."""

import os
import socket
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, utc_text
from datafetch.models.run import JobName, RunResult, RunStatus
from datafetch.models.shard import Shard
from datafetch.models.stored_times import StoredMs
from datafetch.models.text import one_line
from datafetch.ops.job_health import was_stopped
from datafetch.ops.lease import Predecessor
from datafetch.ops.record import Record
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

_LONGEST_NAME = 100

JobStatus = Literal["pending", "running", "completed", "failed", "cancelled"]

_JOB_STATUS: dict[RunStatus, JobStatus] = {
    RunStatus.SUCCEEDED: "completed",
    RunStatus.UNCHANGED: "completed",
    RunStatus.PARTIAL: "completed",
    RunStatus.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class SlotRun:
    """What became of one slot: the run that claimed or skipped it, and how far it got."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    run_id: str
    state: Literal["running", "done", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class KnownSchedule:
    """The expression that slots belong to.

    Attributes:
        expression: its five fields.
        since: epoch milliseconds; no slot at or before it is due.
    """

    expression: str
    since: StoredMs


def _is_unknown(schedule: KnownSchedule | None) -> bool:
    return schedule is None


@dataclass(frozen=True, slots=True)
class JobState:
    """The last run of a job, or of a share of it, and when its data was last brought up to date.

    Times are epoch milliseconds.

    Attributes:
        id: the id of the last run.
        type: the job.
        host: the machine of the last run.
        pid: the process of the last run.
        retry_count: how many runs failed in a row.
        last_sync_at: when a run ended last.
        total_items_synced: items in scope of the last `completed` run.
        slots: by name, the newest that scheduled runs claimed or skipped.
        schedule: that of the slots; None when no run was a scheduled one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    id: str
    type: str
    status: JobStatus
    started_at: StoredMs
    completed_at: StoredMs | None = None
    error: str | None = None
    retry_count: int = 0
    host: str = ""
    pid: int = 0
    last_sync_at: StoredMs | None = None
    last_successful_sync_at: StoredMs | None = None
    last_full_sync_at: StoredMs | None = None
    total_items_synced: int = 0
    slots: dict[str, SlotRun] = field(default_factory=dict)
    schedule: Annotated[KnownSchedule | None, Field(exclude_if=_is_unknown)] = None


_ADAPTER: TypeAdapter[JobState | None] = TypeAdapter(JobState | None)


def state_record(
    store: ObjectStore, keys: Keys, job: JobName, clock: Clock, shard: Shard | None = None
) -> Record[JobState | None]:
    """The stored state of a job, or of one of its shares, not read yet."""
    key = keys.job_state(job) if shard is None else keys.shard(job, shard)
    return Record(store, keys, clock, key, _ADAPTER, empty=None)


def ended_unnoticed(known: JobState | None, took_from: Predecessor | None, now: float) -> str:
    """What became of the last run, if it never said how it ended; empty when it did.

    Args:
        known: the job's state, read by a run that has the job's lease.
        took_from: see `Grant.took_from` of that run.
        now: epoch seconds.
    """
    if known is None or known.status != "running":
        return ""
    who = f"process {known.pid} on {one_line(known.host, _LONGEST_NAME) or 'an unknown host'}"
    began = f" (it began at {utc_text(known.started_at / 1000, now)})"
    if took_from is None or took_from.run_id != known.id:
        return f"ended without notice; {who} did not store how{began}"
    if took_from.is_gone:
        return f"ended without notice; {who} was gone{began}"
    return f"ended without notice; {who} was gone, or too slow to keep its lock{began}"


def begin(
    known: JobState | None, *, job: JobName, run_id: str, now_ms: int, unnoticed: str = ""
) -> JobState:
    """The state of a job whose run starts now, in this process.

    `unnoticed` is what `ended_unnoticed` says of the run before: it counts as a failure, and is
    the `error` of the state until this run ends.
    """
    failures = 0 if known is None else known.retry_count
    return replace(
        known or JobState(run_id, job.value, "running", now_ms),
        id=run_id,
        type=job.value,
        status="running",
        started_at=now_ms,
        completed_at=None,
        error=unnoticed or None,
        retry_count=failures + 1 if unnoticed else failures,
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def _failures(state: JobState, status: JobStatus, result: RunResult) -> int:
    """Runs that failed in a row, with this one.

    A run that a signal has ended neither failed nor worked. One that a time limit has ended did not
    do its work: it failed.
    """
    if status == "completed":
        return 0
    return state.retry_count if was_stopped(result) else state.retry_count + 1


def end(
    state: JobState, result: RunResult, *, full_sync: bool, now_ms: int, unmerged: bool = False
) -> JobState:
    """The state of a job whose run ended.

    The times of success change only when the run is `completed`, and not for a share whose results
    are `unmerged`: they are not in the dataset yet.
    """
    status = _JOB_STATUS.get(result.status, "failed")
    if status == "completed" and not unmerged:
        state = replace(
            state,
            last_successful_sync_at=now_ms,
            last_full_sync_at=now_ms if full_sync else state.last_full_sync_at,
            total_items_synced=result.items_processed,
        )
    return replace(
        state,
        status=status,
        completed_at=now_ms,
        error=result.error,
        retry_count=_failures(state, status, result),
        last_sync_at=now_ms,
    )
