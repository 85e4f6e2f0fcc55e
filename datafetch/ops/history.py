"""The past runs of a job, newest first, with their results and metrics."""

from pydantic import TypeAdapter

from datafetch.clock import Clock
from datafetch.errors import ExitCode
from datafetch.models.json import JsonObject
from datafetch.models.run import OPERATIONS, JobName, RunResult, RunStatus
from datafetch.ops.record import Record
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

LIMIT = 200
"""Runs that are kept; the oldest are dropped."""

_ADAPTER: TypeAdapter[list[object]] = TypeAdapter(list[object])
"""Entries are not parsed, so that those of other versions are kept as they are."""


def history_record(
    store: ObjectStore, keys: Keys, job: JobName, clock: Clock
) -> Record[list[object]]:
    """The stored history of a job, not read yet."""
    return Record(store, keys, clock, keys.history(job), _ADAPTER, empty=[])


def history_entry(result: RunResult, job: JobName, timestamp_ms: int) -> JsonObject:
    """A past run as it is stored: its result, error count, time and requests by upstream.

    `dryRun` is left out: a dry run leaves no history.
    """
    told = result.to_json()
    del told["dryRun"]
    return {
        **told,
        "jobType": job.value,
        "errors": result.items_failed + (1 if result.error else 0),
        "timestamp": timestamp_ms,
        "upstreams": {name: dict(counts) for name, counts in result.upstreams.items()},
    }


def unnoticed_entry(run_id: str, job: JobName, error: str, timestamp_ms: int) -> JsonObject:
    """The entry of a run that never wrote one, written by the next run of the job."""
    failed = RunResult(
        OPERATIONS[job], RunStatus.FAILED, run_id, error=error, exit_code=int(ExitCode.FAILED)
    )
    return history_entry(failed, job, timestamp_ms)


def with_run(runs: list[object], entry: JsonObject) -> list[object]:
    """The history with one more run at its start, cut to `LIMIT` runs.

    A run that is in it already is not added again: of a run that seemed to have died and one that
    woke, the first entry stands.
    """
    run_id = entry["runId"]
    if any(isinstance(run, dict) and run.get("runId") == run_id for run in runs):
        return runs
    return [entry, *runs][:LIMIT]
