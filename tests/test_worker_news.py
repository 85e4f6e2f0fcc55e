"""What workers tell of requests, hosts, notes and writes becomes that of their run."""

import json
from pathlib import Path

import pytest

from datafetch.errors import OutputRefused
from datafetch.job import Remarks
from datafetch.logs import bound_logger
from datafetch.models.json import JsonObject
from datafetch.net.base import HttpClient, Request
from datafetch.net.counts import Counts
from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy, Outcome
from datafetch.store.keys import Keys
from datafetch.store.output_limit import LimitedStore, OutputLimit
from datafetch.upstream_errors import BreakerOpen
from datafetch.worker_news import WorkerLog, WorkerNews, add_news
from tests.fakes.base import App, Response
from tests.stores import MemoryStore
from tests.support import FakeClock, make_http

KEYS = Keys("-test")
HOST = "a.example"


class Place:
    """A worker, or the run itself, with its own books."""

    def __init__(self, clock: FakeClock, store: MemoryStore | None = None, mb: int = 1) -> None:
        self.counts = Counts()
        self.remarks = Remarks()
        self.output = OutputLimit(mb)
        self.store = store or MemoryStore()
        self.http: HttpClient = make_http(clock)
        self.breakers = BreakerBook(self.store, KEYS, clock, BreakerPolicy(1, 60.0))
        self.log = WorkerLog("r")
        self.news = WorkerNews(self.http, self.breakers, self.remarks, self.output, self.log)

    def learn(self, told: JsonObject) -> None:
        """Take over what another place tells, through JSON."""
        add_news(
            json.loads(json.dumps(told)),
            counts=self.counts,
            breakers=self.breakers,
            remarks=self.remarks,
            output=self.output,
        )

    def visit(self, outcome: Outcome) -> None:
        """One request to the host, which is let through and ends like this."""
        visit = object()
        self.breakers.allow(HOST, visit)
        self.breakers.record(HOST, outcome, visit, "it said 500")


@pytest.fixture
def clock() -> FakeClock:
    """The time of all places."""
    return FakeClock()


@pytest.fixture
def run(clock: FakeClock) -> Place:
    """The run."""
    return Place(clock)


def test_requests_of_all_workers_are_added_up(clock: FakeClock, run: Place) -> None:
    """Each request is told once, whichever answer tells it."""

    class Site(App):
        def answer(self, request: object) -> Response:
            return Response(200, {}, b"12345")

    with Site().served() as server:
        for _ in range(2):
            worker = Place(clock)
            for _ in range(2):
                worker.http.fetch(Request(server.url, "settings", "site"))
                run.learn(worker.news.take())
            run.learn(worker.news.take())
            worker.http.close()
    told = {"requests": 4, "bytes": 20, "retries": 0, "status_200": 4}
    assert run.counts.snapshot() == {"site": told}


def test_a_host_that_fails_at_a_worker_is_left_alone_by_the_next_run(
    clock: FakeClock, run: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """The run logs and stores what its workers found; they store nothing."""
    worker = Place(clock)
    worker.visit(Outcome.FAILED)
    worker.breakers.load()
    run.learn(worker.news.take())
    worker.breakers.save()
    assert worker.store.objects == {}
    assert run.breakers.open_hosts() == (HOST,)
    opened = [record for record in caplog.records if record.message == "breaker_opened"]
    assert [vars(record)["reason"] for record in opened] == 2 * ["it said 500"]
    run.breakers.save()
    with pytest.raises(BreakerOpen, match="failed 1 times"):
        Place(clock, run.store).breakers.allow(HOST, object())


def test_a_host_that_answers_again_is_asked_again(clock: FakeClock, run: Place) -> None:
    """A worker whose probe succeeded closes the breaker for the run."""
    worker = Place(clock, run.store)
    run.visit(Outcome.FAILED)
    run.breakers.save()
    clock.advance(61.0)
    worker.visit(Outcome.ANSWERED)
    run.learn(worker.news.take())
    run.breakers.save()
    assert run.breakers.open_hosts() == ()
    assert json.loads(run.store.objects[KEYS.breakers()]) == {}


def test_of_two_workers_the_later_failure_counts(clock: FakeClock, run: Place) -> None:
    """News that arrive late do not bring back an older opening."""
    early, late = Place(clock), Place(clock)
    early.visit(Outcome.FAILED)
    clock.advance(30.0)
    late.visit(Outcome.FAILED)
    run.learn(late.news.take())
    run.learn(early.news.take())
    clock.advance(59.0)
    with pytest.raises(BreakerOpen):
        run.breakers.allow(HOST, object())


def test_what_a_worker_logs_is_in_the_log_of_its_run(
    clock: FakeClock, run: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """With its fields and its traceback, but nothing of other runs, and of breakers nothing twice."""
    worker = Place(clock)
    worker.log.listen()
    try:
        worker.visit(Outcome.FAILED)
        bound_logger(runId="other").warning("rate_limit_wait", extra={"wait_s": 1})
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            bound_logger(runId="r").exception("unexpected_error")
    finally:
        worker.log.unlisten()
    told = worker.news.take()
    caplog.clear()
    run.learn(told)
    run.learn(worker.news.take())
    assert [record.message for record in caplog.records] == ["unexpected_error", "breaker_opened"]
    fields = vars(caplog.records[0])
    assert fields["error"] == "ZeroDivisionError: division by zero"
    assert "Traceback" in fields["traceback"]
    assert (fields["levelname"], fields["runId"]) == ("ERROR", "r")


def test_the_log_of_one_run_goes_on_when_another_ends(clock: FakeClock) -> None:
    """Both have one process: what is logged is kept for the run that still works."""
    first, second = Place(clock).log, Place(clock).log
    first.listen()
    second.listen()
    first.unlisten()
    bound_logger(runId="r").info("rate_limit_wait", extra={"wait_s": 1})
    second.unlisten()
    assert [record["event"] for record in second.take()] == ["rate_limit_wait"]
    assert first.take() == []


def test_notes_of_workers_are_told_once(clock: FakeClock, run: Place) -> None:
    """The same sentence of two workers is one; numbers are added up."""
    for _ in range(2):
        worker = Place(clock)
        worker.remarks.say("something")
        worker.remarks.wrote_again(2)
        for number in range(4):
            worker.remarks.unreadable(f"object {number}")
        run.learn(worker.news.take())
        run.learn(worker.news.take())
    notes = run.remarks.notes()
    assert notes == (
        "something",
        "object 0",
        "object 1",
        "object 2",
        "1 more stored objects could not be read either",
        "4 objects were equal and written again (--force), for headers and access",
    )


def test_all_workers_together_write_no_more_than_the_run_may(
    clock: FakeClock, run: Place, tmp_path: Path
) -> None:
    """Each is within the limit of one run; the second one passes it."""
    workers = [Place(clock), Place(clock)]
    for worker in workers:
        LimitedStore(worker.store, worker.output).put("images/x.png", bytes(600_000))
    run.learn(workers[0].news.take())
    run.learn(workers[0].news.take())
    with pytest.raises(OutputRefused, match="DATAFETCH_MAX_OUTPUT_MB"):
        run.learn(workers[1].news.take())


def test_an_answer_without_news_changes_nothing(run: Place) -> None:
    """A batch that was not begun has none."""
    run.learn({})
    assert run.counts.snapshot() == {}
