"""`run-due` with real processes: what it starts, what it passes on, and what it says of it."""

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.faults import held, reply
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.processes import clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}
NO_GITHUB = {"S3_GITHUB_CRON": "off"}


def start(cwd: Path, world: World, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start `run-due` without the GitHub job, and go on."""
    return subprocess.Popen(
        command_line("run-due", *arguments),
        cwd=cwd,
        env=clean_environment(**world.environment(), **STORE, **NO_GITHUB, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(cwd: Path, key: str) -> Any:
    """A stored object."""
    return json.loads((cwd / "store" / key).read_text())


def by_operation(out: str) -> dict[str, dict[str, Any]]:
    """The results of an array."""
    return {result["operation"]: result for result in json.loads(out)}


def children_of(process: subprocess.Popen[str]) -> dict[str, int]:
    """The processes that it has started, by what they run.

    One that has just been forked still has its parent's words, or none while it becomes another
    program: such a one is left out.
    """
    found = {}
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for number in listed:
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if b"--scheduled" not in words:
            continue
        found[words[words.index(b"--scheduled") - 1].decode()] = int(number)
    return found


@pytest.fixture
def under_way(tmp_path, world) -> Iterator[subprocess.Popen[str]]:
    """Bookmarks and logos are under way: both wait for a server that will not answer."""
    store = {**world.environment(), **STORE}
    assert datafetch("bookmarks", "--quiet", cwd=tmp_path, **store).code == 0
    state = tmp_path / "store/json/datafetch/jobs/bookmarks-dev.json"
    state.unlink()  # as if it had never run by its schedule
    world.clear_logs()
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    for app in (world.google, world.duckduckgo, world.sites):
        app.inject(held(gate))
    process = start(tmp_path, world, "--json")
    world.karakeep.log.wait_for(1)
    world.google.log.wait_for(1)
    yield process
    gate.set()
    process.kill()
    process.communicate()


def test_due_jobs_run_side_by_side_and_give_one_array(tmp_path, world):
    """The first call runs each job that never ran, all at once; the next finds nothing to do."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    process = start(tmp_path, world, "--json")
    try:
        world.karakeep.log.wait_for(1)
        wait_until_stored(tmp_path, process, "logos")  # it ends while the other waits
    finally:
        gate.set()
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert [result["operation"] for result in json.loads(out)] == ["bookmarks", "logos"]
    assert by_operation(out)["bookmarks"]["itemsProcessed"] == 30
    (slot,) = stored(tmp_path, "json/datafetch/jobs/bookmarks-dev.json")["slots"].values()
    assert slot["state"] == "done"
    events = [json.loads(line) for line in err.splitlines()]
    assert {event["job"] for event in events} == {"bookmarks", "logos"}


def test_a_job_that_found_no_bookmarks_yet_is_started_again(tmp_path, world):
    """On a new site logos ended before the first bookmarks were stored, and came a week later."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    daily = {"S3_OPENGRAPH_CRON": "0 3 * * *"}
    process = start(tmp_path, world, "--json", **daily)
    try:
        world.karakeep.log.wait_for(1)
        for job in ("logos", "opengraph"):
            wait_until_stored(tmp_path, process, job)
    finally:
        gate.set()
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    for job in ("logos", "opengraph"):
        result = by_operation(out)[job]
        assert result["status"] == "unchanged"
        assert any("this slot stays due" in note for note in result["notes"])
        assert stored(tmp_path, f"json/datafetch/jobs/{job}-dev.json")["slots"] == {}
    out, err = start(tmp_path, world, "--json", **daily).communicate(timeout=100)
    results = by_operation(out)
    assert {*results} == {"logos", "opengraph"}, err
    for job, result in results.items():
        assert result["itemsProcessed"] > 0
        (slot,) = stored(tmp_path, f"json/datafetch/jobs/{job}-dev.json")["slots"].values()
        assert slot["state"] in ("done", "failed")
    again = start(tmp_path, world, "--json", **daily).communicate(timeout=100)
    assert again == ("[]\n", "")


def wait_until_stored(cwd: Path, process: subprocess.Popen[str], job: str) -> None:
    """Wait until a job has written its history, which a run does at its end."""
    file = cwd / f"store/json/datafetch/history/{job}-dev.json"
    while not file.exists():
        assert process.poll() is None
        os.sched_yield()


def test_people_are_told_what_ran_and_when_the_next_is_due(tmp_path, world):
    """Without --json each job has its line; with nothing due the next slot is named."""
    out, _ = start(tmp_path, world).communicate(timeout=100)
    assert out.startswith("bookmarks  succeeded  30 items")
    assert "\n2 operations, 0 failed, " in out
    # If the logo job ended before there were bookmarks, it is due once more.
    start(tmp_path, world, "--quiet").communicate(timeout=100)
    out, err = start(tmp_path, world).communicate(timeout=100)
    assert out.startswith("nothing is due; next is bookmarks at 20")
    assert (out.count("\n"), err) == (1, "")
    assert start(tmp_path, world, "--quiet").communicate(timeout=100) == ("", "")


def test_only_the_newest_missed_slot_runs_and_older_ones_are_skipped(tmp_path, world):
    """After days of downtime the job runs once."""
    alone = {"S3_LOGOS_CRON": "off"}
    start(tmp_path, world, **alone).communicate(timeout=100)
    file = tmp_path / "store/json/datafetch/jobs/bookmarks-dev.json"
    state = json.loads(file.read_text())
    (slot,) = state["slots"]
    state["slots"] = {"2026-01-05T08-00Z": state["slots"][slot]}
    state["schedule"]["since"] = round(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
    file.write_text(json.dumps(state))
    world.clear_logs()
    out, _ = start(tmp_path, world, "--json", **alone).communicate(timeout=100)
    assert [*by_operation(out)] == ["bookmarks"]
    states = [
        slot["state"]
        for slot in stored(tmp_path, f"json/datafetch/jobs/{file.name}")["slots"].values()
    ]
    assert states.count("done") in (1, 2)
    assert states.count("skipped") >= 40
    assert len(stored(tmp_path, f"json/datafetch/history/{file.name}")) == 2


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["TERM", "INT", "HUP"],
)
def test_a_signal_is_passed_on_and_each_job_ends_cleanly(tmp_path, under_way, number, code):
    """Stopped: each job writes its state and gives its lock back, and its slot, for the next call."""
    under_way.send_signal(number)
    out, err = under_way.communicate(timeout=60)
    assert under_way.returncode == code, err
    results = by_operation(out)
    assert {result["status"] for result in results.values()} == {"cancelled"}
    assert [*results] == ["bookmarks", "logos"]
    for job in results:
        assert stored(tmp_path, f"json/datafetch/locks/{job}-dev.json")["owner"] is None
        state = stored(tmp_path, f"json/datafetch/jobs/{job}-dev.json")
        assert (state["status"], state["slots"]) == ("cancelled", {})


def test_a_second_signal_ends_all_at_once(tmp_path, under_way):
    """Who presses Ctrl-C twice does not wait: all processes are gone, and each has its result."""
    numbers = children_of(under_way)
    under_way.send_signal(signal.SIGTERM)
    under_way.send_signal(signal.SIGINT)
    out, _ = under_way.communicate(timeout=60)
    assert under_way.returncode in (143, 130)
    assert {result["status"] for result in by_operation(out).values()} == {"cancelled"}
    for number in numbers.values():
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_a_job_that_is_deaf_is_killed_in_time(under_way):
    """A process that hangs for good (here: stopped by SIGSTOP) does not keep the command from ending."""
    deaf = children_of(under_way)["logos"]
    os.kill(deaf, signal.SIGSTOP)
    under_way.send_signal(signal.SIGTERM)
    out, _ = under_way.communicate(timeout=60)
    assert under_way.returncode == 143
    assert {result["status"] for result in by_operation(out).values()} == {"cancelled"}
    with pytest.raises(ProcessLookupError):
        os.kill(deaf, 0)


def test_a_job_that_is_killed_has_an_honest_result(under_way):
    """One process was killed (out of memory): its result says so, and the other's stays."""
    numbers = children_of(under_way)
    os.kill(numbers["logos"], signal.SIGKILL)
    os.kill(numbers["bookmarks"], signal.SIGTERM)
    out, _ = under_way.communicate(timeout=60)
    results = by_operation(out)
    assert (results["logos"]["status"], results["logos"]["success"]) == ("failed", False)
    assert results["logos"]["error"] == (
        "its process was killed (SIGKILL) before it could say how it went"
    )
    assert "dmesg" in results["logos"]["notes"][-1]
    assert results["bookmarks"]["status"] == "cancelled"
    assert under_way.returncode == 143  # the most severe: the other was ended by a signal


def test_the_most_severe_code_counts(tmp_path, world):
    """One job fails and the other does not: exit code 1, and both results are there."""
    world.karakeep.inject(reply(401, b"{}"))
    process = start(tmp_path, world, "--json")
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 1
    statuses = {name: result["status"] for name, result in by_operation(out).items()}
    assert statuses == {"bookmarks": "failed", "logos": "unchanged"}


def test_a_quiet_call_tells_a_failure_once(tmp_path, world):
    """Cron's mail, which gets both streams, has the error of the failed job once and nothing else."""
    world.karakeep.inject(reply(401, b"{}"))
    process = subprocess.run(
        command_line("run-due", "--quiet", "--log-format", "console"),
        cwd=tmp_path,
        env=clean_environment(**world.environment(), **STORE, **NO_GITHUB),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert process.returncode == 1
    assert process.stdout.count("401") == 1, process.stdout
    assert "logos" not in process.stdout


def test_a_job_without_any_of_its_settings_is_left_out(tmp_path):
    """Who keeps only logos here is not told each quarter of an hour that GitHub is not set up."""
    done = datafetch("run-due", "--json", cwd=tmp_path, **STORE)
    assert done.code == 0
    assert [result["operation"] for result in done.results] == ["logos"]


def test_a_job_with_some_of_its_settings_is_refused(tmp_path):
    """A setting that is missing among others is a mistake: 78, all problems at once, nothing starts."""
    done = datafetch(
        *("run-due", "--json"),
        cwd=tmp_path,
        BOOKMARKS_LIST_ID="x",
        GITHUB_REPO_OWNER="y",
        **STORE,
    )
    assert (done.code, done.out) == (78, "[]\n")
    for name in ("BOOKMARKS_API_URL", "BOOKMARK_BEARER_TOKEN", "GITHUB_TOKEN"):
        assert f"{name} is missing" in done.err
    assert not (tmp_path / "store").exists()


def test_the_default_folder_is_refused(tmp_path):
    """A cron without its environment ran into a default folder and said "success" for weeks."""
    done = datafetch("run-due", "--json", cwd=tmp_path)
    assert (done.code, done.out) == (78, "[]\n")  # nothing was started
    assert "DATAFETCH_STORE or S3_BUCKET is missing" in done.err
    assert list(tmp_path.glob(".datafetch*")) == []


def test_a_job_on_pause_is_not_started(tmp_path):
    """During a pause nothing is started, people are told, and afterwards nothing is caught up."""
    datafetch(
        "pause", "logos", "--for", "3d", "--reason", "the bucket moves", cwd=tmp_path, **STORE
    )
    done = datafetch("run-due", cwd=tmp_path, **STORE)
    assert done.code == 0
    assert "logos is on pause until 20" in done.out
    assert ": the bucket moves\n" in done.out
    assert datafetch("run-due", "--json", cwd=tmp_path, **STORE).out == "[]\n"
    datafetch("resume", "logos", cwd=tmp_path, **STORE)
    assert datafetch("run-due", "--json", cwd=tmp_path, **STORE).out == "[]\n"
    assert not (tmp_path / "store/json/datafetch/jobs").exists()


def test_options_reach_each_job(tmp_path):
    """--dry-run, the settings file and the limits hold for the processes that are started."""
    (tmp_path / "my.env").write_text("DATAFETCH_STORE=file:./store\n")
    done = datafetch(
        *("--env-file", "my.env", "run-due", "--dry-run", "--json", "--wait", "5"),
        *("--timeout", "60"),
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    assert [result["dryRun"] for result in done.results] == [True]
    assert not (tmp_path / "store").exists()


def test_a_time_limit_stops_each_job_and_says_so(tmp_path, world):
    """With --timeout the jobs stop themselves: cancelled, exit 1, and the reason is the limit."""
    gate = threading.Event()
    world.karakeep.inject(held(gate))
    process = start(tmp_path, world, "--json", "--timeout", "2")
    out, _ = process.communicate(timeout=100)
    gate.set()
    assert process.returncode == 1
    result = by_operation(out)["bookmarks"]
    assert result["status"] == "cancelled"
    assert "stopped after 2 s, as --timeout says" in result["error"]


def test_ctrl_c_on_a_terminal_reaches_each_job_once(tmp_path, world):
    """Ctrl-C goes to all of a terminal's foreground; a job that got it twice would leave its lock."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *command_line("run-due", "--json")],
        cwd=tmp_path,
        env=clean_environment(**world.environment(), **STORE, **NO_GITHUB, TERM="xterm"),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    world.karakeep.log.wait_for(1)
    os.write(ours, b"\x03")
    out, err = process.communicate(timeout=60)
    gate.set()
    os.close(ours)
    assert process.returncode == 130, err
    assert by_operation(out.decode())["bookmarks"]["status"] == "cancelled"
    assert stored(tmp_path, "json/datafetch/locks/bookmarks-dev.json")["owner"] is None
    assert stored(tmp_path, "json/datafetch/jobs/bookmarks-dev.json")["status"] == "cancelled"


def test_a_command_that_is_gone_leaves_its_jobs_to_end_by_themselves(tmp_path, world):
    """The command is killed, and its jobs' pipes lead nowhere: they end as they should, all the same."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    process = start(tmp_path, world, "--verbose")
    world.karakeep.log.wait_for(1)
    (number,) = {who for what, who in children_of(process).items() if what == "bookmarks"}
    job = os.pidfd_open(number)
    process.kill()
    process.communicate()
    gate.set()
    signal_end(job)
    state = stored(tmp_path, "json/datafetch/jobs/bookmarks-dev.json")
    assert state["status"] == "completed"
    assert stored(tmp_path, "json/datafetch/locks/bookmarks-dev.json")["owner"] is None


def signal_end(job: int) -> None:
    """Wait until a process has ended that is not our child."""
    import select

    assert select.select([job], [], [], 60)[0]
    os.close(job)


# ------------------------------------------------------------- what it costs


def bucket(s3: S3Fake, **more: str) -> dict[str, str]:
    """A bucket in production, with two jobs that are configured."""
    return {
        **s3.environment,
        "DATAFETCH_ENV": "production",
        "S3_OPENGRAPH_CRON": "0 3 * * *",
        **more,
    }


def test_nothing_due_costs_a_read_a_job_and_one_of_the_pauses(tmp_path, s3_fake):
    """The call that a cron makes each quarter of an hour asks the store once for each job."""
    environment = bucket(s3_fake)
    assert datafetch("run-due", "--quiet", cwd=tmp_path, **environment).code == 0
    s3_fake.app.count_from_here()
    done = datafetch("run-due", "--json", cwd=tmp_path, **environment)
    assert (done.code, done.out) == (0, "[]\n")
    assert sorted(s3_fake.requests()) == [
        ("GET", "json/datafetch/jobs/logos.json"),
        ("GET", "json/datafetch/jobs/opengraph.json"),
        ("GET", "json/datafetch/paused.json"),
    ]


def test_a_store_that_does_not_answer_starts_nothing(tmp_path, s3_fake):
    """Nobody knows what is due: nothing is started, one line says why, exit 1."""
    s3_fake.app.fault = lambda _index, _method, _key: "before-500"
    done = datafetch("run-due", "--json", cwd=tmp_path, **bucket(s3_fake))
    assert (done.code, done.out) == (1, "[]\n")
    assert "Traceback" not in done.err
    assert {method for method, _ in s3_fake.requests()} == {"GET"}


def test_a_signal_while_the_store_hangs_ends_the_command(tmp_path, s3_fake):
    """While it is not known yet what is due, SIGTERM ends the command with its code and `[]`."""
    gate = threading.Event()
    hung: Callable[..., Any] = held(gate)
    s3_fake.app.inject(hung)
    process = subprocess.Popen(
        command_line("run-due", "--json"),
        cwd=tmp_path,
        env=clean_environment(**bucket(s3_fake)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    s3_fake.app.log.wait_for(1)
    process.terminate()
    out, err = process.communicate(timeout=60)
    gate.set()
    assert (process.returncode, out) == (143, "[]\n"), err
