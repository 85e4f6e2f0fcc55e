"""`datafetch status` as a process: before, in, and after real runs, and with a store that is away."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.base import Matching
from tests.fakes.faults import dripping, held, reply
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.processes import Finished, clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}
OFF = {"S3_GITHUB_CRON": "off", "S3_LOGOS_CRON": "off"}
"""Settings with which bookmarks alone has a schedule."""

MOST_REQUESTS = 26
"""Store requests of one look: five a job, and six."""


@pytest.fixture
def variables(world: World) -> dict[str, str]:
    """The settings of a folder in which bookmarks alone is due."""
    return {**world.environment(), **STORE, **OFF}


@pytest.fixture
def on_s3(world: World, s3_fake: S3Fake) -> dict[str, str]:
    """The same in a bucket."""
    return {**world.environment(), **OFF, **s3_fake.environment, "DATAFETCH_ENV": "production"}


def _told(done: Finished) -> Any:
    """The document that `--json` printed, which is one line."""
    assert done.out.count("\n") == 1
    return json.loads(done.out)


def _job(document: Any, name: str = "bookmarks") -> Any:
    return next(job for job in document["jobs"] if job["job"] == name)


@contextmanager
def _begun(
    world: World, folder: Path, variables: dict[str, str], *more: str
) -> Iterator[subprocess.Popen[str]]:
    """A run of bookmarks that waits for the bookmark server for as long as the block lasts."""
    gate = threading.Event()
    world.karakeep.log.clear()
    world.karakeep.inject(held(gate), times=1)
    process = subprocess.Popen(
        command_line("bookmarks", "--json", *more),
        cwd=folder,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        world.karakeep.log.wait_for(1)
        yield process
    finally:
        gate.set()
        process.kill()
        process.communicate()


def test_a_first_run_makes_a_silent_job_fresh(
    tmp_path: Path, variables: dict[str, str], world: World
) -> None:
    """A store in which nothing ran is stale, and says what may be the cause; one run heals it."""
    before = datafetch("status", cwd=tmp_path, **variables)
    assert before.code == 1
    assert before.err == ""
    assert before.out.startswith("bookmarks: stale, no run of it is known; cron's log has the rest")
    assert "datafetch run-due" in before.out
    assert not (tmp_path / "store").exists()
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    after = datafetch("status", cwd=tmp_path, **variables)
    assert after.code == 0
    assert after.out.startswith("bookmarks is fresh; next run at ")
    told = _told(datafetch("status", "--json", cwd=tmp_path, **variables))
    assert (told["status"], told["error"]) == ("ok", None)
    job = _job(told)
    index = json.loads((tmp_path / "store/json/bookmarks/index-dev.json").read_text())
    assert job["dataFrom"] == index["lastFetchedAt"]
    assert (job["status"], job["lastRun"]["status"]) == ("fresh", "succeeded")
    assert job["nextRunAt"] > told["at"]
    assert datafetch("status", "--quiet", cwd=tmp_path, **variables).out == ""


def test_a_run_without_news_makes_the_data_younger(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """Data never got older on the status page, because a no-change run did not move `lastFetchedAt`."""
    seen = []
    for _ in range(2):
        done = datafetch("bookmarks", "--json", cwd=tmp_path, **variables)
        told = _told(datafetch("status", "--json", cwd=tmp_path, **variables))
        seen.append((done.results[0]["status"], _job(told)["dataFrom"]))
    (first, fetched), (second, fetched_again) = seen
    assert (first, second) == ("succeeded", "unchanged")
    assert fetched_again > fetched


def test_a_run_that_was_killed_is_seen_at_once(
    tmp_path: Path, on_s3: dict[str, str], world: World, s3_fake: S3Fake
) -> None:
    """The "running" mark of a dead run stayed for ever; its death is told, nothing written for it."""
    assert datafetch("bookmarks", cwd=tmp_path, **on_s3).code == 0
    with _begun(world, tmp_path, on_s3) as process:
        going_on = datafetch("status", "--json", cwd=tmp_path, **on_s3)
        process.kill()
        process.wait()
    job = _job(_told(going_on))
    assert (going_on.code, job["status"]) == (0, "running")
    assert job["runningSince"] is not None
    assert (job["lock"]["pid"], job["lock"]["isDead"]) == (process.pid, False)
    known = s3_fake.etags("")
    s3_fake.app.count_from_here()
    dead = datafetch("status", cwd=tmp_path, **on_s3)
    assert dead.code == 1
    assert dead.out.startswith("bookmarks: failing since ")
    assert f"ended without notice: process {process.pid} on " in dead.out
    assert "which is dead" in dead.out
    assert set(s3_fake.counts()) <= {"GET", "HEAD", "LIST"}
    assert len(s3_fake.requests()) <= MOST_REQUESTS + 3  # who seems to have died is looked at twice
    assert s3_fake.etags("") == known
    assert datafetch("bookmarks", cwd=tmp_path, **on_s3).code == 0
    healed = datafetch("status", "--json", cwd=tmp_path, **on_s3)
    assert (healed.code, _job(_told(healed))["status"]) == (0, "fresh")


@pytest.mark.parametrize(
    ("ending", "code", "condition"),
    [("signal", 0, "fresh"), ("time limit", 1, "failing")],
)
def test_a_signal_alone_is_no_failure_and_a_time_limit_is(
    tmp_path: Path,
    variables: dict[str, str],
    world: World,
    ending: str,
    code: int,
    condition: str,
) -> None:
    """Both end as `cancelled`; who stops a run by hand is not woken for it."""
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    more = ("--timeout", "1") if ending == "time limit" else ()
    with _begun(world, tmp_path, variables, *more) as process:
        if ending == "signal":
            process.terminate()
        process.communicate(timeout=60)
    done = datafetch("status", "--json", cwd=tmp_path, **variables)
    job = _job(_told(done))
    assert (done.code, job["status"]) == (code, condition)
    assert job["lastRun"]["status"] == "cancelled"


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "bytes now and then"])
def test_a_store_that_hangs_is_told_in_one_document(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake, drips: bool
) -> None:
    """The command ends though no answer ever does; a program reads one document all the same."""
    gate, drops = threading.Event(), threading.Semaphore(0)
    s3_fake.app.inject(dripping(drops) if drips else held(gate))

    def drip() -> None:  # often enough that no wait for a byte is ever too long
        while not gate.wait(0.2):
            drops.release(20)

    dropper = threading.Thread(target=drip)
    dropper.start()
    try:
        done = datafetch("status", "--json", cwd=tmp_path, **on_s3)
    finally:
        gate.set()
        dropper.join()
        drops.release(1_000_000)
        s3_fake.app.heal()
    told = _told(done)
    assert (done.code, told["status"], told["jobs"]) == (1, "unknown", [])
    assert told["error"]
    assert done.err.startswith("datafetch: ")
    assert "Traceback" not in done.err


def test_a_store_that_refuses_is_told_in_one_sentence(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake
) -> None:
    """Keys that are wrong are no empty store: nobody is told that all jobs are silent."""
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    s3_fake.app.inject(reply(403, denied))
    done = datafetch("status", cwd=tmp_path, **on_s3)
    s3_fake.app.heal()
    assert (done.code, done.out) == (1, "")
    assert "stale" not in done.err
    assert "Traceback" not in done.err


def test_records_that_cannot_be_read_are_left_as_they_are(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """They are named; the copies that a run keeps are made by the run, not by who looks."""
    assert datafetch("bookmarks", cwd=tmp_path, **variables).code == 0
    folder = tmp_path / "store/json/datafetch"
    for name in ("jobs", "history", "dead-letters", "locks"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "bookmarks-dev.json").write_text('{"half": ')
    for name in ("paused", "breakers"):
        (folder / f"{name}-dev.json").write_text("[]")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = datafetch("status", "--json", cwd=tmp_path, **variables)
    notes = _told(done)["notes"]
    assert len(notes) == 6
    assert all("cannot be read" in note for note in notes)
    shown = datafetch("status", cwd=tmp_path, **variables)
    assert shown.out.count("cannot be read") == 6
    assert (done.err, shown.err) == ("", "")
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_pause_is_told_with_its_end_and_keeps_the_job_from_being_stale(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """A job on pause is not late, and what ends the pause stands at the end."""
    reason = ("--reason", "the server moves")
    assert datafetch("pause", "bookmarks", *reason, cwd=tmp_path, **variables).code == 0
    done = datafetch("status", cwd=tmp_path, **variables)
    assert done.code == 0
    assert "on pause until it is resumed: the server moves" in done.out
    assert done.out.endswith("datafetch resume bookmarks\n")


def test_watching_in_a_pipe_prints_each_look(tmp_path: Path, variables: dict[str, str]) -> None:
    """Each look is a document of one line; Ctrl-C ends it with its own code."""
    process = subprocess.Popen(
        command_line("status", "--watch", "1", "--json"),
        cwd=tmp_path,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    looks = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=60)
    assert looks[0]["at"] < looks[1]["at"]
    assert all(json.loads(line)["status"] == "stale" for line in rest.splitlines())
    assert (process.returncode, err) == (130, "")


def test_watching_outlives_a_store_that_fails(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake
) -> None:
    """Who watches sees that the store is away, and that it is there again."""
    broken: Matching = lambda request: request.method == "GET"  # noqa: E731 - one expression
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    s3_fake.app.inject(reply(403, denied), broken)
    process = subprocess.Popen(
        command_line("status", "--watch", "1", "--json"),
        cwd=tmp_path,
        env=clean_environment(**on_s3),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    s3_fake.app.heal()
    found = first
    while found["status"] == "unknown":
        found = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert first["status"] == "unknown"
    assert (found["status"], process.returncode) == ("stale", 143)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_watching_on_a_terminal_gives_the_screen_back(
    tmp_path: Path, variables: dict[str, str], encoding: str
) -> None:
    """The answer and how to end it are on a screen too low for the rest, which is gone afterwards."""
    reason = ("--reason", "größer")
    assert datafetch("pause", "bookmarks", *reason, cwd=tmp_path, **variables).code == 0
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 7, 60, 0, 0))
    process = subprocess.Popen(
        command_line("status", "--watch", "3600"),
        cwd=tmp_path,
        env=clean_environment(TERM="xterm-256color", PYTHONIOENCODING=encoding, **variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    drawn = _read_until(ours, b"Ctrl-C ends it")
    process.send_signal(signal.SIGINT)
    drawn += _read_until(ours, None)
    os.close(ours)
    assert process.wait(timeout=60) == 130
    assert b"Traceback" not in drawn
    assert drawn.startswith(b"\x1b[?1049h")
    assert b"Nothing is wrong" in drawn
    assert b"lines more than the screen has" in drawn
    assert b"\x1b[?1049l" in drawn[-100:]


def _read_until(number: int, text: bytes | None) -> bytes:
    """What a terminal was sent until a text is in it, or until nobody has it open any more."""
    read = b""
    while text is None or text not in read:
        try:
            chunk = os.read(number, 65_536)
        except OSError:  # the last one who had it open has closed it (EIO)
            break
        if not chunk:
            break
        read += chunk
    return read
