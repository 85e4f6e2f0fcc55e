"""What a worker process tells its run with each answer, and how the run takes it over.

So counts, notes, breakers and the limit of what a run writes do not depend on where its work is done.
"""

import threading

from datafetch.job import Remarks
from datafetch.models.json import JsonObject
from datafetch.net.base import HttpClient
from datafetch.net.counts import Counts, since
from datafetch.ops.breakers import BreakerBook
from datafetch.store.output_limit import OutputLimit


class WorkerNews:
    """What has happened in a worker since its last answer. Thread-safe."""

    def __init__(
        self, http: HttpClient, breakers: BreakerBook, remarks: Remarks, output: OutputLimit
    ) -> None:
        self._http = http
        self._breakers = breakers
        self._remarks = remarks
        self._output = output
        self._guard = threading.Lock()
        self._counts = http.counts()
        self._bytes = 0

    def take(self) -> JsonObject:
        """All that has happened since the last call, as JSON for `add_news`."""
        with self._guard:
            before, self._counts = self._counts, self._http.counts()
            wrote, self._bytes = self._bytes, self._output.written
            return {
                "counts": since(before, self._counts),
                "breakers": self._breakers.take(),
                "remarks": self._remarks.take(),
                "bytes": self._bytes - wrote,
            }


def add_news(
    told: JsonObject,
    *,
    counts: Counts,
    breakers: BreakerBook,
    remarks: Remarks,
    output: OutputLimit,
) -> None:
    """Add what a worker tells to what the run itself has counted; nothing for an empty object.

    Raises:
        OutputRefused: all workers together have written more than the run may.
    """
    if not told:
        return
    counts.add_all(told["counts"])
    breakers.learn(told["breakers"])
    remarks.add(told["remarks"])
    output.spend(told["bytes"])
