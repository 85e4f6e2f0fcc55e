"""The runs of a server: one at a time for each job, one more for whoever came later, a clean stop."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from datafetch.clock import CancelToken, SystemClock
from datafetch.errors import Cancelled, ConfigurationError, StoreUnavailable, Unexpected
from datafetch.job_run import ProgressMaker
from datafetch.models.run import (
    OPERATIONS,
    JobName,
    RunOptions,
    RunRequest,
    RunResult,
    RunStatus,
)
from datafetch.web.runs.background import BackgroundRuns
from datafetch.web.runs.managers import Manager
from datafetch.web.runs.requests import Asked
from tests.job_settings import settings
from tests.support import FakeClock

SOON_S = 20.0
BOOKMARKS, LOGOS = JobName.BOOKMARKS, JobName.LOGOS
SET = settings(
    BOOKMARKS_API_URL="http://bookmarks.test",
    BOOKMARKS_LIST_ID="list",
    BOOKMARK_BEARER_TOKEN="token",
)


@dataclass
class Step:
    """One run, as far as the test lets it go."""

    request: RunRequest
    cancel: CancelToken
    free: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass
class Stage:
    """Makes managers whose runs wait for the test: for the lock, and to end."""

    steps: list[Step] = field(default_factory=list)
    closed: int = 0
    failure: Exception | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def __call__(self, cancel: CancelToken, progress: ProgressMaker) -> Iterator[Manager]:
        try:
            yield _Played(self, cancel, progress)
        finally:
            self.closed += 1

    def step(self, number: int) -> Step:
        """The n-th run, from 0, once it has been asked of its manager."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.steps) > number, SOON_S)
            return self.steps[number]

    def begin(self, number: int) -> Step:
        """Give the n-th run its lock, and wait until it has begun its work."""
        step = self.step(number)
        step.free.set()
        assert step.begun.wait(SOON_S)
        return step


@dataclass
class _Played:
    stage: Stage
    cancel: CancelToken
    progress: ProgressMaker

    def run(self, request: RunRequest) -> RunResult:
        step = Step(request, self.cancel)
        self.cancel.listen(step.free.set)
        self.cancel.listen(step.go_on.set)
        with self.stage.changed:
            number = len(self.stage.steps)
            self.stage.steps.append(step)
            self.stage.changed.notify_all()
        if self.stage.failure is not None:
            raise self.stage.failure
        assert step.free.wait(SOON_S)
        if not self.cancel.cancelled:
            self.progress(request.job.value)
            step.begun.set()
            assert step.go_on.wait(SOON_S)
        status = RunStatus.CANCELLED if self.cancel.cancelled else RunStatus.SUCCEEDED
        return RunResult(OPERATIONS[request.job], status, run_id=f"run-{number}")


@pytest.fixture
def stage() -> Stage:
    """Where the runs of a test are played."""
    return Stage()


@pytest.fixture
def runs(stage: Stage) -> Iterator[BackgroundRuns]:
    """The runs of a server, which is stopped at the end."""
    made = BackgroundRuns(SET, SystemClock(), stage, pause_s=0)
    yield made
    assert made.stop(Cancelled("the test has ended"))


def test_asks_before_the_work_begins_cost_one_run(stage: Stage, runs: BackgroundRuns) -> None:
    """A run that waits for its lock has read nothing yet: whoever asks then needs no other run."""
    first = runs.ask(BOOKMARKS)
    stage.step(0)
    asked = [runs.ask(BOOKMARKS) for _ in range(50)]
    assert first.state == "started"
    assert {one.state for one in asked} == {"joined"}
    stage.begin(0).go_on.set()
    assert {one.done.result(SOON_S).run_id for one in [first, *asked]} == {"run-0"}
    assert not runs.is_running(BOOKMARKS)
    assert len(stage.steps) == stage.closed == 1


def test_a_thousand_asks_during_a_run_cost_exactly_one_more(
    stage: Stage, runs: BackgroundRuns
) -> None:
    """Who asks after the work began may have a change that it did not see: one more run sees it."""
    first = runs.ask(BOOKMARKS)
    stage.begin(0)
    asked = [runs.ask(BOOKMARKS) for _ in range(1000)]
    assert {one.state for one in asked} == {"next"}
    assert len({id(one.done) for one in asked}) == 1
    stage.step(0).go_on.set()
    assert first.done.result(SOON_S).run_id == "run-0"
    stage.begin(1).go_on.set()
    assert asked[0].done.result(SOON_S).run_id == "run-1"
    assert len(stage.steps) == 2


def test_asks_from_many_threads_at_once_cost_two_runs(stage: Stage, runs: BackgroundRuns) -> None:
    """However the asks of many threads meet, no two runs of one job are under way at a time."""
    barrier = threading.Barrier(16)
    found: list[Asked] = []

    def ask() -> None:
        barrier.wait(SOON_S)
        found.extend(runs.ask(BOOKMARKS) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    stage.begin(0)
    for thread in threads:
        thread.join(SOON_S)
    late = runs.ask(BOOKMARKS)
    stage.step(0).go_on.set()
    stage.begin(1).go_on.set()
    for one in [*found, late]:
        one.done.result(SOON_S)
    assert [one.state for one in found].count("started") == 1
    assert len(stage.steps) == 2


def test_what_is_asked_of_the_next_run_is_united(stage: Stage, runs: BackgroundRuns) -> None:
    """One asks for the whole list, one does not: the run that follows reads the whole list."""
    runs.ask(BOOKMARKS)
    stage.begin(0)
    for options in (RunOptions(), RunOptions(full=True), RunOptions()):
        asked = runs.ask(BOOKMARKS, options)
    stage.step(0).go_on.set()
    stage.begin(1).go_on.set()
    asked.done.result(SOON_S)
    assert [step.request.options.full for step in stage.steps] == [False, True]


def test_a_waiting_run_that_does_less_is_not_joined(stage: Stage, runs: BackgroundRuns) -> None:
    """A full reading that meets a run which will read only the news is made after it."""
    runs.ask(BOOKMARKS)
    stage.step(0)
    asked = runs.ask(BOOKMARKS, RunOptions(full=True))
    assert asked.state == "next"
    stage.begin(0).go_on.set()
    stage.begin(1).go_on.set()
    assert asked.done.result(SOON_S).run_id == "run-1"
    assert stage.steps[1].request.options.full


def test_named_items_of_several_asks_are_one_run(stage: Stage, runs: BackgroundRuns) -> None:
    """Two retries that meet are one run of both; the run of all items stays one of its own."""
    runs.ask(LOGOS)
    stage.begin(0)
    named = [runs.ask(LOGOS, RunOptions(only=(name,))) for name in ("a.test", "b.test", "a.test")]
    whole = runs.ask(LOGOS)
    for number in range(3):
        stage.begin(number).go_on.set()
    assert whole.done.result(SOON_S).run_id == "run-1"
    assert {one.done.result(SOON_S).run_id for one in named} == {"run-2"}
    assert stage.steps[2].request.options.only == ("a.test", "b.test")


class SlowClock(FakeClock):
    """A clock on which whoever sleeps waits for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = threading.Event()
        self.wake = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.asleep.set()
        assert self.wake.wait(SOON_S)
        super().sleep(seconds)


def test_a_burst_over_many_short_runs_costs_two(stage: Stage) -> None:
    """A run takes a moment and hooks come for longer: the second run waits, and does it for all."""
    clock = SlowClock()
    runs = BackgroundRuns(SET, clock, stage)
    first = runs.ask(BOOKMARKS)
    stage.begin(0)
    asked = [runs.ask(BOOKMARKS)]
    stage.step(0).go_on.set()
    first.done.result(SOON_S)
    assert clock.asleep.wait(SOON_S)
    asked += [runs.ask(BOOKMARKS) for _ in range(1000)]
    assert {one.state for one in asked} == {"next", "joined"}
    clock.wake.set()
    stage.begin(1).go_on.set()
    assert {one.done.result(SOON_S).run_id for one in asked} == {"run-1"}
    assert clock.slept == [2.0]
    assert runs.stop(Cancelled("the test has ended"))


def test_a_run_long_after_another_begins_at_once(stage: Stage) -> None:
    """The pause is between runs that follow each other; who asks later does not wait."""
    clock = FakeClock()
    runs = BackgroundRuns(SET, clock, stage)
    for number, idle_s in enumerate([2.0, 0.5, 0.0]):
        asked = runs.ask(BOOKMARKS)
        stage.begin(number).go_on.set()
        asked.done.result(SOON_S)
        clock.advance(idle_s)
    assert clock.slept == [1.5]
    assert runs.stop(Cancelled("the test has ended"))


def test_jobs_do_not_wait_for_each_other(stage: Stage, runs: BackgroundRuns) -> None:
    """A long run of one job keeps no other job from running."""
    runs.ask(BOOKMARKS)
    stage.begin(0)
    assert runs.ask(LOGOS).state == "started"
    assert stage.begin(1).request.job is LOGOS
    assert runs.is_running(BOOKMARKS)


def test_a_run_waits_for_the_lock_of_others(stage: Stage, runs: BackgroundRuns) -> None:
    """Cron's run may have the lock, and have read the list before the change: ours comes after it."""
    runs.ask(BOOKMARKS)
    assert stage.step(0).request.options.wait_s == 3600


def test_missing_settings_are_said_at_once(stage: Stage) -> None:
    """A job whose settings are missing is refused when it is asked for, by their names."""
    runs = BackgroundRuns(settings(), SystemClock(), stage)
    with pytest.raises(ConfigurationError, match="BOOKMARKS_API_URL"):
        runs.ask(BOOKMARKS)
    assert not runs.is_running(BOOKMARKS)
    assert runs.last_run(BOOKMARKS) is None


@pytest.mark.parametrize("failure", [StoreUnavailable("the store is away"), RuntimeError("odd")])
def test_a_run_that_cannot_be_made_does_not_end_the_job(
    stage: Stage, runs: BackgroundRuns, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A spawn error left the "running" mark set for ever; here the job can be asked for again."""
    stage.failure = failure
    with caplog.at_level(logging.ERROR, "datafetch"):
        asked = runs.ask(BOOKMARKS)
        with pytest.raises(Exception, match=str(failure)):
            asked.done.result(SOON_S)
    assert "run_not_made" in [record.message for record in caplog.records]
    last = runs.last_run(BOOKMARKS)
    assert last is not None
    assert last.result is None
    assert str(failure) in str(last.error)
    stage.failure = None
    again = runs.ask(BOOKMARKS)
    stage.begin(1).go_on.set()
    assert again.done.result(SOON_S).status is RunStatus.SUCCEEDED


def test_what_waits_runs_also_after_a_failure(stage: Stage, runs: BackgroundRuns) -> None:
    """The run that others were promised comes, however the one before it has ended."""
    runs.ask(BOOKMARKS)
    stage.begin(0)
    asked = runs.ask(BOOKMARKS)
    stage.step(0).cancel.cancel(Cancelled("stopped alone"))
    stage.begin(1).go_on.set()
    assert asked.done.result(SOON_S).status is RunStatus.SUCCEEDED


@pytest.fixture
def no_threads() -> Iterator[Callable[[], None]]:
    """Has the system give no thread to anybody any more, until the test ends or calls it again."""
    before = threading.stack_size()
    no_room = 1 << 50  # more than an address can name

    def toggle() -> None:
        threading.stack_size(before if threading.stack_size() == no_room else no_room)

    yield toggle
    threading.stack_size(before)


def test_machine_without_threads_is_told_and_the_job_can_be_asked_for_again(
    stage: Stage, runs: BackgroundRuns, no_threads: Callable[[], None]
) -> None:
    """Neither who asks nor who waits for the next run is left without an answer."""
    no_threads()
    with pytest.raises(Unexpected, match="thread"):
        runs.ask(BOOKMARKS)
    assert not runs.is_running(BOOKMARKS)
    no_threads()
    first = runs.ask(BOOKMARKS)
    stage.begin(0)
    follows = runs.ask(BOOKMARKS)
    no_threads()
    stage.step(0).go_on.set()
    assert first.done.result(SOON_S).status is RunStatus.SUCCEEDED
    with pytest.raises(Unexpected, match="thread"):
        follows.done.result(SOON_S)
    no_threads()
    again = runs.ask(BOOKMARKS)
    stage.begin(1).go_on.set()
    assert again.done.result(SOON_S).status is RunStatus.SUCCEEDED


def test_stop_ends_what_runs_and_begins_nothing(stage: Stage) -> None:
    """A stopped server leaves no run behind: not those under way, and not those that waited."""
    runs = BackgroundRuns(SET, SystemClock(), stage)
    running = [runs.ask(BOOKMARKS)]
    stage.begin(0)
    waits_for_lock = runs.ask(LOGOS)
    stage.step(1)
    follows = runs.ask(BOOKMARKS)
    assert runs.stop(Cancelled("the server stops"))
    for one in (*running, waits_for_lock):
        assert one.done.result(0).status is RunStatus.CANCELLED
    with pytest.raises(Cancelled, match="the server stops"):
        follows.done.result(0)
    with pytest.raises(Cancelled, match="the server stops"):
        runs.ask(BOOKMARKS)
    assert len(stage.steps) == stage.closed == 2
    assert not any(runs.is_running(job) for job in JobName)


def test_waiting_for_a_run_cannot_end_it(stage: Stage, runs: BackgroundRuns) -> None:
    """A client that goes away while it waits does not take the result from the others."""
    asked = runs.ask(BOOKMARKS)
    assert not asked.done.cancel()
    stage.begin(0).go_on.set()
    assert asked.done.result(SOON_S).status is RunStatus.SUCCEEDED


def test_changes_are_told_until_nobody_listens(stage: Stage, runs: BackgroundRuns) -> None:
    """Whoever shows the runs hears of each start, each beginning of work and each end."""
    seen: list[tuple[bool, bool]] = []
    told = threading.Semaphore(0)

    def look() -> None:
        last = runs.last_run(BOOKMARKS)
        seen.append((runs.is_running(BOOKMARKS), last is not None))
        told.release()

    forget = runs.on_change(look)
    runs.ask(BOOKMARKS)
    assert told.acquire(timeout=SOON_S)
    stage.begin(0)
    assert told.acquire(timeout=SOON_S)
    stage.step(0).go_on.set()
    assert told.acquire(timeout=SOON_S)
    assert seen == [(True, False), (True, False), (False, True)]
    forget()
    asked = runs.ask(BOOKMARKS)
    stage.begin(1).go_on.set()
    asked.done.result(SOON_S)
    assert len(seen) == 3


def test_the_log_says_who_asked(
    stage: Stage, runs: BackgroundRuns, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the kind of credential with which a run was asked for."""
    with caplog.at_level(logging.INFO, "datafetch"):
        runs.ask(BOOKMARKS, asked_by="cron secret")
    record = next(record for record in caplog.records if record.message == "run_asked")
    assert (record.job, record.state, record.by) == ("bookmarks", "started", "cron secret")  # type: ignore[attr-defined]
    stage.begin(0).go_on.set()
