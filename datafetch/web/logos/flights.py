"""Fetches under way: one for each domain however many ask, on a few threads; a few more may wait."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from datafetch.web.logos.cache import LogoAnswer, LogoUnknown

THREADS = 8
MOST_WAITING = 64
"""Fetches that may wait for a thread; further ones are refused."""

_STOPPING = LogoUnknown(503, "The server is about to stop", 5)


class LogoFlights:
    """Starts fetches on threads of its own. Thread-safe."""

    def __init__(self, *, threads: int = THREADS, most_waiting: int = MOST_WAITING) -> None:
        self._most = threads + most_waiting
        self._guard = threading.Lock()
        self._under_way: dict[str, Future[LogoAnswer]] = {}
        self._waiting: set[str] = set()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="datafetch-logo")
        self._closed = False

    def joined(self, domain: str) -> Future[LogoAnswer] | None:
        """The domain's fetch that is under way; None when there is none."""
        with self._guard:
            return self._under_way.get(domain)

    def start(self, domain: str, fetch: Callable[[], LogoAnswer]) -> Future[LogoAnswer] | None:
        """Start a fetch, or join the one that is under way; None when too many wait already."""
        with self._guard:
            known = self._under_way.get(domain)
            if known is not None:
                return known
            if self._closed or len(self._under_way) >= self._most:
                return None
            # Not the pool's own future: a visitor who goes away must not cancel the work of all.
            answer: Future[LogoAnswer] = Future()
            answer.set_running_or_notify_cancel()
            self._under_way[domain] = answer
            self._waiting.add(domain)
            try:
                self._pool.submit(self._run, domain, fetch, answer)
            except RuntimeError:  # no thread can be started
                # The pool may have it all the same, for a thread that gets free: see `_run`.
                del self._under_way[domain]
                self._waiting.discard(domain)
                return None
            return answer

    def _run(
        self, domain: str, fetch: Callable[[], LogoAnswer], answer: Future[LogoAnswer]
    ) -> None:
        with self._guard:
            if self._under_way.get(domain) is not answer:
                return  # Nobody waits for it: it was refused.
            self._waiting.discard(domain)
        try:
            found = fetch()
        except BaseException as error:  # noqa: BLE001 - handed to those who wait, whatever it is
            self._land(domain)
            answer.set_exception(error)
        else:
            self._land(domain)
            answer.set_result(found)

    def _land(self, domain: str) -> None:
        with self._guard:
            del self._under_way[domain]

    @property
    def count(self) -> int:
        """How many are under way or wait for a thread."""
        with self._guard:
            return len(self._under_way)

    def close(self) -> None:
        """Start no more fetches; those that wait for a thread are answered with 503, and never begin."""
        with self._guard:
            self._closed = True
            given_up = [self._under_way.pop(domain) for domain in self._waiting]
            self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for answer in given_up:
            answer.set_result(_STOPPING)
