"""Writes the debug event `request` for each exchange: what `-v` shows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from datafetch.clock import Clock
from datafetch.logs import bound_logger
from datafetch.net.hops import Hop

_LONGEST_PATH = 200

_log = bound_logger()


class ExchangeLog:
    """What is known of an exchange while it goes on.

    Attributes:
        status: that of its answer; None until there is one.
        bytes: those of the body that were read, before they were decoded.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.bytes = 0

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks of the body, which are counted as they are read."""
        for chunk in chunks:
            self.bytes += len(chunk)
            yield chunk


@contextmanager
def exchange_log(hop: Hop, clock: Clock) -> Iterator[ExchangeLog | None]:
    """Write the event when the block ends, with the class of the error by which it ends, if any.

    Each redirect and each try is an exchange of its own.

    Yields:
        What is to be filled in; None when nobody reads such events, so that they cost nothing.
    """
    if not _log.isEnabledFor(logging.DEBUG):
        yield None
        return
    log, started, failed = ExchangeLog(), clock.monotonic(), None
    try:
        yield log
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        path = "/…" if hop.hides_path else hop.url.path
        about = {
            "method": hop.method,
            "host": hop.url.authority,
            "path": path if len(path) <= _LONGEST_PATH else path[: _LONGEST_PATH - 1] + "…",
            "status": log.status,
            "error": failed,
            "ms": round((clock.monotonic() - started) * 1000),
            "bytes": None if log.status is None else log.bytes,
        }
        _log.debug("request", extra=about)
