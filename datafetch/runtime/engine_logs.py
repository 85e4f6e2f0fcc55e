"""Keeps what Dask logs out of standard error: it becomes events of our log, shown with `-v`."""

import logging

from datafetch.logs import bound_logger
from datafetch.models.text import one_line
from datafetch.redaction import redact

_THEIRS = ("distributed", "tornado", "asyncio")
_MOST_CHARACTERS = 300


class _Ours(logging.Handler):
    """Hands each record on as the event `cluster_log`, in one line and without its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record's text, at the level that is shown with `-v` only."""
        try:
            text = one_line(redact(record.getMessage()), _MOST_CHARACTERS)
        except (TypeError, ValueError):  # arguments that do not fit their text
            text = one_line(redact(str(record.msg)), _MOST_CHARACTERS)
        bound_logger().debug("cluster_log", extra={"source": record.name, "said": text})


def route_logs() -> None:
    """Take over the loggers of Dask and its libraries; may be called again.

    Dask gives them handlers of their own when it is first imported (`distributed/config.py`), so
    this comes afterwards.
    """
    for name in _THEIRS:
        logger = logging.getLogger(name)
        logger.handlers = [_Ours()]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    for name, child in list(logging.Logger.manager.loggerDict.items()):
        if isinstance(child, logging.Logger) and name.startswith(tuple(f"{of}." for of in _THEIRS)):
            child.handlers = []
            child.propagate = True
            child.setLevel(logging.NOTSET)
