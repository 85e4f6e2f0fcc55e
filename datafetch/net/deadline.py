"""The time an exchange may take in all, known to whatever reads or writes for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from datafetch.clock import CancelToken, Clock


class Deadline:
    """When an exchange must be over; also looks whether the run was asked to stop."""

    def __init__(self, clock: Clock, cancel: CancelToken, seconds: float) -> None:
        self._clock = clock
        self._cancel = cancel
        self._end = clock.monotonic() + seconds

    def within(self, timeout: float | None, error: Callable[[], Exception]) -> float:
        """The time-out of one step: its own, or what is left.

        Raises:
            Cancelled: the run was asked to stop.
            Exception: what `error` makes, when nothing is left.
        """
        self._cancel.raise_if_cancelled()
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise error()
        return left if timeout is None else min(timeout, left)

    def sooner(self, seconds: float) -> "Deadline":
        """The same, but in so many seconds at the latest."""
        left = self._end - self._clock.monotonic()
        return Deadline(self._clock, self._cancel, min(left, seconds))


deadline: ContextVar[Deadline] = ContextVar("deadline")
"""That of the exchange in this thread. httpcore2 reads and writes in the thread that asks,
so its streams find it here; its own time-outs begin anew with every byte that drips in."""


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Inside the block the exchange has only so much time left."""
    mark = deadline.set(deadline.get().sooner(seconds))
    try:
        yield
    finally:
        deadline.reset(mark)
