"""The runs of a server: in the background, one at a time for each job, and no more than are needed."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from datafetch.clock import CancelToken, Clock, stopped_by
from datafetch.errors import Cancelled, DatafetchError, Unexpected
from datafetch.job_groups import check_jobs
from datafetch.logs import bound_logger
from datafetch.models.run import JobName, RunOptions, RunRequest, RunResult
from datafetch.run_options import options_of_run
from datafetch.runtime.progress import Progress
from datafetch.runtime.supervise import STOP_S
from datafetch.settings import Settings
from datafetch.web.runs.managers import ManagerMaker, managers
from datafetch.web.runs.requests import Asked, Kind, asked_of, covers, kind_of, united

LONGEST_STOP_S = STOP_S + 7.0
"""Seconds that `stop` waits at most: a run takes up to `STOP_S`, and then tells others how it ended."""

PAUSE_S = 2.0
"""Seconds between two runs of a job.

A webhook calls for each of a thousand bookmarks that are imported, and a run of a short list takes
a moment: without a pause one run would follow another for as long as the import lasts.
"""

_log = bound_logger()


class LastRun(NamedTuple):
    """How the newest run of a job that this server made has ended.

    Attributes:
        begun_at: when it was started, epoch seconds.
        result: None when there is none, since the run could not be made.
        error: why it could not be made.
    """

    begun_at: float
    result: RunResult | None
    error: DatafetchError | None


@dataclass(eq=False)
class _Run:
    """One run, from the moment at which it is asked for."""

    job: JobName
    options: RunOptions
    cancel: CancelToken = field(default_factory=CancelToken)
    done: "Future[RunResult]" = field(default_factory=Future)
    has_begun: bool = False
    started_at: float = 0.0
    thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        # So that nobody who waits for it can cancel it: others may wait, too.
        self.done.set_running_or_notify_cancel()


@dataclass
class _Lane:
    """The runs of one job: that which is under way, and those that follow it."""

    current: _Run | None = None
    waiting: dict[Kind, _Run] = field(default_factory=dict)
    last: LastRun | None = None
    free_at: float = float("-inf")
    """When the next run may begin, monotonic seconds."""


class BackgroundRuns:
    """Makes the runs that a server is asked for, each on a thread of its own. Thread-safe.

    Of each job at most one run is under way. What is asked for before that run has begun its work
    is done by it. What is asked for later is done by one more run, however many ask, so that no
    change that somebody tells of is missed. A run for named items and a run for all of them cannot
    be united, so one of each may follow; those of the bookmark job can.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        make_manager: ManagerMaker | None = None,
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        """Between two runs of a job there are `pause_s` seconds."""
        self._settings = settings
        self._clock = clock
        self._make_manager = make_manager or managers(settings, clock)
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._lanes: Mapping[JobName, _Lane] = {job: _Lane() for job in JobName}
        self._listeners: dict[object, Callable[[], None]] = {}
        self._stopped: Cancelled | None = None

    def ask(
        self, job: JobName, options: RunOptions = RunOptions(), *, asked_by: str = "the server"
    ) -> Asked:
        """Have a job run, now or after the run that is under way. Returns at once.

        Args:
            job: the job to run.
            options: `force`, `full` and `only` may be set.
            asked_by: who asks, for the log: a kind of credential, never the credential.

        Raises:
            ConfigurationError: settings that the job needs are missing; nothing will run.
            Cancelled: the server is being stopped; nothing will run.
            Unexpected: the system has no thread to give; nothing will run.
        """
        check_jobs(self._settings, [job])
        asked = asked_of(job, options)
        with self._lock:
            if self._stopped is not None:
                raise _again(self._stopped)
            found, is_new = self._put(job, asked)
        about = {"job": job.value, "state": found.state, "by": asked_by}
        if is_new:
            _log.info("run_asked", extra=about)
        else:
            _log.debug("run_asked_again", extra=about)
        if found.state == "started":
            self._tell()
        return found

    def is_running(self, job: JobName) -> bool:
        """Whether a run of the job is under way here, also while it waits for its lock."""
        return self._lanes[job].current is not None

    def last_run(self, job: JobName) -> LastRun | None:
        """How the newest run of the job ended; None before one of this server has ended."""
        return self._lanes[job].last

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have a function called when a run is started, begins its work, and has ended.

        It is called on the thread on which that happens, and has to return at once.

        Returns:
            A function that ends this.
        """
        key = object()
        with self._lock:
            self._listeners[key] = listener
        return lambda: self._forget(key)

    def stop(self, reason: Cancelled) -> bool:
        """Ask all runs to stop, and wait until they have ended; no other is started any more.

        A run that was stopped has kept what it did, and its lock is free. Runs that
        were to follow another never begin; who waits for them gets `reason` as an error.

        Returns:
            Whether all have ended within `LONGEST_STOP_S`.
        """
        with self._lock:
            self._stopped = self._stopped or reason
            running = [lane.current for lane in self._lanes.values() if lane.current]
            waiting = [run for lane in self._lanes.values() for run in lane.waiting.values()]
            for lane in self._lanes.values():
                lane.waiting.clear()
        for run in running:
            run.cancel.cancel(reason)
        for run in waiting:
            run.done.set_exception(_again(reason))
        until = self._clock.monotonic() + LONGEST_STOP_S
        for run in running:
            if run.thread is not None:
                run.thread.join(max(0.0, until - self._clock.monotonic()))
        return not any(run.thread is not None and run.thread.is_alive() for run in running)

    # --------------------------------------------------- asking, under the lock

    def _put(self, job: JobName, options: RunOptions) -> tuple[Asked, bool]:
        """Find or make the run that does what is asked; the second value says whether it was made."""
        lane, kind = self._lanes[job], kind_of(job, options)
        current = lane.current
        if current is None:
            run = _Run(job, options)
            self._start(run)
            return Asked("started", run.done), True
        if not current.has_begun and covers(job, current.options, options):
            return Asked("joined", current.done), False
        known = lane.waiting.get(kind)
        if known is not None:
            known.options = united(known.options, options)
            return Asked("next", known.done), False
        lane.waiting[kind] = run = _Run(job, options)
        return Asked("next", run.done), True

    def _start(self, run: _Run) -> None:
        """Let a run begin on a thread of its own.

        Raises:
            Unexpected: the system has no thread to give; nothing is under way.
        """
        run.started_at = self._clock.now()
        run.thread = threading.Thread(
            target=self._live, args=[run], name=f"datafetch-{run.job.value}-run", daemon=True
        )
        try:
            run.thread.start()
        except RuntimeError as error:
            raise Unexpected.of(error) from error
        self._lanes[run.job].current = run

    # ------------------------------------------------------- the run's own thread

    def _live(self, run: _Run) -> None:
        """Make a run, tell how it ended, and let the next one begin."""
        result: RunResult | None = None
        failure: DatafetchError | None = None
        try:
            result = self._make(run)
        except Cancelled as error:
            failure = error
            _log.info("run_not_begun", extra={"job": run.job.value, "error": str(error)})
        except DatafetchError as error:
            failure = error
            about = {"job": run.job.value, "error": str(error), "hint": error.hint}
            _log.error("run_not_made", extra=about)
        except Exception as error:  # noqa: BLE001 - handed to all who wait for the run
            failure = Unexpected.of(error)
            _log.exception("run_not_made", extra={"job": run.job.value})
        self._end(run, LastRun(run.started_at, result, failure))
        if result is not None:
            run.done.set_result(result)
        else:
            run.done.set_exception(failure or Unexpected("the run has no result"))
        self._tell()

    def _make(self, run: _Run) -> RunResult:
        run.cancel.raise_if_cancelled()
        left_s = self._lanes[run.job].free_at - self._clock.monotonic()
        if left_s > 0:
            stopped_by(self._clock, run.cancel).sleep(left_s)

        def begun(_name: str) -> Progress:
            with self._lock:
                run.has_begun = True
            self._tell()
            return Progress()

        options = options_of_run(run.options, self._settings, limit_is_called="S3_TEST_LIMIT")
        # The run that has the lock now may have read its data before this was asked for: wait for it.
        # Whoever asks the server wants the whole job, also when the settings name a share.
        wait_s = self._settings.time_limit_s(run.job.value)
        patient = replace(options, wait_s=wait_s, shard=None)
        with self._make_manager(run.cancel, begun) as manager:
            return manager.run(RunRequest(run.job, patient))

    def _end(self, run: _Run, ended: LastRun) -> None:
        """Let the next run of the job begin; a run for all items goes first."""
        lane = self._lanes[run.job]
        with self._lock:
            lane.current, lane.last = None, ended
            lane.free_at = self._clock.monotonic() + self._pause_s
            failed: list[tuple[_Run, DatafetchError]] = []
            while lane.waiting and lane.current is None:
                kind: Kind = "whole" if "whole" in lane.waiting else "named"
                following = lane.waiting.pop(kind)
                try:
                    self._start(following)
                except Unexpected as error:
                    failed.append((following, error))
        for lost, no_thread in failed:
            _log.error("run_not_made", extra={"job": run.job.value, "error": str(no_thread)})
            lost.done.set_exception(no_thread)

    # ---------------------------------------------------------------- listeners

    def _tell(self) -> None:
        with self._lock:
            told = tuple(self._listeners.values())
        for listener in told:
            listener()

    def _forget(self, key: object) -> None:
        with self._lock:
            self._listeners.pop(key, None)


def _again(reason: Cancelled) -> Cancelled:
    """The same reason once more: an exception is raised in one place only."""
    return Cancelled(str(reason), signal=reason.signal, hint=reason.hint)
