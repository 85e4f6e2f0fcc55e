"""How often something that takes long is done beside other work: so that it takes a tenth of the time."""

from collections.abc import Iterator
from contextlib import contextmanager

from datafetch.clock import Clock

_PART = 10


class Pauses:
    """Says when the next time is due; not thread-safe.

    The first is due `least_s` seconds after it was made, and each of the next when as many have
    passed since the end of the last time, or nine times as many as that took, if this is more.
    """

    def __init__(self, clock: Clock, least_s: float) -> None:
        self._clock = clock
        self._least_s = least_s
        self._next_at = clock.monotonic() + least_s

    def due(self) -> bool:
        """Whether it is time again."""
        return self._clock.monotonic() >= self._next_at

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Do it in this block, whose time decides when it is due again, also when it fails."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            now = self._clock.monotonic()
            self._next_at = now + max(self._least_s, (_PART - 1) * (now - began))
