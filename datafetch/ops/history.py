"""The past runs of a job, newest first, with their results and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import TypeAdapter

from datafetch.clock import Clock
from datafetch.errors import ExitCode
from datafetch.models.json import JsonObject, encode_json
from datafetch.models.run import OPERATIONS, JobName, RunResult, RunStatus
from datafetch.models.shard import Shard
from datafetch.models.text import one_line
from datafetch.ops.record import Record
from datafetch.redaction import redact
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

LIMIT = 200
"""Runs that are kept; the oldest are dropped."""

MOST_BYTES = 1_000_000
"""Bytes of all kept runs: beyond them the oldest are dropped. 200 usual runs have under 300,000."""

MOST_FAILED = 20
"""Failed items that are kept of a run."""

_MOST_NOTES, _LONGEST_NOTE = 50, 2000
_LONGEST_ITEM, _LONGEST_REASON = 300, 200

_ADAPTER: TypeAdapter[list[object]] = TypeAdapter(list[object])
"""Entries are not parsed, so that those of other versions are kept as they are."""


@dataclass(frozen=True, slots=True)
class RunPlace:
    """When and where a run began.

    Attributes:
        started_at: epoch milliseconds.
        host: the name of its machine.
        pid: its process.
    """

    started_at: int
    host: str
    pid: int


class FailedRunItem(NamedTuple):
    """An item that failed in a run, and why."""

    item: str
    reason: str


def history_record(
    store: ObjectStore, keys: Keys, job: JobName, clock: Clock
) -> Record[list[object]]:
    """The stored history of a job, not read yet."""
    return Record(store, keys, clock, keys.history(job), _ADAPTER, empty=[])


def history_entry(
    result: RunResult,
    job: JobName,
    timestamp_ms: int,
    *,
    began: RunPlace | None = None,
    failed: Sequence[FailedRunItem] = (),
) -> JsonObject:
    """A past run as it is stored: result, error count, times, place, failures, requests by upstream.

    The entry of a share says in `shard` which share it is. Only the first 20 failed items and 50
    notes are kept. `dryRun` is left out: a dry run leaves no history.

    Args:
        result: how the run ended.
        job: the job.
        timestamp_ms: when it ended, epoch milliseconds.
        began: when and where it began; None when nobody knows.
        failed: the items that failed in it.
    """
    told = result.to_json()
    del told["dryRun"]
    told["notes"] = [one_line(note, _LONGEST_NOTE) for note in told["notes"][:_MOST_NOTES]]
    return {
        **told,
        "exitCode": result.exit_code,
        "jobType": job.value,
        "errors": result.items_failed + (1 if result.error else 0),
        "startedAt": began and began.started_at,
        "host": began.host if began else "",
        "pid": began.pid if began else 0,
        "timestamp": timestamp_ms,
        "failedItems": [
            {
                "item": one_line(redact(one.item), _LONGEST_ITEM),
                "reason": one_line(redact(one.reason), _LONGEST_REASON),
            }
            for one in failed[:MOST_FAILED]
        ],
        "upstreams": {name: dict(counts) for name, counts in result.upstreams.items()},
    }


def unnoticed_entry(
    run_id: str,
    job: JobName,
    error: str,
    timestamp_ms: int,
    began: RunPlace | None = None,
    *,
    shard: Shard | None = None,
) -> JsonObject:
    """The entry of a run that never wrote one, written by the next run of the job or the share."""
    failed = RunResult(
        OPERATIONS[job],
        RunStatus.FAILED,
        run_id,
        error=error,
        exit_code=int(ExitCode.FAILED),
        shard=shard,
    )
    return history_entry(failed, job, timestamp_ms, began=began)


def with_run(runs: list[object], entry: JsonObject) -> list[object]:
    """The history with one more run at its start, cut to `LIMIT` runs and `MOST_BYTES`.

    A run that is in it already is not added again. So a run that was taken for dead, and then ends
    after all, keeps its first entry.
    """
    run_id = entry["runId"]
    if any(isinstance(run, dict) and run.get("runId") == run_id for run in runs):
        return runs
    kept: list[object] = []
    left = MOST_BYTES
    for run in [entry, *runs][:LIMIT]:
        left -= len(encode_json(run))
        if left < 0 and kept:
            break
        kept.append(run)
    return kept
