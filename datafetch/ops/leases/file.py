"""The lease that is a file lock of this machine, held for the whole run.

For one machine only, and for stores without conditional writes. The kernel gives the lock back
when the process dies. The lock object is written beside it: it tells people who runs, keeps the
fencing token, and holds off runs that do not see the file lock as long as its time has not passed:
those of other machines, and of users and sessions whose folder for locks is another one.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from datafetch.clock import Clock
from datafetch.errors import LeaseHeld, StoreError
from datafetch.ops.lease import Grant
from datafetch.ops.leases.lock_object import (
    LockObject,
    held_by,
    is_dead_here,
)
from datafetch.ops.leases.process import same_boot, this_host, this_process
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
        """See `StoreLeases`; `ttl_s` matters to runs that do not see the file lock."""
        self._clock = clock
        self._machine = RuntimeFolder(runtime_dir)
        self._objects = StoreLeases(store, keys, clock, ttl_s, runtime_dir, is_over=self._is_over)
        self._held: dict[str, ExitStack] = {}
        self._freed: set[str] = set()

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`.

        Raises:
            ConfigurationError: there is no place for file locks.
        """
        name = self._objects.lock_name(job)
        with ExitStack() as holding:
            try:
                holding.enter_context(self._machine.lock(f"{name}.run.lock", 0))
            except LeaseHeld as held:
                raise self._held_by(job, held) from None
            owner_file = self._machine.path() / f"{name}.run.owner"
            with suppress(OSError):
                self._freed.add(owner_file.read_text(encoding="ascii", errors="replace"))
            grant = self._objects.acquire(job, run_id, when_free)
            with suppress(OSError):  # it only spares the next run the wait for the lease's end
                owner_file.write_text(grant.owner, encoding="ascii")
            self._held[grant.owner] = holding.pop_all()
        return grant

    def renew(self, grant: Grant) -> Grant:
        """See `LeaseBackend.renew`."""
        return self._objects.renew(grant)

    def release(self, grant: Grant) -> None:
        """See `LeaseBackend.release`."""
        with self._held.pop(grant.owner, ExitStack()):
            self._objects.release(grant)

    def _held_by(self, job: str, held: LeaseHeld) -> LeaseHeld:
        """Says who has the file lock, which ends with that process.

        The lock object tells, unless its run is just about to write it. `held` is the error of the
        file lock, whose hint says how to find the process.
        """
        try:
            lock = self._objects.holder(job)
        except StoreError:
            lock = None
        if lock is None or lock.owner is None or is_dead_here(lock):
            text = f"{job} is being run by another process on this machine"
            return LeaseHeld(
                text, hint=f"This run did nothing. {held.hint} --wait SECONDS waits for that."
            )
        return held_by(job, lock.holder(None), self._clock.now())

    def _is_over(self, lock: LockObject) -> bool:
        """Whether the run that wrote the lock object has ended; asked by who has the file lock.

        It has if it held this very file lock: the kernel gave that back when its process ended,
        whatever has its number by now, also in a container that was started again. Others may have
        another file lock: cron has no session, every user and every container has a folder of its
        own. They are judged by their process.
        """
        here = this_process()
        is_ours = same_boot(lock.boot, here.boot) or (
            lock.boot is None and here.boot is None and lock.host == this_host()
        )
        return is_dead_here(lock) or (is_ours and lock.owner in self._freed)
