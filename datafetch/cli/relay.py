"""Writes what other processes of this program have logged, as if this one had.

They log JSON lines. Here these become records again, so that this process's log decides how they
are shown: for people or as JSON, with colours or not, and what a quiet run keeps back.
"""

import json
import logging
from datetime import datetime

from datafetch.cli import streams
from datafetch.logs import LOGGER_NAME
from datafetch.redaction import redact

_LEVELS = logging.getLevelNamesMapping()
_SAID_HERE = frozenset({"old_settings", "setting_unknown"})
"""Events about the settings: this process has the same, and has told them."""


def relay(job: str, line: bytes) -> None:
    """Write a line that the process of a job has written to its standard error.

    What is no line of the log, such as the last words of an interpreter, is written as it is, with
    the job's name before it.
    """
    text = line.decode(errors="replace").rstrip("\r")
    record = _record(job, text)
    if record is None:
        if text.strip():
            streams.say(redact(f"{job}: {text}"))
    elif record.getMessage() not in _SAID_HERE:
        logging.getLogger(LOGGER_NAME).handle(record)


def _record(job: str, text: str) -> logging.LogRecord | None:
    """The record of which `logs.JsonFormatter` has made this text; None when it did not."""
    if not text.startswith('{"time"'):
        return None
    try:
        return _made_of(job, json.loads(text))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _made_of(job: str, fields: dict[str, object]) -> logging.LogRecord:
    level, event = str(fields.pop("level")).upper(), fields.pop("event")
    created = datetime.fromisoformat(str(fields.pop("time"))).timestamp()
    record = logging.makeLogRecord({"name": LOGGER_NAME, "msg": str(event)})
    own = {name: value for name, value in fields.items() if name not in vars(record)}
    known = {"levelno": _LEVELS[level], "levelname": level, "created": created}
    vars(record).update({"job": job, **own, **known})
    return record
