"""The past runs of a job, newest first, with their results and metrics."""

from typing import Any

from datafetch.clock import Clock
from datafetch.errors import CorruptObject, PreconditionFailed
from datafetch.models.run import JobName, RunResult
from datafetch.ops.record import keep_aside
from datafetch.store.base import IfAbsent, IfMatch, ObjectStore, encode_json, read_json
from datafetch.store.keys import Keys

LIMIT = 200


def history_entry(result: RunResult, job: JobName, timestamp_ms: int) -> dict[str, Any]:
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
        self._store = store
        self._keys = keys
        self._key = keys.history(job)
        self._clock = clock
        self._runs: list[Any] = []
        self._etag: str | None = None
        self._is_corrupt = False

    def load(self) -> None:
        """Read what is stored.

        Raises:
            StoreError: the store did not answer.
        """
        self._runs, self._etag, self._is_corrupt = [], None, False
        try:
            found = read_json(self._store, self._key)
        except CorruptObject:
            self._is_corrupt = True
            return
        if found is not None:
            runs, self._etag = found
            self._runs = runs if isinstance(runs, list) else []
            self._is_corrupt = not isinstance(runs, list)

    def append(self, entry: dict[str, Any]) -> None:
        """Put a run before all others; the oldest over the limit are dropped.

        A history that could not be read is kept aside.

        Raises:
            StoreError: the store did not answer.
        """
        for last_try in (False, True):
            if self._is_corrupt:
                self.load()  # somebody may have mended it since
            if self._is_corrupt:
                self._etag = keep_aside(self._store, self._keys, self._key, self._clock)
            body = encode_json([entry, *self._runs][:LIMIT])
            condition = IfMatch(self._etag) if self._etag else IfAbsent()
            try:
                self._store.put(self._key, body, condition=condition)
            except PreconditionFailed:
                if last_try:
                    raise
                self.load()
            else:
                return
