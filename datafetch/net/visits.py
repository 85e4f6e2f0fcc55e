"""Tells the gate how each host did in one request, once, after the last try.

So three requests that fail open a breaker, however often each was tried, and a fault that is gone
at the next try does not count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from datafetch.errors import (
    BreakerOpen,
    Cancelled,
    RateLimited,
    Refused,
    TooLarge,
    TransientError,
    UpstreamError,
)
from datafetch.net.base import HostGate
from datafetch.runtime.breaker import Outcome


class Visit:
    """One request, with all its tries and redirects; at its end the gate is told.

    Use it as a context manager around all tries.

    Args:
        gate: knows which hosts are not to be asked; None to ask all.
        heavy: that of the `Request`.
    """

    def __init__(self, gate: HostGate | None, *, heavy: bool) -> None:
        self._gate = gate
        self._heavy = heavy
        self._outcomes: dict[str, Outcome] = {}
        self._error: UpstreamError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for host, outcome in self._outcomes.items():
            # A stop keeps a request from its next try, which might have gone well.
            broken_off = outcome is Outcome.FAILED and isinstance(error, Cancelled)
            if self._gate is not None:
                self._gate.record(host, Outcome.UNKNOWN if broken_off else outcome, self)
        if isinstance(error, BreakerOpen) and self._error is not None:
            # Other requests opened the breaker between two tries of this one; its caller wants
            # to know how it failed itself.
            raise self._error from error

    @contextmanager
    def exchange(self, host: str) -> Iterator[None]:
        """Note how one exchange with a host ends; of several with one host the last counts.

        Raises:
            BreakerOpen: the gate does not let the request pass to the host.
        """
        if self._gate is not None:
            self._gate.allow(host, self)
        self._outcomes[host] = Outcome.UNKNOWN
        try:
            yield
        except UpstreamError as error:
            self._error = error
            self._outcomes[host] = self._outcome_of(error, self._outcomes[host])
            raise

    def answered(self, host: str) -> None:
        """Note that the host has sent the headers of an answer."""
        self._outcomes[host] = Outcome.ANSWERED

    def _outcome_of(self, error: UpstreamError, so_far: Outcome) -> Outcome:
        if isinstance(error, TransientError) and not isinstance(error, RateLimited):
            return Outcome.UNKNOWN if self._heavy else Outcome.FAILED
        if isinstance(error, Refused) and not isinstance(error, TooLarge):
            # datafetch refused, perhaps before anything was sent: nothing new about the host.
            return so_far
        return Outcome.ANSWERED
