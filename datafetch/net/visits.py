"""Records each request's outcome for its hosts at the gate, once, after the last try.

So three failed requests open a breaker, however often each was tried, and a fault that is gone at
the next try does not count.
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
    """One request, with all its tries and redirects; at its end its outcomes are recorded.

    Use it as a context manager around all tries.

    Args:
        gate: refuses requests to hosts that fail; None to ask every host.
        heavy: see `Request.heavy`.
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
            # After a stop there is no next try, which might have succeeded.
            broken_off = outcome is Outcome.FAILED and isinstance(error, Cancelled)
            if self._gate is not None:
                self._gate.record(host, Outcome.UNKNOWN if broken_off else outcome, self)
        if isinstance(error, BreakerOpen) and self._error is not None:
            # Other requests opened the breaker between two tries of this one; its caller needs
            # the error of this request itself.
            raise self._error from error

    @contextmanager
    def exchange(self, host: str) -> Iterator[None]:
        """Note the outcome of an exchange with a host; the last exchange with each host counts.

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
            # datafetch refused, perhaps before anything was sent: this tells nothing of the host.
            return so_far
        return Outcome.ANSWERED
