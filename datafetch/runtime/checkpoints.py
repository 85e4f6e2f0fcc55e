"""Says when something long, such as a checkpoint, is due again: it takes a tenth of the time at most."""

from collections.abc import Iterator
from contextlib import contextmanager

from datafetch.clock import Clock

_PART = 10


class Checkpoints:
    """Says when something is due again; not thread-safe.

    It is first due `least_s` seconds after this object was made. Then it is due again `least_s`
    seconds after it ended last, or nine times as long after that as it took, if that is longer.
    """

    def __init__(self, clock: Clock, least_s: float) -> None:
        self._clock = clock
        self._least_s = least_s
        self._next_at = clock.monotonic() + least_s

    def due(self) -> bool:
        """Whether it is due now."""
        return self._clock.monotonic() >= self._next_at

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the block, which does it; it also counts when it fails."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            now = self._clock.monotonic()
            self._next_at = now + max(self._least_s, (_PART - 1) * (now - began))
