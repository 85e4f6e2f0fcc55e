"""What is remembered of a job between runs: its last run and its synchronisation."""

import os
import socket
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, to_ms
from datafetch.models.run import JobName, RunResult, RunStatus
from datafetch.ops.record import Record
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

JobStatus = Literal["pending", "running", "completed", "failed", "cancelled"]

_JOB_STATUS: dict[RunStatus, JobStatus] = {
    RunStatus.SUCCEEDED: "completed",
    RunStatus.UNCHANGED: "completed",
    RunStatus.PARTIAL: "completed",
    RunStatus.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class JobState:
    """The last run of a job (JobState) and how fresh its data is (SyncState), as stored.

    Times are epoch milliseconds. `retry_count` counts the runs that failed in a row. `slots`
    belongs to scheduled runs and is kept as it is.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    id: str
    type: str
    status: JobStatus
    started_at: int
    completed_at: int | None = None
    error: str | None = None
    retry_count: int = 0
    host: str = ""
    pid: int = 0
    last_sync_at: int | None = None
    last_successful_sync_at: int | None = None
    last_full_sync_at: int | None = None
    total_items_synced: int = 0
    slots: dict[str, Any] = field(default_factory=dict)


_ADAPTER: TypeAdapter[JobState | None] = TypeAdapter(JobState | None)


def begin(known: JobState | None, *, job: JobName, run_id: str, now_ms: int) -> JobState:
    """The state of a job whose run starts now."""
    return JobState(
        id=run_id,
        type=job.value,
        status="running",
        started_at=now_ms,
        retry_count=known.retry_count if known else 0,
        host=socket.gethostname(),
        pid=os.getpid(),
        last_sync_at=known.last_sync_at if known else None,
        last_successful_sync_at=known.last_successful_sync_at if known else None,
        last_full_sync_at=known.last_full_sync_at if known else None,
        total_items_synced=known.total_items_synced if known else 0,
        slots=known.slots if known else {},
    )


def end(state: JobState, result: RunResult, *, full_sync: bool, now_ms: int) -> JobState:
    """The state of a job whose run ended: freshness moves on success only."""
    status = _JOB_STATUS.get(result.status, "failed")
    if status == "completed":
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
        retry_count=state.retry_count + 1 if status == "failed" else 0,
        last_sync_at=now_ms,
    )


class StateBook:
    """Reads and writes one job's state during one run."""

    def __init__(self, store: ObjectStore, keys: Keys, job: JobName, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._record = Record(store, keys, clock, keys.job_state(job), _ADAPTER, empty=None)

    def load(self) -> None:
        """Read what is stored.

        Raises:
            StoreError: the store did not answer.
        """
        self._record.load()

    def start(self, run_id: str) -> None:
        """Mark the job as running by this process; a state that could not be read is kept aside.

        Raises:
            StoreError: the store did not answer.
        """
        now_ms = to_ms(self._clock.now())
        self._record.save(begin(self._record.value, job=self._job, run_id=run_id, now_ms=now_ms))

    def finish(self, result: RunResult, *, full_sync: bool) -> None:
        """Store how the run ended.

        Raises:
            PreconditionFailed: another run has written since: its state stands.
            StoreError: the store did not answer.
        """
        state = self._record.value
        assert state is not None
        now_ms = to_ms(self._clock.now())
        self._record.save(end(state, result, full_sync=full_sync, now_ms=now_ms))
