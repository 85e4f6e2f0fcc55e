"""The logo job's work in worker processes: domains and results as JSON, and who works on them."""

import threading
from dataclasses import asdict
from typing import assert_never

from datafetch.job import JobContext
from datafetch.logos.model import SOURCES, Logo
from datafetch.logos.providers import LogoProviders
from datafetch.logos.rules.domains import registrable
from datafetch.logos.rules.entries import Entry, OldLogo
from datafetch.logos.search import NoAnswer, NoLogo
from datafetch.logos.worker import HasLogo, LogoResult, LogoTask, LogoWorker
from datafetch.models.error_values import error_value, read_error
from datafetch.models.job_settings import LogoSettings
from datafetch.models.json import JsonObject
from datafetch.models.option_values import options_value
from datafetch.models.run import JobName
from datafetch.runtime.batches import ItemWork, batch_size
from datafetch.runtime.limits import BatchPacer, Places
from datafetch.upstream_errors import RateLimited, UpstreamError, WorkerKilled


def item_work(context: JobContext[LogoSettings], domains: int) -> ItemWork[LogoTask, LogoResult]:
    """How the domains of a run become batches; `domains` is how many there are, at most.

    All domains of one site go to one worker: the limit of requests at once to a site is kept by
    each process for itself.
    """
    return ItemWork(
        job=JobName.LOGOS.value,
        common={"options": options_value(context.options)},
        encode=task_value,
        decode=read_result,
        lost=lambda task: NoAnswer(task.domain, WorkerKilled()),
        group=lambda task: registrable(task.domain) or task.domain,
        size=batch_size(domains, context.engine.width),
    )


def batch_worker(
    context: JobContext[LogoSettings],
    common: JsonObject,  # noqa: ARG001 - the worker's context has the options already
    places: Places,
) -> "LogoBatches":
    """The `BatchWorker` for the domains of one run; `places` processes share the providers' limits."""
    return LogoBatches(context, places)


def paced_providers(
    context: JobContext[LogoSettings], places: Places | None = None
) -> LogoProviders:
    """The providers at the pace of the settings, which `places` processes share."""
    settings, clock = context.settings, context.clock
    size, delay_s = settings.batch_size, settings.batch_delay_s
    pacers = {source: BatchPacer(size, delay_s, clock, places) for source in SOURCES}
    return LogoProviders(context.http, pacers, settings.retry_max_s)


class LogoBatches:
    """Works on domains that came as JSON. It remembers generic pictures and pace between batches."""

    def __init__(self, context: JobContext[LogoSettings], places: Places) -> None:
        self._clock = context.clock
        self._worker = LogoWorker(context, paced_providers(context, places))
        self._lock = threading.Lock()
        self._held_until = 0.0

    def __call__(self, item: object) -> object:
        """See `LogoWorker.__call__`."""
        result = self._worker(read_task(item))
        if isinstance(result, NoAnswer) and not result.by_site_alone:
            self._note(result.error)
        return result_value(result)

    def hold_s(self) -> float:
        """Seconds until the providers, which all workers ask, may be asked again; 0 for now."""
        with self._lock:
            return max(0.0, self._held_until - self._clock.now())

    def _note(self, error: UpstreamError) -> None:
        if isinstance(error, RateLimited) and error.until is not None:
            with self._lock:
                self._held_until = max(self._held_until, error.until)


# ---------------------------------------------------------------------- JSON


def task_value(task: LogoTask) -> JsonObject:
    """The JSON of a domain to work on."""
    return {
        "domain": task.domain,
        "stored": None if task.stored is None else _entry_value(task.stored),
        "conditionally": task.conditionally,
        "picture": task.picture,
    }


def read_task(value: object) -> LogoTask:
    """The domain that `task_value` wrote."""
    assert isinstance(value, dict)
    stored = None if value["stored"] is None else _read_entry(value["stored"])
    return LogoTask(value["domain"], stored, value["conditionally"], value["picture"])


def result_value(result: LogoResult) -> JsonObject:
    """The JSON of a result, without its domain, which the reader knows."""
    match result:
        case HasLogo():
            return {"logo": asdict(result.logo), "changed": result.changed}
        case NoLogo():
            return {"reason": result.reason}
        case NoAnswer():
            return {
                "error": error_value(result.error),
                "asked": result.asked,
                "bySiteAlone": result.by_site_alone,
            }
        case _:
            assert_never(result)


def read_result(task: LogoTask, value: object) -> LogoResult:
    """The result that `result_value` wrote for a task."""
    assert isinstance(value, dict)
    if "logo" in value:
        return HasLogo(task.domain, Logo(**value["logo"]), value["changed"])
    if "reason" in value:
        return NoLogo(task.domain, value["reason"])
    error = read_error(value["error"])
    assert isinstance(error, UpstreamError)
    return NoAnswer(task.domain, error, value["asked"], value["bySiteAlone"])


def _entry_value(entry: Entry) -> JsonObject:
    if isinstance(entry, OldLogo):
        return {"key": entry.key, "text": entry.text}
    return {"logo": asdict(entry)}


def _read_entry(value: JsonObject) -> Entry:
    if "text" in value:
        return OldLogo(value["key"], value["text"])
    return Logo(**value["logo"])
