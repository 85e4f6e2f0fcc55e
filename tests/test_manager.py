"""What surrounds a run: lease, records and result, whatever fails on the way."""

import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import Cancelled, StoreDenied, StoreUnavailable
from datafetch.factory import Parts, make_parts
from datafetch.job_run import JobRun
from datafetch.manager import DataFetchManager
from datafetch.models.run import JobName, RunOptions, RunRequest, RunResult, RunStatus
from datafetch.net.client import GuardedClient
from datafetch.net.options import NetOptions
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.lease import Grant
from datafetch.ops.leases.file import FileLeases
from datafetch.ops.leases.store import StoreLeases
from datafetch.runtime.folder import RuntimeFolder
from datafetch.runtime.progress import Progress
from datafetch.settings import Settings
from datafetch.store.checked import CheckedStore
from tests.stores import Call, FaultyStore, ServerMemory
from tests.support import START, FakeClock

STATE = "json/datafetch/jobs/logos-dev.json"
HISTORY = "json/datafetch/history/logos-dev.json"
LETTERS = "json/datafetch/dead-letters/logos-dev.json"
LOCK = "json/datafetch/locks/logos-dev.json"


@dataclass
class Machine:
    """A machine with an empty store on which the logo job can run; it finds no domain to work on."""

    settings: Settings
    clock: FakeClock
    parts: Parts
    store: FaultyStore

    def run(self, **options: Any) -> RunResult:
        """Run the logo job."""
        request = RunRequest(JobName.LOGOS, RunOptions(**options))
        return DataFetchManager(self.settings, self.parts).run(request)

    def stored(self, key: str) -> Any:
        """An object of the store."""
        return json.loads(self.store.inner.get(key).body)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose store can be made to fail, apart from the locks and breakers."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    settings, clock = load_settings(None), FakeClock()
    parts = make_parts(settings, clock, CancelToken())
    store = FaultyStore(parts.store)
    return Machine(settings, clock, replace(parts, store=store), store)


def _failing(method: str, key: str, number: int = 1) -> Callable[[Call, int], str | None]:
    """From the n-th such request for the key on they fail."""
    numbers = count(1)

    def fault(call: Call, _number: int) -> str | None:
        return "fail" if call == Call(method, key) and next(numbers) >= number else None

    return fault


def test_a_run_leaves_its_records_and_no_lock(machine: Machine) -> None:
    """State and history tell of the run, and the next run finds the lease free."""
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.stored(STATE)["id"] == result.run_id
    assert machine.stored(STATE)["status"] == "completed"
    assert [run["runId"] for run in machine.stored(HISTORY)] == [result.run_id]
    assert machine.stored(LOCK)["owner"] is None


@pytest.mark.parametrize(("key", "number"), [(STATE, 2), (HISTORY, 1)], ids=["state", "history"])
def test_records_that_cannot_be_written_fail_the_run(
    machine: Machine, key: str, number: int
) -> None:
    """A run of which nothing is remembered is no success: exit 1, and the error says which object."""
    machine.store.fault = _failing("put", key, number)
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert result.error == f"no answer for {key}"
    assert result.hint
    assert machine.stored(LOCK)["owner"] is None


@pytest.mark.parametrize("key", [STATE, HISTORY, LETTERS])
def test_records_that_cannot_be_read_fail_the_run_before_it_begins(
    machine: Machine, key: str
) -> None:
    """A store that gives one record and not another left a job "running" that never ran."""
    machine.store.fault = _failing("get", key)
    result = machine.run()
    assert (result.status, result.error) == (RunStatus.FAILED, f"no answer for {key}")
    assert machine.store.keys("put") == []
    assert machine.stored(LOCK)["owner"] is None


def test_records_of_a_later_run_stand(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    """A run that lost its lease and ends late writes over nothing, which is not its failure."""

    def another_run_begins(call: Call) -> None:
        if call == Call("put", STATE) and machine.store.keys("put").count(STATE) == 2:
            machine.store.inner.put(STATE, b'{"id": "later"}')

    machine.store.before = another_run_begins
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.stored(STATE) == {"id": "later"}
    assert "records_superseded" in [record.message for record in caplog.records]
    (said,) = [note for note in result.notes if "another run of logos" in note]
    assert "those stay" in said
    assert "DATAFETCH_LOCK_TTL_MS" in said


def test_a_failed_run_whose_records_cannot_be_written_says_so(machine: Machine) -> None:
    """The first error stays the result's; that `status` will not know of it is told beside it."""
    machine.store.fault = _failing("put", STATE, 2)

    def stop(call: Call) -> None:
        if call.method == "get" and STATE in machine.store.keys("put"):
            raise StoreDenied("the work was refused")

    machine.store.before = stop
    result = machine.run()
    assert result.error == "the work was refused"
    assert f"the records of this run were not written: no answer for {STATE}" in result.notes


def test_a_lock_that_cannot_be_given_back_is_told(machine: Machine) -> None:
    """The next run elsewhere is locked out for five minutes: whoever reads this knows why."""
    leases = machine.parts.leases

    class Keeping:
        """Leases that are taken and cannot be given back."""

        acquire, renew = leases.acquire, leases.renew

        def release(self, _grant: Grant) -> NoReturn:
            raise StoreUnavailable("no answer")

    machine.parts = replace(machine.parts, leases=Keeping())
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert "locked out until 08:05 UTC" in result.notes[-1]


def test_a_broken_record_is_told_in_the_result(machine: Machine) -> None:
    """A history that was lost is not lost in silence; the next run has nothing to tell."""
    machine.store.inner.put(HISTORY, b"{broken")
    assert any(note.startswith(f"{HISTORY} could not be read") for note in machine.run().notes)
    assert not any("could not be read" in note for note in machine.run().notes)


def _letter(name: str, wait_s: float | None) -> dict[str, Any]:
    return {
        "id": name,
        "job": "logos",
        "item": name,
        "attempts": 1,
        "firstFailedAt": 1,
        "lastFailedAt": 1,
        "nextAttemptAt": None if wait_s is None else round((START + wait_s) * 1000),
        "errorType": "Missing" if wait_s is None else "TransientError",
        "error": "x",
        "permanent": wait_s is None,
    }


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_says_what_waits_since_earlier_ones(machine: Machine, dry_run: bool) -> None:
    """An unchanged run looked as if all was well, while sites waited since yesterday."""
    letters = {
        name: _letter(name, wait_s)
        for name, wait_s in (("a.example", 3600.0), ("b.example", 7200.0), ("c.example", None))
    }
    machine.store.inner.put(LETTERS, json.dumps(letters).encode())
    notes = machine.run(dry_run=dry_run).notes
    assert any(
        note.startswith("2 items wait to be tried again, next at 09:00 UTC") for note in notes
    )
    assert any(note.startswith("1 item is not tried again by itself (404)") for note in notes)


def test_a_missing_public_address_is_told_once_a_command(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In production nobody saw a picture; elsewhere, and with one set, there is nothing to say."""

    def told(environment: str) -> list[bool]:
        monkeypatch.setenv("DATAFETCH_ENV", environment)
        settings = load_settings(None)
        manager = DataFetchManager(settings, machine.parts)
        runs = [manager.run(RunRequest(JobName.LOGOS, RunOptions(dry_run=True))) for _ in range(2)]
        return [any("S3_CDN_URL is not set" in note for note in run.notes) for run in runs]

    assert told("production") == [True, False]
    assert told("development") == [False, False]


def test_the_duration_is_the_time_that_the_run_took(machine: Machine) -> None:
    """Seconds from the start to the end of the run, by the monotonic clock."""

    def work(call: Call) -> None:
        if call == Call("put", STATE):
            machine.clock.advance(2.5)

    machine.store.before = work
    result = machine.run()
    assert result.duration_s == 2.5
    assert machine.stored(HISTORY)[0]["duration"] == 2.5


def test_a_second_run_is_locked_out(machine: Machine) -> None:
    """A lock that could not be had looked like a failure: status `locked`, exit 75, nothing written."""
    machine.parts.leases.acquire("logos", "run-1")
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.LOCKED, 75)
    assert "since 08:00 UTC (run run-1)" in (result.error or "")
    assert "run it again" in result.hint
    assert "its lock ends by 08:05 UTC" in result.hint
    assert machine.store.count("put") == 0


def _events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


def test_the_log_says_that_a_run_began_when_it_has_the_lock(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """A locked-out run looked begun in the log, and never ended."""
    caplog.set_level(logging.INFO, logger="datafetch")
    grant = machine.parts.leases.acquire("logos", "run-0")
    machine.run()
    assert _events(caplog) == ["locked"]
    assert vars(caplog.records[0])["holder"] == "run-0"
    machine.parts.leases.release(grant)
    caplog.clear()
    machine.run()
    assert (_events(caplog)[0], _events(caplog)[-1]) == ("run_started", "run_finished")


def test_a_run_that_fails_before_it_begins_has_an_end_in_the_log(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever alerts on `run_finished` is told of a store that did not even give the lock."""
    caplog.set_level(logging.INFO, logger="datafetch")
    machine.parts = replace(machine.parts, leases=_Odd())
    machine.run()
    assert _events(caplog) == ["unexpected_error", "run_finished"]


class _Odd:
    """Leases that fail in a way that nobody thought of."""

    def acquire(self, *_: object) -> NoReturn:
        """Fail."""
        raise TypeError("argument of type 'NoneType' is not iterable")

    renew = release = acquire


def test_whatever_goes_wrong_while_the_lease_is_taken_is_a_result(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that nobody expected was a traceback: it is exit 1 with one line, the traceback in the log."""
    machine.parts = replace(machine.parts, leases=_Odd())
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert result.error == "unexpected: TypeError: argument of type 'NoneType' is not iterable"
    (logged,) = [record for record in caplog.records if record.message == "unexpected_error"]
    assert logged.exc_info
    assert machine.store.calls == []


def test_a_store_that_keeps_no_conditions_is_refused_before_anything_is_written(
    machine: Machine,
) -> None:
    """Servers that ignore conditions: exit 78 with the ways out; dry runs go on working."""
    server = ServerMemory("ignoring")
    leases = StoreLeases(server, machine.parts.keys, machine.clock, lambda _job: 300.0)
    machine.parts = replace(machine.parts, leases=leases, store=server)
    for _ in range(2):
        result = machine.run()
        assert (result.status, result.exit_code) == (RunStatus.FAILED, 78)
        assert result.error == (
            "s3://memory at https://s3.example.com ignores the conditions of writes"
        )
        for way in ("DATAFETCH_LOCK=file", "DATAFETCH_LOCK=redis://", "dynamodb://"):
            assert way in result.hint
    assert server.objects == {}
    assert server.probes == 1
    assert machine.run(dry_run=True).exit_code == 0


def test_a_checked_publish_is_said_so_in_the_result(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """On a store without conditions the user of `file` reads in each result what it does not promise."""
    store = CheckedStore(ServerMemory("ignoring"), RuntimeFolder())
    leases = FileLeases(store, machine.parts.keys, machine.clock, lambda _job: 300.0)
    machine.parts = replace(machine.parts, leases=leases, store=store)
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert result.notes[-1].startswith("the publish is checked, not atomic: ")
    assert "publish_not_atomic" in [record.message for record in caplog.records]
    assert machine.run().notes[-1:] == result.notes[-1:]


def test_a_run_that_is_stopped_says_so_and_is_recorded(machine: Machine) -> None:
    """SIGTERM during the work, which ends in some error: cancelled, exit 143, recorded, no lock left."""
    cancel = machine.parts.cancel

    def stop(call: Call) -> None:
        if call.method == "get" and STATE in machine.store.keys("put"):
            cancel.cancel(Cancelled("stopped by SIGTERM", signal=15))
            raise StoreUnavailable("the connection was closed")

    machine.store.before = stop
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.CANCELLED, 143)
    assert result.error == "stopped by SIGTERM"
    assert "the next run goes on from there" in result.hint
    assert machine.stored(STATE)["status"] == "cancelled"
    assert machine.stored(LOCK)["owner"] is None


def test_a_lost_lease_ends_its_job_and_not_the_command(machine: Machine) -> None:
    """`update` and prefetch-dev gave up all later jobs when one of them lost its lock."""
    machine.parts = replace(
        machine.parts,
        leases=StoreLeases(machine.store, machine.parts.keys, machine.clock, lambda _job: 0.03),
    )
    manager = DataFetchManager(machine.settings, machine.parts)
    waiting = machine.parts.cancel

    def lose(call: Call) -> None:
        if call.method == "get" and STATE in machine.store.keys("put"):
            machine.store.before = None
            machine.store.inner.put(LOCK, b"{}")
            assert waiting.wait(20)
            raise StoreUnavailable("the connection was closed")

    machine.store.before = lose
    lost = manager.run(RunRequest(JobName.LOGOS, RunOptions()))
    assert (lost.status, lost.exit_code) == (RunStatus.CANCELLED, 1)
    assert "another run took the lock of logos" in (lost.error or "")
    assert not machine.parts.command.cancelled
    machine.store.inner.delete(LOCK)
    assert manager.run(RunRequest(JobName.LOGOS, RunOptions())).exit_code == 0


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_kept_aside_is_told_in_the_result(machine: Machine, fails: bool) -> None:
    """The copy of a broken object was known to the log only; a run that fails tells of it, too."""
    manifest = "json/image-data/logos/manifest-dev.json"
    machine.store.inner.put(manifest, b"{broken")
    if fails:
        machine.store.fault = _failing("get", "json/rate-limit/logo-failed-domains-dev.json")
    result = machine.run()
    assert (result.exit_code != 0) == fails
    (note,) = [note for note in result.notes if "could not be read" in note]
    assert f"{manifest} could not be read: it is kept as {manifest}.corrupt-" in note


def test_a_dry_run_leaves_no_trace(machine: Machine, tmp_path: Path) -> None:
    """No lease, no record, no folder; the result says what it was, and that of another run does not."""
    result = machine.run(dry_run=True)
    assert result.dry_run
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert not (tmp_path / "store").exists()
    assert not machine.run().dry_run


def test_a_dry_run_tells_of_a_store_that_fails(machine: Machine) -> None:
    """A store that does not answer is the result of a dry run too, not a traceback."""
    machine.store.fault = _failing("get", LETTERS)
    result = machine.run(dry_run=True)
    assert (result.status, result.error) == (RunStatus.FAILED, f"no answer for {LETTERS}")


class _Unloadable(GuardedClient):
    """A client whose library is broken."""

    def prepare(self) -> None:
        raise ImportError("httpx2 is half installed")


def test_a_library_that_cannot_be_loaded_leaves_no_lock_behind(machine: Machine) -> None:
    """The lease was taken meanwhile: it is given back, so that other machines need not wait for its end."""
    parts = machine.parts
    http = _Unloadable(
        NetOptions("test"), clock=parts.clock, cancel=parts.cancel, rng=random.Random(1)
    )
    machine.parts = replace(parts, http=http)
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert "half installed" in (result.error or "")
    assert "--verbose" in result.hint
    assert machine.stored(LOCK)["owner"] is None


def test_a_clock_that_is_wrong_is_a_note_and_a_warning(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine two days behind had its data taken for fresh: each result says so, and the run goes on."""
    caplog.set_level("INFO", "datafetch")
    machine.parts.skew.observe("s3.example.com", START, START - 172_800, "store")
    result = machine.run()
    assert result.exit_code == 0
    assert [note for note in result.notes if "2 d behind s3.example.com" in note]
    warned = [vars(record) for record in caplog.records if record.message == "clock_skew"]
    assert [(record["levelname"], record["host"]) for record in warned] == [
        ("WARNING", "s3.example.com")
    ]
    assert warned[0]["ahead_s"] == -172_800
    assert "run_note" not in [
        record.message for record in caplog.records if "2 d behind" in str(vars(record).get("note"))
    ]


def test_a_clock_that_is_right_is_not_told_of(machine: Machine) -> None:
    """Nobody reads a note on what is as it should be."""
    machine.parts.skew.observe("s3.example.com", START, START + 60, "store")
    assert not [note for note in machine.run().notes if "clock" in note]


def _on_cluster(monkeypatch: pytest.MonkeyPatch, place: str) -> Machine:
    monkeypatch.setenv("DATAFETCH_CLUSTER", place)
    monkeypatch.setenv("DATAFETCH_CLUSTER_INSECURE", "true")
    settings, clock = load_settings(None), FakeClock()
    parts = make_parts(settings, clock, CancelToken())
    store = FaultyStore(parts.store)
    return Machine(settings, clock, replace(parts, store=store), store)


@pytest.mark.parametrize(
    ("place", "warned"),
    [("tcp://192.0.2.1:8786", True), ("tcp://127.0.0.1:1", False), ("tls://192.0.2.1", False)],
)
def test_an_unencrypted_cluster_is_warned_of_by_each_run(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: str,
    warned: bool,
) -> None:
    """Whoever has allowed it once is reminded; a run that hands out no items connects to nothing."""
    assert _on_cluster(monkeypatch, place).run().exit_code == 0
    said = [record for record in caplog.records if record.message == "cluster_insecure"]
    assert len(said) == warned
    assert all(record.levelno == logging.WARNING for record in said)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_asks_no_cluster(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    """Whatever its job works on, it does so here, where nothing can be written."""
    parts = _on_cluster(monkeypatch, "local[2]").parts
    request = RunRequest(JobName.LOGOS, RunOptions(dry_run=dry_run))
    run = JobRun(machine.settings, parts, request, lambda _name: Progress(), set())
    if not dry_run:
        run._lease = run._keeper.take(JobName.LOGOS)
    letters = DeadLetters.unread(parts.store, parts.keys, JobName.LOGOS, parts.clock)
    context = run._context(None, parts.store, letters)
    assert (context.engine is parts.engine) is not dry_run
    assert (context.write_s() == 300.0) is not dry_run
    if run._lease:
        run._keeper.give_back(run._lease)
        assert context.write_s() == 0.0
