"""Slots: what is due, and what the state remembers, in the corners that two years do not meet."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.ops.slots import Reason, claimed, due, ended, with_schedule
from datafetch.ops.state import JobState, KnownSchedule, SlotRun
from datafetch.runtime.schedule import Schedule

HOURLY, MINUTELY = Schedule.parse("@hourly"), Schedule.parse("* * * * *")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0
STATE = JobState(
    "run-1",
    "logos",
    "completed",
    started_at=round(NOON * 1000),
    schedule=KnownSchedule("0 * * * *", round(NOON * 1000) - 1),
)


def _state(**slots: str) -> JobState:
    """A state with these slots of 2026-11-24, by their hours: `h10="done"`."""
    return replace(
        STATE,
        slots={
            f"2026-11-24T{name[1:]}-00Z": SlotRun("run-1", state)  # type: ignore[arg-type]
            for name, state in slots.items()
        },
    )


def _states(state: JobState) -> dict[str, str]:
    return {name[11:13]: run.state for name, run in state.slots.items()}


def test_a_job_that_never_ran_is_due_at_once() -> None:
    """Its newest slot, however long ago that was."""
    weekly = due(None, Schedule.parse("0 1 * * 0"), NOON)
    assert weekly is not None
    assert (f"{weekly.slot:%m-%d %H}", weekly.reason) == ("11-22 09", Reason.OPEN)


@pytest.mark.parametrize("state", ["done", "failed", "skipped"])
def test_a_slot_that_has_ended_is_not_due(state: str) -> None:
    """Also when it failed: what failed waits for its next slot, as its dead letters do."""
    assert due(_state(h12=state), HOURLY, NOON + 60) is None


def test_a_slot_that_a_run_has_claimed_is_due_to_whoever_gets_its_lease() -> None:
    """Whether that run is alive the lease knows."""
    found = due(_state(h12="running"), HOURLY, NOON + 60)
    assert found is not None
    assert (found.reason, found.run_id) == (Reason.CLAIMED, "run-1")


def test_a_machine_whose_clock_is_behind_runs_no_old_slot() -> None:
    """Its newest slot came before those that are recorded, and was forgotten meanwhile."""
    state = replace(_state(h12="done"), schedule=KnownSchedule("0 * * * *", 0))
    assert due(state, HOURLY, NOON - 30 * HOUR + 600, fired_at=NOON - 30 * HOUR) is not None
    assert due(state, HOURLY, NOON, fired_at=NOON - 30 * HOUR) is None


@pytest.mark.parametrize("noted", [True, False], ids=["by schedule", "by hand"])
def test_a_first_run_by_a_clock_that_was_ahead_keeps_no_run_from_coming(noted: bool) -> None:
    """Its job counted from ten days to come, and did nothing until then."""
    ahead = round((NOON + 240 * HOUR) * 1000)
    schedule = KnownSchedule("0 * * * *", ahead - 1) if noted else None
    state = replace(_state(), started_at=ahead, schedule=schedule)
    found = due(state, HOURLY, NOON + 60)
    assert found is not None
    assert found.reason is Reason.OPEN
    state = claimed(state, HOURLY, found.slot, "run-2", NOON + 60)
    assert _states(state) == {"12": "running"}
    assert state.schedule == KnownSchedule("0 * * * *", round(NOON * 1000) - 1)
    assert due(replace(state, slots={}), HOURLY, NOON + 60 + HOUR) is not None


def test_a_slot_of_a_machine_whose_clock_was_ahead_is_forgotten() -> None:
    """The job must not stand still until that time comes."""
    state = _state(h11="done", h22="done")
    found = due(state, HOURLY, NOON)
    assert found is not None
    after = claimed(state, HOURLY, found.slot, "run-2", NOON)
    assert _states(after) == {"11": "done", "12": "running"}


def test_what_is_no_slots_name_is_dropped() -> None:
    """A stray key in the state keeps no job from running, and is not kept among the newest."""
    state = replace(_state(h11="done"), slots={"zzz": SlotRun("run-1", "done")})
    found = due(state, HOURLY, NOON)
    assert found is not None
    assert list(claimed(state, HOURLY, found.slot, "run-2", NOON).slots) == ["2026-11-24T12-00Z"]


def test_the_newest_fifty_slots_are_kept() -> None:
    """Whatever was missed: a job of every minute after a month costs no more than one of a day."""
    state = replace(STATE, schedule=KnownSchedule("* * * * *", 0))
    state = replace(state, slots={"2026-10-24T12-00Z": SlotRun("run-1", "done")})
    found = due(state, MINUTELY, NOON)
    assert found is not None
    after = claimed(state, MINUTELY, found.slot, "run-2", NOON)
    assert len(after.slots) == 50
    assert list(after.slots) == sorted(after.slots)
    assert (min(after.slots), max(after.slots)) == ("2026-11-24T11-11Z", "2026-11-24T12-00Z")
    assert [run.state for run in after.slots.values()] == [*["skipped"] * 49, "running"]


def test_a_claim_ends_those_of_dead_runs() -> None:
    """Whoever claims a slot has the lease, so nobody else runs an earlier one."""
    state = _state(h11="running")
    found = due(state, HOURLY, NOON)
    assert found is not None
    assert _states(claimed(state, HOURLY, found.slot, "run-2", NOON)) == {
        "11": "failed",
        "12": "running",
    }


@pytest.mark.parametrize(
    ("status", "code", "slots"),
    [
        (RunStatus.SUCCEEDED, 0, {"12": "done"}),
        (RunStatus.UNCHANGED, 0, {"12": "done"}),
        (RunStatus.PARTIAL, 0, {"12": "done"}),
        (RunStatus.FAILED, 1, {"12": "failed"}),
        (RunStatus.FAILED, 78, {"12": "failed"}),
        (RunStatus.LOCKED, 75, {"12": "failed"}),
        (RunStatus.CANCELLED, 1, {"12": "failed"}),
        (RunStatus.CANCELLED, 143, {}),
        (RunStatus.CANCELLED, 130, {}),
        (RunStatus.CANCELLED, 129, {}),
    ],
)
def test_a_slot_ends_as_its_run_did(status: RunStatus, code: int, slots: dict[str, str]) -> None:
    """One that a signal ended was not run: the next scheduled run takes it."""
    result = RunResult(Operation.LOGOS, status, "run-1", exit_code=code)
    after = ended(_state(h12="running"), result)
    assert _states(after) == slots
    assert (due(after, HOURLY, NOON + 60) is None) is bool(slots)


def test_a_run_by_hand_ends_no_slot() -> None:
    """The slot of a dead run stays for the next scheduled one."""
    result = RunResult(Operation.LOGOS, RunStatus.SUCCEEDED, "by-hand")
    assert ended(_state(h12="running"), result) == _state(h12="running")


def test_no_slot_before_the_end_of_a_pause_is_due() -> None:
    """Nor the one whose run was killed because of which there was a pause; from its end on, each."""
    for state in (_state(h11="done"), _state(h12="running")):
        assert due(state, HOURLY, NOON + 1800, resumed_at=NOON + 1) is None
    assert due(_state(h11="done"), HOURLY, NOON + 1800, resumed_at=NOON) is not None


def test_another_expression_is_noted_unless_its_slot_has_just_come() -> None:
    """A slot of before the change is not run; one in whose minute cron starts the run is."""
    state = _state(h11="done")
    other = Schedule.parse("0 */2 * * *")
    for late_s, reason in ((0, Reason.OPEN), (59, Reason.OPEN), (60, Reason.NEW_SCHEDULE)):
        found = due(state, other, NOON + late_s)
        assert found is not None
        assert found.reason is reason
    noted = with_schedule(state, other, NOON + 60)
    assert due(noted, other, NOON + 120) is None
    assert due(noted, other, NOON + 2 * HOUR) is not None


@pytest.mark.parametrize(
    ("status", "code", "left"),
    [
        (RunStatus.UNCHANGED, 0, {}),
        (RunStatus.PARTIAL, 0, {}),
        (RunStatus.FAILED, 1, {"12": "failed"}),
        (RunStatus.CANCELLED, 1, {"12": "failed"}),
        (RunStatus.CANCELLED, 143, {}),
    ],
)
def test_the_slot_of_a_run_that_came_too_early_is_given_back(
    status: RunStatus, code: int, left: dict[str, str]
) -> None:
    """Before there are bookmarks no logo is known; a failure stays one."""
    result = RunResult(Operation.LOGOS, status, "run-1", exit_code=code)
    state = ended(_state(h12="running"), result, stays_due=True)
    assert _states(state) == left
    assert (due(state, HOURLY, NOON + 60) is None) == bool(left)


def test_the_first_slot_of_another_expression_skips_none() -> None:
    """Slots that the new expression would have had before were never its own."""
    state = _state(h10="done")
    other = Schedule.parse("*/30 * * * *")
    found = due(state, other, NOON)
    assert found is not None
    after = claimed(state, other, found.slot, "run-2", NOON)
    assert _states(after) == {"10": "done", "12": "running"}
    assert after.schedule == KnownSchedule("*/30 * * * *", round(NOON * 1000) - 1)


def test_an_expression_written_otherwise_is_the_same() -> None:
    """`@hourly` for `0 * * * *` is no change, so nothing has to be noted."""
    assert due(_state(h12="done"), Schedule.parse(" 00  *  * * * "), NOON + 60) is None
