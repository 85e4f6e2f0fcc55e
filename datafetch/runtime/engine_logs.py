"""Keeps what Dask logs out of standard error: it becomes events of our log, shown with `-v`."""

import logging

from datafetch.logs import bound_logger
from datafetch.models.text import one_line
from datafetch.redaction import redact

_THEIRS = ("distributed", "tornado", "asyncio")
_MOST_CHARACTERS = 300


class _Ours(logging.Handler):
    """Passes each record of Dask on as our event `cluster_log`, in one line without a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record's text at the level `debug`, which only `-v` shows."""
        try:
            text = one_line(redact(record.getMessage()), _MOST_CHARACTERS)
        except (TypeError, ValueError):  # arguments that do not fit their text
            text = one_line(redact(str(record.msg)), _MOST_CHARACTERS)
        bound_logger().debug("cluster_log", extra={"source": record.name, "said": text})


def route_logs() -> None:
    """Take over the loggers of Dask and its libraries; may be called more than once.

    To be called after Dask was imported: its first import gives these loggers handlers of their
    own (`distributed/config.py`).
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
