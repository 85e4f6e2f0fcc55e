"""Reads what the store says of all jobs, at once, and writes nothing: what `status` tells, and the web.

An object that cannot be read is told of, and counts as empty.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from pydantic import TypeAdapter

from datafetch.clock import Clock, to_ms
from datafetch.cron import Schedule
from datafetch.models.run import JobName, RunStatus
from datafetch.models.stored_times import LATEST_MS
from datafetch.models.text import one_line
from datafetch.ops.breakers import OpenBreaker
from datafetch.ops.dead_letters import LETTERS, DeadLetter
from datafetch.ops.eyes import STATE, Eyes
from datafetch.ops.freshness import Freshness, Holder, JobFacts, is_running, judge
from datafetch.ops.past_runs import PastRun, read_runs
from datafetch.ops.pauses import Pause
from datafetch.ops.share_records import read_shares
from datafetch.ops.state import JobState
from datafetch.ops.waiting import Waiting, hosts_of, waiting_of
from datafetch.runtime.engine import beside
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

T = TypeVar("T")

_HISTORY: TypeAdapter[list[object]] = TypeAdapter(list[object])
_PAUSES: TypeAdapter[dict[str, Pause]] = TypeAdapter(dict[str, Pause])
_BREAKERS: TypeAdapter[dict[str, OpenBreaker]] = TypeAdapter(dict[str, OpenBreaker])
_INDEX: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it was found, and what follows from that.

    Attributes:
        waiting: its dead letters, counted.
        data_from: when the data that the site shows was fetched, epoch milliseconds; None if
            unknown.
        last: the last run that ended; None when none is known.
    """

    facts: JobFacts
    freshness: Freshness
    waiting: Waiting
    data_from: int | None
    last: PastRun | None

    @property
    def job(self) -> JobName:
        """The job."""
        return self.facts.job


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A host that is left alone; times in epoch milliseconds.

    Attributes:
        letters: how many dead letters are about this host.
    """

    host: str
    failures: int
    opened_at: int
    next_probe_at: int
    letters: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the store says of all jobs.

    Attributes:
        now: when it was read, epoch seconds.
        newest_backup_at: of the bookmarks, epoch milliseconds; None when there is none.
        open_publishes: names of the datasets whose publish was begun and not ended.
        notes: what could not be read.
    """

    now: float
    jobs: tuple[JobView, ...]
    breakers: tuple[BreakerView, ...] = ()
    newest_backup_at: int | None = None
    open_publishes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether a job is stale or failing."""
        return any(view.freshness.is_stale or view.freshness.is_failing for view in self.jobs)


@dataclass(frozen=True, slots=True)
class _JobRecords:
    state: JobState | None
    history: list[object]
    letters: Mapping[str, DeadLetter]
    holder: Holder | None


def look(
    store: ObjectStore,
    keys: Keys,
    clock: Clock,
    schedules: Mapping[JobName, Schedule | None],
    configured: Collection[JobName],
    cooldown_s: float,
) -> Overview:
    """Read the records of these jobs, all at once, in 4 requests a job and 7 more.

    A job whose run seems to have died is looked at once more: it may just have begun or ended.
    Each share of a job that is run in shares is one request more, two while it is being run.

    Args:
        store: has the records; nothing is written to it.
        keys: name them.
        clock: tells the time.
        schedules: of each job that is looked at, in the order in which they are shown.
        configured: the jobs that anybody wants here.
        cooldown_s: seconds from the opening of a breaker until a probe is let through.

    Raises:
        StoreError: the store did not answer.
    """
    eyes, now = Eyes(store), clock.now()
    asked = {job: beside(partial(_records, eyes, keys, job, now)) for job in schedules}
    pauses = beside(lambda: eyes.see(keys.pauses(), _PAUSES, {}))
    breakers = beside(lambda: eyes.see(keys.breakers(), _BREAKERS, {}))
    index = beside(lambda: eyes.see(keys.bookmarks_index(), _INDEX, {}))
    activity = beside(lambda: eyes.written_at(keys.github_activity()))
    backups = beside(lambda: eyes.listed(keys.bookmarks_backup_prefix()))
    journals = beside(lambda: eyes.listed(keys.publish_journals_prefix()))
    listed = beside(lambda: eyes.listed(keys.shards_prefix()))
    views = []
    for job, schedule in schedules.items():
        records = asked[job]()
        pause = pauses().get(job.value)
        state = records.state
        runs = _with_last(read_runs(records.history, job), state, job)
        facts = JobFacts(
            job=job,
            schedule=schedule,
            is_configured=job in configured,
            state=state,
            runs=runs,
            holder=records.holder,
            pause=None if pause is None or pause.is_over(now) else pause,
            resumed_at=_resumed_at(pause, now),
            shares=read_shares(eyes, keys, job, listed(), state, now),
        )
        freshness = judge(facts, now)
        data_from = {
            JobName.BOOKMARKS: lambda: _whole(index().get("lastFetchedAt")),
            JobName.GITHUB: activity,
        }.get(job, partial(_same, freshness.last_success_at))()
        views.append(
            JobView(
                facts,
                freshness,
                waiting_of(records.letters.values(), to_ms(now)),
                data_from,
                runs[0] if runs else None,
            )
        )
    letters = [letter for job in schedules for letter in asked[job]().letters.values()]
    return Overview(
        now=now,
        jobs=tuple(views),
        breakers=_breakers(breakers(), letters, cooldown_s),
        newest_backup_at=max((_backup_time(*found) for found in backups()), default=None),
        open_publishes=tuple(_open_publishes([key for key, _ in journals()], keys)),
        notes=tuple(sorted(eyes.notes)),
    )


def _records(eyes: Eyes, keys: Keys, job: JobName, now: float) -> _JobRecords:
    state = beside(lambda: eyes.see(keys.job_state(job), STATE, None))
    history = beside(lambda: eyes.see(keys.history(job), _HISTORY, []))
    letters = beside(lambda: eyes.see(keys.dead_letters(job), LETTERS, {}))
    found = _JobRecords(state(), history(), letters(), eyes.see_lock(keys.lock(job), now))
    if found.state is None or found.state.status != "running" or _is_alive(found):
        return found
    # The two are written one after the other: the run may just have begun or ended.
    again = replace(found, state=eyes.see(keys.job_state(job), STATE, None))
    if again.state is not None and again.state.status == "running":
        again = replace(again, holder=eyes.see_lock(keys.lock(job), now))
    if again.state is not None and again.state != found.state:
        again = replace(again, history=eyes.see(keys.history(job), _HISTORY, []))
    return again


def _is_alive(found: _JobRecords) -> bool:
    return is_running(
        JobFacts(
            JobName.BOOKMARKS, None, is_configured=True, state=found.state, holder=found.holder
        )
    )


def _with_last(runs: list[PastRun], state: JobState | None, job: JobName) -> list[PastRun]:
    """The runs with the last one, as the state knows it, when the history does not have it."""
    if state is None or state.completed_at is None or any(run.run_id == state.id for run in runs):
        return runs
    statuses = {"completed": RunStatus.SUCCEEDED, "cancelled": RunStatus.CANCELLED}
    last = PastRun(
        job=job,
        run_id=one_line(state.id, _LONGEST_NAME),
        status=statuses.get(state.status, RunStatus.FAILED),
        ended_at=state.completed_at,
        started_at=state.started_at,
        success=state.status == "completed",
        duration_s=max(0, state.completed_at - state.started_at) / 1000,
        processed=state.total_items_synced if state.status == "completed" else 0,
        error=one_line(state.error or "", _LONGEST_NAME),
        host=one_line(state.host, _LONGEST_NAME),
        pid=state.pid,
    )
    return sorted([last, *runs], key=lambda run: -run.ended_at)


def _resumed_at(pause: Pause | None, now: float) -> float | None:
    if pause is None or pause.until is None or not pause.is_over(now):
        return None
    return pause.until / 1000


def _breakers(
    found: Mapping[str, OpenBreaker], letters: list[DeadLetter], cooldown_s: float
) -> tuple[BreakerView, ...]:
    about = [hosts_of(letter) for letter in letters] if found else []
    return tuple(
        BreakerView(
            host=one_line(host, _LONGEST_NAME),
            failures=breaker.failures,
            opened_at=breaker.opened_at,
            next_probe_at=breaker.opened_at + round(cooldown_s * 1000),
            letters=sum(host in hosts for hosts in about),
        )
        for host, breaker in sorted(found.items())
    )


def _backup_time(key: str, written: datetime | None) -> int:
    """When a backup was made, epoch milliseconds: by its name, else by the store's clock."""
    name = key.rpartition("/")[2].removesuffix(".json")
    try:
        told = datetime.strptime(name, "%Y-%m-%dT%H-%M-%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return 0 if written is None else to_ms(written.timestamp())
    return to_ms(told.timestamp())


def _open_publishes(found: list[str], keys: Keys) -> list[str]:
    """The datasets of this environment whose journal is among the keys."""
    names = ("bookmarks", "github", "logos", "opengraph")
    return [name for name in names if keys.publish_journal(name) in found]


def _whole(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and 0 < value <= LATEST_MS else None


def _same(value: T) -> T:
    return value
