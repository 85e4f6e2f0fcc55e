"""What is remembered of a job between runs: its last run and its synchronisation."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from datafetch.clock import Clock, to_ms
from datafetch.errors import CorruptObject
from datafetch.models.run import JobName, RunResult, RunStatus
from datafetch.ops.record import keep_aside
from datafetch.store.base import IfAbsent, IfMatch, ObjectStore, encode_json, read_json
from datafetch.store.keys import Keys

JobStatus = Literal["pending", "running", "completed", "failed", "cancelled"]

_JOB_STATUS: dict[RunStatus, JobStatus] = {
    RunStatus.SUCCEEDED: "completed",
    RunStatus.UNCHANGED: "completed",
    RunStatus.PARTIAL: "completed",
    RunStatus.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class SyncState:
    """How fresh a job's data is; epoch milliseconds."""

    last_sync_at: int | None = None
    last_successful_sync_at: int | None = None
    last_full_sync_at: int | None = None
    total_items_synced: int = 0


@dataclass(frozen=True, slots=True)
class JobState:
    """The last run of a job and its SyncState, as stored under `json/datafetch/jobs/`.

    `retry_count` counts the runs that failed in a row. `slots` belongs to scheduled runs
    and is kept as it is.
    """

    id: str
    type: str
    status: JobStatus
    started_at: int
    completed_at: int | None = None
    error: str | None = None
    retry_count: int = 0
    host: str = ""
    pid: int = 0
    sync: SyncState = SyncState()
    slots: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that is stored."""
        return {
            "id": self.id,
            "type": self.type,
            "status": self.status,
            "startedAt": self.started_at,
            "completedAt": self.completed_at,
            "error": self.error,
            "retryCount": self.retry_count,
            "host": self.host,
            "pid": self.pid,
            "lastSyncAt": self.sync.last_sync_at,
            "lastSuccessfulSyncAt": self.sync.last_successful_sync_at,
            "lastFullSyncAt": self.sync.last_full_sync_at,
            "totalItemsSynced": self.sync.total_items_synced,
            "slots": dict(self.slots),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "JobState":
        """Read it back.

        Raises:
            KeyError, TypeError, AttributeError: it is not a job's state.
        """
        return cls(
            id=value["id"],
            type=value["type"],
            status=value["status"],
            started_at=value["startedAt"],
            completed_at=value.get("completedAt"),
            error=value.get("error"),
            retry_count=value.get("retryCount") or 0,
            host=value.get("host") or "",
            pid=value.get("pid") or 0,
            sync=SyncState(
                last_sync_at=value.get("lastSyncAt"),
                last_successful_sync_at=value.get("lastSuccessfulSyncAt"),
                last_full_sync_at=value.get("lastFullSyncAt"),
                total_items_synced=value.get("totalItemsSynced") or 0,
            ),
            slots=dict(value.get("slots") or {}),
        )


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
        sync=known.sync if known else SyncState(),
        slots=known.slots if known else {},
    )


def end(state: JobState, result: RunResult, *, full_sync: bool, now_ms: int) -> JobState:
    """The state of a job whose run ended: freshness moves on success only."""
    status = _JOB_STATUS.get(result.status, "failed")
    sync = replace(state.sync, last_sync_at=now_ms)
    if status == "completed":
        sync = replace(
            sync,
            last_successful_sync_at=now_ms,
            last_full_sync_at=now_ms if full_sync else sync.last_full_sync_at,
            total_items_synced=result.items_processed,
        )
    return replace(
        state,
        status=status,
        completed_at=now_ms,
        error=result.error,
        retry_count=state.retry_count + 1 if status == "failed" else 0,
        sync=sync,
    )


class StateBook:
    """Reads and writes one job's state during one run."""

    def __init__(self, store: ObjectStore, keys: Keys, job: JobName, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._job = job
        self._clock = clock
        self._key = keys.job_state(job)
        self._etag: str | None = None
        self._state: JobState | None = None
        self._is_corrupt = False

    def load(self) -> None:
        """Read what is stored.

        Raises:
            StoreError: the store did not answer.
        """
        try:
            found = read_json(self._store, self._key)
            if found is not None:
                value, self._etag = found
                self._state = JobState.from_json(value)
        except (CorruptObject, KeyError, TypeError, AttributeError):
            self._is_corrupt = True

    def start(self, run_id: str) -> JobState:
        """Mark the job as running by this process; a state that could not be read is kept aside.

        Raises:
            StoreError: the store did not answer.
        """
        if self._is_corrupt:
            self._etag = keep_aside(self._store, self._keys, self._key, self._clock)
        now_ms = to_ms(self._clock.now())
        self._state = begin(self._state, job=self._job, run_id=run_id, now_ms=now_ms)
        self._write()
        return self._state

    def finish(self, result: RunResult, *, full_sync: bool) -> None:
        """Store how the run ended.

        Raises:
            PreconditionFailed: another run has written since: its state stands.
            StoreError: the store did not answer.
        """
        assert self._state is not None
        self._state = end(self._state, result, full_sync=full_sync, now_ms=to_ms(self._clock.now()))
        self._write()

    def _write(self) -> None:
        assert self._state is not None
        self._etag = self._store.put(
            self._key,
            encode_json(self._state.to_json()),
            condition=IfMatch(self._etag) if self._etag else IfAbsent(),
        )
