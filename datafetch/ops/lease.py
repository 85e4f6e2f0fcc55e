"""The lease of a job: the protocol of lease services, and the held lease, which renews itself.

A lease is a hint that keeps two runs from doing the same work; what protects the data is
the fenced publish. A run that slept past its lease must not write: the held lease compares a
monotonic clock with the time of the last successful renewal.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from datafetch.clock import Clock
from datafetch.errors import DatafetchError, LeaseLost

_SHORTEST_WAIT_S = 0.001
"""Seconds between two looks at whether a lease is over, which a renewal may have put off."""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The run from which a lease was taken over, because it never gave it back.

    Attributes:
        run_id: that run.
        host, pid: the machine and the process that it ran in.
        is_gone: whether that process is known to have ended; if not, only its lease ran out.
    """

    run_id: str
    host: str
    pid: int
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease that was given to a run.

    Attributes:
        job: the job that the run may do.
        run_id: the run.
        owner: a random text that no other grant has.
        token: the fencing token: larger than that of every earlier grant for this job.
        acquired_at: epoch milliseconds.
        ttl_s: seconds after which the lease ends unless it is renewed.
        granted_at: monotonic seconds, taken before the request that granted or last renewed
            it was sent.
        version: by which the backend recognises the stored lease when it changes it; for
            `StoreLeases` the ETag.
        note: what the run must tell its user about this lease; empty when there is nothing.
        took_from: the run that had the lease and never gave it back; None when the lease was
            free, or the backend does not know whose it was.
    """

    job: str
    run_id: str
    owner: str
    token: int
    acquired_at: int
    ttl_s: float
    granted_at: float
    version: str = ""
    note: str = ""
    took_from: Predecessor | None = None


class LeaseBackend(Protocol):
    """A service that keeps the leases of all jobs."""

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """Take the lease of a job, at once or not at all.

        `when_free` is called when the lease was found free, before it is taken, and has to
        return at once. It may start to read what runs of this job write: when another run takes
        the lease first, this call fails, or calls `when_free` again.

        Raises:
            LeaseHeld: another run has the lease.
            ConfigurationError: with these settings nothing may be written; nothing was.
            StoreError: the service did not answer.
        """
        ...

    def renew(self, grant: Grant) -> Grant:
        """Extend the lease to `ttl_s` seconds from now.

        Raises:
            LeaseLost: another run has the lease now.
            StoreError: the service did not answer.
            ConfigurationError: this machine keeps no locks any more, where a write needs one.
        """
        ...

    def release(self, grant: Grant) -> None:
        """Give the lease back, keeping its token; a lease that another run has is left alone.

        Raises:
            StoreError, ConfigurationError: as `renew`.
        """
        ...


class HeldLease:
    """The lease of a run under way: a thread renews it every third of its `ttl_s`.

    Another one notices when its time is over, since a renewal may hang for longer than that.
    `on_lost` is called once, on one of the two, when the lease was lost.
    """

    def __init__(
        self,
        backend: LeaseBackend,
        grant: Grant,
        clock: Clock,
        on_lost: Callable[[LeaseLost], None],
        *,
        renew_until: float | None = None,
    ) -> None:
        """`renew_until` is in monotonic seconds; the lease of a run without time limit has none."""
        self._backend = backend
        self._grant = grant
        self._clock = clock
        self._on_lost = on_lost
        self._renew_until = renew_until
        self._lost: LeaseLost | None = None
        self._why_not_renewed: DatafetchError | None = None
        self._retired = False
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._telling = threading.Lock()
        self._told = False
        self._thread: threading.Thread | None = None

    @property
    def job(self) -> str:
        """The job that the run may do."""
        return self._grant.job

    @property
    def ttl_s(self) -> float:
        """See `Grant.ttl_s`."""
        return self._grant.ttl_s

    @property
    def note(self) -> str:
        """See `Grant.note`."""
        return self._grant.note

    @property
    def took_from(self) -> Predecessor | None:
        """See `Grant.took_from`."""
        return self._grant.took_from

    def check(self) -> None:
        """See `Fence.check`.

        The monotonic clock decides, so that a process that was stopped for a while is refused too.
        """
        if self._lost:
            raise self._lost
        if self._retired:
            raise LeaseLost(f"the run of {self._grant.job} has ended; what is left of it is late")
        if self._has_run_out():
            raise self._run_out()

    def holds(self) -> bool:
        """Whether the lease is neither lost nor over, also when the run may not write any more."""
        return self.lost() is None

    def write_s(self) -> float:
        """Seconds for which the run may write from now on, if the lease is not renewed.

        0 when it may not write any more.
        """
        return 0.0 if self._lost or self._retired else max(0.0, self._left_s())

    def lost(self) -> LeaseLost | None:
        """Why the lease is lost or over; None while it holds."""
        if self._lost is None and self._has_run_out():
            self._run_out()
        return self._lost

    def start(self) -> None:
        """Begin to renew the lease."""
        threading.Thread(
            target=self._watch, name=f"lease-end-{self._grant.job}", daemon=True
        ).start()
        self._thread = threading.Thread(
            target=self._keep, name=f"lease-{self._grant.job}", daemon=True
        )
        self._thread.start()

    def retire(self) -> None:
        """Refuse every further write: the job may have left a thread behind."""
        self._retired = True

    def leave(self) -> None:
        """Refuse every further write and renew no more: the lease ends by itself."""
        self.retire()
        self._stop.set()

    def release(self) -> None:
        """Stop renewing and give the lease back, also a lost one.

        Another run that has it keeps it; the backend may hold more than that, such as a lock of
        this machine, and nobody may have taken a lease that only ran out.

        Raises:
            StoreError, ConfigurationError: it could not be given back; it ends by itself after
                its time.
        """
        self.leave()
        if self._thread:
            self._thread.join(timeout=self._grant.ttl_s)
        with self._guard:
            self._backend.release(self._grant)

    def _keep(self) -> None:
        while not self._stop.wait(self._grant.ttl_s / 3) and not self._is_overdue():
            if self._lost:
                return
            with self._guard:
                try:
                    self._grant = self._backend.renew(self._grant)
                    self._why_not_renewed = None
                except LeaseLost as lost:
                    self._tell(self._lose(str(lost)))
                    return
                except DatafetchError as error:  # of the store, or of this machine's locks
                    # The next turn tries again; until then the fence counts the time.
                    self._why_not_renewed = error
                    if self._has_run_out():
                        self._tell(self._run_out())
                        return

    def _is_overdue(self) -> bool:
        """Whether the run should have ended, so that its lease is left to end by itself."""
        return self._renew_until is not None and self._clock.monotonic() >= self._renew_until

    def _watch(self) -> None:
        """Tell the run when the time of its lease is over, whatever the renewal waits for."""
        while not self._stop.wait(max(_SHORTEST_WAIT_S, self._left_s())):
            if self._lost or self._has_run_out():
                self._tell(self._run_out())
                return

    def _has_run_out(self) -> bool:
        return self._left_s() <= 0

    def _left_s(self) -> float:
        """Seconds until the lease ends if it is not renewed."""
        return self._grant.granted_at + self._grant.ttl_s - self._clock.monotonic()

    def _run_out(self) -> LeaseLost:
        if (error := self._why_not_renewed) is not None:
            return self._lose(f"the lock of {self.job} could not be renewed in time: {error}")
        return self._lose(
            f"the lock of {self.job} ran out after {self.ttl_s:g} s without being renewed"
        )

    def _tell(self, lost: LeaseLost) -> None:
        with self._telling:
            told, self._told = self._told, True
        if not told:
            self._on_lost(lost)

    def _lose(self, why: str) -> LeaseLost:
        self._lost = self._lost or LeaseLost(why)
        return self._lost
