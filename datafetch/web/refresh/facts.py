"""What the refresh endpoints tell of stored data; pure, and free of hosts, errors and addresses."""

from collections.abc import Mapping, Sequence

from datafetch.bookmarks.state import StoredIndex
from datafetch.clock import CLOCKS_APART_S, to_iso
from datafetch.models.json import JsonObject
from datafetch.models.stored_times import LATEST_MS
from datafetch.ops.overview import JobView
from datafetch.ops.past_runs import PastRun

FRESH_S = 3600.0
"""Seconds for which bookmarks count as up to date: visitors start no run before."""

_MOST_RUNS = 10


def is_fresh(fetched_at: int | None, now: float) -> bool:
    """Whether data of this time, epoch milliseconds, is up to date at `now`, epoch seconds.

    A time that is to come was written by a machine with a wrong clock, and proves nothing.
    """
    if fetched_at is None:
        return False
    age_s = now - fetched_at / 1000
    return -CLOCKS_APART_S <= age_s < FRESH_S


def bookmark_facts(index: StoredIndex) -> JsonObject:
    """When the bookmarks were fetched and tried last, how many they are, and whether they changed."""
    fields: Mapping[str, object] = index.fields or {}
    changed = fields.get("changeDetected")
    return {
        "bookmarksCount": max(0, index.count or 0),
        **times("lastFetchedAt", index.last_fetched_at),
        **times("lastAttemptedAt", index.last_attempted_at),
        "changeDetected": changed if isinstance(changed, bool) else None,
    }


def job_facts(view: JobView, runs: Sequence[PastRun]) -> JsonObject:
    """How fresh a job's data is, and how its newest runs went; `runs` has the newest first."""
    fresh = view.freshness
    return {
        "needsRefresh": fresh.is_stale or fresh.is_failing or fresh.last_success_at is None,
        **times("lastFetchedAt", fresh.last_success_at),
        **times("lastAttemptedAt", fresh.last_seen_at),
        **times("nextRunAt", fresh.next_at),
        "changeDetected": runs[0].change_detected if runs else None,
        "lastRun": _run(runs[0]) if runs else None,
        "runs": [_run(run) for run in runs[:_MOST_RUNS]],
    }


def unknown_job_facts() -> JsonObject:
    """What a refresh tells in place of `job_facts` when nobody knows how the job is."""
    return {
        **times("lastFetchedAt", None),
        **times("lastAttemptedAt", None),
        "changeDetected": None,
    }


def _run(run: PastRun) -> JsonObject:
    """A run without its error, notes and items, which may name hosts and private repositories."""
    return {
        "runId": run.run_id,
        "status": run.status.value,
        **times("startedAt", run.began_at),
        **times("endedAt", run.ended_at),
        "duration": run.duration_s,
        "itemsProcessed": run.processed,
        "itemsChanged": run.changed,
        "itemsFailed": run.failed,
    }


def times(name: str, at: int | None) -> JsonObject:
    """A time under both names: as text, and in epoch milliseconds under the name with `Ts`."""
    known = at if at is not None and 0 <= at <= LATEST_MS else None
    return {name: None if known is None else to_iso(known / 1000), f"{name}Ts": known}
