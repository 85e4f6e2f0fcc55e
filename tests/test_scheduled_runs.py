"""Runs that cron starts with `--scheduled`: each slot once, and what the others cost and leave."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.clock import CancelToken
from datafetch.cron import Schedule
from datafetch.environment import load_settings
from datafetch.errors import Cancelled, ConfigurationError
from datafetch.factory import Parts, make_leases, make_parts
from datafetch.job_groups import check_jobs
from datafetch.manager import DataFetchManager
from datafetch.models.run import JobName, RunOptions, RunRequest, RunResult, RunStatus
from datafetch.models.store_place import FolderPlace
from datafetch.ops.due_jobs import Scheduled, look_at
from datafetch.ops.pauses import Pauses
from datafetch.ops.scheduled import ScheduledStart
from datafetch.ops.slots import Reason
from datafetch.runtime.schedule import held_back_s
from datafetch.settings import Settings
from tests.fakes.monitors import ListenerApp
from tests.stores import Call, FaultyStore
from tests.support import START, FakeClock

STATE = "json/datafetch/jobs/logos-dev.json"
LOCK = "json/datafetch/locks/logos-dev.json"
PAUSES = "json/datafetch/paused-dev.json"
HISTORY = "json/datafetch/history/logos-dev.json"

SLOT = "2026-11-24T08-00Z"
"""Midnight in Los Angeles, when the clock of these tests starts."""

DAY = 86_400.0


@dataclass
class SleepyClock(FakeClock):
    """A clock on which something may happen while somebody sleeps."""

    meanwhile: Callable[[float], None] | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.meanwhile is not None:
            self.meanwhile(seconds)


@dataclass
class Machine:
    """A machine that runs the logo job each midnight; it finds no domain to work on."""

    settings: Settings
    clock: SleepyClock
    parts: Parts
    store: FaultyStore
    locks: FaultyStore
    calls: list[Call] = field(default_factory=list)

    def run(self, *, scheduled: bool = True, **options: Any) -> RunResult:
        """Run the logo job; `calls` has its requests then, those for the lock included."""
        self.store.calls.clear()
        self.locks.calls.clear()
        request = RunRequest(JobName.LOGOS, RunOptions(scheduled=scheduled, **options))
        result = DataFetchManager(self.settings, self.parts).run(request)
        self.calls = [*self.store.calls, *self.locks.calls]
        return result

    def asked(self, method: str) -> list[str]:
        """The keys of the requests of this kind in the last run."""
        return [call.key for call in self.calls if call.method == method]

    def stored(self, key: str) -> Any:
        return json.loads(self.store.inner.get(key).body)

    def change(self, key: str, **fields: Any) -> None:
        """Store an object with other values in some fields."""
        self.store.inner.put(key, json.dumps(self.stored(key) | fields).encode())

    def age_lock(self, seconds: float) -> None:
        """Let time pass until the lock was written so long ago, by the folder's clock as well."""
        place = self.settings.place
        assert isinstance(place, FolderPlace)
        written_at = time.time() - seconds
        os.utime(Path(place.path) / LOCK, (written_at, written_at))
        self.clock.advance(seconds)

    def look_at(self, *jobs: JobName) -> list[Scheduled]:
        """What `run-due` finds out about these jobs."""
        times = {job: self.settings.schedule_of(job) for job in jobs}
        schedules = {job: schedule for job, schedule in times.items() if schedule is not None}
        return look_at(self.store, self.parts.keys, self.clock, schedules)

    @property
    def slots(self) -> Any:
        return self.stored(STATE)["slots"]

    @property
    def pauses(self) -> Pauses:
        return Pauses.load(self.store.inner, self.parts.keys, self.clock)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose requests are counted."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    monkeypatch.setenv("DATAFETCH_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("S3_LOGOS_CRON", "@daily")
    return _machine()


def _machine() -> Machine:
    settings, clock = load_settings(None), SleepyClock()
    parts = make_parts(settings, clock, CancelToken())
    store, locks = FaultyStore(parts.store), FaultyStore(parts.store)
    leases = make_leases(settings, locks, parts.keys, clock)
    return Machine(settings, clock, replace(parts, store=store, leases=leases), store, locks)


def _notes(result: RunResult) -> str:
    return "\n".join(result.notes)


def test_a_scheduled_run_claims_its_slot(machine: Machine) -> None:
    """The slot is claimed when the run begins, and done when it has ended."""
    claims = []

    def look(call: Call) -> None:
        if call == Call("get", "json/image-data/logos/manifest-dev.json"):
            claims.append(machine.slots)

    machine.store.before = look
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert claims[:1] == [{SLOT: {"runId": result.run_id, "state": "running"}}]
    assert machine.slots == {SLOT: {"runId": result.run_id, "state": "done"}}


def test_a_slot_that_was_run_is_not_run_again(machine: Machine) -> None:
    """A cron that fires twice: one read, no write, no lock, and a word about it."""
    first = machine.run()
    before = machine.stored(STATE)
    second = machine.run()
    assert (second.status, second.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.calls == [Call("get", STATE)]
    assert machine.stored(STATE) == before
    assert f"{SLOT} of logos was run by {first.run_id}" in _notes(second)


def test_a_slot_is_run_once_and_the_next_one_again(machine: Machine) -> None:
    """Each midnight one run, however often cron fires in between."""
    ran = []
    for hour in range(72):
        machine.clock.time = START + hour * 3600 + 1
        result = machine.run()
        if STATE in machine.asked("put"):
            ran.append((hour, result.run_id))
    assert [hour for hour, _ in ran] == [0, 24, 48]
    assert {run["runId"] for run in machine.slots.values()} == {run_id for _, run_id in ran}


def test_a_scheduled_run_costs_one_request_more(machine: Machine) -> None:
    """The look for a pause; the slot is claimed in the state that is read and written anyway."""
    machine.run()
    machine.clock.advance(DAY)
    machine.run(scheduled=False)
    by_hand = sorted(map(str, machine.calls))
    machine.run()
    assert sorted(map(str, machine.calls)) == sorted([*by_hand, str(Call("get", PAUSES))])


def _left_running(machine: Machine) -> None:
    """As if the run of the slot had not ended yet."""
    machine.run()
    run_id = machine.stored(STATE)["id"]
    machine.change(STATE, status="running", slots={SLOT: {"runId": run_id, "state": "running"}})
    machine.change(LOCK, owner="somebody", runId=run_id, host="elsewhere", boot="another")


def test_a_slot_that_is_being_run_is_left_to_its_run(machine: Machine) -> None:
    """Two reads, state and lock: no write, and exit code 0, since the slot is taken care of."""
    _left_running(machine)
    before = machine.stored(LOCK)
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.asked("put") == []
    assert machine.asked("get") == [STATE, LOCK]
    assert machine.stored(LOCK) == before
    assert f"{SLOT} of logos is being run by" in _notes(result)


def test_a_slot_whose_run_died_is_taken_over(machine: Machine) -> None:
    """The machine lost power: the slot is run again, once its lease is over."""
    _left_running(machine)
    dead = machine.stored(STATE)["id"]
    machine.change(LOCK, owner=None)
    result = machine.run()
    assert result.run_id != dead
    assert machine.slots == {SLOT: {"runId": result.run_id, "state": "done"}}
    assert f"took over from run {dead}" in _notes(result)


def test_another_run_of_the_job_locks_a_scheduled_one_out(machine: Machine) -> None:
    """A run by hand does not do the slot's work: the slot stays open for the next start."""
    machine.run()
    machine.clock.advance(DAY)
    began_ms = int(machine.clock.time * 1000) - 600_000
    machine.change(
        LOCK, owner="a", runId="by-hand", host="elsewhere", boot="another", acquiredAt=began_ms
    )
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.LOCKED, 75)
    assert machine.asked("put") == []
    assert machine.clock.slept == []
    assert list(machine.slots) == [SLOT]


def test_of_two_machines_that_start_together_the_slower_has_nothing_to_do(
    machine: Machine,
) -> None:
    """The faster has the lock and is about to claim the slot: it is waited for, not an error."""
    machine.run()
    machine.clock.advance(DAY)
    now_ms = int(machine.clock.time * 1000)
    machine.change(
        LOCK, owner="b", runId="twin", host="elsewhere", boot="another", acquiredAt=now_ms
    )

    def claim(_seconds: float) -> None:
        running = {"2026-11-25T08-00Z": {"runId": "twin", "state": "running"}}
        machine.change(STATE, id="twin", status="running", slots=machine.slots | running)

    machine.clock.meanwhile = claim
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.asked("put") == []
    assert machine.clock.slept == [0.5]


def test_a_slot_that_was_run_while_the_lock_was_taken_is_not_run_again(machine: Machine) -> None:
    """The state was read before the lock was there: the write that claims the slot is conditional."""
    machine.run()
    machine.clock.advance(DAY)
    done = {"2026-11-25T08-00Z": {"runId": "other", "state": "done"}}

    def other_runs(call: Call) -> None:
        if call == Call("get", HISTORY) and len(machine.slots) == 1:
            machine.change(STATE, id="other", slots=machine.slots | done)

    machine.store.before = other_runs
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert "2026-11-25T08-00Z of logos was run by other" in _notes(result)
    assert machine.stored(STATE)["id"] == "other"
    assert machine.stored(LOCK)["owner"] is None


def test_of_a_slot_that_was_run_meanwhile_no_monitor_hears(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor was told of a start that had no end, and raised an alarm."""
    app = ListenerApp()
    with app.served() as server:
        monkeypatch.setenv("DATAFETCH_PING_URL", server.url)
        machine = _machine()
        machine.run()
        assert app.log.count() == 2
        machine.clock.advance(DAY)
        done = {"2026-11-25T08-00Z": {"runId": "other", "state": "done"}}

        def other_runs(call: Call) -> None:
            if call == Call("get", HISTORY) and len(machine.slots) == 1:
                machine.change(STATE, id="other", slots=machine.slots | done)

        machine.store.before = other_runs
        result = machine.run()
    assert "was run by other" in _notes(result)
    assert app.log.count() == 2


def test_a_run_by_hand_takes_no_slot(machine: Machine) -> None:
    """It is one run more: what the schedule wants comes all the same."""
    machine.run()
    machine.clock.advance(DAY + 60)
    machine.run(scheduled=False)
    assert list(machine.slots) == [SLOT]
    result = machine.run()
    assert machine.slots["2026-11-25T08-00Z"] == {"runId": result.run_id, "state": "done"}


def test_after_runs_by_hand_alone_the_next_slot_is_the_first(machine: Machine) -> None:
    """Somebody tried the job, then made the crontab: the slots before that were nobody's."""
    machine.clock.advance(3600)
    machine.run(scheduled=False)
    machine.run()
    assert machine.calls == [Call("get", STATE)]
    machine.clock.advance(DAY - 3600)
    machine.run()
    assert list(machine.slots) == ["2026-11-25T08-00Z"]


def test_slots_missed_before_are_skipped(machine: Machine) -> None:
    """After three days without machine one run, and a record of what was left out."""
    machine.run()
    machine.clock.advance(3 * DAY)
    result = machine.run()
    assert {name: run["state"] for name, run in machine.slots.items()} == {
        SLOT: "done",
        "2026-11-25T08-00Z": "skipped",
        "2026-11-26T08-00Z": "skipped",
        "2026-11-27T08-00Z": "done",
    }
    assert machine.slots["2026-11-25T08-00Z"]["runId"] == result.run_id


def test_a_paused_job_does_nothing_and_catches_nothing_up(machine: Machine) -> None:
    """`unchanged`, exit 0, no write, and the user is told until when and why."""
    machine.run()
    machine.clock.advance(DAY)
    now = machine.clock.time
    machine.pauses.set(JobName.LOGOS, now - 60, until=now + 3600, reason="the site moves")
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.calls == [Call("get", STATE), Call("get", PAUSES)]
    assert "logos is on pause until 09:00 UTC: the site moves" in _notes(result)
    machine.clock.advance(2 * 3600)
    after = machine.run()
    assert (after.status, machine.asked("put")) == (RunStatus.UNCHANGED, [])
    assert "is not caught up" in _notes(after)
    machine.clock.advance(22 * 3600)
    machine.run()
    assert machine.slots["2026-11-26T08-00Z"]["state"] == "done"


def test_a_paused_job_runs_by_hand(machine: Machine) -> None:
    """A pause is for cron; who types the command means it."""
    machine.pauses.set(JobName.LOGOS, START)
    machine.run(scheduled=False)
    assert machine.stored(STATE)["status"] == "completed"


def test_a_slot_whose_run_died_is_not_taken_over_during_a_pause(machine: Machine) -> None:
    """Somebody killed the run and paused the job: nothing is written until the pause is over."""
    _left_running(machine)
    machine.change(LOCK, owner=None)
    machine.pauses.set(JobName.LOGOS, START)
    result = machine.run()
    assert "logos is on pause until `datafetch resume logos`" in _notes(result)
    assert machine.asked("put") == []


ABSURD = {
    "before 1970": -1,
    "year 99999": 3_093_527_980_799_000,
    "400 digits": 10**400,
    "-30 digits": -(10**30),
    "1e300": 1e300,
    "fraction": -0.5,
}
"""Numbers that somebody's program stored as a time: the year 99999, before 1970, no date at all."""


@pytest.mark.parametrize("time", ABSURD.values(), ids=ABSURD)
@pytest.mark.parametrize("field", ["startedAt", "completedAt", "lastSyncAt", "schedule"])
def test_an_absurd_time_in_the_state_ends_no_run(machine: Machine, field: str, time: float) -> None:
    """The state counts as one that cannot be read: it is kept aside, told of, and begun anew."""
    machine.run()
    machine.clock.advance(DAY)
    value = {"expression": "0 0 * * *", "since": time} if field == "schedule" else time
    machine.change(STATE, **{field: value})
    (found,) = machine.look_at(JobName.LOGOS)
    assert found.is_due
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert _notes(result).count("could not be read") == 1
    assert machine.slots == {"2026-11-25T08-00Z": {"runId": result.run_id, "state": "done"}}


@pytest.mark.parametrize("name", ["99999-01-01T00-00Z", "-0001-01-01T00-00Z", "9" * 1000, ""])
def test_a_slot_of_no_calendar_keeps_no_job_from_running(machine: Machine, name: str) -> None:
    """Its name is no time that has come, and is forgotten by the next run."""
    machine.run()
    machine.change(STATE, slots={**machine.slots, name: {"runId": "x", "state": "running"}})
    machine.clock.advance(DAY)
    result = machine.run()
    assert machine.slots["2026-11-25T08-00Z"] == {"runId": result.run_id, "state": "done"}


@pytest.mark.parametrize("time", ABSURD.values(), ids=ABSURD)
def test_an_absurd_pause_ends_no_run_of_any_job(machine: Machine, time: float) -> None:
    """An end that never comes is a pause until it is resumed; one before all times is over."""
    pauses = {
        "github": {"pausedAt": time, "until": time, "reason": ""},
        "logos": {"pausedAt": time, "until": round(START + 600) * 1000, "reason": "it moves"},
    }
    machine.store.inner.put(PAUSES, json.dumps(pauses).encode())
    result = machine.run()
    assert "logos is on pause until 08:10 UTC: it moves" in _notes(result)
    found = machine.look_at(JobName.BOOKMARKS, JobName.GITHUB, JobName.LOGOS)
    assert {known.job.value: known.is_due for known in found} == {
        "bookmarks": True,
        "github": time < 0,
        "logos": False,
    }


def test_a_late_run_names_what_makes_crons_late(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """Many crons do not know CRON_TZ, and start each run hours after its slot."""
    machine.run()
    machine.clock.advance(DAY + 900)
    assert "CRON_TZ" not in _notes(machine.run())
    machine.clock.advance(DAY + 60)
    result = machine.run()
    assert "began 16 minutes after its slot (08:00 UTC)" in _notes(result)
    assert "CRON_TZ" in _notes(result)
    (late,) = [record for record in caplog.records if record.message == "slot_late"]
    assert late.levelno == logging.WARNING
    assert late.__dict__["slot"] == "2026-11-26T08-00Z"
    assert late.__dict__["late_s"] == 960


def test_jitter_is_waited_for_before_anything_is_asked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many machines whose crons fire in one second: each job waits its own time, each time."""
    monkeypatch.setenv("DATAFETCH_JITTER_SECONDS", "7200")
    waiting = _machine()
    asked_before: list[int] = []
    waiting.clock.meanwhile = lambda _seconds: asked_before.append(
        len([*waiting.store.calls, *waiting.locks.calls])
    )
    waiting.run()
    assert asked_before == [0]
    (waited,) = waiting.clock.slept
    assert 0 < waited < 7200
    assert list(waiting.slots) == [SLOT]
    waiting.clock.time = START + DAY
    waiting.run()
    assert waiting.clock.slept == [waited, waited]
    waiting.run(scheduled=False)
    assert len(waiting.clock.slept) == 2


def test_jitter_is_no_delay(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waited as long as it was told to is not late, and its slot is that of the start."""
    monkeypatch.setenv("DATAFETCH_JITTER_SECONDS", "86400")
    waiting = _machine()
    assert "CRON_TZ" not in _notes(waiting.run())
    assert list(waiting.slots) == [SLOT]


def test_no_crowd_waits_for_one_slot(machine: Machine) -> None:
    """Each call of `run-due` started one more process that waited for hours; now one waits at most.

    It is not late by that, and waits less than the quarter of an hour until the next call.
    """
    jitter, started = 7000.0, []
    for quarter in range(8):
        machine.clock.time = START + 300 + quarter * 900
        (found,) = look_at(
            machine.store,
            machine.parts.keys,
            machine.clock,
            {JobName.LOGOS: Schedule.parse("@daily")},
            {JobName.LOGOS: held_back_s(jitter)},
        )
        if found.is_due:
            started.append(machine.clock.time)
        else:
            assert found.next_at == START + 6300
    assert started == [START + 300 + 7 * 900]
    start = ScheduledStart(
        machine.store,
        machine.parts.keys,
        JobName.LOGOS,
        machine.clock,
        Schedule.parse("@daily"),
        fired_at=started[0],
        jitter_s=jitter,
        ahead_s=lambda: 0.0,
    )
    assert start.wait_s() == 700
    assert start.look() is Reason.OPEN
    assert start.late() is None


def test_a_run_by_run_due_waits_for_less_than_the_next_call(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever this host's jitter is: what is left of it hours after the slot is short."""
    monkeypatch.setenv("DATAFETCH_JITTER_SECONDS", "7200")
    waiting = _machine()
    waiting.clock.advance(7200)
    waiting.run()
    assert list(waiting.slots) == [SLOT]
    assert all(waited < 900 for waited in waiting.clock.slept)


def test_jitter_ends_when_the_run_is_stopped(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal must not wait for it, and finds nothing written."""
    monkeypatch.setenv("DATAFETCH_JITTER_SECONDS", "7200")
    waiting = _machine()

    def stop(_seconds: float) -> None:
        waiting.parts.cancel.cancel(Cancelled("stopped", signal=15))
        waiting.parts.cancel.raise_if_cancelled()

    waiting.clock.meanwhile = stop
    result = waiting.run()
    assert (result.status, result.exit_code) == (RunStatus.CANCELLED, 143)
    assert waiting.calls == []


def test_without_a_bookmark_server_no_job_waits_for_bookmarks(machine: Machine) -> None:
    """Who keeps only logos has LOGO_DOMAIN_FILES alone: the slot is done."""
    result = machine.run()
    assert "stays due" not in _notes(result)
    assert machine.slots[SLOT]["state"] == "done"


@pytest.mark.parametrize("body", [None, b"[]"], ids=["none", "empty"])
def test_a_slot_stays_due_until_bookmarks_are_stored(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, body: bytes | None
) -> None:
    """A list that is stored and empty is one: then there is nothing to wait for."""
    monkeypatch.setenv("BOOKMARKS_LIST_ID", "list")
    if body is not None:
        machine.store.inner.put("json/bookmarks/bookmarks-dev.json", body)
    waiting = replace(machine, settings=load_settings(None))
    result = waiting.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert ("this slot stays due" in _notes(result)) == (body is None)
    assert list(machine.slots) == ([] if body is None else [SLOT])
    again = waiting.run()
    assert (STATE in waiting.asked("put")) == (body is None)
    by_hand = waiting.run(scheduled=False)
    assert "stays due" not in _notes(by_hand)
    assert again.exit_code == 0


def test_a_run_that_a_signal_ends_gives_its_slot_back(machine: Machine) -> None:
    """The machine was rebooted: the net under the crons runs the slot then."""

    def stop(call: Call) -> None:
        if call.method == "get" and STATE in machine.store.keys("put"):
            machine.parts.cancel.cancel(Cancelled("stopped", signal=15))
            machine.parts.cancel.raise_if_cancelled()

    machine.store.before = stop
    assert machine.run().exit_code == 143
    assert machine.slots == {}
    machine.store.before = None
    (found,) = machine.look_at(JobName.LOGOS)
    assert found.is_due
    result = replace(machine, parts=replace(machine.parts, cancel=CancelToken())).run()
    assert machine.slots == {SLOT: {"runId": result.run_id, "state": "done"}}


def test_a_run_whose_end_the_store_missed_is_run_again(machine: Machine) -> None:
    """The store was away when the run ended: its slot says "running" and its lock that it is held.

    While the lease lives nobody takes the slot; when that is over the next call of `run-due` does,
    and the history tells of both runs.
    """

    def goes_away(call: Call) -> None:
        if call == Call("get", "json/image-data/logos/manifest-dev.json"):
            machine.store.fault = machine.locks.fault = lambda call, _: (
                "fail" if call.method == "put" else None
            )

    machine.store.before = goes_away
    lost = machine.run()
    assert (lost.status, lost.exit_code) == (RunStatus.FAILED, 1)
    assert machine.slots == {SLOT: {"runId": lost.run_id, "state": "running"}}
    assert machine.stored(LOCK)["owner"] is not None
    machine.store.before = machine.store.fault = machine.locks.fault = None
    # The process has ended: whoever looks is another one, on another machine.
    machine.change(LOCK, host="elsewhere", boot="another")

    machine.age_lock(100)
    early = machine.run()
    assert (early.status, machine.asked("put")) == (RunStatus.UNCHANGED, [])
    assert f"is being run by {lost.run_id}" in _notes(early)

    machine.age_lock(400)
    (found,) = machine.look_at(JobName.LOGOS)
    assert found.is_due
    result = machine.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert machine.slots == {SLOT: {"runId": result.run_id, "state": "done"}}
    assert f"took over from run {lost.run_id}" in _notes(result)
    told = [(run["runId"], run["status"]) for run in machine.stored(HISTORY)]
    assert sorted(told) == sorted([(lost.run_id, "failed"), (result.run_id, "unchanged")])
    assert machine.run().run_id not in {run["runId"] for run in machine.slots.values()}


def test_a_change_of_expression_is_noted_and_nothing_of_before_runs(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new expression had slots yesterday, too: the first that runs is one after the change."""
    machine.run()
    monkeypatch.setenv("S3_LOGOS_CRON", "30 5 * * *")
    changed = replace(machine, settings=load_settings(None))
    changed.clock.advance(6 * 3600)
    before = machine.stored(HISTORY)
    result = changed.run()
    assert (result.status, result.exit_code) == (RunStatus.UNCHANGED, 0)
    assert "the schedule of logos is 30 5 * * * now" in _notes(result)
    assert "the next slot is at 2026-11-25 13:30 UTC" in _notes(result)
    assert machine.slots.keys() == {SLOT}
    assert machine.stored(HISTORY) == before
    assert machine.stored(STATE)["schedule"] == {
        "expression": "30 5 * * *",
        "since": int(changed.clock.time) * 1000,
    }
    assert machine.stored(LOCK)["owner"] is None
    changed.run()
    assert changed.calls == [Call("get", STATE)]
    changed.clock.time = START + DAY + 5.5 * 3600
    changed.run()
    assert machine.slots.keys() == {SLOT, "2026-11-25T13-30Z"}


def test_another_expression_counts_from_the_start_of_the_run_that_notes_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that came while that run waited for the lock, or by jitter, was due to nobody."""
    machine.run()
    monkeypatch.setenv("S3_LOGOS_CRON", "30 5 * * *")
    monkeypatch.setenv("DATAFETCH_JITTER_SECONDS", "7200")
    changed = replace(machine, settings=load_settings(None))
    slot_at = START + DAY - 8 * 3600 + 13.5 * 3600  # 05:30 in Los Angeles is 13:30 UTC
    changed.clock.time = fired_at = slot_at - 0.001  # its wait is less than 15 minutes
    result = changed.run()
    assert changed.clock.time > slot_at
    assert machine.stored(STATE)["schedule"]["since"] == round(fired_at * 1000)
    assert "nothing before 13:29 UTC, when this run began, is due" in _notes(result)
    assert "the next slot is at 13:30 UTC" in _notes(result)
    due = changed.run()
    assert machine.slots["2026-11-25T13-30Z"] == {"runId": due.run_id, "state": "done"}


def test_of_two_runs_that_note_an_expression_the_first_counts(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waited longer does not put the beginning off, nor back."""
    machine.run()
    monkeypatch.setenv("S3_LOGOS_CRON", "30 5 * * *")
    changed = replace(machine, settings=load_settings(None))
    changed.clock.advance(6 * 3600)
    first = {"expression": "30 5 * * *", "since": round(START * 1000) + 3_600_000}

    def other_notes(call: Call) -> None:
        if call == Call("get", PAUSES):
            machine.change(STATE, schedule=first)

    machine.store.before = other_notes
    assert changed.run().exit_code == 0
    assert machine.stored(STATE)["schedule"] == first


def _stands_still(machine: Machine, when: Call) -> None:
    """The process is stopped before this request for longer than its lease lasts; another one runs.

    That run is still under way when this process goes on.
    """

    def stop(call: Call) -> None:
        if call != when:
            return
        machine.store.before = None
        machine.clock.advance(301)
        # On a thread of its own: this one's writes are refused now.
        other = threading.Thread(target=run_elsewhere)
        other.start()
        other.join()

    def run_elsewhere() -> None:
        running = {SLOT: {"runId": "other", "state": "running"}}
        machine.change(STATE, id="other", status="running", slots=running)
        lock = {"runId": "other", "owner": "other", "host": "elsewhere", "boot": "another"}
        machine.change(LOCK, token=machine.stored(LOCK)["token"] + 1, **lock)

    machine.store.before = stop


@pytest.mark.parametrize("scheduled", [True, False], ids=["scheduled", "by hand"])
@pytest.mark.parametrize("when", [Call("get", HISTORY), Call("put", STATE)], ids=str)
def test_a_run_that_stood_still_past_its_lease_claims_nothing(
    machine: Machine, scheduled: bool, when: Call
) -> None:
    """Stopped (SIGSTOP, a laptop's lid) before its claim, it wrote its state over another run's."""
    machine.run()
    machine.change(STATE, slots={})
    machine.change(LOCK, owner=None)
    _stands_still(machine, when)
    result = machine.run(scheduled=scheduled)
    assert machine.store.before is None
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert "the lock of logos ran out after 300 s" in (result.error or "")
    assert machine.stored(STATE)["id"] == "other"
    assert machine.slots == {SLOT: {"runId": "other", "state": "running"}}
    assert machine.stored(LOCK)["owner"] == "other"


def test_a_run_that_stood_still_past_its_lease_notes_no_expression(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wrote that over the state of the run which had followed it."""
    machine.run()
    monkeypatch.setenv("S3_LOGOS_CRON", "30 5 * * *")
    changed = replace(machine, settings=load_settings(None))
    changed.clock.advance(6 * 3600)
    _stands_still(machine, Call("put", STATE))
    result = changed.run()
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert "ran out after 300 s" in (result.error or "")
    assert machine.stored(STATE)["id"] == "other"
    assert machine.stored(STATE)["schedule"]["expression"] == "0 0 * * *"


def test_a_dry_run_tells_whether_the_slot_would_run(machine: Machine) -> None:
    """Nothing is claimed, waited for or locked."""
    result = machine.run(dry_run=True)
    assert (result.dry_run, machine.asked("put"), LOCK in machine.asked("get")) == (True, [], False)
    assert "was run by" not in _notes(result)
    machine.run()
    again = machine.run(dry_run=True)
    assert machine.calls == [Call("get", STATE)]
    assert "was run by" in _notes(again)


def test_slots_go_by_the_stores_clock(machine: Machine) -> None:
    """A clock that was a day ahead took tomorrow's slot, and the job did not run until then."""
    machine.parts.skew.observe("s3.example.com", START + 30, START + DAY, "store")
    machine.clock.time = START + DAY
    machine.run()
    assert list(machine.slots) == [SLOT]


@pytest.mark.parametrize("job", list(JobName))
def test_a_job_without_schedule_is_refused_by_the_settings_name(
    job: JobName, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its crontab line would do nothing for ever."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}")
    name = f"S3_{job.value.upper()}_CRON"
    monkeypatch.setenv(name, "OFF")
    with pytest.raises(ConfigurationError) as refused:
        check_jobs(load_settings(None), [job], scheduled=True)
    assert refused.value.exit_code == 78
    assert any(problem.startswith(f"{name} is off") for problem in refused.value.problems)


def test_the_default_folder_is_refused() -> None:
    """A cron without its environment ran into a default folder and said "success" for weeks."""
    settings = load_settings(None)
    check_jobs(settings, [JobName.LOGOS])
    with pytest.raises(ConfigurationError, match="DATAFETCH_STORE or S3_BUCKET") as refused:
        check_jobs(settings, [JobName.LOGOS], scheduled=True)
    assert refused.value.exit_code == 78
