"""Overviews of made-up stores, for tests of what is judged, said and drawn of them."""

from collections.abc import Sequence
from dataclasses import replace

from datafetch.cron import Schedule
from datafetch.models.run import JobName, RunStatus
from datafetch.models.shard import Shard
from datafetch.ops.freshness import Holder, JobFacts, judge
from datafetch.ops.overview import BreakerView, JobView, Overview
from datafetch.ops.past_runs import PastRun
from datafetch.ops.pauses import Pause
from datafetch.ops.shares import Share, Shares
from datafetch.ops.state import JobState
from datafetch.ops.waiting import Waiting
from tests.support import START

NOW = START + 12 * 3600 + 5 * 60
"""2026-11-24, five past noon in Los Angeles."""

NOTHING_WAITS = Waiting()
SCHEDULES = {
    JobName.BOOKMARKS: Schedule.parse("0 */2 * * *"),
    JobName.GITHUB: Schedule.parse("0 0 * * *"),
    JobName.LOGOS: Schedule.parse("0 1 * * 0"),
    JobName.OPENGRAPH: None,
}


def at(hours_ago: float) -> int:
    """So many hours before now, epoch milliseconds."""
    return round((NOW - hours_ago * 3600) * 1000)


def run(
    job: JobName = JobName.BOOKMARKS,
    hours_ago: float = 2,
    status: RunStatus = RunStatus.SUCCEEDED,
    **more: object,
) -> PastRun:
    """A run that began so long ago, and took 12 seconds."""
    made = PastRun(
        job=job,
        run_id=f"20261124T080000Z-{round(hours_ago * 100):08x}",
        status=status,
        ended_at=at(hours_ago) + 12_000,
        started_at=at(hours_ago),
        success=status is not RunStatus.FAILED,
        exit_code=1 if status is RunStatus.FAILED else 0,
        duration_s=12.0,
        processed=884,
        changed=3 if status is RunStatus.SUCCEEDED else 0,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def state_of(last: PastRun, **more: object) -> JobState:
    """The state that this run left."""
    status = {RunStatus.FAILED: "failed", RunStatus.CANCELLED: "cancelled"}
    made = JobState(
        id=last.run_id,
        type=last.job.value,
        status=status.get(last.status, "completed"),  # type: ignore[arg-type]
        started_at=last.began_at,
        completed_at=last.ended_at,
        host="web1",
        pid=4711,
        last_successful_sync_at=last.ended_at if last.is_success else None,
        total_items_synced=884,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def running_state(hours_ago: float, job: JobName = JobName.BOOKMARKS) -> JobState:
    """The state of a run that began so long ago and has not ended."""
    return JobState(
        "20261124T080000Z-0000beef", job.value, "running", at(hours_ago), host="web1", pid=4711
    )


def holder(hours_ago: float, **more: object) -> Holder:
    """The lock of that run; it ends in five minutes."""
    made = Holder("web1", 4711, "20261124T080000Z-0000beef", at(hours_ago), at(0) + 300_000)
    return replace(made, **more)  # type: ignore[arg-type]


def view(
    job: JobName,
    runs: Sequence[PastRun] = (),
    *,
    state: JobState | None = None,
    configured: bool = True,
    waiting: Waiting = NOTHING_WAITS,
    data_from: int | None = None,
    pause: Pause | None = None,
    lock: Holder | None = None,
    shares: Sequence[Shares] = (),
) -> JobView:
    """A job as it would be found."""
    facts = JobFacts(
        job=job,
        schedule=SCHEDULES[job],
        is_configured=configured,
        state=state or (state_of(runs[0]) if runs else None),
        runs=runs,
        holder=lock,
        pause=pause,
        shares=shares,
    )
    return JobView(facts, judge(facts, NOW), waiting, data_from, runs[0] if runs else None)


def good(job: JobName, hours_ago: float, **more: object) -> JobView:
    """A job whose run so long ago went well."""
    return view(job, [run(job, hours_ago)], **more)  # type: ignore[arg-type]


def _good_ones(*but: JobName) -> list[JobView]:
    ages = {JobName.BOOKMARKS: 0.05, JobName.GITHUB: 12.0, JobName.LOGOS: 50.0}
    return [
        good(job, age, data_from=at(age) if job is not JobName.LOGOS else None)
        for job, age in ages.items()
        if job not in but
    ] + ([] if JobName.OPENGRAPH in but else [view(JobName.OPENGRAPH)])


def all_fine() -> Overview:
    """Everything is as it should be."""
    return Overview(NOW, tuple(_good_ones()), newest_backup_at=at(26))


def failing() -> Overview:
    """The bookmark job fails since 06:00, and links are gone."""
    error = "https://karakeep.example/api/v1/lists/abc: 401 Unauthorized"
    failed = [
        run(hours_ago=hours, status=RunStatus.FAILED, error=error, processed=0, duration_s=0.8)
        for hours in (0.05, 2, 4, 6)
    ]
    bookmarks = view(JobName.BOOKMARKS, [*failed, run(hours_ago=8.08)], data_from=at(8.08))
    waiting = Waiting(
        total=27,
        due=5,
        waiting=20,
        permanent=2,
        gone=2,
        next_attempt_at=at(-3),
        newest_item="https://blog.example/article",
        newest_error="https://blog.example/article: no answer in time",
        newest_at=at(1),
    )
    links = view(
        JobName.OPENGRAPH,
        [
            run(
                JobName.OPENGRAPH,
                30,
                RunStatus.PARTIAL,
                failed=27,
                error="27 of 884 items failed: within the budget DATAFETCH_MAX_FAILURE_RATIO=0.5",
            )
        ],
        waiting=waiting,
    )
    return Overview(
        NOW,
        (bookmarks, *_good_ones(JobName.BOOKMARKS, JobName.OPENGRAPH), links),
        newest_backup_at=at(8),
    )


def silent() -> Overview:
    """No job runs any more since yesterday."""
    return Overview(
        NOW,
        (
            good(JobName.BOOKMARKS, 26.05, data_from=at(26.05)),
            good(JobName.GITHUB, 60.05, data_from=at(60.05)),
            *_good_ones(JobName.BOOKMARKS, JobName.GITHUB),
        ),
    )


def paused() -> Overview:
    """The bookmark job is on pause until tomorrow, the logo job until it is resumed."""
    return Overview(
        NOW,
        (
            good(JobName.BOOKMARKS, 26, pause=Pause(at(25), at(-20), "the server moves")),
            *_good_ones(JobName.BOOKMARKS, JobName.LOGOS, JobName.OPENGRAPH),
            good(JobName.LOGOS, 400, pause=Pause(at(300))),
        ),
    )


def dead_holder() -> Overview:
    """The last run of the bookmark job was killed."""
    bookmarks = view(
        JobName.BOOKMARKS,
        [run(hours_ago=2.05)],
        state=replace(running_state(0.05), last_successful_sync_at=at(2)),
        lock=holder(0.05, is_dead=True),
        data_from=at(2),
    )
    return Overview(NOW, (bookmarks, *_good_ones(JobName.BOOKMARKS)), open_publishes=("bookmarks",))


def running() -> Overview:
    """A run of the bookmark job is under way."""
    bookmarks = view(
        JobName.BOOKMARKS,
        [run(hours_ago=2.05)],
        state=replace(running_state(0.05), last_successful_sync_at=at(2)),
        lock=holder(0.05),
        data_from=at(2),
    )
    return Overview(NOW, (bookmarks, *_good_ones(JobName.BOOKMARKS)), open_publishes=("bookmarks",))


def open_breakers() -> Overview:
    """Two hosts are left alone, with one dead letter and with several."""
    return replace(
        all_fine(),
        breakers=(
            BreakerView("icons.example", 3, at(1), at(1) + 60_000, 1),
            BreakerView("slow.example", 5, at(0) - 20_000, at(0) + 40_000, 12),
        ),
    )


def empty() -> Overview:
    """Nothing has ever run."""
    return Overview(NOW, tuple(view(job) for job in SCHEDULES))


def not_configured() -> Overview:
    """Nobody wants the bookmark and the GitHub job here."""
    return Overview(
        NOW,
        (
            view(JobName.BOOKMARKS, configured=False),
            view(JobName.GITHUB, configured=False),
            *_good_ones(JobName.BOOKMARKS, JobName.GITHUB),
        ),
    )


def corrupt() -> Overview:
    """Two records cannot be read."""
    end = "; the next run keeps it aside and begins anew"
    keys = ("json/datafetch/dead-letters/logos.json", "json/datafetch/history/bookmarks.json")
    return replace(
        all_fine(), notes=tuple(f"{key} cannot be read (Expecting value){end}" for key in keys)
    )


def in_shares() -> Overview:
    """The logo job is run in shares: one failed, one is being run, and one never was."""
    error = "https://icons.example: no answer in time"
    runs = [
        run(JobName.LOGOS, 1, RunStatus.FAILED, shard=Shard(2, 4), error=error, processed=221),
        run(JobName.LOGOS, 2, shard=Shard(1, 4)),
    ]
    failed, good = (state_of(one) for one in runs)
    found = (
        Share(Shard(1, 4), good),
        Share(Shard(2, 4), replace(failed, error=error, retry_count=1)),
        Share(Shard(3, 4), running_state(0.05, JobName.LOGOS), has_lock=True),
        Share(Shard(4, 4), None),
    )
    whole = state_of(run(JobName.LOGOS, 200))
    logos = view(JobName.LOGOS, runs, state=whole, shares=[Shares(4, found)])
    return Overview(NOW, (*_good_ones(JobName.LOGOS), logos))


SCENES = {
    scene.__name__.replace("_", "-"): scene
    for scene in (
        *(all_fine, failing, silent, paused, dead_holder, running),
        *(open_breakers, empty, not_configured, corrupt, in_shares),
    )
}
"""By the name of the files that show them, in tests/data/status."""
