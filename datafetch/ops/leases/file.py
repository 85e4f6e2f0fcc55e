"""The lease that is a file lock of this machine, held for the whole run.

For one machine only, and for stores without conditional writes. The kernel gives the lock back
when the process dies. The lock object is written beside it: it tells people who runs, keeps the
fencing token, and holds off runs of other machines as long as its time has not passed.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from datafetch.clock import Clock
from datafetch.errors import LeaseHeld, StoreError
from datafetch.ops.lease import Grant
from datafetch.ops.leases.lock_object import is_dead_here, is_of_this_machine
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


class FileLeases:
    """Leases as file locks in this machine's `RuntimeFolder`."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        ttl_s: Callable[[str], float],
        runtime_dir: Path | None = None,
    ) -> None:
        """See `StoreLeases`; `ttl_s` matters to other machines only."""
        self._machine = RuntimeFolder(runtime_dir)
        # Who has the file lock knows that every other run of this machine has ended, whatever
        # process has its number now.
        self._objects = StoreLeases(
            store, keys, clock, ttl_s, runtime_dir, is_over=is_of_this_machine
        )
        self._held: dict[str, ExitStack] = {}

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`.

        Raises:
            ConfigurationError: there is no place for file locks.
        """
        with ExitStack() as holding:
            try:
                holding.enter_context(
                    self._machine.lock(f"{self._objects.lock_name(job)}.run.lock", 0)
                )
            except LeaseHeld:
                raise LeaseHeld(f"{job} is being run by {self._holder(job)}") from None
            grant = self._objects.acquire(job, run_id, when_free)
            self._held[grant.owner] = holding.pop_all()
        return grant

    def renew(self, grant: Grant) -> Grant:
        """See `LeaseBackend.renew`."""
        return self._objects.renew(grant)

    def release(self, grant: Grant) -> None:
        """See `LeaseBackend.release`."""
        with self._held.pop(grant.owner, ExitStack()):
            self._objects.release(grant)

    def _holder(self, job: str) -> str:
        """Who has the file lock; the lock object tells, unless its run is just about to write it."""
        try:
            lock = self._objects.holder(job)
        except StoreError:
            lock = None
        if lock is None or lock.owner is None or is_dead_here(lock):
            return "another process on this machine"
        return lock.holder()
