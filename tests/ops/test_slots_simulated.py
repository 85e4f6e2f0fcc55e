"""Two years of schedules, minute by minute, on the functions that real runs decide with."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.slots import Reason, claimed, due, ended, with_schedule
from datafetch.ops.state import JobState, begin, end
from datafetch.runtime.schedule import Schedule

PACIFIC = ZoneInfo("America/Los_Angeles")
START = datetime(2026, 1, 1, tzinfo=PACIFIC).timestamp()
END = datetime(2028, 1, 1, tzinfo=PACIFIC).timestamp()
DAYS = [date(2026, 1, 1) + timedelta(days=day) for day in range(730)]

EXPRESSIONS = {"bookmarks": "0 */2 * * *", "github": "0 0 * * *", "logos": "0 1 * * 0"}
COUNTS = {"bookmarks": 8757, "github": 729, "logos": 104}
"""Slots after midnight of 2026-01-01 and before that of 2028-01-01."""

ZONES = pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])


@pytest.fixture
def _host_in(zone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in this time zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@dataclass
class Simulated:
    """A job whose runs end at once; `ran` counts the runs of each slot."""

    job: str
    schedule: Schedule
    state: JobState | None = None
    ran: Counter[str] = field(default_factory=Counter)

    def fire(self, now: float) -> None:
        """What a scheduled run does, started at this moment."""
        found = due(self.state, self.schedule, now)
        if found is None:
            return
        if found.reason is Reason.NEW_SCHEDULE:
            assert self.state is not None
            self.state = with_schedule(self.state, self.schedule, now)
            return
        at, run_id = round(now * 1000), f"run-{len(self.ran)}"
        state = begin(self.state, job=JobName(self.job), run_id=run_id, now_ms=at)
        state = claimed(state, self.schedule, found.slot, run_id, now)
        (mine,) = [name for name, run in state.slots.items() if run.state == "running"]
        self.ran[mine] += 1
        result = RunResult(Operation(OPERATION[self.job]), RunStatus.UNCHANGED, run_id)
        self.state = ended(end(state, result, full_sync=True, now_ms=at), result)


OPERATION = {"bookmarks": "bookmarks", "github": "github-activity", "logos": "logos"}


def _jobs() -> list[Simulated]:
    return [Simulated(job, Schedule.parse(text)) for job, text in EXPRESSIONS.items()]


def _expected(job: str) -> list[str]:
    """The slots of two years by the calendar and the time zone alone, each that exists once."""
    hours = {"bookmarks": range(0, 24, 2), "github": [0], "logos": [1]}[job]
    names = []
    for day in DAYS:
        if job == "logos" and day.isoweekday() != 7:
            continue
        for hour in hours:
            wall = datetime(day.year, day.month, day.day, hour, tzinfo=PACIFIC)
            utc = wall.astimezone(UTC)
            if utc.astimezone(PACIFIC) == wall and utc.astimezone(PACIFIC).hour == hour:
                names.append(utc.strftime("%Y-%m-%dT%H-%MZ"))
    return names


def _check(job: Simulated) -> None:
    """Every slot ran exactly once: those of two years, and before them that of midnight or earlier."""
    assert set(job.ran.values()) == {1}, job.job
    first, *later = sorted(job.ran)
    assert first <= "2026-01-01T08-00Z"
    assert later == [name for name in _expected(job.job) if name > "2026-01-01T08-00Z"]
    assert len(later) == COUNTS[job.job]


@pytest.mark.usefixtures("_host_in")
@pytest.mark.parametrize(
    ("step_s", "zone"),
    [(60, "America/Los_Angeles"), (3600, "America/Los_Angeles"), (3600, "UTC")],
)
def test_run_due_runs_every_slot_once(zone: str, step_s: int) -> None:
    """Summer time drops one hour and repeats another: no slot is lost there, and none comes twice."""
    jobs = _jobs()
    for job in jobs:
        fire = job.fire
        for now in range(int(START), int(END), step_s):
            fire(now)
        _check(job)


def _cron_times(job: str, zone: ZoneInfo) -> Iterator[float]:
    """When a plain cron of this time zone starts the job: by the clock on its wall, each time twice.

    When the clock goes back it starts the jobs of that hour again.
    """
    for hour_start in range(int(START), int(END), 3600):
        wall = datetime.fromtimestamp(hour_start, zone)
        starts = {
            "bookmarks": wall.hour % 2 == 0,
            "github": wall.hour == 0,
            "logos": wall.hour == 1 and wall.isoweekday() == 7,
        }[job]
        if starts:
            yield from (hour_start + 1.0, hour_start + 3.0)


@ZONES
@pytest.mark.usefixtures("_host_in")
@pytest.mark.parametrize("job", EXPRESSIONS)
def test_a_cron_that_fires_twice_runs_every_slot_once(job: str, zone: str) -> None:
    """The weekly job stands in the hour that comes twice; a cron that knows no CRON_TZ starts late."""
    simulated = Simulated(job, Schedule.parse(EXPRESSIONS[job]))
    firings = list(_cron_times(job, ZoneInfo(zone)))
    for now in firings:
        simulated.fire(now)
    assert set(simulated.ran.values()) == {1}
    later = [name for name in sorted(simulated.ran) if name > "2026-01-01T08-00Z"]
    every = [name for name in _expected(job) if name > "2026-01-01T08-00Z"]
    # In UTC the last slots before 2028 are started after it.
    assert later == (every if zone != "UTC" else every[: len(later)])
    assert len(every) - len(later) <= 1
    assert len(firings) >= 2 * len(later)


def _missing(job: Simulated) -> dict[str, str]:
    assert job.state is not None
    return {name: run.state for name, run in sorted(job.state.slots.items())}


@ZONES
@pytest.mark.usefixtures("_host_in")
@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 7, 1), date(2026, 11, 1)])
def test_after_a_day_without_machine_the_newest_slot_runs_and_the_others_are_recorded(
    zone: str, day: date
) -> None:
    """A machine that was off must not do twelve runs at once when it comes back."""
    off = datetime(day.year, day.month, day.day, tzinfo=PACIFIC).timestamp() + 60
    on = off + 86_400 + 1800
    job = Simulated("bookmarks", Schedule.parse(EXPRESSIONS["bookmarks"]))
    for now in range(int(off) - 86_400, int(off), 60):
        job.fire(now)
    before = set(job.ran)
    for now in range(int(on), int(on) + 7200, 60):
        job.fire(now)
    late = sorted(set(job.ran) - before)
    assert set(job.ran.values()) == {1}
    every = [name for name in _expected("bookmarks") if max(before) < name <= max(late)]
    skipped = [name for name, state in _missing(job).items() if state == "skipped"]
    assert len(late) == 2
    assert skipped == every[:-2]
    assert len(skipped) in (10, 11, 12)
    assert late == every[-2:]


@ZONES
@pytest.mark.usefixtures("_host_in")
def test_after_a_change_of_expression_nothing_of_before_is_due(zone: str) -> None:
    """A new expression has past slots that were never its own: none of them runs."""
    texts = ["0 */2 * * *", "15 10 * * *", "*/7 * * * *", "0 0 * * *", "0 1 * * 0", "30 3 * * 2"]
    now = START
    for minutes, (old, new) in enumerate(pairwise(texts * 2)):
        job = Simulated("bookmarks", Schedule.parse(old))
        for _ in range(24 * 60):
            job.fire(now)
            now += 60
        now += 60 * (7 * minutes % 60)
        job.fire(now)
        job.schedule = Schedule.parse(new)
        changed = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%MZ")
        before = Counter(job.ran)
        job.fire(now + 30)
        now += 60
        for minute in range(8 * 24 * 60):
            if minute < 24 * 60 or minute % 15 == 0:
                job.fire(now)
            now += 60
        fresh = set(job.ran) - set(before)
        assert set(job.ran.values()) == {1}
        assert min(fresh) >= changed
        assert len(fresh) >= 1
