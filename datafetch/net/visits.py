"""Records each request's outcome for its hosts at the gate, once, after the last try.

So three failed requests open a breaker, however often each was tried, and a fault that is gone at
the next try does not count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from datafetch.errors import Cancelled
from datafetch.net.base import HostGate
from datafetch.runtime.breaker import Outcome, Patience
from datafetch.upstream_errors import (
    BreakerOpen,
    CannotConnect,
    RateLimited,
    Refused,
    TooLarge,
    TransientError,
    UpstreamError,
)


class Visit:
    """One request, with all its tries and redirects; at its end its outcomes are recorded.

    Use it as a context manager around all tries.

    Args:
        gate: refuses requests to hosts that fail; None to ask every host.
        heavy: see `Request.heavy`.
        patience: how long it waits where another request tries a host that failed; None: not.
    """

    def __init__(
        self, gate: HostGate | None, *, heavy: bool, patience: Patience | None = None
    ) -> None:
        self._gate = gate
        self._heavy = heavy
        self._patience = patience
        self._outcomes: dict[str, Outcome] = {}
        self._flying: set[str] = set()
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
                known = Outcome.UNKNOWN if broken_off else outcome
                self._gate.record(host, known, self, str(self._error or ""))
        if isinstance(error, BreakerOpen) and self._error is not None:
            # Other requests opened the breaker between two tries of this one; its caller needs
            # the error of this request itself.
            raise self._error from error

    @contextmanager
    def exchange(self, host: str, proxy: str | None = None) -> Iterator[float]:
        """Note the outcome of an exchange with a host; the last exchange with each host counts.

        A proxy has an outcome of its own, as if it were one more host: when it fails, the hosts
        behind it have not failed.

        Args:
            host: that of the URL.
            proxy: the host of the proxy that the exchange goes through; None without one.

        Yields:
            The seconds that it waited at the gate, which are not the exchange's own.

        Raises:
            BreakerOpen: the gate does not let the request pass to the host or the proxy.
            Cancelled: the run was asked to stop while it waited at the gate.
        """
        waited_s, begun = 0.0, []
        try:
            for asked in (proxy, host):
                if asked is not None:
                    waited_s += self._allow(asked)
                    begun.append(asked)
            yield waited_s
        except UpstreamError as error:
            # `begun` lacks the host when the gate has refused it.
            if host in begun:
                self._error = error
                failed = proxy if error.by_proxy and proxy is not None else host
                self._outcomes[failed] = self._outcome_of(error, self._outcomes[failed])
            raise
        finally:
            for asked in begun:
                self._settle(asked)

    def _allow(self, host: str) -> float:
        again = self._outcomes.get(host) is Outcome.FAILED
        waited_s = 0.0
        if self._gate is not None:
            waited_s = self._gate.allow(host, self, self._patience, again=again)
            self._flying.add(host)
        self._outcomes[host] = Outcome.UNKNOWN
        return waited_s

    def _settle(self, host: str) -> None:
        """Tell the gate how the exchange with the host went, once."""
        if self._gate is not None and host in self._flying:
            self._flying.remove(host)
            self._gate.settle(host, self._outcomes[host], self._patience)

    def answered(self, host: str, proxy: str | None = None, *, well: bool = True) -> None:
        """Note that the host has sent the headers of an answer, through the proxy.

        `well` is False for an answer with which the host says that it fails.
        """
        for asked in (proxy, host):
            if asked is not None:
                self._outcomes[asked] = Outcome.ANSWERED
                if well or asked is proxy:
                    self._settle(asked)

    def _outcome_of(self, error: UpstreamError, so_far: Outcome) -> Outcome:
        if isinstance(error, CannotConnect) and not error.by_proxy:
            # The server is there, and what keeps us from it is not its load. An open breaker would
            # only hide the reason behind "it failed 3 times in a row".
            return so_far
        if isinstance(error, TransientError) and not isinstance(error, RateLimited):
            return Outcome.UNKNOWN if self._heavy and not error.by_proxy else Outcome.FAILED
        if isinstance(error, Refused) and not isinstance(error, TooLarge):
            # datafetch refused, perhaps before anything was sent: this tells nothing of the host.
            return so_far
        return Outcome.ANSWERED
