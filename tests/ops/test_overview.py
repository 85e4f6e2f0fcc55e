"""What is read of a store for `status`, and that reading it changes nothing."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from datafetch.cron import Schedule
from datafetch.errors import StoreDenied, StoreUnavailable
from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.freshness import Condition
from datafetch.ops.leases.lock_object import ADAPTER
from datafetch.ops.leases.process import this_process
from datafetch.ops.leases.store import StoreLeases
from datafetch.ops.overview import JobView, Overview, look
from datafetch.ops.overview_report import document, failed_document, headline
from datafetch.ops.pauses import Pauses
from datafetch.ops.run_records import RunRecords
from datafetch.store.base import ObjectInfo, OpenedObject, StoredObject, encode_json
from datafetch.store.keys import Keys
from datafetch.upstream_errors import Missing, TransientError
from tests.ops.overviews import SCENES, all_fine, empty, failing, silent
from tests.stores import FaultyStore, MemoryStore
from tests.support import START, FakeClock

KEYS = Keys("-test")
SCHEDULES = {
    JobName.BOOKMARKS: Schedule.parse("0 */2 * * *"),
    JobName.GITHUB: Schedule.parse("0 0 * * *"),
    JobName.LOGOS: Schedule.parse("0 1 * * 0"),
    JobName.OPENGRAPH: None,
}
BOOKMARKS, OPENGRAPH = JobName.BOOKMARKS, JobName.OPENGRAPH
OPERATION = {BOOKMARKS: Operation.BOOKMARKS, OPENGRAPH: Operation.OPENGRAPH}
NO_FAILURES: dict[str, Exception] = {}


def seen(store: object, clock: FakeClock | None = None) -> Overview:
    """An overview of all jobs, all of them configured."""
    return look(store, KEYS, clock or FakeClock(), SCHEDULES, list(SCHEDULES), 60.0)  # type: ignore[arg-type]


def job_in(overview: Overview, job: JobName = BOOKMARKS) -> JobView:
    """One job of it."""
    return next(view for view in overview.jobs if view.job is job)


def ran(
    store: MemoryStore,
    job: JobName = BOOKMARKS,
    run_id: str = "run-1",
    status: RunStatus = RunStatus.SUCCEEDED,
    failed: dict[str, Exception] = NO_FAILURES,
    clock: FakeClock | None = None,
) -> None:
    """A run that has begun and ended, with these failed items."""
    records = RunRecords(store, KEYS, job, clock or FakeClock())
    records.ask()
    letters = records.begin(run_id)
    for item, error in failed.items():
        letters.failed(item, error)  # type: ignore[arg-type]
    code = 1 if status is RunStatus.FAILED else 0
    said = "it broke" if code else None
    result = RunResult(
        OPERATION[job], status, run_id, items_processed=7, error=said, exit_code=code
    )
    records.end(result, full_sync=True)


@pytest.fixture
def store() -> MemoryStore:
    """A store in which both jobs ran and everything is to be seen."""
    made = MemoryStore()
    ran(made)
    gone = Missing("https://gone.example/x: 404", url="https://gone.example/x", status=404)
    slow = TransientError("https://slow.example/x: no answer in time", url="https://slow.example/x")
    ran(made, OPENGRAPH, failed={"https://gone.example/x": gone, "https://slow.example/x": slow})
    Pauses.load(made, KEYS, FakeClock()).set(JobName.LOGOS, START, reason="holidays")
    opened = {"state": "open", "failures": 3, "openedAt": round(START * 1000)}
    made.put(KEYS.breakers(), encode_json({"slow.example": opened}))
    made.put(KEYS.bookmarks_index(), encode_json({"lastFetchedAt": 1_795_500_000_000}))
    made.put(KEYS.github_activity(), b"{}")
    for hour in ("06", "07"):
        made.put(KEYS.bookmarks_backup(f"2026-11-24T{hour}-00-00.000Z"), b"[]")
    made.put(KEYS.publish_journal("bookmarks"), b"{}")
    made.put(Keys("-dev").publish_journal("github"), b"{}")
    return made


def test_everything_is_read_and_nothing_written(store):
    """Some 25 requests, all of them side by side; no object changes."""
    watched, before = FaultyStore(store), dict(store.objects)
    overview = seen(watched)
    assert store.objects == before
    assert watched.count("put", "delete") == 0
    assert watched.count() <= 26
    view = job_in(overview)
    assert view.freshness.condition is Condition.FRESH
    assert view.last is not None
    assert (view.last.run_id, view.last.processed) == ("run-1", 7)
    assert view.data_from == 1_795_500_000_000
    assert job_in(overview, JobName.GITHUB).data_from == round(START * 1000)
    assert job_in(overview, JobName.LOGOS).freshness.condition is Condition.PAUSED
    links = job_in(overview, OPENGRAPH).waiting
    assert (links.total, links.waiting, links.permanent, links.gone) == (2, 1, 1, 1)
    (breaker,) = overview.breakers
    assert (breaker.host, breaker.letters) == ("slow.example", 1)
    assert breaker.next_probe_at - breaker.opened_at == 60_000
    assert overview.newest_backup_at == round((START - 3600) * 1000)
    assert overview.open_publishes == ("bookmarks",)
    assert overview.notes == ()


def test_letters_are_counted_also_when_the_last_run_changed_nothing(store):
    """What waits is told as long as it waits."""
    ran(store, OPENGRAPH, "run-2", RunStatus.UNCHANGED)
    assert job_in(seen(store), OPENGRAPH).waiting.total == 2


def test_an_empty_store_says_that_nothing_ran():
    """No object is missed: a site of tomorrow has none."""
    overview = seen(MemoryStore())
    assert overview.is_wrong
    assert overview.notes == ()
    assert headline(overview).startswith("bookmarks: stale, no run of it is known; cron's log")


@pytest.mark.parametrize(
    "key",
    [
        KEYS.job_state(BOOKMARKS),
        KEYS.history(BOOKMARKS),
        KEYS.dead_letters(OPENGRAPH),
        KEYS.pauses(),
        KEYS.breakers(),
        KEYS.lock(BOOKMARKS),
        KEYS.bookmarks_index(),
    ],
)
@pytest.mark.parametrize("body", [b"{", b"[[[", b'{"a": NaN}', b'"text"', b"\xff\xfe"])
def test_what_cannot_be_read_is_said_and_left_as_it_is(store, key, body, caplog):
    """No copy is kept aside by looking, nothing is logged, and everything else is told."""
    store.put(key, body)
    before = dict(store.objects)
    with caplog.at_level(logging.DEBUG):
        overview = seen(store)
    assert store.objects == before
    assert caplog.records == []
    (note,) = overview.notes
    assert note.startswith(f"{key} cannot be read")
    assert len(overview.jobs) == 4
    json.dumps(document(overview))


def test_a_history_that_cannot_be_read_hides_no_failure(store):
    """The state knows of the last run, too."""
    ran(store, run_id="run-2", status=RunStatus.FAILED)
    store.put(KEYS.history(BOOKMARKS), b"{")
    view = job_in(seen(store))
    assert (view.freshness.is_failing, view.freshness.failures) == (True, 1)
    assert view.last is not None
    assert (view.last.run_id, view.last.error) == ("run-2", "it broke")


def test_a_store_that_does_not_answer_is_an_error(store):
    """Not to know is not the same as all is well."""
    broken = FaultyStore(
        store, lambda call, _: "fail" if call.key == KEYS.lock(BOOKMARKS) else None
    )
    with pytest.raises(StoreUnavailable):
        seen(broken)


class _NoListing(MemoryStore):
    """A store whose credentials may not list."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        raise StoreDenied(f"{prefix}: 403", key=prefix)


def test_credentials_that_may_not_list_see_the_rest(store):
    """Backups, journals and shares are then unknown, and that is said."""
    blind = _NoListing()
    blind.objects = store.objects
    overview = seen(blind)
    assert overview.newest_backup_at is None
    assert len(overview.notes) == 3
    assert job_in(overview).freshness.condition is Condition.FRESH


# ----------------------------------------------------------------- who has the lock


def held(store: MemoryStore, clock: FakeClock, tmp_path: object) -> str:
    """A run that has taken the lease and has begun; its id."""
    leases = StoreLeases(store, KEYS, clock, lambda _: 300.0, tmp_path)  # type: ignore[arg-type]
    leases.acquire(BOOKMARKS, "run-9")
    records = RunRecords(store, KEYS, BOOKMARKS, clock)
    records.ask()
    records.begin("run-9")
    return "run-9"


def test_a_living_holder_is_shown_with_its_end(store, tmp_path):
    """Who, since when, and when the lock is free unless it is renewed."""
    held(store, clock := FakeClock(), tmp_path)
    view = job_in(seen(store, clock))
    assert view.freshness.is_running
    assert view.facts.holder is not None
    assert view.facts.holder.is_alive
    assert view.facts.holder.pid == this_process().pid
    assert view.facts.holder.free_at == round((START + 300) * 1000)


def test_a_holder_that_does_not_renew_is_not_alive(store, tmp_path):
    """After the lease's time the run counts as dead, wherever it ran."""
    held(store, clock := FakeClock(), tmp_path)
    clock.advance(301)
    view = job_in(seen(store, clock))
    assert view.facts.holder is not None
    assert (view.facts.holder.is_over, view.freshness.died) == (True, True)


@pytest.mark.skipif(this_process().started is None, reason="no /proc tells of processes here")
def test_a_dead_process_of_this_machine_is_seen_at_once(store, tmp_path):
    """Long before its lease is over."""
    held(store, clock := FakeClock(), tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    lock = ADAPTER.validate_json(store.get(KEYS.lock(BOOKMARKS)).body)
    dead = replace(lock, pid=child.pid)
    store.put(KEYS.lock(BOOKMARKS), encode_json(ADAPTER.dump_python(dead, by_alias=True)))
    view = job_in(seen(store, clock))
    assert view.facts.holder is not None
    assert (view.facts.holder.is_dead, view.facts.holder.is_over) == (True, False)
    assert (view.freshness.died, view.freshness.condition) == (True, Condition.FAILING)
    assert headline(seen(store, clock)).startswith("bookmarks: failing since")


class _Ending(MemoryStore):
    """A store in which the run ends right after its state was read for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.has_ended = threading.Event()

    def get(self, key: str) -> StoredObject:
        found = super().get(key)
        if key == KEYS.job_state(BOOKMARKS) and not self.has_ended.is_set():
            state = json.loads(found.body)
            lock = json.loads(self.objects[KEYS.lock(BOOKMARKS)])
            over = {"status": "completed", "completedAt": round(START * 1000)}
            self.put(KEYS.job_state(BOOKMARKS), encode_json({**state, **over}))
            self.put(KEYS.lock(BOOKMARKS), encode_json({**lock, "owner": None}))
            self.has_ended.set()
        return found

    @contextmanager
    def open(self, key: str) -> Iterator[OpenedObject]:
        if key == KEYS.lock(BOOKMARKS):
            self.has_ended.wait()
        with super().open(key) as opened:
            yield opened


def test_a_run_that_ends_between_two_reads_is_not_called_dead(store, tmp_path):
    """State and lock are two objects: what does not fit together is read once more."""
    held(store, clock := FakeClock(), tmp_path)
    ending = _Ending()
    ending.objects = store.objects
    view = job_in(seen(ending, clock))
    assert not view.freshness.died
    assert view.facts.state is not None
    assert view.facts.state.status == "completed"


# ------------------------------------------------------------------------ the words


def test_the_first_line_says_that_all_is_well():
    """How many jobs, and which one comes next."""
    assert headline(all_fine()) == "All 3 jobs are fresh; next: bookmarks at 14:00 PST (in 115 min)"


def test_the_first_line_names_the_gravest_first():
    """A job that fails goes before one that is stale, whatever their order."""
    jobs = (*silent().jobs[1:], failing().jobs[0])
    line = headline(replace(silent(), jobs=jobs))
    assert line.startswith("bookmarks: failing since 06:05 PST (6 h ago), 4 runs; last good 04:00")
    assert line.endswith("; also github is stale")


def test_silence_is_said_with_where_to_look():
    """Exits 78, 127 and 75 leave nothing in the store."""
    line = headline(silent())
    assert "no run since yesterday 10:02 PST (26 h ago)" in line
    assert "cron's log has the rest: exits 78, 127 and 75 leave no history" in line


@pytest.mark.parametrize("scene", SCENES)
def test_the_document_can_be_read_by_every_program(scene):
    """Names in camelCase, and numbers, texts, lists and nothing else in it."""
    found = json.loads(json.dumps(document(SCENES[scene]()), allow_nan=False))
    assert list(found) == [
        *("status", "sentence", "at", "jobs", "breakers", "newestBackupAt"),
        *("openPublishes", "notes", "error"),
    ]
    assert [job["job"] for job in found["jobs"]][:2] == ["bookmarks", "github"]
    for job in found["jobs"]:
        assert {"status", "schedule", "lastRun", "lastSuccessAt", "dataFrom", "nextRunAt"} <= set(
            job
        )
        assert {"isStale", "isFailing", "pause", "lock", "deadLetters", "goneLinks"} <= set(job)
        assert job["status"].isalpha()


@pytest.mark.parametrize(
    ("scene", "status"),
    [(all_fine, "ok"), (failing, "failing"), (silent, "stale"), (empty, "stale")],
)
def test_the_document_says_how_it_is(scene, status):
    """One word for programs."""
    assert document(scene())["status"] == status


def test_a_failed_look_has_a_document_of_the_same_form():
    """A program that reads it finds the error where none is otherwise."""
    error = StoreUnavailable("s3://bucket did not answer: token=hunter2hunter2")
    found = failed_document(error, START)
    assert list(found) == list(document(all_fine()))
    assert (found["status"], found["error"]) == ("unknown", "s3://bucket did not answer: token=***")
