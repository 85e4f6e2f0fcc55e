"""The lease that lives in a DynamoDB table: one item for each store, environment and job.

The item is put on a condition: that it is not there, is as it was read, or is still our own. It is
never deleted: the fencing token in it only grows. Its end is told in DynamoDB's own time, that of
the answers (`Date`), which the monotonic clock carries on: no machine's clock counts.

The lock object in the store is written beside it. It tells people who runs, keeps what is known of
the store's server, and holds off runs whose locks live elsewhere as long as its time has not passed.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from datafetch.clock import Clock, to_ms
from datafetch.errors import (
    ConfigurationError,
    DatafetchError,
    LeaseLost,
    PreconditionFailed,
    StoreError,
    StoreUnavailable,
)
from datafetch.ops.lease import Grant, Predecessor
from datafetch.ops.leases.dynamodb_item import (
    Condition,
    Owned,
    Unchanged,
    item_of,
    key_of,
    read_item,
)
from datafetch.ops.leases.dynamodb_table import Table
from datafetch.ops.leases.lock_object import (
    LockObject,
    changes_hands,
    held_by,
    is_dead_here,
    lock_of,
    new_owner,
    taken_by,
)
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

_ATTEMPTS = 5
"""How often a lease is asked for when other runs take it and give it back in between."""

_SPARE_S = 2.0
"""Seconds by which the clocks of two of DynamoDB's own servers may differ."""


@dataclass(frozen=True, slots=True)
class _Free:
    """A lease that was found free.

    Attributes:
        condition: of the write that takes it.
        token: the next fencing token.
        last_run: the run that had it before; None when there was none.
        took_from: see `Grant.took_from`.
    """

    condition: Condition
    token: int
    last_run: str | None = None
    took_from: Predecessor | None = None


class DynamoDbLeases:
    """Leases as items of a table, with the lock objects beside them."""

    def __init__(
        self,
        table: Table,
        place: str,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        ttl_s: Callable[[str], float],
        runtime_dir: Path | None = None,
    ) -> None:
        """See `StoreLeases`.

        `place` is what the items' keys begin with, and what no other store has that shares the
        table; empty for the store's identity.
        """
        self._table = table
        self._place = place or store.identity
        self._keys = keys
        self._clock = clock
        self._ttl_s = ttl_s
        self._objects = StoreLeases(
            store,
            keys,
            clock,
            ttl_s,
            runtime_dir,
            has_passed=lambda lock: lock.run_id in self._passed,
            keeps_machines_apart=True,
        )
        self._passed: set[str] = set()
        self._ends: dict[str, int] = {}

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`.

        Raises:
            UnsafeStore: as `StoreLeases.acquire`.
        """
        own, free = self._take(job, run_id)
        passed = {free.last_run} if free.last_run is not None else set()
        self._passed |= passed
        try:
            grant = self._objects.take(
                job, run_id, when_free, owner=own.owner, least_token=own.token
            )
        except BaseException:
            with suppress(DatafetchError):  # else it ends by itself
                # The run before stays known: its lock object may be as it left it.
                self._give_back(replace(own, run_id=free.last_run or own.run_id))
            raise
        finally:
            self._passed -= passed
        took_from = grant.took_from if free.last_run is None else free.took_from
        return replace(grant, granted_at=own.granted_at, took_from=took_from)

    def renew(self, grant: Grant) -> Grant:
        """See `LeaseBackend.renew`; when the store does not answer, the lock object is as it was."""
        fresh = replace(grant, granted_at=self._clock.monotonic())
        try:
            self._put(fresh, self._owned(fresh))
        except PreconditionFailed:
            lock = self._stored(grant.job)
            if lock is None:
                where = f"dynamodb://{self._table.name}"
                raise LeaseLost(f"the lock of {grant.job} is no longer in {where}") from None
            if lock.owner != grant.owner:
                raise LeaseLost(
                    f"another run took the lock of {grant.job}{taken_by(lock)}"
                ) from None
        with suppress(StoreError, ConfigurationError):
            return replace(fresh, version=self._objects.renew(fresh).version)
        return fresh

    def release(self, grant: Grant) -> None:
        """See `LeaseBackend.release`; the next run knows a lock object that stayed as it was."""
        try:
            with suppress(StoreError, ConfigurationError):
                self._objects.release(grant)
        finally:
            self._give_back(grant)

    def cut(self, *, for_good: bool = False) -> None:
        """See `Cuttable.cut`."""
        self._table.cut(for_good=for_good)

    @property
    def is_over(self) -> bool:
        """See `Cuttable.is_over`."""
        return self._table.is_over

    def close(self) -> None:
        """Close the connections to the table."""
        self._table.close()

    def _take(self, job: str, run_id: str) -> tuple[Grant, _Free]:
        """Take the lease in the table; returns how it was found, too.

        Raises:
            LeaseHeld: another run has it.
            StoreError, ConfigurationError: see `Table.get`.
        """
        for _ in range(_ATTEMPTS):
            free = self._free(job)
            grant = Grant(
                job=job,
                run_id=run_id,
                owner=new_owner(),
                token=free.token,
                acquired_at=to_ms(self._clock.now()),
                ttl_s=self._ttl_s(job),
                granted_at=self._clock.monotonic(),
            )
            try:
                self._put(grant, free.condition)
            except PreconditionFailed:
                # Another run was faster, or our own write was sent twice.
                if not self._has_after_all(grant):
                    continue
            except StoreUnavailable:
                if not self._has_after_all(grant):
                    raise
            return grant, free
        raise changes_hands(job)

    def _free(self, job: str) -> _Free:
        """The free lease, as the table has it.

        Raises:
            LeaseHeld: the lease is not free.
        """
        item = self._table.get(self._key(job))
        date, now = self._table.date, self._clock.now()
        lock = None if item is None else read_item(item)
        if lock is None:
            # It is not known which tokens there were: the seconds since 1970 are larger than any
            # that was counted up run by run.
            return _Free(Unchanged(item), int(date) + 1)
        condition, token = Unchanged(item), lock.token + 1
        if lock.owner is None:
            return _Free(condition, token, lock.run_id)
        is_gone = is_dead_here(lock)
        left_s = lock.expires_at / 1000 + _SPARE_S - date
        if left_s >= 0 and not is_gone:
            raise held_by(job, lock.holder(now + left_s), now)
        return _Free(condition, token, lock.run_id, lock.predecessor(is_gone=is_gone))

    def _has_after_all(self, grant: Grant) -> bool:
        """Whether a write that failed had been stored, and only its answer was lost."""
        try:
            lock = self._stored(grant.job)
        except (StoreError, ConfigurationError):
            return False
        return lock is not None and lock.owner == grant.owner

    def _give_back(self, grant: Grant) -> None:
        """Free the lease in the table, keeping its token; one that another run has is left alone."""
        with suppress(PreconditionFailed):
            self._put(grant, self._owned(grant), released=True)
        self._ends.pop(grant.owner, None)

    def _owned(self, grant: Grant) -> Owned:
        return Owned(grant.owner, self._end(grant))

    def _put(self, grant: Grant, condition: Condition, *, released: bool = False) -> None:
        lock = replace(lock_of(grant, 0), expires_at=self._end(grant))
        if released:
            lock = replace(lock, owner=None)
        self._table.put(item_of(self._key(grant.job), lock), condition)

    def _end(self, grant: Grant) -> int:
        """When the lease ends, in epoch milliseconds of DynamoDB's clock; it never moves back."""
        end = to_ms(self._table.time(grant.granted_at) + grant.ttl_s)
        end = self._ends[grant.owner] = max(end, self._ends.get(grant.owner, 0))
        return end

    def _stored(self, job: str) -> LockObject | None:
        item = self._table.get(self._key(job))
        return None if item is None else read_item(item)

    def _key(self, job: str) -> str:
        return key_of(self._place, self._keys.lock(job))
