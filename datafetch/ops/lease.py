"""The lease of a job: the protocol of its kinds, and the held lease that is renewed and asked before each write.

A lease is a hint that keeps two runs from doing the same work; what protects the data is
the fenced publish. A run that slept past its lease must not write: the held lease compares a
monotonic clock with the time of the last successful renewal.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from datafetch.clock import Clock
from datafetch.errors import LeaseLost, StoreError


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease; what other runs and people are told."""

    owner: str
    host: str
    pid: int
    run_id: str
    acquired_at: int
    token: int


class LeaseBackend(Protocol):
    """One kind of lease (store, DynamoDB, Redis, file)."""

    def acquire(
        self, job: str, run_id: str, when_free: Callable[[], None] | None = None
    ) -> "Grant":
        """Take the lease of a job, at once or not at all.

        `when_free` is called when nobody has it, before the request that takes it is sent:
        what it begins to read is not written to between, or else the lease is not given. It
        shall return at once, and is called again when the lease changed hands meanwhile.

        Raises:
            LeaseHeld: another run has it.
            StoreError: where it lives did not answer.
        """
        ...

    def renew(self, grant: "Grant") -> "Grant":
        """Prolong it by its whole time.

        Raises:
            LeaseLost: somebody else has it now.
            StoreError: where it lives did not answer.
        """
        ...

    def release(self, grant: "Grant") -> None:
        """Give it back; the token stays. One that was lost is left alone.

        Raises:
            StoreError: where it lives did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease that was given: `version` is opaque to everyone but its backend."""

    job: str
    holder: Holder
    ttl_s: float
    granted_at: float
    """Monotonic seconds, taken before the request that granted it was sent."""
    version: Any


class HeldLease:
    """A lease while a run lives: renewed by a thread at a third of its time, checked at each write."""

    def __init__(
        self,
        backend: LeaseBackend,
        grant: Grant,
        clock: Clock,
        on_lost: Callable[[LeaseLost], None],
    ) -> None:
        self._backend = backend
        self._grant = grant
        self._clock = clock
        self._on_lost = on_lost
        self._lost: LeaseLost | None = None
        self._retired = False
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def check(self) -> None:
        """See `Fence.check`; by the monotonic clock, so that a process that slept is told too."""
        if self._lost:
            raise self._lost
        if self._retired:
            raise LeaseLost(f"the run of {self._grant.job} has ended; what is left of it is late")
        if self._clock.monotonic() - self._grant.granted_at >= self._grant.ttl_s:
            raise self._lose(f"the lock of {self._grant.job} ran out after {self._grant.ttl_s:g} s")

    def start(self) -> None:
        """Begin to renew."""
        self._thread = threading.Thread(
            target=self._keep, name=f"lease-{self._grant.job}", daemon=True
        )
        self._thread.start()

    def retire(self) -> None:
        """Let no further write of the job pass: a thread of it may have been left behind."""
        self._retired = True

    def release(self) -> None:
        """Stop renewing and give the lease back.

        Raises:
            StoreError: the store did not answer; the lease then ends by itself.
        """
        self.retire()
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=self._grant.ttl_s)
        with self._guard:
            if not self._lost:
                self._backend.release(self._grant)

    def _keep(self) -> None:
        while not self._stop.wait(self._grant.ttl_s / 3):
            with self._guard:
                try:
                    self._grant = self._backend.renew(self._grant)
                except LeaseLost as lost:
                    self._on_lost(self._lose(str(lost)))
                    return
                except StoreError:
                    # The next turn tries again; until then the fence counts the time.
                    if self._clock.monotonic() - self._grant.granted_at >= self._grant.ttl_s:
                        self._on_lost(self._lose("the lock could not be renewed in time"))
                        return

    def _lose(self, why: str) -> LeaseLost:
        self._lost = self._lost or LeaseLost(why)
        return self._lost
