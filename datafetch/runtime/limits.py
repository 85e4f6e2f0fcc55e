"""Holds back: batches with a pause between them, and a bounded number at once for each host."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from datafetch.clock import Clock


class BatchPacer:
    """Lets starts pass in batches: after each `batch_size` of them a pause of `delay_s`.

    The pause counts from the last start of the batch before, so that work which takes
    longer than the pause is not held up. Safe among threads; starts keep their order of
    asking.

    Args:
        batch_size: starts that pass together.
        delay_s: seconds between batches.
        clock: tells the time and waits.
    """

    def __init__(self, batch_size: int, delay_s: float, clock: Clock) -> None:
        self._batch_size = max(1, batch_size)
        self._delay_s = max(0.0, delay_s)
        self._clock = clock
        self._lock = threading.Lock()
        self._in_batch = 0
        self._opens_at = self._last_start = clock.monotonic()

    def wait(self) -> None:
        """Return when the next start may happen.

        Raises:
            Cancelled: the run was asked to stop while it waited.
        """
        pause = self._reserve()
        if pause > 0:
            self._clock.sleep(pause)

    def _reserve(self) -> float:
        with self._lock:
            now = self._clock.monotonic()
            if self._in_batch == self._batch_size:
                self._opens_at = self._last_start + self._delay_s
                self._in_batch = 0
            self._in_batch += 1
            self._last_start = max(now, self._opens_at)
            return self._last_start - now


@dataclass
class _Place:
    semaphore: threading.Semaphore
    users: int = 0


class PerHost:
    """At most `width` pieces of work at once for each host.

    A host is remembered only while somebody works on it or waits for it, so that a run
    over a million hosts holds no more of them than threads.
    """

    def __init__(self, width: int) -> None:
        self._width = max(1, width)
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    @contextmanager
    def slot(self, host: str) -> Iterator[None]:
        """Hold one of the host's places; waits for it."""
        with self._lock:
            place = self._places.setdefault(host, _Place(threading.Semaphore(self._width)))
            place.users += 1
        try:
            with place.semaphore:
                yield
        finally:
            with self._lock:
                place.users -= 1
                if place.users == 0:
                    self._places.pop(host, None)

    def __len__(self) -> int:
        """How many hosts are remembered."""
        with self._lock:
            return len(self._places)
