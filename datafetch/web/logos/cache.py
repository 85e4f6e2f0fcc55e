"""The memory tier of logos: what is answered for a domain, for a while, bounded in number and bytes."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from datafetch.clock import Clock

MOST_ANSWERS = 20_000
MOST_BYTES = 32 * 1024 * 1024
"""So many answers are remembered at most, and so many bytes of pictures in them."""


@dataclass(frozen=True, slots=True)
class LogoAt:
    """The logo is at this URL.

    Attributes:
        is_stale: whether it could not be refreshed just now, though that was asked for.
    """

    url: str
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class LogoPicture:
    """The logo itself; `version` changes with its bytes."""

    body: bytes
    content_type: str
    version: str
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class NoLogoKnown:
    """The domain has no logo."""


@dataclass(frozen=True, slots=True)
class LogoUnknown:
    """Nobody could say whether the domain has a logo.

    Attributes:
        status: the HTTP status to answer with.
        reason: why, in words of ours.
        retry_s: seconds after which asking again may help.
    """

    status: int
    reason: str
    retry_s: int


LogoAnswer = LogoAt | LogoPicture | NoLogoKnown | LogoUnknown


class LogoCache:
    """Remembers answers by domain. Thread-safe.

    Where there is no more room, the answer that nobody has asked for longest is dropped.
    """

    def __init__(
        self, clock: Clock, *, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._clock = clock
        self._most = most
        self._most_bytes = most_bytes
        self._guard = threading.Lock()
        self._held: OrderedDict[str, tuple[float, LogoAnswer]] = OrderedDict()
        self._bytes = 0

    def get(self, domain: str) -> LogoAnswer | None:
        """The answer for a domain, while it holds."""
        with self._guard:
            found = self._held.get(domain)
            if found is None:
                return None
            until, answer = found
            if self._clock.monotonic() >= until:
                self._drop(domain)
                return None
            self._held.move_to_end(domain)
            return answer

    def put(self, domain: str, answer: LogoAnswer, holds_s: float) -> None:
        """Remember an answer for so many seconds, in place of an earlier one."""
        with self._guard:
            if domain in self._held:
                self._drop(domain)
            if _size(answer) > self._most_bytes:
                return
            self._held[domain] = (self._clock.monotonic() + holds_s, answer)
            self._bytes += _size(answer)
            while len(self._held) > self._most or self._bytes > self._most_bytes:
                self._drop(next(iter(self._held)))

    def _drop(self, domain: str) -> None:
        _, answer = self._held.pop(domain)
        self._bytes -= _size(answer)

    @property
    def size(self) -> tuple[int, int]:
        """How many answers it holds, and how many bytes of pictures."""
        with self._guard:
            return len(self._held), self._bytes


def _size(answer: LogoAnswer) -> int:
    return len(answer.body) if isinstance(answer, LogoPicture) else 0
