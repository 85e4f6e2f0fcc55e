"""Shows runs to Prometheus: in a textfile for node_exporter, and at a Pushgateway.

A run replaces its own job's series and keeps those of the others. `datafetch_requests` has no job:
a run replaces the series of the upstreams that it asked; `datafetch_breaker_open` is replaced as a
whole. prometheus-client is loaded with this module, which is imported only
where the textfile or the Pushgateway is set.
"""

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from datafetch.models.run import RunResult
from datafetch.ops.job_health import JobHealth
from datafetch.runtime.file_locks import held

SERIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "datafetch_last_success_timestamp_seconds": (
        "When a run of the job succeeded last, 0 for never.",
        ("job",),
    ),
    "datafetch_last_run_timestamp_seconds": ("When the job's last run ended.", ("job",)),
    "datafetch_run_duration_seconds": ("How long the job's last run took.", ("job",)),
    "datafetch_items": ("Items of the job's last run, by what became of them.", ("job", "outcome")),
    "datafetch_dead_letters": ("Items that failed and wait, or were given up.", ("job",)),
    "datafetch_breaker_open": ("1 for each host that is not asked for a while.", ("host",)),
    "datafetch_requests": (
        "Requests of the last run that asked the upstream, by status; none is no answer.",
        ("upstream", "status"),
    ),
}
"""Each series: its help, and its labels."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""

_LOCK_S = 3.0
_READABLE = 0o644
"""node_exporter reads the file as another user."""

Labels = tuple[str, ...]
Values = dict[str, dict[Labels, float]]
"""For each series its values, by the values of their labels."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known after a run.

    Attributes:
        ended_at: epoch seconds.
        health: None where the run's records were not written; the series made of it then stay as
            they were.
        open_hosts: hosts whose breakers are open.
    """

    job: str
    result: RunResult
    ended_at: float
    health: JobHealth | None
    open_hosts: tuple[str, ...]


def values_of(measured: Measured) -> Values:
    """The series that one run sets."""
    job, result, health = (measured.job,), measured.result, measured.health
    counts = {
        "processed": result.items_processed,
        "changed": result.items_changed,
        "skipped": result.items_skipped,
        "failed": result.items_failed,
    }
    ended_at = measured.ended_at if health is None else health.last_run_at / 1000
    values: Values = {
        "datafetch_last_run_timestamp_seconds": {job: ended_at},
        "datafetch_run_duration_seconds": {job: round(result.duration_s, 3)},
        "datafetch_items": {(*job, outcome): float(number) for outcome, number in counts.items()},
        "datafetch_breaker_open": {(host,): 1.0 for host in measured.open_hosts},
        "datafetch_requests": dict(_requests(result)),
    }
    if health is not None:
        success = health.last_success_at or 0
        values["datafetch_last_success_timestamp_seconds"] = {job: success / 1000}
        values["datafetch_dead_letters"] = {job: float(health.dead_letters)}
    return values


def _requests(result: RunResult) -> Iterator[tuple[Labels, float]]:
    for upstream, counts in result.upstreams.items():
        answered = 0
        for name, number in counts.items():
            if name.startswith("status_"):
                answered += number
                yield (upstream, name.removeprefix("status_")), float(number)
        if unanswered := counts.get("requests", 0) - answered:
            yield (upstream, "none"), float(unanswered)


def merged(known: Values, new: Values) -> Values:
    """The series of all jobs: what a run has set replaces its own older values in `known`."""
    result: Values = {}
    for name in SERIES:
        there, ours = known.get(name, {}), new.get(name)
        if ours is None:
            result[name] = there
        elif name == "datafetch_breaker_open":
            result[name] = ours
        else:
            # The first label says whose a series is: the job's, or the upstream's.
            owners = {labels[0] for labels in ours}
            kept = {labels: value for labels, value in there.items() if labels[0] not in owners}
            result[name] = kept | ours
    return result


class _Families(Collector):
    def __init__(self, values: Values, others: list[Metric]) -> None:
        self._values = values
        self._others = others

    def collect(self) -> Iterator[Metric]:
        for name, (text, labels) in SERIES.items():
            rows = self._values.get(name)
            if rows:
                family = GaugeMetricFamily(name, text, labels=labels)
                for row, value in sorted(rows.items()):
                    family.add_metric(row, value)
                yield family
        yield from self._others


def exposition(values: Values, others: list[Metric] | None = None) -> bytes:
    """The series in Prometheus' text format, those of others after ours."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(values, others or []))
    return generate_latest(registry)


def counted(name: str, text: str, labels: Labels, rows: Mapping[Labels, float]) -> Metric:
    """A counter with its help, the names of its labels, and its rows."""
    family = CounterMetricFamily(name, text, labels=labels)
    for row, value in sorted(rows.items()):
        family.add_metric(row, value)
    return family


def gauged(name: str, text: str, value: float) -> Metric:
    """A gauge without labels."""
    return GaugeMetricFamily(name, text, value=value)


def read_exposition(text: str) -> tuple[Values, list[Metric]]:
    """Our series in a text, and those that are not ours.

    Raises:
        ValueError: it is not in Prometheus' text format.
    """
    values: Values = {}
    others: list[Metric] = []
    try:
        for family in text_string_to_metric_families(text):
            if family.name not in SERIES:
                others.append(family)
                continue
            labels = SERIES[family.name][1]
            rows = values.setdefault(family.name, {})
            for sample in family.samples:
                rows[tuple(sample.labels[label] for label in labels)] = sample.value
    except (KeyError, IndexError, AttributeError) as error:
        # The parser raises these for text in another format.
        raise ValueError(f"not in Prometheus' text format: {error!r}") from error
    return values, others


def write_textfile(path: Path, measured: Measured) -> str:
    """Put a run's series into the textfile, which is replaced as a whole.

    Returns:
        What was wrong with the old file; empty when nothing was.

    Raises:
        OSError: the folder is not there, may not be written, or keeps no locks.
    """
    if not path.parent.is_dir():  # filelock would make the folder
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    with held(FileLock(f"{path}.lock"), _LOCK_S):
        trouble = ""
        known: Values = {}
        others: list[Metric] = []
        try:
            known, others = read_exposition(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except ValueError as error:  # UnicodeDecodeError is one, too
            trouble = str(error)
        _replace(path, exposition(merged(known, values_of(measured)), others))
    return trouble


def _replace(path: Path, body: bytes) -> None:
    """Write the file beside its place, then move it there."""
    # node_exporter takes what ends in .prom for a textfile; this does not.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            os.fchmod(file.fileno(), _READABLE)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


@dataclass(frozen=True, slots=True)
class Push:
    """What is sent to a Pushgateway: the path below its base, the body and its type, and how.

    PUT takes the place of all series of the job there, POST only of those with the same names
    (https://github.com/prometheus/pushgateway#api).
    """

    path: str
    body: bytes
    content_type: str
    put: bool


def push_of(measured: Measured) -> Push:
    """A run's series for a Pushgateway, under the group `job`; what is not known stays there."""
    body = exposition(values_of(measured))
    known = measured.health is not None
    return Push(f"/metrics/job/{measured.job}", body, CONTENT_TYPE, put=known)
