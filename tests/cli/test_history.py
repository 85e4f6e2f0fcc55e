"""`datafetch history`: what is listed, folded and chosen, and all that is known of one run."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from datafetch.cli.history_text import details, table
from datafetch.cli.paper import Paper
from datafetch.models.run import JobName, RunStatus
from datafetch.ops.past_runs import streaks
from tests.ops.overviews import NOW, run
from tests.processes import datafetch
from tests.terminals import in_a_terminal

STORE = {"DATAFETCH_STORE": "file:./store"}
HISTORY = Path("store/json/datafetch/history")


def entry(job: str, hours_ago: float, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A run of the past as it is stored."""
    ended = round((time.time() - hours_ago * 3600) * 1000)
    made = {
        "operation": job,
        "success": status != "failed",
        "status": status,
        "runId": f"20261124T080000Z-{round(hours_ago * 100):08x}",
        "itemsProcessed": 884,
        "itemsChanged": 3 if status == "succeeded" else 0,
        "duration": 1.5,
        "timestamp": ended,
        "notes": [],
    }
    return {**made, **more}


def store(folder: Path, job: str, *entries: object) -> None:
    """Store the history of a job."""
    path = folder / HISTORY / f"{job}-dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site whose bookmark and logo jobs ran."""
    store(
        tmp_path,
        "bookmarks",
        entry("bookmarks", 1, "failed", error="the server said no"),
        *(entry("bookmarks", hours, "unchanged", duration=0.5) for hours in range(2, 42)),
        entry("bookmarks", 50, duration=9.0),
    )
    store(tmp_path, "logos", entry("logos", 1.5, "partial", itemsFailed=2), "of another version")
    return tmp_path


def test_runs_are_listed_the_newest_first_and_streaks_are_one_line(site):
    """A row for each run with its error below, one for 40 that changed nothing, and the bars."""
    done = datafetch("history", cwd=site, **STORE)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split() == [
        *("Pacific", "time", "run", "job", "status", "took"),
        *("items", "changed", "failed", "age"),
    ]
    rows = [line.split()[2:5] for line in lines[1:] if line.startswith("20")]
    assert [row[1:] for row in rows] == [
        ["bookmarks", "failed"],
        ["logos", "partial"],
        ["bookmarks", "unchanged"],
        ["bookmarks", "succeeded"],
    ]
    assert lines[2] == "    the server said no"
    assert lines[5].startswith("    ×40 unchanged, since ")
    assert [line.split()[0] for line in lines[-2:]] == ["bookmarks", "logos"]
    assert lines[-2].endswith("0.5 s to 1.5 s")


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (["logos"], ["partial"]),
        (["--status", "failed"], ["failed"]),
        (["--status", "failed", "--status", "partial"], ["failed", "partial"]),
        (["bookmarks", "--since", "90m"], ["failed"]),
        (["--limit", "2"], ["failed", "partial"]),
        (["bookmarks", "--status", "partial"], []),
        (["github"], []),
    ],
)
def test_what_is_asked_for_is_chosen(site, words, statuses):
    """By job, status, age and number; one array for programs, newest first."""
    done = datafetch("history", *words, "--json", cwd=site, **STORE)
    assert (done.code, done.err) == (0, "")
    assert [run["status"] for run in done.results] == statuses


def test_json_has_every_run_of_all_jobs(site):
    """No run is folded away, and the jobs are merged by time."""
    found = datafetch("history", "--json", cwd=site, **STORE).results
    assert len(found) == 43
    times = [run["timestamp"] for run in found]
    assert times == sorted(times, reverse=True)
    assert {run["job"] for run in found} == {"bookmarks", "logos"}
    metrics = {"jobType", "duration", "itemsProcessed", "errors", "timestamp"}
    assert all(metrics <= set(run) for run in found)


def test_the_table_is_cut_with_a_word_about_the_rest(site):
    """Twenty lines, unless `--limit` says otherwise."""
    store(site, "logos", *(entry("logos", hours) for hours in range(60, 90)))
    text = datafetch("history", cwd=site, **STORE).out
    assert len([line for line in text.splitlines() if line.startswith("20")]) == 20
    assert "… and 13 lines more: --limit 33\n" in text


def test_a_run_is_shown_with_all_that_is_known_of_it(tmp_path):
    """By its id, or by the beginning of it that the table shows."""
    assert datafetch("logos", cwd=tmp_path, **STORE).code == 0
    (known,) = datafetch("history", "--json", cwd=tmp_path, **STORE).results
    run_id = known["runId"]
    text = datafetch("history", run_id, cwd=tmp_path, **STORE).out
    assert datafetch("history", run_id[-8:], cwd=tmp_path, **STORE).out[:40] == text[:40]
    assert text.startswith(f"logos  unchanged  {run_id}\n  began      ")
    assert "  items      0 processed, 0 changed, 0 skipped, 0 failed\n" in text
    assert f"  where      process {known['pid']} on {known['host']}\n" in text
    assert "  notes      no domains are known: run `datafetch bookmarks` first" in text
    assert datafetch("history", run_id, "--json", cwd=tmp_path, **STORE).results == [known]


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_id_of_a_run_finds_its_lines_in_the_log(tmp_path, form):
    """What is said to be typed does find them, its first and its last, in either format."""
    for _ in range(2):
        datafetch("--log-file", "log", "--log-format", form, "logos", cwd=tmp_path, **STORE)
    known = datafetch("history", "--json", cwd=tmp_path, **STORE).results[0]
    short = known["runId"][-8:]
    text = datafetch("history", short, cwd=tmp_path, **STORE).out
    assert text.endswith(f"grep {short} FILE finds its lines in the file that --log-file names\n")
    lines = (tmp_path / "log").read_text().splitlines()
    found = [place for place, line in enumerate(lines) if short in line]
    assert found == list(range(len(lines) // 2, len(lines)))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ffff"], 1, "there is no run ffff in the history of file:"),
        (["20261124T08"], 2, "43 runs begin with 20261124T08: "),
        (["logoss"], 2, "there is no job 'logoss': did you mean logos?"),
        (["0000"], 2, "43 runs begin with 0000: "),
        (["ffff", "logos"], 2, "the id of a run stands alone"),
        (["ffff", "--limit", "3"], 2, "the id of a run stands alone"),
        (["--status", "locked"], 2, "is no status of a run: write succeeded, unchanged"),
        (["--since", "yesterday"], 2, "is not an age"),
        (["--limit", "0"], 2, "is not a number of items"),
    ],
)
def test_what_cannot_be_meant_is_refused(site, words, code, said):
    """One line that says what would do; nothing on stdout."""
    done = datafetch("history", *words, cwd=site, **STORE)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_history_that_cannot_be_read_is_said_and_left_as_it_is(site):
    """The other jobs are shown; no copy is made by looking."""
    path = site / HISTORY / "logos-dev.json"
    path.write_text("{")
    done = datafetch("history", cwd=site, **STORE)
    assert done.code == 0
    assert "bookmarks" in done.out
    assert done.err.startswith("datafetch: json/datafetch/history/logos-dev.json cannot be read (")
    assert [file.name for file in path.parent.iterdir() if "corrupt" in file.name] == []


def test_no_run_at_all_is_a_sentence(tmp_path):
    """An empty table would look like a fault."""
    done = datafetch("history", cwd=tmp_path, **STORE)
    assert (done.code, done.out) == (
        0,
        "no runs are known that fit: a run stands here when it has ended\n",
    )


@pytest.mark.parametrize("columns", [80, 160])
def test_terminals_of_both_widths_show_whole_lines(site, columns):
    """Nothing is wrapped by the terminal; the age of a run has its column where there is room."""
    store(site, "github", entry("github", 3, "failed", error="word " * 60))
    shown = in_a_terminal("history", cwd=site, environment=STORE, columns=columns)
    assert shown.code == 0
    plain = shown.raw.replace("\r", "").split("\n")
    assert ("age" in plain[0]) is (columns == 160)
    for escape in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"):
        plain = [line.replace(escape, "") for line in plain]
    assert max(map(len, plain)) <= columns


@pytest.mark.parametrize("columns", [80, 160])
def test_large_numbers_fit_too(columns):
    """200,000 items of the longest job name: the years go before a line is wrapped."""
    large = run(
        job=JobName.OPENGRAPH, processed=200_000, changed=200_000, failed=99_999, duration_s=7_100
    )
    heading, line, *_ = table(streaks([large]), NOW, Paper(columns))
    assert max(len(heading), len(line)) <= columns
    assert line.startswith("2026-11-24 10:05" if columns == 160 else "11-24 10:05")
    assert "200,000  200,000  99,999" in line


def test_an_output_without_such_signs_gets_ascii(site):
    """Bars and streaks can be read where only ASCII is known."""
    done = datafetch("history", "bookmarks", cwd=site, PYTHONIOENCODING="ascii", **STORE)
    assert done.out.isascii()
    assert "    x40 unchanged, since " in done.out
    assert "_" in done.out.splitlines()[-1]
    assert "?" not in done.out


def test_words_of_others_steer_no_terminal():
    """What stands in the store is shown as one line, its control characters as escapes."""
    bad = run(
        job=JobName.LOGOS,
        status=RunStatus.FAILED,
        error="a\x1b[2Jb\u202e",
        notes=("token=hunter2hunter2",),
        failed_items=(("x\ny", "no\x07"),),
        upstreams={"u\x1b": {"requests": 3, "retries": 1, "bytes": 9, "status_200": 3}},
        host="h\x1b[1m",
    )
    text = "\n".join([*details(bad, NOW, Paper()), *table(streaks([bad]), NOW, Paper())])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "hunter2" not in text
    assert "3 requests, 1 retries, 9 bytes, 3 with 200" in text


def test_a_length_that_nobody_knows_is_none(site):
    """A run that ended without notice has none: it is no shortest run among the bars."""
    died = entry("logos", 0.5, "failed", duration=0.0, error="ended without notice")
    store(site, "logos", died, entry("logos", 2, duration=3.0), entry("logos", 3, duration=3.0))
    lines = datafetch("history", "logos", cwd=site, **STORE).out.splitlines()
    assert lines[1].split()[3:6] == ["logos", "failed", "?"]
    assert lines[-1] == "logos  ▁▁  3.0 s"
    told = datafetch("history", died["runId"], cwd=site, **STORE).out
    assert "took" not in told
    assert "took" not in datafetch("status", cwd=site, **STORE).out
