"""The lease that lives in the store: one small object for each job, written conditionally.

`If-None-Match: *` creates it, `If-Match` renews, takes over and releases it. It is never
deleted: the fencing token in it only grows. A machine-wide file lock, held only while the
lease is being acquired, makes the runs of one machine ask one after the other.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from datafetch.clock import Clock, to_ms
from datafetch.errors import (
    LeaseHeld,
    LeaseLost,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from datafetch.ops.lease import Grant, Predecessor
from datafetch.ops.leases.conditions import Conditions
from datafetch.ops.leases.lock_object import (
    ADAPTER,
    Conditional,
    LockObject,
    changes_hands,
    held_by,
    is_dead_here,
    lock_in,
    lock_of,
    new_owner,
    taken_by,
)
from datafetch.ops.leases.watch import Watch
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import (
    Condition,
    IfAbsent,
    IfMatch,
    ObjectStore,
    StoredObject,
    encode_json,
)
from datafetch.store.keys import Keys

_ATTEMPTS = 5
"""How often a lease is asked for when other runs take it and give it back in between."""

_TURN_S = 2.0
"""Seconds that a run waits while another one of this machine takes the lease.

That is a few requests to the store. When the store hangs it may be minutes, and whoever is locked
out is told so at once, or waits as `--wait` says.
"""

_REFUSED_HINT = (
    "Its answers contradict each other: look for a proxy or cache between datafetch and the store. "
    "Where datafetch runs on one machine only, DATAFETCH_LOCK=file does without conditional writes."
)


@dataclass(frozen=True, slots=True)
class _Free:
    """A lease that was found free.

    Attributes:
        etag: of the lock object; None when there is none.
        token: the next fencing token.
        conditional: what the lock object says of the server.
        took_from: see `Grant.took_from`.
    """

    etag: str | None
    token: int
    conditional: Conditional | None
    took_from: Predecessor | None = None

    @property
    def condition(self) -> Condition:
        """The condition of the write that takes the lease."""
        return IfAbsent() if self.etag is None else IfMatch(self.etag)


class StoreLeases:
    """Leases as objects under `json/datafetch/locks/`."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        ttl_s: Callable[[str], float],
        runtime_dir: Path | None = None,
        *,
        is_over: Callable[[LockObject], bool] = is_dead_here,
        has_passed: Callable[[LockObject], bool] = lambda _lock: False,
        keeps_machines_apart: bool = False,
    ) -> None:
        """The store is not asked yet.

        Args:
            store: a `CheckedStore` is also used when its server's conditions are not kept.
            keys: the names of objects.
            clock: tells the time.
            ttl_s: a job's lease time in seconds.
            runtime_dir: see `RuntimeFolder`.
            is_over: whether a lease whose time has not passed belongs to a run that has ended.
            has_passed: whether another service, which gave the lease, says that its time has
                passed, whatever the store says of the lock object's age.
            keeps_machines_apart: whether such a service gives the leases, for all machines.
        """
        self._store = store
        self._keys = keys
        self._clock = clock
        self._ttl_s = ttl_s
        self._machine = RuntimeFolder(runtime_dir)
        self._watch = Watch(self._machine, clock)
        self._is_over = is_over
        self._has_passed = has_passed
        self._conditions = Conditions(store, keeps_machines_apart=keeps_machines_apart)

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`.

        Raises:
            UnsafeStore: the server's conditional writes cannot be relied on.
        """
        return self.take(job, run_id, when_free)

    def take(
        self,
        job: str,
        run_id: str,
        when_free: Callable[[], None] | None = None,
        *,
        owner: str | None = None,
        least_token: int = 1,
    ) -> Grant:
        """Take the lease as `acquire` does; a service that has given it says for whom.

        Args:
            job: as for `acquire`.
            run_id: as for `acquire`.
            when_free: as for `acquire`.
            owner: of the grant; None for a new one.
            least_token: the fencing token is not smaller.

        Raises:
            DatafetchError: as `acquire`.
        """
        with self._machine_lock(job):
            refused: list[str | None] = []
            for _ in range(_ATTEMPTS):
                free = self._free(job)
                self._settle(job, free, refused)
                grant = Grant(
                    job=job,
                    run_id=run_id,
                    owner=owner or new_owner(),
                    token=max(free.token, least_token),
                    acquired_at=to_ms(self._clock.now()),
                    ttl_s=self._ttl_s(job),
                    granted_at=self._clock.monotonic(),
                    note=self._conditions.note,
                    took_from=free.took_from,
                )
                if when_free is not None:
                    when_free()
                try:
                    return self._write(grant, free.condition)
                except PreconditionFailed:
                    # Another machine was faster, or the server errs. It was not our own write, sent
                    # twice: a store reads back before it refuses (`ObjectStore.put`).
                    refused.append(free.etag)
                except NotSupported:
                    if not self._conditions.may_err:
                        raise
                    refused.append(free.etag)
                except StoreConflict:
                    raise LeaseHeld(
                        f"the lock of {job} is being taken by another run right now"
                    ) from None
                except StoreUnavailable:
                    version = self._version_after_all(grant)
                    if version is None:
                        raise
                    return replace(grant, version=version)
        raise changes_hands(job)

    def renew(self, grant: Grant) -> Grant:
        """See `LeaseBackend.renew`."""
        fresh = replace(grant, granted_at=self._clock.monotonic())
        try:
            return self._write(fresh, IfMatch(grant.version))
        except PreconditionFailed:
            version = self._own_version(grant)
        if version is None:
            raise LeaseLost(f"another run took the lock of {grant.job}{self._taker(grant)}")
        return self._write(fresh, IfMatch(version))

    def release(self, grant: Grant) -> None:
        """See `LeaseBackend.release`."""
        try:
            self._write(grant, IfMatch(grant.version), released=True)
        except PreconditionFailed:
            version = self._own_version(grant)
        else:
            return
        if version is not None:  # else it ran out and another run has it: theirs to release
            self._write(grant, IfMatch(version), released=True)

    def holder(self, job: str) -> LockObject | None:
        """What the lock object says; None when there is none that can be read.

        Raises:
            StoreError: the store did not answer.
        """
        stored = self._stored(job)
        return None if stored is None else lock_in(stored.body)

    def lock_name(self, job: str) -> str:
        """A name for file locks of the job, which no other job, store or environment has."""
        name = f"{self._store.identity}\n{self._keys.lock(job)}"
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return f"{job}-{digest}"

    def _free(self, job: str) -> _Free:
        """The free lease, as it is stored.

        Raises:
            LeaseHeld: the lease is not free.
        """
        stored = self._stored(job)
        if stored is None:
            return _Free(None, 1, None)
        now = self._clock.now()
        lock = lock_in(stored.body)
        if lock is None:
            # An unreadable lock counts as free. Its token is unknown; the seconds since 1970
            # are larger than any token that was counted up run by run.
            return _Free(stored.etag, to_ms(now) // 1000 + 1, None)
        if lock.owner is None:
            return _Free(stored.etag, lock.token + 1, lock.conditional)
        is_gone = self._is_over(lock)
        if not is_gone and not self._has_passed(lock):
            left_s = self._watch.left_s(self.lock_name(job), stored, lock)
            if left_s >= 0:
                raise held_by(job, lock.holder(now + left_s), now)
        took_from = lock.predecessor(is_gone=is_gone)
        return _Free(stored.etag, lock.token + 1, lock.conditional, took_from)

    def _settle(self, job: str, free: _Free, refused: list[str | None]) -> None:
        """Settle how conditions are sent; the server is probed anew if it must have erred.

        `refused` has the ETag of the lock object at each write so far that was refused. If the
        object has not changed since the last one, nobody else was faster: the condition held.
        """
        if not refused or refused[-1] != free.etag:
            self._conditions.settle(free.conditional)
        elif refused.count(free.etag) == 1:
            self._conditions.probe()
        else:
            key = self._keys.lock(job)
            raise StoreUnavailable(
                f"{self._store.name} refuses to write {key} on the condition that it is"
                f" {'absent' if free.etag is None else 'unchanged'}, though it is",
                key=key,
                hint=_REFUSED_HINT,
            )

    def _own_version(self, grant: Grant) -> str | None:
        """The lock object's ETag if this grant still has the lease; None if it was taken over.

        A refused write does not prove the latter: a renewal before it may have been stored and its
        answer lost.
        """
        stored = self._stored(grant.job)
        lock = None if stored is None else lock_in(stored.body)
        return stored.etag if stored and lock and lock.owner == grant.owner else None

    def _version_after_all(self, grant: Grant) -> str | None:
        """The lock object's ETag if a write that got no answer was stored all the same.

        The lease would keep everybody out for its whole time otherwise, its own run first.
        """
        try:
            return self._own_version(grant)
        except StoreError:
            return None

    def _taker(self, grant: Grant) -> str:
        """Who has the lease instead, as the end of a sentence; empty when that is not known."""
        try:
            lock = self.holder(grant.job)
        except StoreError:
            return ""
        return taken_by(lock)

    def _stored(self, job: str) -> StoredObject | None:
        try:
            return self._store.get(self._keys.lock(job))
        except ObjectNotFound:
            return None

    def _write(self, grant: Grant, condition: Condition, *, released: bool = False) -> Grant:
        lock = lock_of(grant, self._clock.now(), self._conditions.known)
        if released:
            lock = replace(lock, owner=None)
        body = encode_json(ADAPTER.dump_python(lock, by_alias=True))
        version = self._store.put(self._keys.lock(grant.job), body, condition=condition)
        return replace(grant, version=version)

    @contextmanager
    def _machine_lock(self, job: str) -> Iterator[None]:
        """Hold the lock that the runs of this machine take a lease under.

        Raises:
            LeaseHeld: another run has held it for `_TURN_S` seconds.
            ConfigurationError, StoreError: see `RuntimeFolder.lock`.
        """
        with ExitStack() as holding:
            try:
                holding.enter_context(self._machine.lock(f"{self.lock_name(job)}.lock", _TURN_S))
            except LeaseHeld as held:
                raise LeaseHeld(
                    f"the lock of {job} is being taken by another run of this machine right now",
                    hint=f"{LeaseHeld.hint} {held.hint}",
                ) from None
            yield
