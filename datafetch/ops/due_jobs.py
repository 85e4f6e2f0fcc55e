"""Which jobs are due now: read from the store by one request for each job, and one for the pauses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType

from datafetch.clock import Clock
from datafetch.models.run import SHARED_JOBS, JobName
from datafetch.models.shard import Shard
from datafetch.ops.pauses import Pause, Pauses
from datafetch.ops.slots import due
from datafetch.ops.state import JobState, state_record
from datafetch.runtime.engine import beside
from datafetch.runtime.schedule import Schedule
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job that has a schedule.

    Attributes:
        is_due: whether a scheduled run of it is to be started now; never during a pause.
        next_at: when it is due next, in epoch seconds; None when 50 years have no slot.
        pause: None when it is not on pause.
    """

    job: JobName
    is_due: bool
    next_at: float | None
    pause: Pause | None


def look_at(
    store: ObjectStore,
    keys: Keys,
    clock: Clock,
    schedules: Mapping[JobName, Schedule],
    held_back_s: Mapping[JobName, float] = MappingProxyType({}),
    share: Shard | None = None,
) -> list[Scheduled]:
    """Read the state of each job and the pauses, all at once, and say which jobs are due.

    A state that cannot be read counts as that of a job that never ran: its run mends it.

    Args:
        store: has the states and the pauses.
        keys: name them.
        clock: tells the time.
        schedules: of each job that is looked at.
        held_back_s: for each job the seconds after a slot during which it is not due yet; 0 for a
            job that is not named.
        share: the share that this machine runs, of each job that has shares; None for whole jobs.

    Raises:
        StoreError: the store did not answer.
    """
    if not schedules:
        return []
    states = {job: beside(partial(_state_of, store, keys, job, clock, share)) for job in schedules}
    pauses, now = Pauses.load(store, keys, clock), clock.now()
    found = []
    for job, schedule in schedules.items():
        state, pause = states[job](), pauses.of(job, now)
        wanted = (
            due(state, schedule, now, resumed_at=pauses.resumed_at(job, now))
            if pause is None
            else None
        )
        starts_at = wanted.slot.timestamp() + held_back_s.get(job, 0.0) if wanted else now
        is_held_back = starts_at > now
        next_at = starts_at if is_held_back else _next_at(schedule, now)
        found.append(Scheduled(job, wanted is not None and not is_held_back, next_at, pause))
    return found


def _state_of(
    store: ObjectStore, keys: Keys, job: JobName, clock: Clock, share: Shard | None
) -> JobState | None:
    return state_record(store, keys, job, clock, share if job in SHARED_JOBS else None).load()


def _next_at(schedule: Schedule, now: float) -> float | None:
    slots = schedule.next_slots(datetime.fromtimestamp(now, UTC), 1)
    return slots[0].timestamp() if slots else None
