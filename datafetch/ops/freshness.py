"""Decides whether each job is fresh, stale or failing, and since when.

Pure: what was read from the store comes in.

Stale is a job that had no success since the slot before the last, plus 15 minutes. Failing is one
whose last finished run failed, or whose last run ended without saying how. A job that is run in
shares had a success when all of its shares had one, and is failing when one of them is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from datafetch.cron import Schedule
from datafetch.models.run import JobName
from datafetch.models.shard import Shard
from datafetch.ops.past_runs import PastRun
from datafetch.ops.pauses import Pause
from datafetch.ops.shares import Shares, all_of, succeeded_at
from datafetch.ops.state import JobState

GRACE_S = 900.0
"""Seconds after a slot in which its run may end before the slot counts."""

_MOMENT = timedelta(microseconds=1)


class Condition(StrEnum):
    """What a job is like now, the gravest that holds first."""

    FAILING = "failing"
    STALE = "stale"
    RUNNING = "running"
    PAUSED = "paused"
    FRESH = "fresh"
    UNSCHEDULED = "unscheduled"
    NOT_CONFIGURED = "not configured"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lock of a job.

    Attributes:
        since: epoch milliseconds.
        free_at: when the lock ends unless it is renewed, epoch milliseconds.
        is_dead: whether the process is known to have ended.
        is_over: whether the lock's time has passed.
    """

    host: str
    pid: int
    run_id: str
    since: int
    free_at: int
    is_dead: bool = False
    is_over: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether a run may still be going on under this lock."""
        return not (self.is_dead or self.is_over)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What is known of a job.

    Attributes:
        schedule: None when it is off.
        is_configured: whether anybody wants the job here.
        state: None for a job that never ran, or whose state cannot be read.
        runs: its history, the newest first.
        holder: None while the lock is free.
        pause: None when it is not on pause.
        resumed_at: when the last pause ended, epoch seconds.
        shares: the shares of the job, one `Shares` for each N into which it was cut; empty when it
            is run as a whole.
    """

    job: JobName
    schedule: Schedule | None
    is_configured: bool
    state: JobState | None = None
    runs: Sequence[PastRun] = ()
    holder: Holder | None = None
    pause: Pause | None = None
    resumed_at: float | None = None
    shares: Sequence[Shares] = ()

    @property
    def whole_runs(self) -> list[PastRun]:
        """The runs of the whole job, the newest first."""
        return [run for run in self.runs if run.shard is None]

    @property
    def whole_success_at(self) -> int | None:
        """When a run of the whole job succeeded last, epoch milliseconds; None for never."""
        times = [run.ended_at for run in self.whole_runs if run.is_success]
        if self.state is not None and self.state.last_successful_sync_at is not None:
            times.append(self.state.last_successful_sync_at)
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Freshness:
    """What follows from the facts; times are epoch milliseconds.

    Attributes:
        died: whether the last run ended without saying how.
        is_running: whether a run of the whole job is under way.
        failing_since: when the first of the failures in a row began; None when it is not failing.
        failures: how many runs failed in a row.
        last_success_at: when the data was brought up to date last; None for never, as far as known.
        last_seen_at: when a run began or ended last; None for never.
        next_at: the next slot that will be run; None when there is none.
        is_silent: whether it is stale because nothing ran.
        failing_shares: the shares whose last run failed.
        running_shares: how many shares are running.
    """

    condition: Condition
    is_stale: bool = False
    is_failing: bool = False
    died: bool = False
    is_running: bool = False
    failing_since: int | None = None
    failures: int = 0
    last_success_at: int | None = None
    last_seen_at: int | None = None
    next_at: int | None = None
    is_silent: bool = False
    failing_shares: tuple[Shard, ...] = ()
    running_shares: int = 0


def judge(facts: JobFacts, now: float) -> Freshness:
    """What the job is like; `now` is in epoch seconds."""
    running = is_running(facts)
    died = facts.state is not None and facts.state.status == "running" and not running
    shares = all_of(facts.shares)
    running_shares = sum(share.is_running for share in shares)
    failures, since = _failures_of_whole(facts, died=died)
    if failures and _done_by_shares_since(facts):
        failures, since = 0, None
    whole = facts.whole_success_at
    failing_shares = [share for share in shares if share.fails_since(whole)]
    if failing_shares:
        failures += sum(share.failures for share in failing_shares)
        began = [share.state.started_at for share in failing_shares if share.state is not None]
        since = min([*began, *([] if since is None else [since])])
    success = max(filter(None, (whole, succeeded_at(facts.shares))), default=None)
    seen = _last_seen(facts)
    wanted = facts.is_configured
    failing = wanted and failures > 0
    expected = _expected_since(facts, now)
    stale = wanted and expected is not None and (success is None or success < expected * 1000)
    return Freshness(
        condition=_condition(
            facts, failing=failing, stale=stale, running=running or running_shares > 0
        ),
        is_stale=stale,
        is_failing=failing,
        died=died,
        is_running=running,
        failing_since=since if failing else None,
        failures=failures if failing else 0,
        last_success_at=success,
        last_seen_at=seen,
        next_at=_next_at(facts, now) if wanted else None,
        is_silent=stale and expected is not None and (seen is None or seen < expected * 1000),
        failing_shares=tuple(share.shard for share in failing_shares) if failing else (),
        running_shares=running_shares,
    )


def is_running(facts: JobFacts) -> bool:
    """Whether the run that the state tells of goes on, as far as the lock shows."""
    state, holder = facts.state, facts.holder
    if state is None or state.status != "running" or holder is None or not holder.is_alive:
        return False
    return holder.run_id == state.id


def _condition(facts: JobFacts, *, failing: bool, stale: bool, running: bool) -> Condition:
    if not facts.is_configured:
        return Condition.NOT_CONFIGURED
    if failing:
        return Condition.FAILING
    if stale:
        return Condition.STALE
    if running:
        return Condition.RUNNING
    if facts.pause is not None:
        return Condition.PAUSED
    return Condition.UNSCHEDULED if facts.schedule is None else Condition.FRESH


def _failures(runs: Sequence[PastRun]) -> list[PastRun]:
    """The newest failures in a row, the newest first; runs that a signal ended are passed over."""
    row: list[PastRun] = []
    for run in runs:
        if run.is_success:
            break
        if run.is_failure:
            row.append(run)
    return row


def _failures_of_whole(facts: JobFacts, *, died: bool) -> tuple[int, int | None]:
    """How many runs of the whole job failed in a row, and when the first of them began."""
    runs, state = facts.whole_runs, facts.state
    row = _failures(runs)
    since = row[-1].began_at if row else None
    failures = len(row)
    if state is not None and (row or not runs):
        failures = max(failures, state.retry_count)  # the history may have been lost
    if failures and since is None and state is not None:
        since = state.started_at
    if died and state is not None:
        failures += 1
        since = state.started_at if since is None else since
    return failures, since


def _done_by_shares_since(facts: JobFacts) -> bool:
    """Whether all shares of the job succeeded after the last run of the whole job began."""
    done = succeeded_at(facts.shares)
    began = [run.began_at for run in facts.whole_runs[:1]]
    began += [] if facts.state is None else [facts.state.started_at]
    return done is not None and all(done > time for time in began)


def _last_seen(facts: JobFacts) -> int | None:
    times = [run.ended_at for run in facts.runs[:1]]
    if facts.state is not None:
        times += [facts.state.started_at, facts.state.completed_at or 0]
    times += [share.last_seen_at for share in all_of(facts.shares) if share.last_seen_at]
    return max(times, default=None)


def _expected_since(facts: JobFacts, now: float) -> float | None:
    """The time since which there should have been a success, epoch seconds.

    That is the slot before the last, the last being 15 minutes old at least. None when nothing is
    expected: without a schedule, on pause, and until two slots have come after the end of a pause
    or the beginning of this schedule.
    """
    schedule = facts.schedule
    if schedule is None or facts.pause is not None:
        return None
    last = schedule.slot_at_or_before(datetime.fromtimestamp(now - GRACE_S, UTC))
    before = None if last is None else schedule.slot_at_or_before(last - _MOMENT)
    if before is None:
        return None
    begin = facts.resumed_at or 0.0
    states = (facts.state, *(share.state for share in all_of(facts.shares)))
    since = [
        state.schedule.since / 1000
        for state in states
        if state is not None
        and state.schedule is not None
        and state.schedule.expression == schedule.expression
    ]
    begin = max(begin, min(since, default=0.0))
    return before.timestamp() if before.timestamp() >= begin else None


def _next_at(facts: JobFacts, now: float) -> int | None:
    pause, start = facts.pause, now
    if facts.schedule is None:
        return None
    if pause is not None:
        if pause.until is None:
            return None
        start = max(now, pause.until / 1000)
    slots = facts.schedule.next_slots(datetime.fromtimestamp(start, UTC), 1)
    return round(slots[0].timestamp() * 1000) if slots else None
