"""The lease that lives in the store: one small object for each job, written conditionally.

`If-None-Match: *` creates it, `If-Match` renews, takes over and releases it. It is never
deleted: the fencing token in it only grows. A machine-wide file lock, held only while the
lease is being acquired, spares the runs of one machine the race.
"""

import hashlib
import os
import secrets
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from datafetch.clock import Clock, to_iso, to_ms
from datafetch.errors import (
    CorruptObject,
    LeaseHeld,
    LeaseLost,
    ObjectNotFound,
    PreconditionFailed,
    StoreConflict,
)
from datafetch.ops.lease import Grant, Holder
from datafetch.store.base import (
    Condition,
    IfAbsent,
    IfMatch,
    ObjectStore,
    StoredObject,
    encode_json,
)
from datafetch.store.keys import Keys

_RACES = 5


class StoreLeases:
    """Leases as objects under `json/datafetch/locks/`."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        ttl_s: Callable[[str], float],
        lock_folder: Path | None = None,
    ) -> None:
        """`ttl_s` gives a job's lease time in seconds; `lock_folder` holds the file locks."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._ttl_s = ttl_s
        self._lock_folder = lock_folder or runtime_folder()

    def acquire(self, job: str, run_id: str, when_free: Callable[[], None] | None = None) -> Grant:
        """See `LeaseBackend.acquire`."""
        key = self._keys.lock(job)
        with self._machine_lock(job):
            for _ in range(_RACES):
                stored = self._read(key)
                grant = self._offer(job, run_id, stored)
                condition = IfMatch(stored.etag) if stored else IfAbsent()
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
        body = self._body(grant) | {"owner": None}
        try:
            self._store.put(
                self._keys.lock(grant.job), encode_json(body), condition=IfMatch(grant.version)
            )
        except PreconditionFailed:
            return  # it ran out and another run has it: theirs to release

    def _read(self, key: str) -> StoredObject | None:
        try:
            return self._store.get(key)
        except ObjectNotFound:
            return None

    def _offer(self, job: str, run_id: str, stored: StoredObject | None) -> Grant:
        token = 0
        if stored is not None:
            body = _lease_body(stored)
            # An unreadable lock does not say its token; the time is larger than any count of runs.
            token = _whole(body.get("token")) if body else int(self._clock.now())
            held = body.get("owner") is not None
            if held and not self._expired(body, stored) and not _dead_here(body):
                raise LeaseHeld(
                    f"{job} is being run by process {body.get('pid')} on {body.get('host')}"
                    f" (run {body.get('runId')}, since {_when(body.get('acquiredAt'))})"
                )
        holder = Holder(
            owner=secrets.token_hex(8),
            host=socket.gethostname(),
            pid=os.getpid(),
            run_id=run_id,
            acquired_at=to_ms(self._clock.now()),
            token=token + 1,
        )
        return Grant(
            job=job,
            holder=holder,
            ttl_s=self._ttl_s(job),
            granted_at=self._clock.monotonic(),
            version=None,
        )

    def _expired(self, body: dict[str, Any], stored: StoredObject) -> bool:
        ttl_s = _whole(body.get("ttlMs")) / 1000
        if stored.age_s is not None:
            return stored.age_s > ttl_s
        return to_ms(self._clock.now()) > _whole(body.get("expiresAt"))

    def _write(self, grant: Grant, condition: Condition) -> Grant:
        body = encode_json(self._body(grant))
        version = self._store.put(self._keys.lock(grant.job), body, condition=condition)
        return replace(grant, version=version)

    def _body(self, grant: Grant) -> dict[str, Any]:
        holder = grant.holder
        ttl_ms = round(grant.ttl_s * 1000)
        return {
            "owner": holder.owner,
            "host": holder.host,
            "pid": holder.pid,
            "runId": holder.run_id,
            "acquiredAt": holder.acquired_at,
            "expiresAt": to_ms(self._clock.now()) + ttl_ms,
            "ttlMs": ttl_ms,
            "token": holder.token,
        }

    def _machine_lock(self, job: str) -> FileLock:
        name = f"{self._store.identity}\n{self._keys.lock(job)}"
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._lock_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(self._lock_folder / f"{job}-{digest}.lock", timeout=60)


def runtime_folder() -> Path:
    """The user's own folder for locks: `$XDG_RUNTIME_DIR/datafetch`, else one in the temporary folder."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK):
        return Path(base) / "datafetch"
    return Path(tempfile.gettempdir()) / f"datafetch-{os.getuid()}"


def _lease_body(stored: StoredObject) -> dict[str, Any]:
    # A lock that cannot be read holds nobody back: it is replaced on its own ETag.
    try:
        body = stored.json()
    except CorruptObject:
        return {}
    return body if isinstance(body, dict) else {}


def _dead_here(body: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is gone.

    If its number belongs to another process by now, the lease runs out by itself. Should two
    machines share a name, the one that is robbed notices at its next renewal or write.
    """
    pid = _whole(body.get("pid"))
    if body.get("host") != socket.gethostname() or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _when(value: Any) -> str:
    return to_iso(value / 1000) if isinstance(value, int | float) else "unknown"
