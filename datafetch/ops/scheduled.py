"""The part of a run that `--scheduled` adds: finds out, before the lease is taken, whether it is due.

A run that is not due writes nothing. It costs one request for the state, and one more when the slot
may be running (the lock) or would be run (the pauses).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from datafetch.clock import Clock, utc_text
from datafetch.cron import Schedule, slot_name
from datafetch.errors import LeaseHolder
from datafetch.models.run import JobName
from datafetch.models.shard import Shard, with_share
from datafetch.models.text import one_line
from datafetch.ops.pauses import Pause, Pauses
from datafetch.ops.slots import LATE_S, Due, Reason, claimed, due, with_schedule
from datafetch.ops.state import JobState, state_record
from datafetch.runtime.schedule import held_back_s, wait_s
from datafetch.store.base import ObjectStore
from datafetch.store.fenced import Fence
from datafetch.store.keys import Keys
from datafetch.store.last_look import looked_at_again

_LONGEST_NAME = 100
_LONGEST_REASON = 200


class NotDueError(Exception):
    """A scheduled run has nothing to do; the text is a sentence for its result."""


@dataclass(frozen=True, slots=True)
class Late:
    """A run that begins long after its slot: the slot's name, the delay, and a sentence."""

    slot: str
    late_s: float
    note: str


class ScheduledStart:
    """One scheduled run of a job until it has claimed its slot."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        job: JobName,
        clock: Clock,
        schedule: Schedule,
        *,
        fired_at: float,
        jitter_s: float,
        ahead_s: Callable[[], float],
        shard: Shard | None = None,
    ) -> None:
        """The store is not asked yet.

        Args:
            store: has the job's state and the pauses.
            keys: name them.
            job: the job.
            clock: this machine's.
            schedule: the job's.
            fired_at: when cron started the run, epoch seconds.
            jitter_s: how long runs of the job wait on this host before they begin.
            ahead_s: by how many seconds this machine's clock is ahead of the store's, as far as
                answers have told; slots go by the store's clock.
            shard: the share that is run, None for the whole job; each share has slots of its own.
        """
        self._store = store
        self._keys = keys
        self._job = job
        self._name = with_share(job.value, shard)
        self._clock = clock
        self._schedule = schedule
        self._fired_at = fired_at
        self._jitter_s = jitter_s
        self._ahead_s = ahead_s
        self._resumed_at: float | None = None
        self._due: Due | None = None
        self.state = state_record(store, keys, job, clock, shard)
        self.broken = ""

    def wait_s(self) -> float:
        """Seconds to wait before anything is asked: all of the jitter, or the rest of it."""
        slot = self._schedule.slot_at_or_before(datetime.fromtimestamp(self._fired, UTC))
        return wait_s(self._jitter_s, 0.0 if slot is None else self._fired - slot.timestamp())

    def look(self) -> Reason:
        """Read the job's state, and say why there is something to do.

        Raises:
            NotDueError: there is nothing to do.
            StoreError: the store did not answer.
        """
        self.state.load()
        return self.decide()

    def decide(self) -> Reason:
        """Decide as `look` does, from the state that was read last.

        Raises:
            NotDueError: there is nothing to do.
        """
        found = due(
            self.state.value,
            self._schedule,
            self._now(),
            fired_at=self._fired,
            resumed_at=self._resumed_at,
        )
        if found is None:
            raise NotDueError(self._why_not())
        self._due = found
        return found.reason

    def check_pause(self) -> None:
        """Read the pauses.

        Raises:
            NotDueError: the job is on pause, or was when the slot came.
            StoreError: the store did not answer.
        """
        pauses = Pauses.load(self._store, self._keys, self._clock)
        self.broken = pauses.broken
        now = self._now()
        if (pause := pauses.of(self._job, now)) is not None:
            raise NotDueError(self._on_pause(pause, now))
        self._resumed_at = pauses.resumed_at(self._job, now)
        assert self._due is not None, "nobody has looked"
        slot, resumed_at = self._due.slot, self._resumed_at
        is_run = self._due.reason is not Reason.NEW_SCHEDULE
        if is_run and resumed_at is not None and slot.timestamp() < resumed_at:
            raise NotDueError(
                f"the slot {slot_name(slot)} of {self._name} came before its pause ended, and "
                "is not caught up"
            )

    def check_twin(self, holder: LeaseHolder | None) -> None:
        """Look whether the run that has the lease runs this very slot; it reads the state again.

        Raises:
            NotDueError: it does, or the slot was run meanwhile.
            StoreError: the store did not answer.
        """
        if self._is_run_by(holder):
            raise NotDueError(self._running())
        if self.look() is Reason.CLAIMED and self._is_run_by(holder):
            raise NotDueError(self._running())

    def claim(self, state: JobState, run_id: str) -> JobState:
        """The state of a run that has begun, with its slot claimed."""
        return claimed(state, self._schedule, self._slot, run_id, self._now())

    def note_schedule(self, lease: Fence) -> str:
        """Store that the job has another schedule now; to be called under its lease.

        It counts from the moment in which the run was started: slots that come while it waits for
        the lease, or as jitter says, are due to the next one.

        Returns:
            A sentence for the result.

        Raises:
            LeaseLost: the lease is over; nothing was written.
            PreconditionFailed: another run has written since, again and again.
            StoreError: the store did not answer.
        """

        def noted(state: JobState | None) -> JobState | None:
            lease.check()  # before each try: the state may have been read anew
            return state and with_schedule(state, self._schedule, self._fired)

        with looked_at_again(lease.check):
            self.state.change(noted)
        since = self._fired
        (following, *_) = self._schedule.next_slots(datetime.fromtimestamp(since, UTC), 1)
        return (
            f"the schedule of {self._job.value} is {self._schedule.expression} now: nothing before "
            f"{utc_text(since, self._now())}, when this run began, is due, and the next slot is at "
            f"{utc_text(following.timestamp(), self._now())}"
        )

    def late(self) -> Late | None:
        """How late the run was started; None when it was within a quarter of an hour.

        That counts from when `run-due` would start it.
        """
        late_s = self._fired - self._slot.timestamp()
        if late_s <= LATE_S + held_back_s(self._jitter_s):
            return None
        at = utc_text(self._slot.timestamp(), self._now())
        note = (
            f"began {_span(late_s)} after its slot ({at}). After downtime and when a job is new "
            "that is right; if it comes again and again, its cron does not know the line CRON_TZ "
            "and goes by the machine's time zone: datafetch guide cron"
        )
        return Late(slot_name(self._slot), late_s, note)

    # ----------------------------------------------------------------- inside

    @property
    def _slot(self) -> datetime:
        assert self._due is not None, "nobody has looked"
        return self._due.slot

    def _now(self) -> float:
        return self._clock.now() - self._ahead_s()

    @property
    def _fired(self) -> float:
        return self._fired_at - self._ahead_s()

    def _is_run_by(self, holder: LeaseHolder | None) -> bool:
        """Whether the slot was claimed by the run that has the lease."""
        if self._due is None or self._due.reason is not Reason.CLAIMED:
            return False
        if holder is not None:
            return holder.run_id == one_line(self._due.run_id, _LONGEST_NAME)
        # A lock that does not say who has it: the run that began last, if it is not over.
        state = self.state.value
        return state is not None and (state.id, state.status) == (self._due.run_id, "running")

    def _running(self) -> str:
        found = self._due
        assert found is not None, "nobody has looked"
        run = one_line(found.run_id, _LONGEST_NAME)
        return f"the slot {slot_name(found.slot)} of {self._name} is being run by {run}"

    def _why_not(self) -> str:
        """Why the newest slot needs no run."""
        moment = datetime.fromtimestamp(self._fired, UTC)
        slot = self._schedule.slot_at_or_before(moment)
        if slot is None:
            return f"{self._name} has had no slot yet"
        state = self.state.value
        run = None if state is None else state.slots.get(slot_name(slot))
        if run is None:
            return (
                f"no slot of {self._name} is due: the newest, {slot_name(slot)}, came before "
                "what is recorded of its schedule"
            )
        what = {
            "done": "was run by",
            "failed": "failed in",
            "skipped": "was skipped by",
            "running": "was begun by",
        }
        by = one_line(run.run_id, _LONGEST_NAME)
        return f"the slot {slot_name(slot)} of {self._name} {what[run.state]} {by}"

    def _on_pause(self, pause: Pause, now: float) -> str:
        end = (
            f"until {utc_text(pause.until / 1000, now)}"
            if pause.until is not None
            else f"until `datafetch resume {self._job.value}`"
        )
        why = one_line(pause.reason, _LONGEST_REASON)
        return f"{self._job.value} is on pause {end}" + (f": {why}" if why else "")


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:  # noqa: PLR2004 - two hours
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"  # noqa: PLR2004 - two days
