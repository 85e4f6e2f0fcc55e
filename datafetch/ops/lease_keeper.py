"""Takes the leases of a run, waits for them and gives them back; a lost lease stops the run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from datafetch.clock import CancelToken, Clock, utc_text
from datafetch.errors import Cancelled, DatafetchError, LeaseHeld, LeaseLost
from datafetch.logs import EventLogger
from datafetch.models.run import JobName
from datafetch.ops.lease import Grant, HeldLease, LeaseBackend
from datafetch.store.fenced import Fence

_POLL_S = 2.0

BRIEF = "-brief"
"""The end of a brief run's id. It holds the lease for a moment only, to store what it has in memory."""

MERGE = "-merge"
"""How the run's id ends in the lease of a dataset that it holds only to add something to that dataset."""

_BRIEF_WAIT_S, _MERGE_WAIT_S, _BRIEF_POLL_S = 10.0, 60.0, 0.25
"""How long a run waits for such a lease at least, in seconds, even without `--wait`.

First for a brief run, then for a run that adds something to a dataset, which takes longer the more
is stored. The last figure: seconds between two tries to get the lease, in the first 10 seconds.
"""


class LeaseKeeper:
    """The leases of one run."""

    def __init__(
        self,
        backend: LeaseBackend,
        clock: Clock,
        cancel: CancelToken,
        run_id: str,
        log: EventLogger,
        *,
        limit_s: float | None = None,
    ) -> None:
        """Once the run has its first lease it may take `limit_s` seconds: then none is renewed."""
        self._backend = backend
        self._clock = clock
        self._cancel = cancel
        self._run_id = run_id
        self._log = log
        self._limit_s = limit_s
        self._renew_until: float | None = None
        self._taken: list[HeldLease] = []

    def take(
        self,
        job: str,
        when_free: Callable[[], None] | None = None,
        *,
        wait_s: float = 0.0,
        once: bool = False,
    ) -> HeldLease:
        """Take the lease of a job or share; renew it until it is released or the run's time is over.

        While another run has the lease, wait at most `wait_s` seconds. When the holder is a `BRIEF`
        run, wait at least 10 s, and when it is a `MERGE`, 60 s: such holders are soon done.
        `when_free`: see `LeaseBackend.acquire`. With `once` the lease is tried for once, without
        waiting, also by a run that was asked to stop.

        Raises:
            LeaseHeld: another run had the lease all the time.
            Cancelled: the run was asked to stop while it waited.
            ConfigurationError: with these settings nothing may be written.
            StoreError: the service that keeps leases did not answer.
        """
        return self._take(job, self._run_id, when_free, wait_s=wait_s, once=once)

    def _take(
        self,
        job: str,
        known_as: str,
        when_free: Callable[[], None] | None = None,
        *,
        wait_s: float,
        once: bool,
    ) -> HeldLease:
        """See `take`; the lease names `known_as` as the id of its run."""
        began = self._clock.monotonic()
        waited = False
        while True:
            if not once:
                self._cancel.raise_if_cancelled()
            try:
                grant = self._backend.acquire(job, known_as, when_free)
                break
            except LeaseHeld as held:
                if once:
                    raise
                least_s = _least_wait_s(held)
                most_s = max(wait_s, least_s)
                waited_s = self._clock.monotonic() - began
                left = most_s - waited_s
                if left <= 0:
                    if waited:
                        raise _in_vain(held, most_s) from held
                    raise
                if not waited:
                    about = {"wait_s": round(most_s, 1), "error": str(held)}
                    self._log.info("lease_awaited", extra=about)
                waited = True
                soon = least_s > 0 and waited_s < _BRIEF_WAIT_S
                self._clock.sleep(min(_BRIEF_POLL_S if soon else _POLL_S, left))
        now = self._clock.monotonic()
        if waited:
            self._log.info("lease_free", extra={"waited_s": round(now - began, 1)})
        self._tell_of(grant)
        if self._limit_s is not None and self._renew_until is None:
            self._renew_until = now + self._limit_s
        lease = HeldLease(
            self._backend, grant, self._clock, self._lost, renew_until=self._renew_until
        )
        self._taken.append(lease)
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

    def leave(self, lease: HeldLease) -> str:
        """Let all leases end by themselves: the run is left, because it did not end in time.

        Returns:
            What to tell the user of this one.
        """
        for taken in self._taken:
            taken.leave()
        return self._not_released_note(lease, "the run had to end")

    @contextmanager
    def wait_for(self, job: JobName, seconds: float) -> Iterator[Fence]:
        """Wait for another job's lease and hold it, so that the block may write that job's data.

        The block should take seconds, since other runs wait for its end (see `MERGE`). With 0
        `seconds` the lease is tried for once, also by a run that was asked to stop, since that may
        still have something to save.

        Raises:
            LeaseHeld: another run had it for all of `seconds`.
            Cancelled: the run was asked to stop while it waited.
            ConfigurationError: with these settings nothing may be written.
            StoreError: the service that keeps leases did not answer.
        """
        lease = self._take(job, self._run_id + MERGE, wait_s=seconds, once=not seconds)
        try:
            yield lease
        finally:
            if (error := _released(lease)) is not None:
                # not a `lease_not_released`, which the run's result tells too
                note = self._not_released_note(lease, error)
                self._log.warning("other_lease_not_released", extra={"note": note})

    def _tell_of(self, grant: Grant) -> None:
        """Write to the log from whom the lease was taken over, if it was."""
        if (dead := grant.took_from) is not None:
            self._log.warning(
                "lease_taken_over",
                extra={
                    "lock": grant.job,
                    "host": dead.host,
                    "pid": dead.pid,
                    "holder": dead.run_id,
                    "gone": dead.is_gone,
                },
            )

    def _not_released_note(self, lease: HeldLease, reason: DatafetchError | str) -> str:
        now = self._clock.now()
        return (
            f"the lock of {lease.job} could not be given back ({reason}): runs of other "
            f"machines are locked out until {utc_text(now + lease.ttl_s, now)} at the latest"
        )

    def _lost(self, error: LeaseLost) -> None:
        self._log.error("lease_lost", extra={"error": str(error), "hint": error.hint})
        self._cancel.cancel(Cancelled(str(error), hint=error.hint))


def _least_wait_s(held: LeaseHeld) -> float:
    """Seconds that every run waits for the holder of the lease, at least."""
    run_id = "" if held.holder is None else held.holder.run_id
    if run_id.endswith(MERGE):
        return _MERGE_WAIT_S
    return _BRIEF_WAIT_S if run_id.endswith(BRIEF) else 0.0


def _in_vain(held: LeaseHeld, wait_s: float) -> LeaseHeld:
    """The error of a run that has waited for a lease and did not get it."""
    text = f"{held}; waited {wait_s:g} s for it to end"
    return LeaseHeld(text, hint=held.hint, holder=held.holder)


def _released(lease: HeldLease) -> DatafetchError | None:
    """Give the lease back; returns why that could not be done."""
    try:
        lease.release()
    except DatafetchError as error:
        return error
    return None
