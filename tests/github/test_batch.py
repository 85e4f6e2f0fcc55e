"""Statistics that worker processes ask for: the same results, within one limit for all of them."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import ClusterFailed
from datafetch.github.batch import (
    batch_worker,
    item_work,
    question_value,
    read_question,
    read_result,
    result_value,
)
from datafetch.github.budget import Allowance, Budget
from datafetch.github.job import refresh_github
from datafetch.github.model import Barrier, Repository, Status, Week
from datafetch.github.question import Question, StatisticsResult
from datafetch.github.rules.roster import Entry
from datafetch.github.rules.verdicts import AnswerVerdict
from datafetch.job import BatchWorker, JobContext, R, T
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.json import JsonObject
from datafetch.models.run import JobReport, RunOptions
from datafetch.runtime.batches import ItemWork, RunLink
from datafetch.runtime.engine import Engine
from datafetch.runtime.limits import Places
from datafetch.upstream_errors import BreakerOpen, Denied, RateLimited, WorkerKilled
from tests.fakes.faults import reply
from tests.fakes.github import secondary_limit
from tests.fakes.github_data import Activity
from tests.github.test_shares import stored, whole
from tests.github.world import World, github_world, push, worked
from tests.json_engine import over_json

texts = st.text(max_size=12)
ids = st.none() | texts
counts = st.integers(-(2**53) + 1, 2**53 - 1)
weeks = st.builds(
    lambda rows: tuple(sorted(rows)),
    st.lists(st.builds(Week, st.integers(0, 4 * 10**9), counts, counts, counts), max_size=4),
)
repositories = st.builds(Repository, texts, texts, st.booleans(), st.booleans(), ids)
entries = st.builds(
    lambda repository, csv, stored, etag, counted: Entry(
        repository, csv, stored=stored, etag=etag, counted=counted
    ),
    repositories,
    texts,
    ids,
    ids,
    st.booleans(),
)
questions = st.builds(Question, entries, st.none() | weeks, ids)
verdicts = st.builds(AnswerVerdict, st.sampled_from(Status), st.none() | weeks, ids)
allowances = st.builds(
    Allowance,
    st.none() | st.integers(0, 10**9),
    st.none() | st.integers(0, 10**9),
    st.floats(0, 4e9),
    st.floats(0, 1e5),
    st.booleans(),
)

ENTRY = Entry(Repository("R_1", "octo-dev/tools"), "octo-dev_tools")


@pytest.fixture(name="many")
def twelve_repositories(tmp_path: Path) -> Iterator[World]:
    """Twelve repositories; GitHub answers variously."""
    activity = Activity(repositories=[worked(n, f"tools-{n}") for n in range(1, 13)])
    with github_world(tmp_path / "workers", activity) as made:
        yield made


class TwoWorkers:
    """Two workers that know nothing of each other; what is asked goes to them in turn."""

    def __init__(self, world: World, context: JobContext[GitHubSettings]) -> None:
        self.workers = [
            batch_worker(replace(context, http=world.context().http), {}, Places(2))
            for _ in range(2)
        ]
        self._turn = itertools.cycle(self.workers)
        self._lock = threading.Lock()

    def __call__(self, item: object) -> object:
        with self._lock:
            worker = next(self._turn)
        return worker(item)

    def hold_s(self) -> float:
        """The longer of the two holds."""
        return max(worker.hold_s() for worker in self.workers)


def run(world: World, options: RunOptions | None = None, size: int = 8) -> JobReport:
    """A run whose questions are asked by two workers."""

    def two(
        context: JobContext[GitHubSettings], _common: JsonObject, _places: Places
    ) -> BatchWorker:
        return TwoWorkers(world, context)

    context = over_json(world.context(options), two, size)
    try:
        return refresh_github(context)
    finally:
        context.dead_letters.save()


# ---------------------------------------------------------------------- JSON


@given(question=questions, granted=st.booleans())
def test_a_question_is_read_as_it_was_written(question: Question, granted: bool) -> None:
    """What a worker needs of a repository, its stored weeks included."""
    assert read_question(question_value(question, granted=granted)) == (question, granted)


@given(
    verdict=st.none() | verdicts,
    etag=ids,
    barrier=st.none() | st.sampled_from(Barrier),
    unasked=st.booleans(),
    allowance=st.none() | allowances,
)
def test_a_result_is_read_as_it_was_written(
    verdict: AnswerVerdict | None,
    etag: str | None,
    barrier: Barrier | None,
    unasked: bool,
    allowance: Allowance | None,
) -> None:
    """All but the repository, which whoever asked knows."""
    result = StatisticsResult(ENTRY, verdict, None, etag, barrier, unasked)
    assert read_result(ENTRY, result_value(result, allowance)) == (result, allowance)


def test_the_error_of_a_repository_is_read_as_it_was_written() -> None:
    """Dead letters, pauses and notes go by its class, its status and its end."""
    error = RateLimited("slow down", status=429, until=12.5)
    result, _ = read_result(ENTRY, result_value(StatisticsResult(ENTRY, error=error), None))
    assert isinstance(result.error, RateLimited)
    assert (str(result.error), result.error.status, result.error.until) == ("slow down", 429, 12.5)


# ---------------------------------------------------------------------- runs


def test_workers_leave_what_threads_leave(many: World) -> None:
    """Twice: all is new, then a push, a rename, a bad answer, and one that GitHub still computes."""
    repositories = many.activity.repositories
    repositories[1].stats, repositories[2].stats, repositories[3].pending = "empty", "zeros", 1
    one = whole(many)
    for options in (None, RunOptions(force=True)):
        report = run(many, options)
        repositories[3].pending = 1 if options is None else 0
        alike = one.run(options)
        assert replace(report, last_fetched_at=alike.last_fetched_at) == alike
        assert without_times(stored(many)) == without_times(stored(one))
        push(many)
        repositories[4].former_names, repositories[4].name = ("octo-dev/tools-5",), "renamed"
        repositories[5].stats = "missing"


def without_times(files: dict[str, bytes]) -> set[str]:
    """The stored files but the state, whose answers were given at other times; the CSVs with bytes."""
    return {f"{name} {body!r}" if name.endswith(".csv") else name for name, body in files.items()}


def test_all_workers_together_keep_to_the_limit(many: World) -> None:
    """Not one request is sent that GitHub would refuse; the next hour brings the rest."""
    many.app.core.limit = 5
    report = run(many)
    assert len(many.asked()) == 5
    assert report.partial is not None
    assert "REST limit of 5 requests an hour is used up" in report.partial
    assert (report.changed, report.failed) == (5, 0)
    assert any("7 repositories are left" in note for note in report.notes)
    many.app.log.clear()
    many.app.core.limit = 50
    many.clock.advance(3600)
    report = run(many)
    assert len(many.asked()) == 7
    assert (report.changed, report.failed, report.partial) == (7, 0, None)


def test_a_limit_that_one_worker_meets_holds_the_other(many: World) -> None:
    """A secondary limit is waited for once, by the process that hands out; then all are asked."""
    many.app.inject(secondary_limit("30"), "/stats", times=1)
    report = run(many, size=2)
    assert many.clock.slept == [30]
    assert len(many.asked()) == 13
    assert (report.changed, report.failed, report.partial) == (12, 0, None)


def test_a_limit_that_does_not_end_leaves_the_rest_to_the_next_run(many: World) -> None:
    """Each repository is tried as often as on threads, then the run is partial."""
    many.app.inject(secondary_limit("3000"), "/stats", after=3)
    report = run(many, size=1)
    assert len(many.asked()) == 4
    assert report.partial is not None
    assert "secondary limit for REST" in report.partial
    assert (report.changed, report.failed) == (3, 0)
    assert many.clock.slept == []


def test_a_token_that_is_refused_ends_the_run(many: World) -> None:
    """As on threads, after what was answered before has been kept."""
    many.app.inject(reply(401, '{"message": "Bad credentials"}'), "/stats", after=2)
    with pytest.raises(Denied):
        run(many, size=1)
    assert len(many.asked()) == 3
    many.app.heal()
    many.app.log.clear()
    assert run(many).changed == 10


# --------------------------------------------------------------- lost workers


class Faulty(Engine):
    """Hands results of another engine on as workers that are lost now and then would."""

    def __init__(self, inner: Engine, change: "Change") -> None:
        super().__init__(inner.width)
        self._inner = inner
        self._change = change

    def spread(
        self, work: ItemWork[T, R], link: RunLink, here: Callable[[T], R], items: Iterable[T]
    ) -> Iterator[R]:
        questions = list(items)
        return self._change(lambda some: self._inner.spread(work, link, here, some), questions)


Change = Callable[..., Iterator[Any]]


def faulty_run(world: World, change: Change) -> JobReport:
    """A run with workers of which some are lost."""
    context = over_json(world.context(), batch_worker, 3)
    context = replace(context, engine=Faulty(context.engine, change))
    try:
        return refresh_github(context)
    finally:
        context.dead_letters.save()


def test_what_a_lost_worker_wrote_is_written_once(many: World) -> None:
    """It has stored CSVs before it could tell: the second worker finds them as it would write them."""

    def twice(spread: Change, questions: list[object]) -> Iterator[object]:
        list(spread(questions[:5]))
        return spread(questions)

    report = faulty_run(many, twice)
    assert (report.changed, report.failed) == (12, 0)
    one = whole(many)
    one.run()
    assert without_times(stored(many)) == without_times(stored(one))


def test_a_lost_cluster_keeps_what_was_answered(many: World) -> None:
    """The run fails; the next one asks for no repository whose CSV is stored, told or not."""

    def breaks(spread: Change, questions: list[object]) -> Iterator[object]:
        yield from itertools.islice(spread(questions), 4)
        raise ClusterFailed("the scheduler is gone")

    with pytest.raises(ClusterFailed):
        faulty_run(many, breaks)
    have = {path.stem.replace("_", "/", 1) for path in many.csv("x").parent.glob("*.csv")}
    assert len(have) == 4  # the first one alone, then a batch of three, of which one was told
    many.app.log.clear()
    assert many.run().failed == 0
    assert not have & set(many.asked())
    assert len(many.asked()) == 8


def test_an_open_breaker_of_a_worker_ends_the_asking(many: World) -> None:
    """What was answered before is published, then the run fails."""

    def opens(spread: Change, questions: list[Question]) -> Iterator[StatisticsResult]:
        yield from spread(questions[:4])
        for question in questions[4:]:
            yield StatisticsResult(question.entry, error=BreakerOpen(until=0.0))

    with pytest.raises(BreakerOpen):
        faulty_run(many, opens)
    assert many.json("activity_data")["cumulativeAllTimeData"]["dataComplete"] is False
    assert many.contexts[-1].dead_letters.letters == {}
    many.app.log.clear()
    assert many.run().failed == 0
    assert 0 < len(many.asked()) < 12


def test_a_repository_that_ended_two_workers_is_a_dead_letter(many: World) -> None:
    """Both of its requests count as sent, and nothing is under way any more."""
    budget = Budget("REST", many.clock, patience_s=0)
    budget.hear(Allowance(10, 3, many.clock.now() + 60))
    work = item_work(many.context(), budget)
    question = Question(ENTRY)
    work.encode(question)
    work.encode(question)
    result = work.lost(question)
    assert isinstance(result.error, WorkerKilled)
    assert budget.allowance().remaining == 1
    assert budget.grant()
    assert not budget.grant()
