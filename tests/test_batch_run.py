"""What a worker process does for runs: real pages, a real store, and everything that can end its work."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from datafetch import __version__, batch_run
from datafetch.batch_run import WorkerRuns
from datafetch.environment import load_settings
from datafetch.errors import Cancelled, ConfigurationError, DatafetchError, Inconsistent, LeaseLost
from datafetch.models.error_values import read_error
from datafetch.models.option_values import options_value
from datafetch.models.run import JobName, RunOptions
from datafetch.models.shard import Shard
from datafetch.opengraph.batch import task_value
from datafetch.opengraph.model import BookmarkRecord, SavedBookmark
from datafetch.opengraph.rules.plan import BookmarkedPage
from datafetch.opengraph.worker import PageTask, WantedPicture
from datafetch.ops import state
from datafetch.runtime.batches import Batch, BatchAnswer, Pulse
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.worker_settings import charge_of
from tests.fakes.base import App, Request, Response
from tests.support import FakeClock
from tests.worker_process import worker_process

RUN = "20261128T000000Z-1"
KEYS = Keys("-dev")
ASKED = {"force": False, "missing": False, "olderThanMs": None, "named": None}
TOKEN = "github_pat_0123456789canary"


@dataclass
class Pages(App):
    """A site of one page for each path; `status` is what all of them answer."""

    status: int = 200

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, request: Request) -> Response:
        """The page."""
        head = f"<title>The page at {request.path}</title><body>".encode()
        return Response(self.status, {"Content-Type": "text/html"}, head)


@dataclass
class Coordinator:
    """The run that a worker works for: its store and settings, and the batches that it sends."""

    folder: Path
    url: str
    charge: SecretStr
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def store(self) -> LocalStore:
        """The store of the run."""
        return LocalStore(self.folder / "store")

    def begin(self, run_id: str = RUN, shard: Shard | None = None) -> None:
        """Say in the store that the run is under way."""
        record = state.state_record(self.store, KEYS, JobName.OPENGRAPH, self.clock, shard)
        record.load()
        record.save(state.begin(None, job=JobName.OPENGRAPH, run_id=run_id, now_ms=1))

    def batch(
        self,
        *paths: str,
        run_id: str = RUN,
        job: str = "opengraph",
        options: RunOptions | None = None,
    ) -> Batch:
        """Pages to work on."""
        common = {"options": options_value(options or RunOptions()), "asked": ASKED}
        return Batch(run_id, job, common, [self._page(path) for path in paths])

    def _page(self, path: str) -> object:
        address = f"{self.url}/{path}"
        bookmark = SavedBookmark(path, address)
        wanted = WantedPicture(bookmark, BookmarkRecord(), (), settled=True)
        page = BookmarkedPage(address, [bookmark])
        return task_value(PageTask(page, None, None, (wanted,), ask=True, conditionally=False))

    @property
    def metadata(self) -> list[str]:
        """The objects that workers have written."""
        return [info.key for info in self.store.list("json/opengraph/metadata")]

    def everything(self) -> list[str]:
        """All objects of the store."""
        return sorted(info.key for info in self.store.list(""))


@pytest.fixture
def pages() -> Pages:
    """The site."""
    return Pages()


@pytest.fixture
def run(tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Iterator[Coordinator]:
    """A run that is under way."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    monkeypatch.setenv("DATAFETCH_ALLOW_HOSTS", "127.0.0.1")
    monkeypatch.setenv("DATAFETCH_RETRY_MAX_SECONDS", "0")
    monkeypatch.setenv("OG_MAX_RETRIES", "0")
    monkeypatch.setenv("DATAFETCH_MAX_OUTPUT_MB", "1")
    monkeypatch.setenv("S3_CDN_URL", "https://cdn.example.com")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with pages.served() as server:
        made = Coordinator(tmp_path, server.url, charge_of(load_settings(None)))
        made.begin()
        yield made


@pytest.fixture
def runs(run: Coordinator) -> WorkerRuns:
    """A worker that is prepared, and hears its run."""
    made = WorkerRuns(lambda: run.clock)
    made.begin(RUN, run.charge)
    made.hear(Pulse(RUN, 30.0, 1))
    return made


def failure(answer: BatchAnswer) -> DatafetchError:
    """The error that ended a batch."""
    assert answer.error is not None
    return read_error(answer.error)


def test_a_process_that_knows_nothing_does_the_work_of_a_run(
    run: Coordinator, tmp_path: Path
) -> None:
    """Settings come by value; results, counts and writes go back as JSON, and no secret is logged."""
    elsewhere, log = tmp_path / "elsewhere", tmp_path / "log"
    elsewhere.mkdir()
    with worker_process(elsewhere, log) as worker:
        charge = run.charge.get_secret_value()
        begun = worker.call("begin", {"version": __version__, "run": RUN, "charge": charge})
        assert begun == {"version": __version__, "error": None}
        assert worker.call("pulse", Pulse(RUN, 30.0, 2).to_json()) == {}
        answer = BatchAnswer.of(worker.call("perform", run.batch("a", "b").to_json()))
        assert answer.error is None
        assert sorted(answer.results) == [0, 1]
        first: Any = answer.results[0]
        assert first["description"]["title"] == "The page at /a"
        assert answer.told["counts"]["site"]["status_200"] == 2
        assert answer.told["bytes"] > 0
        assert len(run.metadata) == 2
        again = BatchAnswer.of(worker.call("perform", run.batch("c").to_json()))
        assert again.told["counts"]["site"]["requests"] == 1
        assert worker.call("pulse", Pulse(RUN, 0.0, 2).to_json()) == {}
        late = BatchAnswer.of(worker.call("perform", run.batch("d").to_json()))
        assert isinstance(failure(late), LeaseLost)
    assert list(elsewhere.iterdir()) == []
    assert TOKEN not in log.read_text() + json.dumps(answer.to_json())


def test_another_version_is_not_prepared() -> None:
    """It tells its own version, by which the run refuses it, and reads nothing of the charge."""
    told = batch_run.begin({"version": "0.0.1", "run": RUN, "charge": object()})
    assert told == {"version": __version__, "error": None}
    answer = batch_run.perform(Batch(RUN, "opengraph", {}, ["x"]).to_json())
    assert isinstance(failure(BatchAnswer.of(answer)), LeaseLost)


def test_a_worker_that_sees_another_store_writes_nothing(
    run: Coordinator, runs: WorkerRuns
) -> None:
    """As where the run's folder is that of another machine: a sentence that names both."""
    run.begin("another run")
    before = run.everything()
    error = failure(runs.perform(run.batch("a")))
    assert isinstance(error, ConfigurationError)
    assert "does not see the store of the run" in str(error)
    assert RUN in str(error)
    assert run.everything() == before


def test_a_share_of_the_job_is_known_by_its_own_state(run: Coordinator, runs: WorkerRuns) -> None:
    """The job's state may be that of an earlier run then."""
    run.begin("an earlier run")
    shard = Shard(2, 4)
    run.begin(RUN, shard)
    answer = runs.perform(run.batch("a", options=RunOptions(shard=shard)))
    assert answer.error is None
    assert sorted(answer.results) == [0]


def test_a_worker_that_hears_nothing_stops_writing(run: Coordinator, runs: WorkerRuns) -> None:
    """What came before is told with the error; after the next pulse the work goes on."""
    assert runs.perform(run.batch("a")).error is None
    written = run.metadata
    run.clock.advance(30.0)
    assert isinstance(failure(runs.perform(run.batch("b"))), LeaseLost)
    assert run.metadata == written
    runs.hear(Pulse(RUN, 30.0, 1))
    assert runs.perform(run.batch("b")).error is None
    assert len(run.metadata) == 2


def test_silence_in_the_middle_of_a_batch_keeps_the_results_before_it(
    run: Coordinator, runs: WorkerRuns, monkeypatch: pytest.MonkeyPatch, pages: Pages
) -> None:
    """The page that is read before it is stored and told; the one after it is not."""

    def answer(request: Request) -> Response:
        if request.path == "/b":
            run.clock.advance(60.0)
        return Response(200, {"Content-Type": "text/html"}, b"<title>A page</title><body>")

    monkeypatch.setattr(pages, "answer", answer)
    batch = run.batch("a", "b")
    told = runs.perform(Batch(RUN, batch.job, batch.common, batch.items, 1))
    assert isinstance(failure(told), LeaseLost)
    assert sorted(told.results) == [0]
    assert told.told["counts"]["site"]["requests"] == 2
    assert len(run.metadata) == 1


def test_a_run_that_has_ended_is_worked_for_no_more(run: Coordinator, runs: WorkerRuns) -> None:
    """Neither a batch nor a pulse that was under way brings it back."""
    runs.hear(Pulse(RUN, 0.0, 1))
    runs.hear(Pulse(RUN, 30.0, 1))
    assert isinstance(failure(runs.perform(run.batch("a"))), LeaseLost)
    assert run.metadata == []


def test_the_end_of_a_run_ends_its_requests(
    run: Coordinator, runs: WorkerRuns, monkeypatch: pytest.MonkeyPatch, pages: Pages
) -> None:
    """While a site does not answer, the worker is free again at once."""

    def answer(request: Request) -> Response:
        runs.hear(Pulse(RUN, 0.0, 1))
        return Response(200, {"Content-Type": "text/html"}, b"<title>Late</title><body>")

    monkeypatch.setattr(pages, "answer", answer)
    error = failure(runs.perform(run.batch("a", "b")))
    assert isinstance(error, Cancelled | LeaseLost)
    assert run.metadata == []


def test_two_runs_share_a_process_with_settings_of_their_own(
    run: Coordinator, runs: WorkerRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two coordinators of one cluster: each batch is done by its own run's settings."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/other/store")
    other = Coordinator(tmp_path / "other", run.url, charge_of(load_settings(None)), run.clock)
    other.begin("other")
    runs.begin("other", other.charge)
    runs.hear(Pulse("other", 30.0, 1))
    assert runs.perform(other.batch("a", run_id="other")).error is None
    assert runs.perform(run.batch("b", "c")).error is None
    assert (len(other.metadata), len(run.metadata)) == (1, 2)
    runs.hear(Pulse("other", 0.0, 1))
    assert runs.perform(run.batch("d")).error is None


def test_a_dead_run_is_let_go_of_when_the_next_one_begins(
    run: Coordinator, runs: WorkerRuns
) -> None:
    """A coordinator that was killed ends nothing; it must not stay in memory for ever."""
    run.clock.advance(30.0 + 61.0)
    runs.begin("next", run.charge)
    runs.hear(Pulse(RUN, 30.0, 1))
    assert isinstance(failure(runs.perform(run.batch("a"))), LeaseLost)


def test_the_same_run_may_begin_again(run: Coordinator, runs: WorkerRuns) -> None:
    """What it keeps from batch to batch stays."""
    assert runs.perform(run.batch("a")).error is None
    runs.begin(RUN, run.charge)
    answer = runs.perform(run.batch("b"))
    assert answer.told["counts"]["site"]["requests"] == 1


def test_a_host_that_fails_is_told_and_not_stored(
    run: Coordinator, runs: WorkerRuns, pages: Pages
) -> None:
    """The run stores the breakers; workers would write over each other's."""
    pages.status = 503
    answer = runs.perform(run.batch("a", "b", "c", "d"))
    assert answer.error is None
    assert [told["failures"] for told in answer.told["breakers"].values()] == [3]
    assert KEYS.breakers() not in run.everything()


def test_what_no_worker_does_is_refused(run: Coordinator, runs: WorkerRuns) -> None:
    """A batch of a job that hands out none comes back with an error, as does an unknown one."""
    record = state.state_record(run.store, KEYS, JobName.BOOKMARKS, run.clock)
    record.load()
    record.save(state.begin(None, job=JobName.BOOKMARKS, run_id=RUN, now_ms=1))
    assert isinstance(failure(runs.perform(run.batch("a", job="bookmarks"))), Inconsistent)
    assert "unexpected: ValueError" in str(failure(runs.perform(run.batch("a", job="films"))))
