"""Begins a scheduled run: waits for its jitter, and takes the lease unless another run has its slot."""

from collections.abc import Callable

from datafetch.clock import Clock
from datafetch.errors import LeaseHeld
from datafetch.logs import EventLogger
from datafetch.ops.lease import HeldLease
from datafetch.ops.lease_keeper import LeaseKeeper
from datafetch.ops.scheduled import ScheduledStart
from datafetch.ops.slots import Reason

_TWIN_WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""Seconds between looks whether a run that has just taken the lease claims its slot."""

_TWIN_S = 30.0
"""Seconds for which a run counts as having just taken the lease."""


def find_due(start: ScheduledStart, clock: Clock, log: EventLogger) -> Reason:
    """Wait as long as jitter says, then return the reason for which this run has something to do.

    Raises:
        NotDueError: it has nothing to do.
        Cancelled: the run was asked to stop while it waited.
        StoreError: the store did not answer.
    """
    if wait_s := start.wait_s():
        log.info("jitter", extra={"wait_s": round(wait_s, 1)})
        clock.sleep(wait_s)
    reason = start.look()
    if reason is not Reason.CLAIMED:
        start.check_pause()
    return reason


def take_for_slot(
    keeper: LeaseKeeper,
    name: str,
    start: ScheduledStart,
    clock: Clock,
    when_free: Callable[[], None],
    *,
    wait_s: float,
) -> HeldLease:
    """Take the lease `name`, after at most `wait_s` seconds.

    When the holder of the lease is a twin, do not wait. A twin is a run of the same slot, or one
    that is about to claim it.

    Raises:
        NotDueError: a twin has the lease.
        LeaseHeld: another run has it.
    """
    try:
        return keeper.take(name, when_free)
    except LeaseHeld as held:
        _look_for_twin(start, clock, held)
        if not wait_s:
            raise
    try:
        return keeper.take(name, when_free, wait_s=wait_s)
    except LeaseHeld as held:
        start.check_twin(held.holder)
        raise


def _look_for_twin(start: ScheduledStart, clock: Clock, held: LeaseHeld) -> None:
    """See whether the holder of the lease is a twin (`take_for_slot`).

    A holder that took the lease a moment ago is given some seconds to claim a slot.

    Raises:
        NotDueError: it is a twin.
    """
    start.check_twin(held.holder)
    holder = held.holder
    if holder is None or clock.now() - holder.since > _TWIN_S:
        return
    for wait_s in _TWIN_WAITS_S:
        clock.sleep(wait_s)
        start.check_twin(holder)
