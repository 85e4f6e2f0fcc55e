"""Limits on what is begun: batches with a pause between them, and few requests at once to each host."""

import threading
from contextlib import AbstractContextManager
from weakref import WeakValueDictionary

from datafetch.clock import Clock


class Places:
    """How many processes share the limits of the providers that they ask; 1 without a cluster.

    Thread-safe.
    """

    def __init__(self, count: int = 1) -> None:
        """`count` processes, at least one."""
        self._count = max(1, count)

    @property
    def count(self) -> int:
        """How many processes there are at this moment."""
        return self._count

    def become(self, count: int) -> None:
        """Note that there are `count` processes from now on, at least one."""
        self._count = max(1, count)


class BatchPacer:
    """Lets work begin in batches, with a pause between two batches.

    The pause counts from the last start in the batch before it, so that work which takes
    longer than the pause is not held up. Thread-safe.

    Several processes, each with a pacer, share the pace: each begins its part of a batch and pauses
    for so long that together they begin no more than one pacer would. Where there are more
    processes than a batch has pieces of work, they may begin one piece each beyond that.
    """

    def __init__(
        self, batch_size: int, delay_s: float, clock: Clock, places: Places | None = None
    ) -> None:
        """A batch is `batch_size` pieces of work; the next one begins `delay_s` seconds later.

        `places` says how many processes share this pace.
        """
        self._batch_size = max(1, batch_size)
        self._delay_s = delay_s
        self._clock = clock
        self._places = places or Places()
        self._lock = threading.Lock()
        self._in_batch = 0
        self._opens_at = self._last_start = clock.monotonic()

    def wait(self) -> None:
        """Wait until the next piece of work may begin.

        Raises:
            Cancelled: the run was asked to stop while it waited.
        """
        with self._lock:
            now = self._clock.monotonic()
            count = self._places.count
            share = max(1, self._batch_size // count)
            if self._in_batch >= share:
                pause_s = self._delay_s * (share * count / self._batch_size)
                self._opens_at = self._last_start + pause_s
                self._in_batch = 0
            self._in_batch += 1
            self._last_start = max(now, self._opens_at)
            pause = self._last_start - now
        if pause > 0:
            self._clock.sleep(pause)


class PerHost:
    """Limits how many pieces of work are under way at once for each host.

    A host is remembered only while somebody works on it or waits for it, so that a run
    over a million hosts holds no more of them than threads.
    """

    def __init__(self, width: int) -> None:
        """At most `width` for each host."""
        self._width = max(1, width)
        self._lock = threading.Lock()
        self._hosts: WeakValueDictionary[str, threading.Semaphore] = WeakValueDictionary()

    def slot(self, host: str) -> AbstractContextManager[object]:
        """A context manager that waits for one of the host's places, and holds it for its block."""
        with self._lock:
            return self._hosts.setdefault(host, threading.Semaphore(self._width))
