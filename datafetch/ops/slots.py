"""Which slot of its schedule a job is to run: decided from the stored state, without any request.

Each slot is run once. A run claims it in the job's state, which it writes anyway when it begins.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from datafetch.clock import CLOCKS_APART_S
from datafetch.cron import Schedule, slot_name
from datafetch.models.run import RunResult, RunStatus
from datafetch.ops.state import JobState, KnownSchedule, SlotRun

LATE_S = 900.0
"""Seconds after its slot from which a run counts as late."""

_KEPT = 50
_MINUTE_S = 60
"""A cron starts what is due within the slot's own minute."""

_MOMENT = timedelta(microseconds=1)

_SIGNALS = 128
"""Exit codes above it tell of a signal."""


class Reason(StrEnum):
    """Why a scheduled run is to be started."""

    OPEN = "open"
    """No run has claimed the slot."""

    CLAIMED = "claimed"
    """A run has claimed it and did not end it: it is due once that run's lease is over."""

    NEW_SCHEDULE = "new schedule"
    """The expression has changed: that is written down, and nothing before that moment is run."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a scheduled run of a job has to do.

    Attributes:
        slot: the newest slot of the schedule.
        reason: why there is something to do.
        run_id: the run that has claimed the slot; empty when none has.
    """

    slot: datetime
    reason: Reason
    run_id: str = ""


def due(
    state: JobState | None,
    schedule: Schedule,
    now: float,
    *,
    fired_at: float | None = None,
    resumed_at: float | None = None,
) -> Due | None:
    """What a scheduled run has to do now; None when the newest slot needs no run.

    The newest slot is the only one that is ever run: after downtime those before it are skipped. A
    job that never ran is due at once; one that only ran by hand, at the first slot after its last
    run.

    Args:
        state: the job's, as stored; None for a job that never ran.
        schedule: the job's.
        now: epoch seconds.
        fired_at: when cron started this run, epoch seconds; None for now.
        resumed_at: when the job's last pause ended, epoch seconds; slots before it are not due.
    """
    fired_at = now if fired_at is None else fired_at
    slot = schedule.slot_at_or_before(datetime.fromtimestamp(fired_at, UTC))
    if slot is None:
        return None
    name = slot_name(slot)
    claim = None if state is None else state.slots.get(name)
    was_paused = resumed_at is not None and slot.timestamp() < resumed_at
    if claim is not None and claim.state == "running":
        return None if was_paused else Due(slot, Reason.CLAIMED, claim.run_id)
    if state is not None and _is_new(state, schedule):
        on_time = claim is None and fired_at - slot.timestamp() < _MINUTE_S
        return Due(slot, Reason.OPEN if on_time else Reason.NEW_SCHEDULE)
    if claim is not None or name <= _settled_until(state, now):
        return None
    return None if was_paused else Due(slot, Reason.OPEN)


def claimed(
    state: JobState, schedule: Schedule, slot: datetime, run_id: str, now: float
) -> JobState:
    """The state in which this run, which has the job's lease, has claimed the slot.

    Slots that were missed before it are `skipped`, and those that other runs claimed and never
    ended have `failed`. The newest 50 slots are kept.
    """
    known, last = _known(state, now), _last_credible(now)
    missed = (
        [] if known is None or _is_new(state, schedule) else _missed(state, schedule, slot, now)
    )
    slots = {
        **{
            name: SlotRun(run.run_id, "failed") if run.state == "running" else run
            for name, run in state.slots.items()
            if name <= last
        },
        **dict.fromkeys(missed, SlotRun(run_id, "skipped")),
        slot_name(slot): SlotRun(run_id, "running"),
    }
    kept = {name: slots[name] for name in sorted(slots)[-_KEPT:]}
    if known is None or known.expression != schedule.expression:
        known = KnownSchedule(schedule.expression, round(slot.timestamp() * 1000) - 1)
    return replace(state, slots=kept, schedule=known)


def ended(state: JobState, result: RunResult, *, stays_due: bool = False) -> JobState:
    """The state after the run's claimed slot has ended; unchanged when the run claimed none.

    A run that a signal ended gives its slot back: the next scheduled run goes on from there. With
    `stays_due` a run gives its slot back too, unless it failed.
    """
    own = [
        name
        for name, run in state.slots.items()
        if run.run_id == result.run_id and run.state == "running"
    ]
    slots = dict(state.slots)
    by_signal = result.status is RunStatus.CANCELLED and result.exit_code > _SIGNALS
    for name in own:
        if by_signal or (stays_due and result.success):
            del slots[name]
        else:
            slots[name] = SlotRun(result.run_id, "done" if result.success else "failed")
    return replace(state, slots=slots)


def with_schedule(state: JobState, schedule: Schedule, since: float) -> JobState:
    """The state in which this expression counts from `since` on (epoch seconds): no earlier slot is due.

    It stays as it is when another run has noted the expression already.
    """
    if not _is_new(state, schedule):
        return state
    return replace(state, schedule=KnownSchedule(schedule.expression, round(since * 1000)))


def _is_new(state: JobState, schedule: Schedule) -> bool:
    """Whether earlier slots of the job were those of another expression."""
    return state.schedule is not None and state.schedule.expression != schedule.expression


def _settled_until(state: JobState | None, now: float) -> str:
    """The name of the newest time up to which no slot is due any more."""
    if state is None:
        return ""
    last, known = _last_credible(now), _known(state, now)
    if state.schedule is None:
        began = _name_at(state.started_at / 1000)
        return began if began <= last else ""
    recorded = max((name for name in state.slots if name <= last), default="")
    return recorded if known is None else max(recorded, _name_at(known.since / 1000))


def _known(state: JobState, now: float) -> KnownSchedule | None:
    """What the state says of the schedule; None when a machine with a clock that is ahead noted it."""
    known = state.schedule
    return known if known and _name_at(known.since / 1000) <= _last_credible(now) else None


def _last_credible(now: float) -> str:
    """The name of the last slot that may have come; names are in the order of their times.

    A later one was recorded by a machine whose clock was ahead, or is no slot's name. It must not
    keep the job from running until then.
    """
    return _name_at(now + CLOCKS_APART_S)


def _name_at(seconds: float) -> str:
    """The name of the minute at this time, epoch seconds."""
    minute = int(seconds // _MINUTE_S)
    return _name_of_minute(minute)


@lru_cache(maxsize=8)
def _name_of_minute(minute: int) -> str:
    return slot_name(datetime.fromtimestamp(minute * _MINUTE_S, UTC))


def _missed(state: JobState, schedule: Schedule, slot: datetime, now: float) -> list[str]:
    """The newest slots before this one that no run has claimed, as many as are kept."""
    settled = _settled_until(state, now)
    missed: list[str] = []
    earlier = schedule.slot_at_or_before(slot - _MOMENT)
    while earlier is not None and slot_name(earlier) > settled and len(missed) < _KEPT:
        missed.append(slot_name(earlier))
        earlier = schedule.slot_at_or_before(earlier - _MOMENT)
    return missed
