"""How much time one exchange may take, so that every read and write for it can keep to that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from datafetch.clock import CancelToken, Clock


class Deadline:
    """The moment by which an exchange has to be over.

    Args:
        clock: tells the time.
        cancel: says when the run was asked to stop.
        seconds: from now.
    """

    def __init__(self, clock: Clock, cancel: CancelToken, seconds: float) -> None:
        self._clock = clock
        self._cancel = cancel
        self._end = clock.monotonic() + seconds

    def within(self, timeout: float | None, error: Callable[[], Exception]) -> float:
        """The seconds that one read or write may take: its own time-out, or less.

        Args:
            timeout: its own time-out; None for one that only the deadline limits.
            error: makes the exception to raise when the deadline has passed.

        Raises:
            Cancelled: the run was asked to stop.
            Exception: what `error` makes.
        """
        self._cancel.raise_if_cancelled()
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise error()
        return left if timeout is None else min(timeout, left)

    def sooner(self, seconds: float) -> "Deadline":
        """A deadline in so many seconds, or this one when it is earlier."""
        left = self._end - self._clock.monotonic()
        return Deadline(self._clock, self._cancel, min(left, seconds))


deadline: ContextVar[Deadline] = ContextVar("deadline")
"""The deadline of the exchange that this thread is busy with.

The time-outs of httpcore2 hold for one read each, so a server that sends a byte now and then
never meets them. It reads and writes in the thread that sent the request: our streams look here.
"""


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Leave the exchange of this thread at most so many seconds inside the block."""
    mark = deadline.set(deadline.get().sooner(seconds))
    try:
        yield
    finally:
        deadline.reset(mark)
