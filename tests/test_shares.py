"""Runs of shares: a lease and a state each, and the job's history and dead letters in common."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import CancelToken, SystemClock
from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError, LeaseHeld, StoreConflict, UsageError
from datafetch.factory import Parts, make_parts
from datafetch.manager import DataFetchManager
from datafetch.models.run import OPERATIONS, JobName, RunOptions, RunRequest, RunResult, RunStatus
from datafetch.models.shard import Shard, lease_name
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.due_jobs import look_at
from datafetch.ops.overview import JobView, look
from datafetch.ops.run_records import RunRecords
from datafetch.ops.share_words import share_rows
from datafetch.run_options import options_of_job, options_of_run
from datafetch.serverless import RunFailed, handler
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.upstream_errors import TransientError
from tests.contract.lease_kinds import KINDS, lease_kind
from tests.fakes.base import FakeServer
from tests.fakes.s3 import S3Fake
from tests.processes import datafetch
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import START, FakeClock

LOGOS = JobName.LOGOS
KEYS = Keys("-dev")
HISTORY, LETTERS = KEYS.history(LOGOS), KEYS.dead_letters(LOGOS)
SLOT = "2026-11-24T08-00Z"


@dataclass
class Machine:
    """A machine that can run the logo job in shares; it finds no domain to work on."""

    settings: Settings
    clock: FakeClock
    parts: Parts

    def run(self, shard: Shard | None, **options: Any) -> RunResult:
        """Run one share, or the whole job."""
        asked = RunRequest(LOGOS, RunOptions(shard=shard, **options))
        return DataFetchManager(self.settings, self.parts).run(asked)

    def stored(self, key: str) -> Any:
        return json.loads(self.parts.store.get(key).body)

    def view(self) -> JobView:
        """What `status` finds of the job."""
        schedules = {LOGOS: self.settings.schedule_of(LOGOS)}
        return look(self.parts.store, KEYS, self.clock, schedules, [LOGOS], 60.0).jobs[0]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with an empty folder as its store, and a schedule that has a slot now."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    monkeypatch.setenv("S3_LOGOS_CRON", "0 0 * * *")
    settings, clock = load_settings(None), FakeClock()
    return Machine(settings, clock, make_parts(settings, clock, CancelToken()))


def test_a_share_has_a_record_of_its_own_and_its_entry_in_the_jobs_history(machine: Machine):
    """`status` reads how each ended; the state of the whole job is left alone."""
    results = [machine.run(Shard(index, 2)) for index in (1, 2)]
    records = [machine.stored(KEYS.shard(LOGOS, Shard(index, 2))) for index in (1, 2)]
    assert [record["id"] for record in records] == [result.run_id for result in results]
    assert {record["status"] for record in records} == {"completed"}
    assert not list(machine.parts.store.list(KEYS.job_state(LOGOS)))
    assert [(run["shard"], run["runId"]) for run in machine.stored(HISTORY)] == [
        ("2/2", results[1].run_id),
        ("1/2", results[0].run_id),
    ]
    assert [result.to_json()["shard"] for result in results] == ["1/2", "2/2"]
    assert machine.stored(KEYS.lock("logos-1-of-2"))["owner"] is None


def test_status_says_how_the_shares_ended(machine: Machine):
    """One of two is not the job; both are; and a whole run makes the shares history."""
    machine.run(Shard(1, 2))
    view = machine.view()
    assert view.freshness.last_success_at is None
    assert [share.state is None for share in view.facts.shares[0].shares] == [False, True]
    machine.run(Shard(2, 2))
    assert machine.view().freshness.last_success_at == round(START * 1000)


def test_a_share_is_kept_out_by_itself_only(machine: Machine):
    """The same share twice is 75, and says who has it; others and a whole run go beside it."""
    leases = machine.parts.leases
    held = leases.acquire("logos-2-of-4", "run-1")
    result = machine.run(Shard(2, 4))
    assert (result.status, result.exit_code) == (RunStatus.LOCKED, 75)
    assert result.error is not None
    assert result.error.startswith("logos-2-of-4 is being run by process ")
    assert machine.run(Shard(3, 4)).exit_code == 0
    assert machine.run(None).exit_code == 0
    leases.release(held)
    held = leases.acquire("logos", "run-2")
    assert machine.run(Shard(2, 4)).exit_code == 0
    leases.release(held)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_lease_has_one_for_each_share(
    name: str, tmp_path: Path, moto_server: FakeServer
):
    """Beside that of the job; the second run of a share is refused by its name."""
    with (
        lease_kind(name, tmp_path, moto_server) as kind,
        kind.opened() as here,
        kind.opened("two") as there,
    ):
        wanted = [None, Shard(1, 2), Shard(2, 2), Shard(1, 3)]
        grants = [here.leases.acquire(lease_name(LOGOS, shard), "run-1") for shard in wanted]
        other = here if name == "file" else there  # files keep out runs of the same machine
        with pytest.raises(LeaseHeld, match="logos-1-of-2"):
            other.leases.acquire("logos-1-of-2", "run-2")
        for grant in grants:
            here.leases.release(grant)
        here.leases.release(here.leases.acquire("logos-1-of-2", "run-3"))


def test_a_killed_share_is_seen_by_its_next_run(machine: Machine):
    """It is put into the history as a failed run of that share; the next one takes over."""
    key = KEYS.shard(LOGOS, Shard(1, 2))
    first = machine.run(Shard(1, 2))
    left = machine.stored(key) | {"status": "running", "id": "run-killed"}
    machine.parts.store.put(key, json.dumps(left).encode())
    assert machine.view().freshness.failing_shares == (Shard(1, 2),)
    second = machine.run(Shard(1, 2))
    assert second.exit_code == 0
    told = [(run["runId"], run["shard"], run["status"]) for run in machine.stored(HISTORY)]
    assert told == [
        (second.run_id, "1/2", "unchanged"),
        ("run-killed", "1/2", "failed"),
        (first.run_id, "1/2", "unchanged"),
    ]
    assert machine.view().freshness.failing_shares == ()


def test_each_share_runs_each_slot_once(machine: Machine):
    """A CronJob starts all of them at a slot; a second start of one finds it done."""
    for index in (1, 2):
        first = machine.run(Shard(index, 2), scheduled=True)
        again = machine.run(Shard(index, 2), scheduled=True)
        slots = machine.stored(KEYS.shard(LOGOS, Shard(index, 2)))["slots"]
        assert slots == {SLOT: {"runId": first.run_id, "state": "done"}}
        assert f"the slot {SLOT} of logos (share {index}/2) was run" in again.notes[0]
    schedules = {LOGOS: schedule} if (schedule := machine.settings.schedule_of(LOGOS)) else {}
    store, clock = machine.parts.store, machine.clock
    assert look_at(store, KEYS, clock, schedules)[0].is_due
    assert not look_at(store, KEYS, clock, schedules, share=Shard(2, 2))[0].is_due


def test_what_another_share_will_try_is_not_left_to_this_one(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A letter that is due is tried by the share whose item it is of, not by the next run of this."""
    (tmp_path / "domains.txt").write_text("a.example.com\n")
    monkeypatch.setenv("LOGO_DOMAIN_FILES", str(tmp_path / "domains.txt"))
    knowing = replace(machine, settings=load_settings(None))
    letters = DeadLetters.load(machine.parts.store, KEYS, LOGOS, machine.clock)
    letters.failed("a.example.com", TransientError("no answer", url="https://icons.example/"))
    letters.save()
    machine.clock.advance(7200)
    other = next(shard for shard in (Shard(1, 2), Shard(2, 2)) if not shard.has("a.example.com"))
    result = knowing.run(other)
    assert (result.exit_code, result.items_processed) == (0, 0)
    assert not [note for note in result.notes if "waits" in note]
    assert len(machine.stored(LETTERS)) == 1


def test_a_share_that_could_not_lay_in_what_it_found_is_not_done(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its data are not in the dataset: it counts as no success, and its slot stays due."""
    (tmp_path / "domains.txt").write_text("a.example.com\n")
    monkeypatch.setenv("LOGO_DOMAIN_FILES", str(tmp_path / "domains.txt"))
    monkeypatch.setenv("DATAFETCH_LOCK_TTL_MS", "3600000")
    settings = load_settings(None)
    parts = make_parts(settings, machine.clock, CancelToken())
    knowing = replace(machine, settings=settings, parts=parts)
    letters = DeadLetters.load(parts.store, KEYS, LOGOS, machine.clock)
    letters.failed("a.example.com", TransientError("no answer", url="https://icons.example/"))
    letters.save()  # so that nobody asks for it now; there is no manifest yet, which is to be made
    own = next(shard for shard in (Shard(1, 2), Shard(2, 2)) if shard.has("a.example.com"))
    held = parts.leases.acquire("logos", "run-2")
    result = knowing.run(own, scheduled=True)
    assert (result.status, result.exit_code) == (RunStatus.PARTIAL, 0)
    assert any("this slot stays due" in note for note in result.notes)
    record = machine.stored(KEYS.shard(LOGOS, own))
    assert (record["status"], record["lastSuccessfulSyncAt"], record["slots"]) == (
        "completed",
        None,
        {},
    )
    group = knowing.view().facts.shares[0]
    assert [share.is_unmerged for share in group.shares] == [
        share.shard == own for share in group.shares
    ]
    (row, *_) = share_rows([group], None, machine.clock.now())
    assert row[1].startswith("0 of 2 succeeded; 1 to be run again, to lay in what was found; never")
    parts.leases.release(held)
    assert knowing.run(own, scheduled=True).status is RunStatus.UNCHANGED
    slots = machine.stored(KEYS.shard(LOGOS, own))["slots"]
    assert [run["state"] for run in slots.values()] == ["done"]
    assert not any(share.is_unmerged for share in knowing.view().facts.shares[0].shares)


def test_each_share_has_series_of_its_own(machine: Machine, tmp_path: Path):
    """One that goes well must not move the last success of one that fails."""
    file = tmp_path / "datafetch.prom"
    settings = machine.settings.model_copy(update={"metrics_file": str(file)})
    parts = make_parts(settings, machine.clock, CancelToken())
    for shard in (Shard(1, 2), Shard(2, 2)):
        replace(machine, settings=settings, parts=parts).run(shard)
    for name in ("logos-1-of-2", "logos-2-of-2"):
        assert f'datafetch_last_success_timestamp_seconds{{job="{name}"}} ' in file.read_text()


def test_a_dry_run_of_a_share_writes_nothing(machine: Machine):
    """No lease, no record, no history."""
    assert machine.run(Shard(1, 2), dry_run=True).exit_code == 0
    assert list(machine.parts.store.list("")) == []


# ------------------------------------------------------------- many at once

AT_ONCE = 8


@pytest.fixture(params=["folder", "s3"])
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], ObjectStore]]:
    """Opens the same store anew for each share, as machines of their own do."""
    with ExitStack() as stack:
        if request.param == "folder":
            yield lambda: LocalStore(tmp_path / "store")
            return
        fake: S3Fake = request.getfixturevalue("s3_fake")
        for name, value in {**fake.environment, "DATAFETCH_ENV": "development"}.items():
            monkeypatch.setenv(name, value)
        settings = load_settings(None)

        def opened() -> ObjectStore:
            store = make_parts(settings, SystemClock(), CancelToken()).store
            stack.callback(store.close)
            return store

        yield opened


def test_shares_that_end_at_one_moment_lose_nothing(open_store: Callable[[], ObjectStore]):
    """Each has its entry in the history and its dead letters, and drops only those of its own items."""
    shards = [Shard(index, AT_ONCE) for index in range(1, AT_ONCE + 1)]
    before = RunRecords(open_store(), KEYS, LOGOS, SystemClock())
    before.ask()
    letters = before.begin("run-before")
    error = TransientError("no answer", url="https://icons.example/")
    for shard in shards:
        letters.failed(f"old-{shard.index}.example", error)
    before.end(_result("run-before", None), full_sync=True)
    ready = threading.Barrier(AT_ONCE, timeout=30)

    def run(shard: Shard) -> None:
        records = RunRecords(open_store(), KEYS, LOGOS, SystemClock(), None, shard)
        records.ask()
        letters = records.begin(f"run-{shard.index}")
        letters.succeeded(f"old-{shard.index}.example")
        letters.failed(f"new-{shard.index}.example", error)
        ready.wait()
        records.end(_result(f"run-{shard.index}", shard), full_sync=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run, shards))
    store = open_store()
    history = json.loads(store.get(HISTORY).body)
    ids = [f"run-{shard.index}" for shard in shards]
    assert sorted(entry["runId"] for entry in history) == sorted([*ids, "run-before"])
    assert {entry.get("shard") for entry in history} == {None, *map(str, shards)}
    items = {letter["item"] for letter in json.loads(store.get(LETTERS).body).values()}
    assert items == {f"new-{shard.index}.example" for shard in shards}
    for shard in shards:
        record = json.loads(store.get(KEYS.shard(LOGOS, shard)).body)
        assert (record["id"], record["status"]) == (f"run-{shard.index}", "completed")


@pytest.mark.parametrize("key", [HISTORY, LETTERS])
def test_a_store_that_is_busy_with_others_writes_is_asked_again(key: str):
    """S3 answers 409 while another write of the object is under way; nothing is lost by it."""
    store = FaultyStore(MemoryStore())
    left = iter(range(3))

    def busy(call: Call) -> None:
        if call == Call("put", key) and next(left, None) is not None:
            raise StoreConflict(f"another write of {key} is under way", key=key)

    records = RunRecords(store, KEYS, LOGOS, FakeClock(), None, Shard(1, 2))
    records.ask()
    error = TransientError("no answer", url="https://icons.example/")
    records.begin("run-1").failed("a.example", error)
    store.before = busy
    records.end(_result("run-1", Shard(1, 2)), full_sync=True)
    assert next(left, None) is None
    assert [entry["runId"] for entry in json.loads(store.inner.get(HISTORY).body)] == ["run-1"]
    assert len(json.loads(store.inner.get(LETTERS).body)) == 1


def _result(run_id: str, shard: Shard | None) -> RunResult:
    return RunResult(OPERATIONS[LOGOS], RunStatus.SUCCEEDED, run_id, shard=shard)


# ------------------------------------------------------- what says the share


@pytest.mark.parametrize("name", ["JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"])
def test_a_pod_or_a_child_of_an_array_runs_its_share(monkeypatch: pytest.MonkeyPatch, name: str):
    """Both count from 0; only the jobs that have shares go by it, and named items go before."""
    monkeypatch.setenv("DATAFETCH_SHARDS", "4")
    monkeypatch.setenv(name, "3")
    settings = load_settings(None)
    options = options_of_run(RunOptions(), settings, limit_is_called="--limit")
    shared = {job for job in JobName if options_of_job(options, job).shard == Shard(4, 4)}
    assert shared == {JobName.LOGOS, JobName.OPENGRAPH, JobName.GITHUB}
    assert options_of_job(replace(options, only=("a.example",)), LOGOS).shard is None
    asked = options_of_run(RunOptions(shard=Shard(1, 2)), settings, limit_is_called="--limit")
    assert asked.shard == Shard(1, 2)


@pytest.mark.parametrize(
    "variables", [{"DATAFETCH_SHARDS": "4"}, {"JOB_COMPLETION_INDEX": "3"}, {}], ids=str
)
def test_a_number_without_an_index_is_the_whole_job(monkeypatch: pytest.MonkeyPatch, variables):
    """And an index alone is of another program, or of a job that nobody has cut."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings(None).share is None


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"DATAFETCH_SHARDS": "4", "JOB_COMPLETION_INDEX": "4"},
            "JOB_COMPLETION_INDEX: 4 is no index of DATAFETCH_SHARDS=4 shares",
        ),
        (
            {
                "DATAFETCH_SHARDS": "4",
                "JOB_COMPLETION_INDEX": "1",
                "AWS_BATCH_JOB_ARRAY_INDEX": "2",
            },
            "say that this is a different share each",
        ),
        ({"DATAFETCH_SHARDS": "0"}, "DATAFETCH_SHARDS"),
        ({"DATAFETCH_SHARDS": "10001"}, "DATAFETCH_SHARDS"),
        ({"DATAFETCH_SHARDS": "4", "AWS_BATCH_JOB_ARRAY_INDEX": "-1"}, "AWS_BATCH_JOB_ARRAY_INDEX"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_index_that_is_no_share_is_78(monkeypatch: pytest.MonkeyPatch, variables, said):
    """More pods than shares would do one share twice, and fewer leave some out unseen."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said):
        load_settings(None)


def test_a_share_of_named_items_is_wrong_usage():
    """Named items are all meant, whichever share they are in."""
    asked = RunOptions(only=("a.example",), shard=Shard(1, 2))
    with pytest.raises(UsageError, match="not for those that are named"):
        options_of_run(asked, Settings(), limit_is_called="--limit")


@pytest.mark.parametrize(
    "arguments",
    [
        ["logos", "--shard", "5/4"],
        ["logos", "--shard", "1/2", "--domain", "a.example"],
        ["bookmarks", "--shard", "1/2"],
    ],
    ids=" ".join,
)
def test_wrong_shares_are_exit_2_and_nothing_runs(tmp_path: Path, arguments: list[str]):
    """A value that is no share, one with named items, and one of a job that has none."""
    done = datafetch(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert list(tmp_path.glob(".datafetch*")) == []


def test_the_command_says_which_share_it_ran(tmp_path: Path):
    """In its line, in JSON, in the history and in status."""
    done = datafetch("logos", "--shard", "2/3", cwd=tmp_path)
    assert (done.code, done.out.split("  ")[0]) == (0, "logos 2/3")
    (result,) = datafetch("logos", "--shard", "2/3", "--json", cwd=tmp_path).results
    assert result["shard"] == "2/3"
    assert "logos 2/3" in datafetch("history", cwd=tmp_path).out
    assert "never ran: 1/3, 3/3" in datafetch("status", cwd=tmp_path).out


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"job": "logos", "shard": "3/2"}, "shard: of 2 shares there is no number 3"),
        ({"job": "logos", "shard": 2}, "shard: it must be I/N"),
        ({"job": "bookmarks", "shard": "1/2"}, "bookmarks has no shares"),
    ],
    ids=str,
)
def test_an_event_with_a_wrong_share_is_refused(event: object, said: str):
    """The log of the function says what is wrong with it."""
    with pytest.raises(RunFailed, match=said):
        handler(event)


def test_an_event_names_the_share(machine: Machine):
    """A function that is called once for each share."""
    assert handler({"job": "logos", "shard": "1/2"})["shard"] == "1/2"
    assert machine.stored(KEYS.shard(LOGOS, Shard(1, 2)))["status"] == "completed"
