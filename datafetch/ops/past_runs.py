"""Past runs as values, whichever version stored them, and what is made of many of them to be shown.

Pure: what was read from the store comes in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from datafetch.models.json import JsonObject
from datafetch.models.run import OPERATIONS, JobName, RunStatus
from datafetch.models.shard import Shard, read_shard
from datafetch.models.stored_times import LATEST_MS
from datafetch.models.text import one_line
from datafetch.redaction import redact

_LONGEST_ERROR = 2000
_LONGEST_NOTE = 2000
_LONGEST_NAME = 300
_MOST_SHOWN = 100
_LARGEST = 2**53
"""The largest whole number that every reader of JSON knows exactly."""

_SIGNALS = 128
"""Exit codes above it tell of a signal."""

_BY_SIGNAL = "stopped by SIG"
"""How the error of a run that a signal ended begins: older entries have no exit code."""

SHORTEST_STREAK = 3
"""Runs in a row that are shown as one line when they are alike."""

BARS, PLAIN_BARS = "▁▂▃▅▇", "_.-=#"


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that has ended; what an entry does not say is 0, empty or None.

    Attributes:
        run_id: the run's id.
        ended_at, started_at: epoch milliseconds.
        exit_code: None in entries of earlier versions.
        duration_s: seconds.
        failed_items: some of the items that failed, with the reason.
        upstreams: for each upstream its counts (requests, retries, bytes, statuses) by name.
        shard: the share that the run worked on; None for the whole job.
    """

    job: JobName
    run_id: str
    status: RunStatus
    ended_at: int
    started_at: int | None = None
    success: bool = False
    exit_code: int | None = None
    duration_s: float = 0.0
    processed: int = 0
    changed: int = 0
    skipped: int = 0
    failed: int = 0
    errors: int = 0
    change_detected: bool = False
    last_fetched_at: int | None = None
    error: str = ""
    notes: tuple[str, ...] = ()
    host: str = ""
    pid: int = 0
    failed_items: tuple[tuple[str, str], ...] = ()
    upstreams: Mapping[str, Mapping[str, int]] | None = None
    shard: Shard | None = None

    @property
    def began_at(self) -> int:
        """When it began, epoch milliseconds; if the entry does not say so, its end less its duration."""
        if self.started_at is not None:
            return self.started_at
        return max(0, self.ended_at - round(self.duration_s * 1000))

    @property
    def is_failure(self) -> bool:
        """Whether it failed; a run that a time limit ended did, one that a signal ended did not."""
        if self.status is RunStatus.FAILED:
            return True
        return self.status is RunStatus.CANCELLED and not self.by_signal

    @property
    def is_success(self) -> bool:
        """Whether the dataset was brought up to date."""
        return self.status in (RunStatus.SUCCEEDED, RunStatus.UNCHANGED, RunStatus.PARTIAL)

    @property
    def by_signal(self) -> bool:
        """Whether a signal ended it."""
        if self.status is not RunStatus.CANCELLED:
            return False
        if self.exit_code is None:
            return self.error.startswith(_BY_SIGNAL)
        return self.exit_code > _SIGNALS

    def to_json(self) -> JsonObject:
        """The run as `--json` shows it: the fields of its result, and those of the history."""
        return {
            "job": self.job.value,
            "jobType": self.job.value,
            "operation": OPERATIONS[self.job].value,
            **({"shard": str(self.shard)} if self.shard else {}),
            "runId": self.run_id,
            "status": self.status.value,
            "success": self.success,
            "exitCode": self.exit_code,
            "startedAt": self.began_at,
            "timestamp": self.ended_at,
            "duration": self.duration_s,
            "itemsProcessed": self.processed,
            "itemsChanged": self.changed,
            "itemsSkipped": self.skipped,
            "itemsFailed": self.failed,
            "errors": self.errors,
            "changeDetected": self.change_detected,
            "lastFetchedAt": self.last_fetched_at,
            "error": redact(self.error) or None,
            "notes": [redact(note) for note in self.notes],
            "failedItems": [
                {"item": redact(item), "reason": redact(why)} for item, why in self.failed_items
            ],
            "host": self.host or None,
            "pid": self.pid or None,
            "upstreams": {name: dict(counts) for name, counts in (self.upstreams or {}).items()},
        }


def read_run(entry: object, job: JobName) -> PastRun | None:
    """The run that an entry of the history tells of; None when it is none that we know.

    An entry needs an id, a status and a time; anything else that is wrong counts as not there.
    """
    if not isinstance(entry, dict):
        return None
    run_id, ended_at = _text(entry.get("runId"), _LONGEST_NAME), _time(entry.get("timestamp"))
    status = next((one for one in RunStatus if one.value == entry.get("status")), None)
    if not run_id or ended_at is None or status is None:
        return None
    code = entry.get("exitCode")
    return PastRun(
        job=job,
        run_id=run_id,
        status=status,
        ended_at=ended_at,
        started_at=_time(entry.get("startedAt")),
        success=entry.get("success") is True,
        exit_code=_count(code) if isinstance(code, int) else None,
        duration_s=_seconds(entry.get("duration")),
        processed=_count(entry.get("itemsProcessed")),
        changed=_count(entry.get("itemsChanged")),
        skipped=_count(entry.get("itemsSkipped")),
        failed=_count(entry.get("itemsFailed")),
        errors=_count(entry.get("errors")),
        change_detected=entry.get("changeDetected") is True,
        last_fetched_at=_time(entry.get("lastFetchedAt")),
        error=_text(entry.get("error"), _LONGEST_ERROR),
        notes=tuple(filter(None, (_text(note, _LONGEST_NOTE) for note in _list(entry, "notes")))),
        host=_text(entry.get("host"), _LONGEST_NAME),
        pid=_count(entry.get("pid")),
        failed_items=tuple(filter(None, map(_failed, _list(entry, "failedItems")))),
        upstreams=_upstreams(entry.get("upstreams")),
        shard=_shard(entry.get("shard")),
    )


def read_runs(entries: Iterable[object], job: JobName) -> list[PastRun]:
    """The runs of a job that can be read, the newest first."""
    runs = [run for run in (read_run(entry, job) for entry in entries) if run is not None]
    return sorted(runs, key=lambda run: -run.ended_at)


def chosen(
    runs: Iterable[PastRun],
    *,
    statuses: Collection[RunStatus] = (),
    since_ms: int | None = None,
) -> list[PastRun]:
    """The runs with one of the statuses (any, if none is named) that ended at or after a time."""
    return [
        run
        for run in runs
        if (not statuses or run.status in statuses)
        and (since_ms is None or run.ended_at >= since_ms)
    ]


def with_id(runs: Iterable[PastRun], begin: str) -> list[PastRun]:
    """The runs whose id, or whose id's last part (`1a2b3c4d`), begins with a text.

    A run whose id is exactly that text is the only one.
    """
    known = list(runs)
    exact = [run for run in known if run.run_id == begin]
    return exact or [
        run
        for run in known
        if run.run_id.startswith(begin) or run.run_id.rpartition("-")[2].startswith(begin)
    ]


@dataclass(frozen=True, slots=True)
class Streak:
    """Runs of one job in a row that are shown as one; mostly it is only one.

    Attributes:
        newest: the run that is shown.
        oldest: the first of them in time.
        count: how many.
    """

    newest: PastRun
    oldest: PastRun
    count: int = 1


def streaks(runs: Sequence[PastRun], shortest: int = SHORTEST_STREAK) -> list[Streak]:
    """The runs of one job, newest first, with those in a row that tell nothing new as one.

    Alike are runs without changes and failures, and failures with the same error.
    """
    found: list[Streak] = []
    row: list[PastRun] = []
    for run in runs:
        if row and _kind(run) != _kind(row[0]):
            found += _as_streaks(row, shortest)
            row = []
        row.append(run)
    return found + _as_streaks(row, shortest)


def _as_streaks(row: Sequence[PastRun], shortest: int) -> list[Streak]:
    if not row:
        return []
    if len(row) < shortest or _kind(row[0])[1] is None:
        return [Streak(run, run) for run in row]
    return [Streak(row[0], row[-1], len(row))]


def _kind(run: PastRun) -> tuple[RunStatus, str | None]:
    """Runs with equal kinds are alike; one whose second part is None is like no other."""
    if run.status is RunStatus.UNCHANGED and not run.failed:
        return run.status, ""
    if run.status is RunStatus.FAILED:
        return run.status, run.error
    return run.status, None


def sparkline(durations: Sequence[float], bars: str = BARS) -> str:
    """A bar for each duration, the lowest for the shortest and the highest for the longest."""
    if not durations:
        return ""
    least, most = min(durations), max(durations)
    span = most - least
    if span <= 0:
        return bars[0] * len(durations)
    last = len(bars) - 1
    return "".join(bars[min(last, int((one - least) / span * len(bars)))] for one in durations)


# --------------------------------------------------------------- tolerant reading


def _text(value: object, most: int) -> str:
    return one_line(value, most) if isinstance(value, str) else ""


def _count(value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and 0 <= value <= _LARGEST else 0


def _time(value: object) -> int | None:
    number = _count(value)
    return number if 0 < number <= LATEST_MS else None


def _seconds(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and isinstance(value, int | float) and 0 <= value <= _LARGEST:
        return float(value)
    return 0.0


def _list(entry: Mapping[str, object], name: str) -> list[object]:
    value = entry.get(name)
    return value[:_MOST_SHOWN] if isinstance(value, list) else []


def _shard(value: object) -> Shard | None:
    try:
        return read_shard(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _failed(value: object) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return None
    item = _text(value.get("item"), _LONGEST_NAME)
    return (item, _text(value.get("reason"), _LONGEST_NAME)) if item else None


def _upstreams(value: object) -> Mapping[str, Mapping[str, int]]:
    if not isinstance(value, dict):
        return {}
    return {
        one_line(str(name), _LONGEST_NAME): {
            one_line(str(what), _LONGEST_NAME): _count(number)
            for what, number in list(counts.items())[:_MOST_SHOWN]
        }
        for name, counts in list(value.items())[:_MOST_SHOWN]
        if isinstance(counts, dict)
    }
