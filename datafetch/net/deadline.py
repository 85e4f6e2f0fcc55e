"""The deadline of one exchange, which each of its reads and writes keeps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from datafetch.clock import CancelToken, Clock


class Deadline:
    """The moment by which an exchange has to be over.

    Args:
        clock: tells the time.
        cancel: says whether the run was asked to stop.
        seconds: how far from now.

    Attributes:
        seconds: how far it was when it was set.
    """

    def __init__(self, clock: Clock, cancel: CancelToken, seconds: float) -> None:
        self._clock = clock
        self._cancel = cancel
        self._end = clock.monotonic() + seconds
        self.seconds = seconds

    @property
    def is_over(self) -> bool:
        """Whether the moment has come."""
        return self._end <= self._clock.monotonic()

    def extend(self, seconds: float) -> None:
        """Move the moment on by so many seconds, which passed while an exchange waited to begin."""
        self._end += seconds

    def within(self, timeout: float | None, error: Callable[[], Exception]) -> float:
        """The seconds that one read or write may take: its own time-out, or less time left.

        Args:
            timeout: its own time-out; None when only the deadline limits it.
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
        """A deadline `seconds` from now, but never later than this one."""
        left = self._end - self._clock.monotonic()
        return Deadline(self._clock, self._cancel, min(left, seconds))


deadline: ContextVar[Deadline] = ContextVar("deadline")
"""The deadline of the exchange that this thread is busy with; `Stream` in `network.py` reads it.

The time-outs of httpcore2 hold for one read each, so a server that sends a byte now and then
never exceeds them. httpcore2 reads and writes in the thread that sent the request.
"""


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """In the block, give the exchange of this thread at most `seconds` from now."""
    mark = deadline.set(deadline.get().sooner(seconds))
    try:
        yield
    finally:
        deadline.reset(mark)
