"""Keeps the last lines of a run's log, redacted, for the monitor that is told of the run's end."""

import logging
from collections import deque

from datafetch.clock import log_time
from datafetch.logs import LOGGER_NAME, fields_of
from datafetch.printable import printable
from datafetch.redaction import redact

_MOST_BYTES = 100_000
"""Bytes that are kept: the most that Healthchecks takes (https://healthchecks.io/docs/attaching_logs/)."""

_UNSAID = frozenset({"job", "runId", "traceback"})


class LogTail(logging.Handler):
    """A handler of our logger that keeps the newest lines from `INFO` on, of one run at a time."""

    def __init__(self, run_id: str) -> None:
        """Keeps what is logged from now on, until `close` is called."""
        super().__init__(logging.INFO)
        self._run_id = run_id
        self._lines: deque[bytes] = deque()
        self._size = 0
        logging.getLogger(LOGGER_NAME).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, unless it is of another run."""
        if getattr(record, "runId", self._run_id) != self._run_id:
            return
        line = line_of(record)
        self._lines.append(line)
        self._size += len(line)
        while self._size > _MOST_BYTES:
            self._size -= len(self._lines.popleft())

    def close(self) -> None:
        """Keep no more; what is kept stays."""
        logging.getLogger(LOGGER_NAME).removeHandler(self)
        super().close()

    def last(self, limit: int) -> bytes:
        """The newest whole lines that fit into `limit` bytes; if not even one does, its beginning."""
        self.acquire()
        try:
            lines = list(self._lines)
        finally:
            self.release()
        return newest(lines, limit)


def newest(lines: list[bytes], limit: int) -> bytes:
    """The newest lines that fit into `limit` bytes; if the last one alone does not, its beginning."""
    kept: list[bytes] = []
    left = limit
    for line in reversed(lines):
        if len(line) > left:
            break
        kept.append(line)
        left -= len(line)
    if not kept and lines:
        return lines[-1][:limit].decode(errors="ignore").encode()
    return b"".join(reversed(kept))


def line_of(record: logging.LogRecord) -> bytes:
    """A record as one line: time, level, event and fields, without secrets and control characters."""
    fields = [f"{name}={value}" for name, value in fields_of(record).items() if name not in _UNSAID]
    head = f"{log_time(record.created)} {record.levelname.lower()} {redact(record.getMessage())}"
    return f"{printable(' '.join([head, *fields]))}\n".encode(errors="backslashreplace")
