"""The lease of a job as it is stored: who has it, since when, and what is known of the store."""

import secrets
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import (
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from datafetch.clock import to_ms, utc_text
from datafetch.errors import LeaseHeld, LeaseHolder
from datafetch.models.stored_times import LATEST_MS
from datafetch.models.text import one_line
from datafetch.ops.lease import Grant, Predecessor
from datafetch.ops.leases.process import (
    Process,
    can_be_seen,
    has_ended,
    this_host,
    this_process,
)

T = TypeVar("T")

_LARGEST_PID = 2**31 - 1
"""The largest that kill(2) takes."""

_LARGEST = 64 * 1024
"""Bytes of a lock object; ours have under a thousand."""

_LONGEST_NAME = 100
"""Characters of a host or a run that are shown: whoever may write the object has chosen them."""

_Whole = Annotated[int, Field(ge=0, le=LATEST_MS)]
"""A time or a length of time whose sum with now can be told, or another number that is no larger."""


@dataclass(frozen=True, slots=True)
class Conditional:
    """What the probe found out about the conditional writes of a server.

    Attributes:
        form: how ETags are sent; `none` when conditions cannot be relied on.
        endpoint: the server's address.
    """

    form: Literal["quoted", "unquoted", "none"]
    endpoint: str


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> T | None:
    """None for what another version wrote in another form: a lock that cannot be read is free."""
    try:
        found: T | None = read(value)
    except ValidationError:
        return None
    return found


@dataclass(frozen=True, slots=True)
class LockObject:
    """A lease as it is stored.

    Attributes:
        owner: a random text that no other grant has; None once the lease was given back.
        host: the machine of the run that took the lease.
        pid: the process of that run.
        boot, started: see `Process`; None in an object that an earlier version wrote, too.
        run_id: that run.
        acquired_at: epoch milliseconds.
        expires_at: epoch milliseconds by the clock of the run's machine; for people, and when
            the store does not tell the object's age.
        ttl_ms: the lease ends this long after the object was last written.
        token: the fencing token, which grows with each grant.
        conditional: what is known of the server's conditional writes; None for a folder, whose
            conditions are our own, and in an object that an earlier version wrote. The server is
            probed again then.
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
    boot: Annotated[str | None, WrapValidator(_or_none)] = None
    started: Annotated[_Whole | None, WrapValidator(_or_none)] = None
    conditional: Annotated[Conditional | None, WrapValidator(_or_none)] = None

    @property
    def process(self) -> Process:
        """The process of the run that took the lease."""
        return Process(self.host, self.pid, self.boot, self.started)

    def holder(self, until: float | None) -> LeaseHolder:
        """Who has the lease; `until` is when it ends at the latest, see `LeaseHolder`."""
        return LeaseHolder(
            host=one_line(self.host, _LONGEST_NAME),
            pid=self.pid,
            run_id=one_line(self.run_id, _LONGEST_NAME),
            since=self.acquired_at / 1000,
            until=until,
            seen_here=can_be_seen(self.process),
        )

    def predecessor(self, *, is_gone: bool) -> Predecessor | None:
        """The run that still holds the lease, for whoever takes it over; None if it is given back.

        `is_gone` is whether its process is known to have ended.
        """
        if self.owner is None:
            return None
        holder = self.holder(None)
        return Predecessor(holder.run_id, holder.host, holder.pid, is_gone)


ADAPTER: TypeAdapter[LockObject] = TypeAdapter(LockObject)
"""Reads and writes the object's JSON."""


def lock_in(body: bytes) -> LockObject | None:
    """The lock object in these bytes; None when they cannot be read."""
    if len(body) > _LARGEST:
        return None
    try:
        return ADAPTER.validate_json(body)
    except ValidationError:
        return None


def lock_of(grant: Grant, now: float, conditional: Conditional | None = None) -> LockObject:
    """The lock object of a grant to this process, if it is written `now` (epoch seconds)."""
    ttl_ms = round(grant.ttl_s * 1000)
    process = this_process()
    return LockObject(
        owner=grant.owner,
        host=process.host,
        pid=process.pid,
        boot=process.boot,
        started=process.started,
        run_id=grant.run_id,
        acquired_at=grant.acquired_at,
        expires_at=to_ms(now) + ttl_ms,
        ttl_ms=ttl_ms,
        token=grant.token,
        conditional=conditional,
    )


def new_owner() -> str:
    """See `Grant.owner`."""
    return secrets.token_hex(8)


def held_by(job: str, holder: LeaseHolder, now: float) -> LeaseHeld:
    """The error of a run that was locked out: who holds the lock, since when, and what to do."""
    text = (
        f"{job} is being run by process {holder.pid} on {holder.host} since "
        f"{utc_text(holder.since, now)} (run {holder.run_id})"
    )
    hint = "This run did nothing; run it again when the other one has ended"
    if holder.seen_here:
        hint += f" (see it with `ps -p {holder.pid}`)"
    hint += ", or let it wait for that with --wait SECONDS"
    if not holder.seen_here and holder.host == this_host():
        # A container that was started again, the one beside it, or a start of the machine ago.
        hint += ". Whether it is alive cannot be seen from here, only its host name is ours"
    if holder.until is not None:
        # Rounded up: whoever comes again in the minute that is told finds the lock ended.
        hint += f". If it is dead, its lock ends by {utc_text(holder.until + 59, now)}"
    return LeaseHeld(text, hint=f"{hint}.", holder=holder)


def changes_hands(job: str) -> LeaseHeld:
    """The error of a run that found the lock free each time, and was too late each time."""
    return LeaseHeld(
        f"the lock of {job} changes hands too fast to be taken",
        hint="This run did nothing. Other runs of this job begin and end all the time: look which "
        "crontabs and machines start it. With --wait SECONDS a run tries for longer.",
    )


def taken_by(lock: LockObject | None) -> str:
    """Who has a lease that was lost, as the end of a sentence; empty when that is not known."""
    if lock is None or lock.owner is None:
        return ""
    holder = lock.holder(None)
    return f": process {holder.pid} on {holder.host} (run {holder.run_id})"


def is_dead_here(lock: LockObject) -> bool:
    """Whether the lease was taken by a process of this machine that is known to have ended.

    What cannot be known ends by itself, with the lease's time.
    """
    return has_ended(lock.process)
