"""The fence of a worker process: it may write only for as long as its run's last pulse allows."""

import threading

from datafetch.clock import Clock
from datafetch.errors import LeaseLost

FIRST_S = 10.0
"""Seconds that a worker waits for the first pulse of its run."""


class PulseFence:
    """A `Fence` that each pulse of the run holds open for a while. Thread-safe.

    The run has the lease. When no pulse comes, because the run is dead or cannot be reached, the
    worker stops writing before another run can have the lease. Time is monotonic, so that a worker
    process that was stopped for a while is refused, too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first = threading.Event()
        self._until = clock.monotonic()
        self._closed = False

    def hold_open(self, seconds: float) -> None:
        """Let the worker write for `seconds` from now on."""
        self._until = self._clock.monotonic() + seconds
        self._first.set()

    def close(self) -> None:
        """Let the worker write no more, whatever it is told later."""
        self._closed = True
        self._first.set()

    def await_first(self, seconds: float = FIRST_S) -> None:
        """Wait at most `seconds` for the run's first pulse.

        Raises:
            LeaseLost: no pulse came, or the worker may not write any more.
        """
        self._first.wait(seconds)
        self.check()

    def silent_s(self) -> float:
        """Seconds since the worker was last allowed to write; negative while it is allowed."""
        return self._clock.monotonic() - self._until

    def check(self) -> None:
        """See `Fence.check`."""
        if self._closed:
            raise LeaseLost("the run of this worker has ended; what is left of it is late")
        if not self._first.is_set():
            raise LeaseLost("this worker has not heard from its run yet, and so may not write")
        silent_s = self.silent_s()
        if silent_s >= 0:
            raise LeaseLost(
                f"this worker has not heard from its run for too long, and may not write "
                f"since {silent_s:.0f} s"
            )
