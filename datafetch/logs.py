"""Events of the log, and JSON lines of them.

An event has a stable name (the message) and fields (`extra`); tests and alerts look for the
name, never for prose.
"""

import json
import logging
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime

from datafetch.printable import printable_json
from datafetch.redaction import redact

LOGGER_NAME = "datafetch"

_PLAIN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _redacted(value: object) -> object:
    """The value with its texts redacted, also those inside lists and mappings."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


class EventLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger with fields bound for a whole run; each call may add its own fields."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, object]
    ) -> tuple[object, MutableMapping[str, object]]:
        """Merge the bound fields with those of the call."""
        own = kwargs.get("extra")
        merged = {**(self.extra or {}), **(own if isinstance(own, Mapping) else {})}
        return msg, {**kwargs, "extra": merged}


def bound_logger(**fields: object) -> EventLogger:
    """A logger whose every record carries these fields."""
    return EventLogger(logging.getLogger(LOGGER_NAME), fields)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """The record's own fields, redacted; standard attributes and fields of None are left out.

    A record with an exception and without the field `error` gets it: what happened, in one line.
    """
    own = {name: value for name, value in vars(record).items() if name not in _PLAIN_ATTRIBUTES}
    if record.exc_info and record.exc_info[1] is not None and own.get("error") is None:
        happened = record.exc_info[1]
        own["error"] = " ".join(f"{type(happened).__name__}: {happened}".split())
    return {name: _redacted(value) for name, value in own.items() if value is not None}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `event`, then the fields."""

    def __init__(self, *, with_traceback: bool = True) -> None:
        super().__init__()
        self._with_traceback = with_traceback

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": redact(record.getMessage()),
            **fields_of(record),
        }
        if record.exc_info and self._with_traceback:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return printable_json(json.dumps(line, ensure_ascii=False, default=str))
