"""The past runs of a job, newest first, with their results and metrics."""

from typing import Any

from pydantic import TypeAdapter

from datafetch.clock import Clock
from datafetch.models.json import JsonObject
from datafetch.models.run import JobName, RunResult
from datafetch.ops.record import Record
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

LIMIT = 200
"""So many runs are kept."""

_ADAPTER: TypeAdapter[list[Any]] = TypeAdapter(list[Any])
"""Runs that other versions wrote stay as they are."""


def history_entry(result: RunResult, job: JobName, timestamp_ms: int) -> JsonObject:
    """A past run as it is stored: the result, the JobMetrics, and the requests of each upstream."""
    return {
        **result.to_json(),
        "jobType": job.value,
        "errors": result.items_failed + (1 if result.error else 0),
        "timestamp": timestamp_ms,
        "notes": list(result.notes),
        "upstreams": {name: dict(counts) for name, counts in result.upstreams.items()},
    }


class History:
    """One job's history during one run: read with the other records, written when the run ends."""

    def __init__(self, store: ObjectStore, keys: Keys, job: JobName, clock: Clock) -> None:
        self._record = Record(store, keys, clock, keys.history(job), _ADAPTER, empty=[])

    def load(self) -> None:
        """Read what is stored.

        Raises:
            StoreError: the store did not answer.
        """
        self._record.load()

    def append(self, entry: JsonObject) -> None:
        """Put a run before all others; the oldest over the limit are dropped.

        A history that could not be read is kept aside.

        Raises:
            StoreError: the store did not answer.
        """
        self._record.change(lambda runs: [entry, *runs][:LIMIT])
