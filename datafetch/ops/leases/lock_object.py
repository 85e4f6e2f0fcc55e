"""The lease of a job as it is stored: who has it, since when, and what is known of the store."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from datafetch.clock import utc_text
from datafetch.errors import LeaseHeld, LeaseHolder
from datafetch.models.text import one_line

_YEAR_10000_MS = 253_402_300_800_000
"""The first epoch millisecond that `datetime` cannot name."""

_LARGEST_PID = 2**31 - 1
"""The largest that kill(2) takes."""

_LONGEST_NAME = 100
"""Characters of a host or a run that are shown: whoever may write the object has chosen them."""

_Whole = Annotated[int, Field(ge=0, lt=_YEAR_10000_MS)]


@dataclass(frozen=True, slots=True)
class Conditional:
    """What the probe found out about the conditional writes of a server.

    Attributes:
        form: how ETags are sent; `none` when conditions cannot be relied on.
        endpoint: the server's address.
    """

    form: Literal["quoted", "unquoted", "none"]
    endpoint: str


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> Conditional | None:
    try:
        found: Conditional | None = read(value)
    except ValidationError:
        return None  # written by another version: the server is probed again
    return found


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
        conditional: what is known of the server's conditional writes; None for a folder, whose
            conditions are our own, and in an object that an earlier version wrote.
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
    conditional: Annotated[Conditional | None, WrapValidator(_or_none)] = None

    def holder(self, until: float | None) -> LeaseHolder:
        """Who has the lease; `until` is when it ends at the latest, see `LeaseHolder`."""
        return LeaseHolder(
            host=one_line(self.host, _LONGEST_NAME),
            pid=self.pid,
            run_id=one_line(self.run_id, _LONGEST_NAME),
            since=self.acquired_at / 1000,
            until=until,
        )


ADAPTER: TypeAdapter[LockObject] = TypeAdapter(LockObject)
"""Reads and writes the object's JSON."""


def held_by(job: str, holder: LeaseHolder, now: float) -> LeaseHeld:
    """The error of a run that was locked out: who holds the lock, since when, and what to do."""
    text = (
        f"{job} is being run by process {holder.pid} on {holder.host} since "
        f"{utc_text(holder.since, now)} (run {holder.run_id})"
    )
    hint = "This run did nothing; run it again when the other one has ended"
    if holder.host == this_host():
        hint += f" (see it with `ps -p {holder.pid}`)"
    if holder.until is not None:
        hint += f". If it is dead, its lock ends by {utc_text(holder.until, now)}"
    return LeaseHeld(text, hint=f"{hint}.", holder=holder)


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def is_of_this_machine(lock: LockObject) -> bool:
    """Whether the lease was taken on this machine, as far as a host name can tell."""
    return lock.host == this_host()


def is_dead_here(lock: LockObject) -> bool:
    """Whether the lease was taken by a process of this machine that has ended.

    If another process has its number by now, the lease expires by itself. If two machines share
    a host name, the run whose lease is wrongly taken loses it at its next renewal.
    """
    if not is_of_this_machine(lock):
        return False
    try:
        os.kill(lock.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is there, and another user's
    return _has_ended(lock.pid)


def _has_ended(pid: int) -> bool:
    """Whether a process that exists has ended, and only waits for its parent to notice.

    In a container whose first process does not ask for the ends of others, it waits for ever.
    Linux tells; elsewhere such a process counts as alive.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # pid (name) state …, and the name may contain anything
    return told.rpartition(b")")[2].split()[:1] == [b"Z"]
