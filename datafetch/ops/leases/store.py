"""The lease that lives in the store: one small object for each job, written conditionally.

`If-None-Match: *` creates it, `If-Match` renews, takes over and releases it. It is never
deleted: the fencing token in it only grows. A machine-wide file lock, held only while the
lease is being acquired, makes the runs of one machine ask one after the other.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, to_iso, to_ms
from datafetch.errors import LeaseHeld, LeaseLost, ObjectNotFound, PreconditionFailed, StoreConflict
from datafetch.ops.lease import Grant
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import Condition, IfAbsent, IfMatch, ObjectStore, encode_json
from datafetch.store.keys import Keys

_ATTEMPTS = 5
"""How often a lease is asked for when other runs take it and give it back in between."""

_YEAR_10000_MS = 253_402_300_800_000
"""The first epoch millisecond that `datetime` cannot name."""

_LARGEST_PID = 2**31 - 1
"""The largest that kill(2) takes."""

_Whole = Annotated[int, Field(ge=0, lt=_YEAR_10000_MS)]


@dataclass(frozen=True, slots=True)
class LockObject:
    """A lease as it is stored.

    Attributes:
        owner: a random text that no other grant has; None once the lease was given back.
        host: the machine of the run that took the lease.
        pid: the process of that run.
        run_id: that run.
        acquired_at: epoch milliseconds.
        expires_at: epoch milliseconds by the clock of the run's machine; for people, and when
            the store does not tell the object's age.
        ttl_ms: the lease ends this long after the object was last written.
        token: the fencing token, which grows with each grant.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    owner: str | None
    host: str
    pid: Annotated[int, Field(ge=0, le=_LARGEST_PID)]
    run_id: str
    acquired_at: _Whole
    expires_at: _Whole
    ttl_ms: _Whole
    token: _Whole


_ADAPTER: TypeAdapter[LockObject] = TypeAdapter(LockObject)


class StoreLeases:
    """Leases as objects under `json/datafetch/locks/`."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        ttl_s: Callable[[str], float],
        runtime_dir: Path | None = None,
    ) -> None:
        """`ttl_s` tells a job's lease time in seconds; `runtime_dir` is that of `RuntimeFolder`."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._ttl_s = ttl_s
        self._machine = RuntimeFolder(runtime_dir)

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`."""
        with self._machine_lock(job):
            for _ in range(_ATTEMPTS):
                token, condition = self._free(job)
                grant = Grant(
                    job=job,
                    run_id=run_id,
                    owner=secrets.token_hex(8),
                    token=token,
                    acquired_at=to_ms(self._clock.now()),
                    ttl_s=self._ttl_s(job),
                    granted_at=self._clock.monotonic(),
                )
                if when_free is not None:
                    when_free()
                try:
                    return self._write(grant, condition)
                except PreconditionFailed:
                    continue  # another machine was faster: look at what it wrote
                except StoreConflict:
                    raise LeaseHeld(f"the lock of {job} is being taken by another run") from None
        raise LeaseHeld(f"the lock of {job} changes hands too fast to be taken")

    def renew(self, grant: Grant) -> Grant:
        """See `LeaseBackend.renew`."""
        fresh = replace(grant, granted_at=self._clock.monotonic())
        try:
            return self._write(fresh, IfMatch(grant.version))
        except PreconditionFailed:
            raise LeaseLost(f"another run took the lock of {grant.job}") from None

    def release(self, grant: Grant) -> None:
        """See `LeaseBackend.release`."""
        try:
            self._write(grant, IfMatch(grant.version), released=True)
        except PreconditionFailed:
            return  # it ran out and another run has it: theirs to release

    def _free(self, job: str) -> tuple[int, Condition]:
        """The next fencing token, and the condition for the write that takes the free lease.

        Raises:
            LeaseHeld: the lease is not free.
        """
        try:
            stored = self._store.get(self._keys.lock(job))
        except ObjectNotFound:
            return 1, IfAbsent()
        now_ms = to_ms(self._clock.now())
        try:
            lock = _ADAPTER.validate_json(stored.body)
        except ValidationError:
            # An unreadable lock counts as free. Its token is unknown; the seconds since 1970
            # are larger than any token that was counted up run by run.
            return now_ms // 1000 + 1, IfMatch(stored.etag)
        if stored.age_s is None:
            expired = now_ms > lock.expires_at
        else:
            expired = stored.age_s > lock.ttl_ms / 1000
        if lock.owner is not None and not expired and not _is_dead_here(lock):
            raise LeaseHeld(
                f"{job} is being run by process {lock.pid} on {lock.host}"
                f" (run {lock.run_id}, since {to_iso(lock.acquired_at / 1000)})"
            )
        return lock.token + 1, IfMatch(stored.etag)

    def _write(self, grant: Grant, condition: Condition, *, released: bool = False) -> Grant:
        ttl_ms = round(grant.ttl_s * 1000)
        lock = LockObject(
            owner=None if released else grant.owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            run_id=grant.run_id,
            acquired_at=grant.acquired_at,
            expires_at=to_ms(self._clock.now()) + ttl_ms,
            ttl_ms=ttl_ms,
            token=grant.token,
        )
        body = encode_json(_ADAPTER.dump_python(lock, by_alias=True))
        version = self._store.put(self._keys.lock(grant.job), body, condition=condition)
        return replace(grant, version=version)

    def _machine_lock(self, job: str) -> AbstractContextManager[None]:
        name = f"{self._store.identity}\n{self._keys.lock(job)}"
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return self._machine.lock(f"{job}-{digest}.lock")


def _is_dead_here(lock: LockObject) -> bool:
    """Whether the lease was taken by a process of this machine that does not exist any more.

    If another process has its number by now, the lease expires by itself. If two machines share
    a host name, the run whose lease is wrongly taken loses it at its next renewal.
    """
    if lock.host != socket.gethostname():
        return False
    try:
        os.kill(lock.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is there, and another user's
    return False
