"""The lease that lives in a Redis server, for several machines, and for stores without conditions.

Redis gives it, judges by its own clock when it is over, and counts the fencing tokens. The lock
object in the store is written beside it. It tells people who runs, keeps what is known of the
store's server, and holds off runs whose locks live elsewhere, or whose Redis has lost its memory.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from datafetch.clock import Clock, to_ms
from datafetch.errors import (
    ConfigurationError,
    DatafetchError,
    LeaseHeld,
    LeaseLost,
    StoreError,
)
from datafetch.models.stored_times import LATEST_MS
from datafetch.ops.lease import Grant, Predecessor
from datafetch.ops.leases.lock_object import (
    ADAPTER,
    LockObject,
    held_by,
    is_dead_here,
    lock_of,
    new_owner,
    taken_by,
)
from datafetch.ops.leases.redis_scripts import RELEASE, RENEW, TAKE, UNDO
from datafetch.ops.leases.redis_server import Answer, RedisServer
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.base import ObjectStore, encode_json
from datafetch.store.keys import Keys

_MINE = 1
"""The first part of a script's answer when the lease is, or was, this grant's."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A lease that Redis gave.

    Attributes:
        grant: with the token that Redis counted.
        owner_before: the owner of the last grant before, whose time is over; empty when Redis
            knows of none.
        took_from: the run that had it until it was seen to be dead; None when Redis had it free.
    """

    grant: Grant
    owner_before: str
    took_from: Predecessor | None


class RedisLeases:
    """Leases as keys of a Redis server, with the lock objects in the store beside them."""

    def __init__(
        self,
        server: RedisServer,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        ttl_s: Callable[[str], float],
        runtime_dir: Path | None = None,
    ) -> None:
        """Neither server nor store is asked yet; for the others see `StoreLeases`."""
        self._server = server
        self._clock = clock
        self._ttl_s = ttl_s
        self._over: set[str] = set()
        self._objects = StoreLeases(
            store,
            keys,
            clock,
            ttl_s,
            runtime_dir,
            has_passed=lambda lock: lock.owner in self._over,
            keeps_machines_apart=True,
        )

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`.

        Raises:
            ConfigurationError: also when Redis refuses for good what `DATAFETCH_LOCK` asks for.
        """
        taken = self._take(job, run_id)
        own = taken.grant
        self._over.add(taken.owner_before)
        try:
            stored = self._objects.take(
                job, run_id, when_free, owner=own.owner, least_token=own.token
            )
            if stored.token > own.token:  # this Redis knows less than the store
                self._renew(own, stored.token)
        except LeaseHeld:
            self._undo(own)
            raise
        except BaseException:
            with suppress(DatafetchError):
                self._give_back(own)
            raise
        finally:
            self._over.discard(taken.owner_before)
        took_from = stored.took_from or taken.took_from
        return replace(stored, granted_at=own.granted_at, took_from=took_from)

    def renew(self, grant: Grant) -> Grant:
        """See `LeaseBackend.renew`; a lock object that cannot be written waits for the next time."""
        fresh = replace(grant, granted_at=self._clock.monotonic())
        self._renew(fresh, fresh.token)
        with suppress(StoreError, ConfigurationError):
            return replace(fresh, version=self._objects.renew(fresh).version)
        return fresh

    def release(self, grant: Grant) -> None:
        """See `LeaseBackend.release`; the next run knows the lock object that could not be freed."""
        try:
            with suppress(StoreError, ConfigurationError):
                self._objects.release(grant)
        finally:
            self._give_back(grant)

    def cut(self, *, for_good: bool = False) -> None:
        """See `Cuttable.cut`; of the calls to Redis."""
        self._server.cut(for_good=for_good)

    @property
    def is_over(self) -> bool:
        """See `Cuttable.is_over`."""
        return self._server.is_over

    # ------------------------------------------------------------------ steps

    def _take(self, job: str, run_id: str) -> _Taken:
        """Take the lease in Redis; that of a run that is seen to be dead here is free.

        Raises:
            LeaseHeld: another run has it.
        """
        now = self._clock.now()
        asked = Grant(
            job=job,
            run_id=run_id,
            owner=new_owner(),
            token=0,
            acquired_at=to_ms(now),
            ttl_s=self._ttl_s(job),
            granted_at=self._clock.monotonic(),
        )
        answer, dead = self._ask_to_take(asked, ""), None
        if answer[0] != _MINE:
            dead = _held(answer[1])
            if dead is not None and dead.owner is not None and is_dead_here(dead):
                asked = replace(asked, granted_at=self._clock.monotonic())
                answer = self._ask_to_take(asked, dead.owner)
        if answer[0] != _MINE:
            raise self._held_by(job, answer)
        grant = replace(asked, token=int(answer[1]))
        owner_before = _bytes(answer[2]).decode("ascii", "replace")
        return _Taken(grant, owner_before, dead.predecessor(is_gone=True) if dead else None)

    def _ask_to_take(self, grant: Grant, dead: str) -> Answer:
        keys = self._keys(grant.job)
        return self._server.run(TAKE, keys, grant.owner, _ttl_ms(grant), dead, self._about(grant))

    def _renew(self, grant: Grant, token: int) -> None:
        """Renew the lease in Redis, where it has this token from now on.

        Raises:
            LeaseLost: another run has it, or had it since.
        """
        arguments = (grant.owner, grant.token, _ttl_ms(grant), self._about(grant), token)
        answer = self._server.run(RENEW, self._keys(grant.job), *arguments)
        if answer[0] != _MINE:
            raise LeaseLost(f"another run took the lock of {grant.job}{taken_by(_held(answer[1]))}")

    def _give_back(self, grant: Grant) -> None:
        self._server.run(RELEASE, self._keys(grant.job), grant.owner, grant.token)

    def _undo(self, grant: Grant) -> None:
        """Let the grant before be the last one again: the store says that its run goes on."""
        with suppress(DatafetchError):  # then it ends by itself, after its time
            self._server.run(UNDO, self._keys(grant.job), grant.owner)

    def _keys(self, job: str) -> tuple[str, str]:
        """The lease's keys, which no other job, environment or store has.

        Redis Cluster keeps all on one node whose part in braces is the same.
        """
        name = f"datafetch:{{{self._objects.lock_name(job)}}}"
        return f"{name}:lease", f"{name}:last"

    def _about(self, grant: Grant) -> str:
        """Who has the lease, in the words of the lock object."""
        lock = lock_of(grant, self._clock.now())
        return encode_json(ADAPTER.dump_python(lock, by_alias=True)).decode()

    def _held_by(self, job: str, answer: Answer) -> LeaseHeld:
        lock, left_ms, now = _held(answer[1]), int(answer[2]), self._clock.now()
        if lock is None:
            return LeaseHeld(
                f"the lock of {job} is held by something that is no run of datafetch",
                hint=f"Look at it with redis-cli: GET '{self._keys(job)[0]}'.",
            )
        left_s = min(max(0, left_ms), LATEST_MS) / 1000
        return held_by(job, lock.holder(now + left_s), now)


def _ttl_ms(grant: Grant) -> int:
    return round(grant.ttl_s * 1000)


def _bytes(value: int | bytes) -> bytes:
    """A part of an answer that is no number."""
    return value if isinstance(value, bytes) else b""


def _held(value: int | bytes) -> LockObject | None:
    """Who has the lease, as it is stored in Redis; None when it cannot be read."""
    try:
        return ADAPTER.validate_json(_bytes(value).split(b":", 2)[2])
    except (ValidationError, IndexError):
        return None
