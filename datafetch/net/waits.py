"""Tells in the log what is waited for: a server's rate limit, and the pause before a further try."""

import logging
import threading

from datafetch.clock import Clock
from datafetch.logs import bound_logger
from datafetch.net.base import Request
from datafetch.net.guard import authority
from datafetch.upstream_errors import RateLimited

_AS_GOOD_AS_TOLD_S = 2.0
"""Seconds by which a wait may end after the one that was told last, and is not told again."""

_LEAST_TOLD_S = 2.0
"""Seconds of the shortest wait for a rate limit that is told; a shorter one nobody notices."""

_log = bound_logger()


class Waits:
    """Writes to the log what requests wait for. Thread-safe.

    A wait for a host's rate limit is the event `rate_limit_wait`, once for all requests that wait
    so long for that host. Every other wait is the debug event `request_retried`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told_until: dict[str, float] = {}

    def tell(self, error: Exception, wait_s: float, request: Request, attempt: int) -> None:
        """Tell of the wait before a further try.

        Args:
            error: how the last try failed.
            wait_s: seconds until the next one.
            request: what is tried.
            attempt: number of the next try, from 2.
        """
        host = authority(getattr(error, "url", "") or request.url)
        about = {
            "upstream": request.upstream,
            "host": host,
            "reason": str(error),
            "wait_s": round(wait_s, 1),
            "attempt": f"{attempt} of {request.retry.attempts}",
        }
        if isinstance(error, RateLimited) and self._is_news(host, wait_s):
            _log.info("rate_limit_wait", extra=about)
        elif _log.isEnabledFor(logging.DEBUG):
            _log.debug("request_retried", extra=about)

    def _is_news(self, host: str, wait_s: float) -> bool:
        until = self._clock.now() + wait_s
        with self._lock:
            told = self._told_until.get(host, 0.0)
            if wait_s < _LEAST_TOLD_S or until <= told + _AS_GOOD_AS_TOLD_S:
                return False
            self._told_until[host] = until
        return True
