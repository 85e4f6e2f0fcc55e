"""An overview in words and as JSON: the sentence that comes first, and the document of `status --json`."""

from collections.abc import Iterator

from datafetch.errors import DatafetchError
from datafetch.models.json import JsonObject
from datafetch.models.run import JobName
from datafetch.ops import spoken
from datafetch.ops.freshness import Condition
from datafetch.ops.overview import JobView, Overview
from datafetch.ops.shares import all_of
from datafetch.redaction import redact

SILENCE = "cron's log has the rest: exits 78, 127 and 75 leave no history"


def headline(overview: Overview) -> str:
    """The answer to "is anything wrong, and since when", in one line."""
    wrong = [view for view in overview.jobs if _is_wrong(view)]
    if not wrong:
        return _all_is_well(overview)
    worst = min(wrong, key=lambda view: not view.freshness.is_failing)
    text = trouble(worst, overview.now)
    others = [view for view in wrong if view is not worst]
    if others:
        told = ", ".join(f"{view.job.value} is {view.freshness.condition}" for view in others)
        text += f"; also {told}"
    return text


def trouble(view: JobView, now: float) -> str:
    """What is wrong with a job, since when, and how old its data is."""
    fresh, job = view.freshness, view.job.value
    parts = []
    if fresh.is_failing:
        runs = f"{fresh.failures} run{'' if fresh.failures == 1 else 's'}"
        since = spoken.when(fresh.failing_since, now) if fresh.failing_since else "long ago"
        parts.append(f"{job}: failing since {since}, {runs}{_of_shares(view)}")
        if fresh.is_silent and fresh.last_seen_at is not None:
            parts.append(f"no run since {spoken.moment(fresh.last_seen_at, now)}")
    elif fresh.last_seen_at is None:
        return f"{job}: stale, no run of it is known; {SILENCE}"
    elif fresh.is_silent:
        parts.append(f"{job}: stale, no run since {spoken.when(fresh.last_seen_at, now)}")
    else:
        ran = spoken.when(fresh.last_seen_at, now)
        parts.append(f"{job}: stale, no success in time, though it ran {ran}")
        missing = [str(share.shard) for share in all_of(view.facts.shares) if share.state is None]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            parts.append(f"share {missing[0]}{others} never ran")
    if fresh.last_success_at is None:
        parts.append("never a good one")
    elif fresh.last_success_at != fresh.last_seen_at or not fresh.is_silent:
        parts.append(f"last good {spoken.moment(fresh.last_success_at, now)}")
    if view.data_from is not None:
        parts.append(f"the site shows data of {spoken.moment(view.data_from, now)}")
    if fresh.is_silent:
        parts.append(SILENCE)
    return "; ".join(parts)


def _of_shares(view: JobView) -> str:
    """Of which shares the failed runs were, as the end of a part of a sentence."""
    failing = view.freshness.failing_shares
    if not failing:
        return ""
    return f" of share {failing[0]}" if len(failing) == 1 else f" of {len(failing)} shares"


def _is_wrong(view: JobView) -> bool:
    return view.freshness.is_failing or view.freshness.is_stale


def _all_is_well(overview: Overview) -> str:
    due = [
        view
        for view in overview.jobs
        if view.facts.is_configured and view.facts.schedule and view.facts.pause is None
    ]
    paused = [view.job.value for view in overview.jobs if view.facts.pause is not None]
    running = [
        view.job.value
        for view in overview.jobs
        if view.freshness.is_running or view.freshness.running_shares
    ]
    if not due:
        parts = ["Nothing is wrong, and no job is scheduled"]
    elif len(due) == 1:
        parts = [f"{due[0].job.value} is fresh"]
    else:
        parts = [f"All {len(due)} jobs are fresh"]
    upcoming = [(view.freshness.next_at, view.job.value) for view in due if view.freshness.next_at]
    if upcoming:
        at, job = min(upcoming)
        name = "next run" if len(due) == 1 else f"next: {job}"
        parts.append(f"{name} at {spoken.when(at or 0, overview.now)}")
    if running:
        parts.append(f"running: {', '.join(running)}")
    if paused:
        parts.append(f"on pause: {', '.join(paused)}")
    return "; ".join(parts)


def advice(overview: Overview) -> list[str]:
    """What to type next, as lines of a shell; nothing when all is well."""
    return list(dict.fromkeys(_advice(overview)))


def _advice(overview: Overview) -> Iterator[str]:
    for view in overview.jobs:
        if view.freshness.is_failing:
            yield f"datafetch history {view.job.value}"
    if any(view.freshness.is_silent for view in overview.jobs):
        yield "datafetch run-due"
        yield "datafetch doctor"
    for view in overview.jobs:
        if view.facts.pause is not None and view.facts.is_configured:
            yield f"datafetch resume {view.job.value}"
    if any(view.waiting.total for view in overview.jobs):
        yield "datafetch dead-letters list"


def document(overview: Overview) -> JsonObject:
    """The overview as JSON; times are epoch milliseconds."""
    failing = any(view.freshness.is_failing for view in overview.jobs)
    return {
        "status": "failing" if failing else "stale" if overview.is_wrong else "ok",
        "sentence": redact(headline(overview)),
        "at": round(overview.now * 1000),
        "jobs": [_job(view) for view in overview.jobs],
        "breakers": [
            {
                "host": breaker.host,
                "failures": breaker.failures,
                "openedAt": breaker.opened_at,
                "nextProbeAt": breaker.next_probe_at,
                "deadLetters": breaker.letters,
            }
            for breaker in overview.breakers
        ],
        "newestBackupAt": overview.newest_backup_at,
        "openPublishes": list(overview.open_publishes),
        "notes": [redact(note) for note in overview.notes],
        "error": None,
    }


def failed_document(error: DatafetchError, now: float) -> JsonObject:
    """The document of an overview that could not be read: nobody knows how the jobs are."""
    return {
        "status": "unknown",
        "sentence": redact(str(error)),
        "at": round(now * 1000),
        "jobs": [],
        "breakers": [],
        "newestBackupAt": None,
        "openPublishes": [],
        "notes": [redact(error.hint)] if error.hint else [],
        "error": redact(str(error)),
    }


def _job(view: JobView) -> JsonObject:
    facts, fresh, holder = view.facts, view.freshness, view.facts.holder
    pause, state = facts.pause, facts.state
    return {
        "job": view.job.value,
        "status": _STATUS.get(fresh.condition, fresh.condition.value),
        "schedule": facts.schedule.expression if facts.schedule else None,
        "lastRun": view.last.to_json() if view.last else None,
        "runningSince": state.started_at if state and fresh.is_running else None,
        "diedRun": state.id if state and fresh.died else None,
        "lastSuccessAt": fresh.last_success_at,
        "dataFrom": view.data_from,
        "nextRunAt": fresh.next_at,
        "isStale": fresh.is_stale,
        "isFailing": fresh.is_failing,
        "failingSince": fresh.failing_since,
        "failures": fresh.failures,
        "itemsSynced": state.total_items_synced if state else None,
        "pause": pause and {"until": pause.until, "reason": redact(pause.reason)},
        "lock": holder
        and {
            "host": holder.host,
            "pid": holder.pid,
            "runId": holder.run_id,
            "since": holder.since,
            "freeAt": None if holder.is_dead or holder.is_over else holder.free_at,
            "isDead": holder.is_dead,
            "isOver": holder.is_over,
        },
        "shares": [share.to_json() for share in all_of(facts.shares)],
        "deadLetters": view.waiting.to_json(),
        "goneLinks": view.waiting.gone if view.job is JobName.OPENGRAPH else None,
    }


_STATUS = {Condition.NOT_CONFIGURED: "notConfigured"}
