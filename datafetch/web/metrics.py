"""What `/metrics` shows: the jobs as the store has them, and what the server itself has counted.

The series of jobs have the names of those in the textfile (`ops/metrics.py`).
"""

from datafetch.ops.metrics import CONTENT_TYPE as CONTENT_TYPE  # noqa: PLC0414 - for the endpoint
from datafetch.ops.metrics import Values, counted, exposition, gauged
from datafetch.ops.overview import Overview
from datafetch.web.counters import SERIES, Counters


def exposed(overview: Overview | None, counters: Counters) -> bytes:
    """All series in Prometheus' text format; those of jobs only while the store answers."""
    values = {} if overview is None else values_of_jobs(overview)
    own = [
        counted(name, text, labels, counters.rows(name)) for name, (text, labels) in SERIES.items()
    ]
    up = 0.0 if overview is None else 1.0
    own.append(gauged("datafetch_store_up", "Whether the store answers.", up))
    own.append(
        gauged(
            "datafetch_logo_memory_hit_ratio",
            "Part of the answers of /api/logo that came from memory, since the start.",
            hit_ratio(counters),
        )
    )
    return exposition(values, own)


def hit_ratio(counters: Counters) -> float:
    """The part of the answers of /api/logo that came from memory, 0 to 1; 0 before the first answer."""
    rows = counters.rows("datafetch_logo_answers")
    total = sum(rows.values())
    return rows.get(("memory",), 0.0) / total if total else 0.0


def values_of_jobs(overview: Overview) -> Values:
    """The series of jobs, as the store's records have them."""
    values: Values = {
        "datafetch_last_success_timestamp_seconds": {},
        "datafetch_last_run_timestamp_seconds": {},
        "datafetch_run_duration_seconds": {},
        "datafetch_items": {},
        "datafetch_dead_letters": {},
        "datafetch_breaker_open": {(breaker.host,): 1.0 for breaker in overview.breakers},
    }
    for view in overview.jobs:
        if not view.facts.is_configured:
            continue
        job, last = view.job.value, view.last
        success = view.freshness.last_success_at or 0
        values["datafetch_last_success_timestamp_seconds"][job,] = success / 1000
        values["datafetch_dead_letters"][job,] = float(view.waiting.total)
        if last is not None:
            values["datafetch_last_run_timestamp_seconds"][job,] = last.ended_at / 1000
            values["datafetch_run_duration_seconds"][job,] = last.duration_s
            counts = {
                "processed": last.processed,
                "changed": last.changed,
                "skipped": last.skipped,
                "failed": last.failed,
            }
            for outcome, number in counts.items():
                values["datafetch_items"][job, outcome] = float(number)
    return values
