"""Takes the leases of a run, waits for them and gives them back; a lost lease stops the run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from datafetch.clock import CancelToken, Clock, utc_text
from datafetch.errors import Cancelled, DatafetchError, LeaseHeld, LeaseLost
from datafetch.logs import EventLogger
from datafetch.models.run import JobName
from datafetch.ops.lease import HeldLease, LeaseBackend
from datafetch.store.fenced import Fence

_POLL_S = 2.0


class LeaseKeeper:
    """The leases of one run."""

    def __init__(
        self,
        backend: LeaseBackend,
        clock: Clock,
        cancel: CancelToken,
        run_id: str,
        log: EventLogger,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._cancel = cancel
        self._run_id = run_id
        self._log = log

    def take(self, job: JobName, when_free: Callable[[], None] | None = None) -> HeldLease:
        """Take the lease of a job, at once or not at all, and renew it until it is given back.

        `when_free` is that of `LeaseBackend.acquire`.

        Raises:
            LeaseHeld: another run has it.
            ConfigurationError: with these settings nothing may be written.
            StoreError: the service that keeps leases did not answer.
        """
        grant = self._backend.acquire(job, self._run_id, when_free)
        lease = HeldLease(self._backend, grant, self._clock, self._lost)
        lease.start()
        return lease

    def give_back(self, lease: HeldLease) -> str:
        """Free a lease for other runs; one that cannot be given back just expires.

        Returns:
            What to tell the user: until when other machines are locked out; empty for nothing.
        """
        error = _released(lease)
        if error is None:
            return ""
        note = self._not_released_note(lease, error)
        self._log.warning("lease_not_released", extra={"error": str(error)})
        return note

    @contextmanager
    def wait_for(self, job: JobName, seconds: float) -> Iterator[Fence]:
        """Wait for another job's lease and hold it, so that the block may write that job's data.

        Raises:
            LeaseHeld: another run had it for all of `seconds`.
            ConfigurationError: with these settings nothing may be written.
            StoreError: the service that keeps leases did not answer.
        """
        deadline = self._clock.monotonic() + seconds
        while True:
            try:
                lease = self.take(job)
                break
            except LeaseHeld:
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    raise
                self._clock.sleep(min(_POLL_S, left))
        try:
            yield lease
        finally:
            if (error := _released(lease)) is not None:
                # not a `lease_not_released`, which the run's result tells too
                note = self._not_released_note(lease, error)
                self._log.warning("other_lease_not_released", extra={"note": note})

    def _not_released_note(self, lease: HeldLease, error: DatafetchError) -> str:
        now = self._clock.now()
        return (
            f"the lock of {lease.job} could not be given back ({error}): runs of other "
            f"machines are locked out until {utc_text(now + lease.ttl_s, now)} at the latest"
        )

    def _lost(self, error: LeaseLost) -> None:
        self._log.error("lease_lost", extra={"error": str(error), "hint": error.hint})
        self._cancel.cancel(Cancelled(str(error), hint=error.hint))


def _released(lease: HeldLease) -> DatafetchError | None:
    """Give the lease back; returns why that could not be done."""
    try:
        lease.release()
    except DatafetchError as error:
        return error
    return None
