"""What a worker process does for a run: it is prepared, does batches, and hears the run's pulses.

The functions at the end of the module are those that `WorkerCalls` names. One process may do
several batches at once, on threads, and may work for several runs.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from pydantic import SecretStr

from datafetch import __version__
from datafetch.clock import CancelToken, Clock, SystemClock
from datafetch.errors import (
    Cancelled,
    ConfigurationError,
    DatafetchError,
    Inconsistent,
    LeaseLost,
    Unexpected,
)
from datafetch.factory import Parts, make_parts
from datafetch.job import BatchWorker, JobContext, Remarks, S
from datafetch.job_groups import github_group, logo_group, opengraph_group
from datafetch.logs import bound_logger
from datafetch.models.error_values import error_value
from datafetch.models.json import JsonObject, compact_json
from datafetch.models.option_values import read_options
from datafetch.models.run import JobName, RunOptions
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.leases.process import this_host
from datafetch.ops.pulse_fence import PulseFence
from datafetch.ops.state import state_record
from datafetch.run_context import make_context
from datafetch.runtime.batches import Batch, BatchAnswer, Pulse
from datafetch.runtime.engine import beside
from datafetch.runtime.limits import Places
from datafetch.settings import Settings
from datafetch.store.fenced import Fence, FencedStore
from datafetch.store.output_limit import LimitedStore, OutputLimit
from datafetch.worker_news import WorkerLog, WorkerNews
from datafetch.worker_settings import settings_of

_KEPT_S = 60.0
"""Seconds without a pulse after which a run is taken for dead. Looked at when another run begins."""


class WorkerRun:
    """One run's work in this process: its parts, and what its jobs keep from batch to batch."""

    def __init__(self, run_id: str, charge: SecretStr, clock: Clock) -> None:
        """Only keep the charge: the parts are made from it when the first batch comes."""
        self._run_id = run_id
        self._charge = charge
        self._clock = clock
        self._fence = PulseFence(clock)
        self._places = Places()
        self._cancel = CancelToken()
        self._log = WorkerLog(run_id)
        self._log.listen()
        self._guard = threading.Lock()
        self._work: _RunWork | None = None

    def hear(self, pulse: Pulse) -> None:
        """Take over what a pulse says: how many workers there are, and how long they may write."""
        self._places.become(pulse.places)
        self._fence.hold_open(pulse.write_s)

    def silent_s(self) -> float:
        """Seconds since this process was last allowed to write; negative while it is allowed."""
        return self._fence.silent_s()

    def end(self) -> None:
        """End the work for good: refuse all writes from now on, and end the requests under way."""
        self._fence.close()
        self._log.unlisten()
        self._cancel.cancel(Cancelled("the run of this worker has ended"))
        beside(self._close)  # a batch may be making the parts at this moment

    def perform(self, batch: Batch) -> BatchAnswer:
        """Do a batch; the answer has the error that ended it, and the results before that error."""
        results: dict[int, object] = {}
        log = bound_logger(job=batch.job, runId=self._run_id)
        doing, worker, error = None, None, None
        try:
            self._fence.await_first()
            doing = self._made()
            worker = doing.worker(batch)
            doing.do(batch, worker, results)
        except DatafetchError as known:
            error = error_value(known)
        except Exception as unknown:
            log.exception("unexpected_error")
            error = error_value(Unexpected.of(unknown))
        told = {} if doing is None else doing.news.take()
        return BatchAnswer(results, error, told, 0.0 if worker is None else worker.hold_s())

    def _made(self) -> "_RunWork":
        with self._guard:
            if self._work is None:
                settings = settings_of(self._charge)
                parts = make_parts(settings, self._clock, self._cancel)
                self._work = _RunWork(
                    self._run_id, settings, parts, self._fence, self._places, self._log
                )
        return self._work

    def _close(self) -> None:
        with self._guard:
            if self._work is not None:
                self._work.close()


class _RunWork:
    """Does the batches of one run."""

    def __init__(
        self,
        run_id: str,
        settings: Settings,
        parts: Parts,
        fence: Fence,
        places: Places,
        log: WorkerLog,
    ) -> None:
        self._run_id = run_id
        self._settings = settings
        self._parts = parts
        self._places = places
        self._output = OutputLimit(settings.max_output_mb)
        self._remarks = Remarks()
        self._store = LimitedStore(FencedStore(parts.store, fence), self._output)
        self._guard = threading.Lock()
        self._workers: dict[tuple[str, str], BatchWorker] = {}
        self.news = WorkerNews(parts.http, parts.breakers, self._remarks, self._output, log)

    def worker(self, batch: Batch) -> BatchWorker:
        """What does the items of this batch's job; batches with an equal `common` get the same one.

        Raises:
            ConfigurationError: the store that this process sees is not the run's.
            StoreError: the store did not answer.
        """
        name = (batch.job, compact_json(batch.common))
        with self._guard:
            worker = self._workers.get(name)
            if worker is None:
                job, options = JobName(batch.job), read_options(batch.common["options"])
                self._check_store(job, options)
                worker = self._workers[name] = self._new_worker(job, options, batch.common)
        return worker

    def do(self, batch: Batch, worker: BatchWorker, results: dict[int, object]) -> None:
        """Work on the items; put each result into `results`, by its place, as soon as it is known.

        Raises:
            DatafetchError: the error that ended the batch.
        """

        def work(place: int) -> None:
            results[place] = worker(batch.items[place])

        places = range(len(batch.items))
        for _ in self._parts.engine.map(work, places, width=batch.width):
            pass

    def close(self) -> None:
        """End the requests under way, and close the store."""
        self._parts.http.close()
        self._parts.store.close()

    def _check_store(self, job: JobName, options: RunOptions) -> None:
        """Check that the store which this process would write to has the state of the run.

        Raises:
            ConfigurationError: the state is not there, so this is another store.
            StoreError: the store did not answer.
        """
        parts = self._parts
        state = state_record(parts.store, parts.keys, job, parts.clock, options.shard).load()
        if state is None or state.id != self._run_id:
            problem = (
                f"the worker on {this_host()} does not see the store of the run: "
                f"{parts.store.name} there has no run {self._run_id} of {job.value}"
            )
            raise ConfigurationError(
                [problem],
                hint="Workers on other machines need a store that all of them reach, such as "
                "DATAFETCH_STORE=s3://BUCKET, or a folder that all of them have mounted.",
            )

    def _new_worker(self, job: JobName, options: RunOptions, common: JsonObject) -> BatchWorker:
        settings, places = self._settings, self._places

        def context(group: S) -> JobContext[S]:
            return self._context(group, job, options)

        match job:
            case JobName.LOGOS:
                from datafetch.logos import batch as logos
                from datafetch.pictures.images import load_decoders

                load_decoders()
                return logos.batch_worker(context(logo_group(settings)), common, places)
            case JobName.OPENGRAPH:
                from datafetch.opengraph import batch as opengraph

                return opengraph.batch_worker(context(opengraph_group(settings)), common, places)
            case JobName.GITHUB:
                from datafetch.github import batch as github

                return github.batch_worker(context(github_group(settings)), common, places)
            case JobName.BOOKMARKS:
                raise Inconsistent("the bookmark job hands nothing to other processes")

    def _context(self, group: S, job: JobName, options: RunOptions) -> JobContext[S]:
        parts = self._parts
        context = make_context(
            parts,
            self._settings,
            group,
            run_id=self._run_id,
            options=options,
            store=self._store,
            letters=DeadLetters.unread(self._store, parts.keys, job, parts.clock),
            log=bound_logger(job=job.value, runId=self._run_id),
            wait_for_lease=_no_lease,
        )
        return replace(context, remarks=self._remarks, output=self._output)


def _no_lease(job: JobName, _wait_s: float) -> AbstractContextManager[Fence]:
    raise Inconsistent(f"a worker process takes no locks, so not that of {job.value} either")


class WorkerRuns:
    """The runs that this process works for. Thread-safe."""

    def __init__(self, make_clock: Callable[[], Clock] = SystemClock) -> None:
        self._clock = make_clock()
        self._guard = threading.Lock()
        self._runs: dict[str, WorkerRun] = {}

    def begin(self, run_id: str, charge: SecretStr) -> None:
        """Prepare this process for a run, and end runs that seem dead; a known run stays as it is."""
        with self._guard:
            for other, run in list(self._runs.items()):
                if run.silent_s() > _KEPT_S:
                    del self._runs[other]
                    run.end()
            if run_id not in self._runs:
                self._runs[run_id] = WorkerRun(run_id, charge, self._clock)

    def perform(self, batch: Batch) -> BatchAnswer:
        """See `WorkerRun.perform`; of a batch whose run has ended nothing is done."""
        with self._guard:
            run = self._runs.get(batch.run_id)
        if run is None:
            late = LeaseLost("the run of this worker has ended; what is left of it is late")
            return BatchAnswer({}, error_value(late), {})
        return run.perform(batch)

    def hear(self, pulse: Pulse) -> None:
        """Pass a pulse on to its run; a pulse with `write_s` 0 ends the work for that run."""
        with self._guard:
            run = self._runs.get(pulse.run_id)
            if pulse.write_s <= 0:
                self._runs.pop(pulse.run_id, None)
        if run is None:
            return
        if pulse.write_s > 0:
            run.hear(pulse)
        else:
            run.end()


_RUNS = WorkerRuns()


def begin(message: JsonObject) -> JsonObject:
    """Prepare this process for a run; see `WorkerCalls.begin`. Do nothing for another version."""
    if message["version"] == __version__:
        _RUNS.begin(message["run"], message["charge"])
    return {"version": __version__, "error": None}


def perform(value: JsonObject) -> JsonObject:
    """Do a batch; see `WorkerCalls.perform`."""
    return _RUNS.perform(Batch.of(value)).to_json()


def pulse(value: JsonObject) -> JsonObject:
    """Take a pulse of a run; see `WorkerCalls.pulse`."""
    _RUNS.hear(Pulse.of(value))
    return {}
