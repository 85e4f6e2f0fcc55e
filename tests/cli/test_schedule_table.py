"""The table of `datafetch schedule`: what it says, on terminals of any width and in a pipe."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from datafetch.cli.schedule_table import JobPause, JobTimes, LastRun, pacific, table
from datafetch.clock import SystemClock
from datafetch.cron import Schedule
from datafetch.models.run import JobName
from datafetch.ops.pauses import Pauses
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.processes import datafetch
from tests.terminals import in_a_terminal

NOON = datetime(2026, 11, 27, 20, tzinfo=UTC)


def row(job: str = "bookmarks", pause: JobPause | None = None) -> JobTimes:
    """A job that ran at 10:00 and will run at 14:00 in Pacific time."""
    schedule = Schedule.parse("0 */2 * * *")
    return JobTimes(
        job=job,
        schedule=schedule,
        setting="S3_BOOKMARKS_CRON",
        place="in .env, line 12",
        last_run=LastRun(datetime(2026, 11, 27, 18, tzinfo=UTC), None, "completed"),
        next_runs=schedule.next_slots(NOON, 3),
        pause=pause,
    )


def test_a_job_is_one_line_where_there_is_room():
    """160 columns and a pipe have everything of a job in its line."""
    lines = table([row(), row("opengraph")], 160)
    assert lines == table([row(), row("opengraph")], None)
    assert lines[1] == (
        "bookmarks  0 */2 * * *  S3_BOOKMARKS_CRON in .env, line 12  Fri 2026-11-27 10:00, completed"
        "  Fri 2026-11-27 14:00, Fri 2026-11-27 16:00, Fri 2026-11-27 18:00"
    )
    assert len(lines) == 3


def test_times_stand_below_each_other_at_80_columns():
    """Nothing is cut, and no line is wrapped by the terminal."""
    paused = JobPause(datetime(2026, 12, 1, 20, tzinfo=UTC), "the server moves")
    assert table([row(pause=paused)], 80) == [
        "job        schedule     last run              next runs (Pacific time)",
        "bookmarks  0 */2 * * *  Fri 2026-11-27 10:00  Fri 2026-11-27 14:00",
        "                        completed             Fri 2026-11-27 16:00",
        "                                              Fri 2026-11-27 18:00",
        "           S3_BOOKMARKS_CRON in .env, line 12",
        "           on pause until Tue 2026-12-01 12:00: the server moves",
    ]


def test_a_job_that_is_not_configured_says_so_in_place_of_times():
    """No run of it comes: `run-due` leaves it out, and files for schedulers, too."""
    job = replace(row(), is_configured=False, next_runs=())
    assert table([job], 160)[1].endswith(", completed  not configured")
    assert table([job], 80)[1].endswith("Fri 2026-11-27 10:00  not configured")
    off = replace(job, schedule=None)
    assert table([off], 160)[1].endswith(", completed  none")


def test_an_hour_that_comes_twice_says_which():
    """In the autumn night two runs have one time on the clock."""
    assert pacific(datetime(2026, 11, 1, 8, tzinfo=UTC)) == "Sun 2026-11-01 01:00 PDT"
    assert pacific(datetime(2026, 11, 1, 9, tzinfo=UTC)) == "Sun 2026-11-01 01:00 PST"
    assert pacific(datetime(2026, 11, 1, 10, tzinfo=UTC)) == "Sun 2026-11-01 02:00"


def test_reasons_of_others_steer_no_terminal():
    """The reason of a pause is one short line without control characters."""
    (_, line) = table([row(pause=JobPause(None, "a\nb\x1b[2J" + "x" * 200))], None)
    assert line.isprintable()
    assert len(line) < 300
    assert "until it is resumed: a b" in line


@pytest.mark.parametrize("columns", [80, 160])
def test_a_terminal_of_each_width_shows_every_line_whole(tmp_path, columns):
    """Both usual widths show all jobs, each with its times."""
    shown = in_a_terminal(
        "schedule", cwd=tmp_path, environment={"S3_LOGOS_CRON": "15 1 1,15 * 1-5"}, columns=columns
    )
    assert shown.code == 0
    text = "\n".join(shown.lines)
    for job in ("bookmarks", "github", "logos", "opengraph"):
        assert any(line.startswith(f"{job} ") for line in shown.lines), text
    assert "15 1 1,15 * 1-5" in text
    assert "S3_LOGOS_CRON in the environment" in text
    assert "default of S3_OPENGRAPH_CRON" in text
    lines = shown.raw.replace("\r", "").replace("\x1b[1m", "").replace("\x1b[0m", "").split("\n")
    assert max(map(len, lines)) <= columns


def test_a_pipe_gets_a_plain_line_a_job(tmp_path):
    """Programs that read the table find no colours and no drawing."""
    done = datafetch("schedule", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert [line.split()[0] for line in done.out.splitlines()] == [
        *("job", "bookmarks", "github", "logos", "opengraph")
    ]


def test_the_store_says_what_ran_and_what_is_on_pause(tmp_path):
    """A paused job's next runs are those after its pause; nothing is written to look at it."""
    assert datafetch("logos", "--quiet", cwd=tmp_path).code == 0
    store = LocalStore(Path(tmp_path) / ".datafetch", SystemClock())
    now = SystemClock().now()
    pauses = Pauses.load(store, Keys("-dev"), SystemClock())
    pauses.set(JobName.GITHUB, now, until=now + 30 * 86_400, reason="holidays")
    pauses.set(JobName.BOOKMARKS, now)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    done = datafetch("schedule", "--json", cwd=tmp_path, GITHUB_REPO_OWNER="owner")
    assert (done.code, done.err) == (0, "")
    rows = {entry["job"]: entry for entry in json.loads(done.out)}
    assert list(rows) == ["bookmarks", "github", "logos", "opengraph"]
    assert rows["logos"]["lastRun"]["status"] == "completed"
    assert rows["logos"]["expression"] == "0 1 * * 0"
    assert rows["logos"]["source"] == "default"
    assert len(rows["logos"]["nextRuns"]) == 3
    assert rows["github"]["lastRun"] is None
    assert rows["github"]["pause"]["reason"] == "holidays"
    first = datetime.fromisoformat(rows["github"]["nextRuns"][0])
    assert first.timestamp() >= now + 30 * 86_400
    assert rows["bookmarks"]["nextRuns"] == []
    assert rows["bookmarks"]["pause"]["until"] is None
    assert [job for job, entry in rows.items() if not entry["isConfigured"]] == ["bookmarks"]
    assert rows["opengraph"]["expression"] is None
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert after == before


def test_a_store_that_does_not_answer_is_a_failure(tmp_path):
    """Not to know whether a job ran is not the same as that it never ran."""
    (tmp_path / "store").write_text("a file")
    done = datafetch("schedule", cwd=tmp_path, DATAFETCH_STORE="file:./store")
    assert done.code in (1, 78)
    assert done.out == ""
    assert "Traceback" not in done.err
