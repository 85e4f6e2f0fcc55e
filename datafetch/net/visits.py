"""One request at the gate: which hosts it was let pass to, and what it has shown of each.

A request counts once, after its last try: three bad requests open a breaker, whatever the
policy of tries, and a fault that passes within a request is none.
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
    """Use as a context manager around all tries; leaving it tells the gate.

    Args:
        gate: None lets everything pass.
        heavy: see `Request`.
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
            broken_off = outcome is Outcome.FAILED and isinstance(error, Cancelled)
            self._record(host, Outcome.UNKNOWN if broken_off else outcome)
        if isinstance(error, BreakerOpen) and self._error is not None:
            # The breaker opened between two tries: how the first went is what happened.
            raise self._error from error

    @contextmanager
    def exchange(self, host: str) -> Iterator[None]:
        """Around one exchange; the host's last one counts.

        Raises:
            BreakerOpen: the gate does not let it pass.
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
        """The head of an answer is there."""
        self._outcomes[host] = Outcome.ANSWERED

    def _outcome_of(self, error: UpstreamError, so_far: Outcome) -> Outcome:
        if isinstance(error, TransientError) and not isinstance(error, RateLimited):
            return Outcome.UNKNOWN if self._heavy else Outcome.FAILED
        if isinstance(error, Refused) and not isinstance(error, TooLarge):
            # Refused by ourselves, perhaps before anything was sent.
            return so_far
        return Outcome.ANSWERED

    def _record(self, host: str, outcome: Outcome) -> None:
        if self._gate is not None:
            self._gate.record(host, outcome, self)
