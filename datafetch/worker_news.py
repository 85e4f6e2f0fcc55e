"""What a worker process tells its run with each answer, and how the run adds it to its own.

So the run's counts, notes, breakers, log and output limit are the same wherever its items are
worked on.
"""

import logging
import threading
from collections import deque

from datafetch.job import Remarks
from datafetch.logs import LOGGER_NAME, bound_logger, fields_of
from datafetch.models.json import JsonObject
from datafetch.net.base import HttpClient
from datafetch.net.counts import Counts, since
from datafetch.ops.breakers import BreakerBook
from datafetch.redaction import redact
from datafetch.store.output_limit import OutputLimit

_MOST_RECORDS = 200
"""Log records in an answer, at most; of more the last ones are sent. A batch makes a few."""

_TOLD_ANYWAY = frozenset({"breaker_opened", "breaker_still_open", "breaker_closed"})
"""Events that are not sent: the run logs them itself, once for all its workers."""


class WorkerLog(logging.Handler):
    """Keeps what is logged in a worker process, for the run, which logs it as its own.

    A worker process of `local[N]` has no log of its own: it has the standard error of the command.
    """

    def __init__(self, run_id: str) -> None:
        super().__init__(logging.INFO)
        self._run_id = run_id
        self._kept: deque[JsonObject] = deque(maxlen=_MOST_RECORDS)

    def listen(self) -> None:
        """Begin to keep."""
        logger = logging.getLogger(LOGGER_NAME)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)  # for good: nobody else has set one in this process
        logger.addHandler(self)

    def unlisten(self) -> None:
        """Keep nothing more."""
        logging.getLogger(LOGGER_NAME).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, unless it is another run's, or the run logs such an event itself."""
        event, fields = record.getMessage(), fields_of(record)
        if event in _TOLD_ANYWAY or fields.get("runId", self._run_id) != self._run_id:
            return
        if record.exc_info:
            fields["traceback"] = redact(logging.Formatter().formatException(record.exc_info))
        self._kept.append({"level": record.levelno, "event": event, "fields": fields})

    def take(self) -> list[JsonObject]:
        """What was kept since the last call."""
        return [self._kept.popleft() for _ in range(len(self._kept))]


class WorkerNews:
    """What has happened in a worker since its last answer. Thread-safe."""

    def __init__(
        self,
        http: HttpClient,
        breakers: BreakerBook,
        remarks: Remarks,
        output: OutputLimit,
        log: WorkerLog,
    ) -> None:
        self._http = http
        self._breakers = breakers
        self._remarks = remarks
        self._output = output
        self._log = log
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
                "log": self._log.take(),
            }


def add_news(
    told: JsonObject,
    *,
    counts: Counts,
    breakers: BreakerBook,
    remarks: Remarks,
    output: OutputLimit,
) -> None:
    """Add what a worker tells to what the run knows. An empty object adds nothing.

    Raises:
        OutputRefused: all workers together have written more than the run may.
    """
    if not told:
        return
    for record in told["log"]:
        bound_logger().log(record["level"], record["event"], extra=record["fields"])
    counts.add_all(told["counts"])
    breakers.learn(told["breakers"])
    remarks.add(told["remarks"])
    output.spend(told["bytes"])
