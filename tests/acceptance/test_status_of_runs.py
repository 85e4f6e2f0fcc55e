"""`datafetch status` while a run goes on and after it died, with a store that fails, and on a low screen."""

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

from tests.fakes.faults import dripping, held, reply
from tests.fakes.s3 import S3Fake, key_of
from tests.fakes.world import World
from tests.processes import Finished, clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}
OFF = {"S3_GITHUB_CRON": "off", "S3_LOGOS_CRON": "off"}
"""Settings with which bookmarks alone has a schedule."""

DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
"""What a server says to whom it does not know."""

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


def test_a_store_whose_answers_never_end_is_given_up(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake
) -> None:
    """Bytes come often enough that no wait for one is too long; the whole look has its end."""
    key = "json/datafetch/history/bookmarks.json"
    s3_fake.put(key, b"[" + b" " * 100_000 + b"]")
    enough, drops = threading.Event(), threading.Semaphore(0)
    s3_fake.app.inject(dripping(drops), lambda request: key_of(request) == key)

    def drip() -> None:
        while not enough.wait(0.2):
            drops.release()

    dropper = threading.Thread(target=drip)
    dropper.start()
    try:
        done = datafetch("status", "--json", cwd=tmp_path, **on_s3)
    finally:
        enough.set()
        dropper.join()
        drops.release(200_000)
        s3_fake.app.heal()
    told = _told(done)
    assert (done.code, told["status"], told["jobs"]) == (1, "unknown", [])
    assert "did not answer within 7 s" in told["error"]
    assert "Whether the jobs are fresh is not known." in done.err


def test_a_look_that_is_stopped_is_told_in_its_document(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake
) -> None:
    """A program that reads an object got an empty array for a signal."""
    gate = threading.Event()
    s3_fake.app.count_from_here()
    s3_fake.app.inject(held(gate))
    process = subprocess.Popen(
        command_line("status", "--json"),
        cwd=tmp_path,
        env=clean_environment(**on_s3),
        stdout=subprocess.PIPE,
        text=True,
    )
    s3_fake.app.log.wait_for(1)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    gate.set()
    s3_fake.app.heal()
    assert process.returncode == 143
    assert (json.loads(out)["status"], json.loads(out)["error"]) == (
        "unknown",
        "stopped by SIGTERM",
    )


def test_a_store_that_refuses_is_no_empty_one(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake
) -> None:
    """Where the keys are wrong nobody is told that all jobs are silent."""
    s3_fake.app.inject(reply(403, DENIED))
    done = datafetch("status", cwd=tmp_path, **on_s3)
    s3_fake.app.heal()
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("datafetch: ")
    assert "Traceback" not in done.err


def test_watching_outlives_a_store_that_fails(
    tmp_path: Path, on_s3: dict[str, str], s3_fake: S3Fake
) -> None:
    """Who watches sees that the store is away, and that it is there again."""
    s3_fake.app.inject(reply(403, DENIED))
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


def test_watching_ends_when_nobody_reads_any_more(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """`… --watch | head -1` asked the store for ever."""
    process = subprocess.Popen(
        command_line("status", "--watch", "1"),
        cwd=tmp_path,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("bookmarks: stale")
    process.stdout.close()
    assert (process.stderr.read(), process.wait(timeout=60)) == ("", 0)
    process.stderr.close()


def test_watching_ends_with_its_terminal(tmp_path: Path, variables: dict[str, str]) -> None:
    """Also where no SIGHUP comes, as in a session that has no terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line("status", "--watch", "1"),
        cwd=tmp_path,
        env=clean_environment(TERM="xterm-256color", **variables),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    _read_until(ours, b"Ctrl-C ends it")
    os.close(ours)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith("datafetch: the ")


@pytest.mark.parametrize(
    ("rows", "encoding", "shown"),
    [(7, "utf-8", "lines more than the screen has"), (40, "utf-8", "größer"), (40, "ascii", "gr")],
    ids=["low", "high", "without such signs"],
)
def test_every_screen_shows_the_answer_and_how_to_end_it(
    tmp_path: Path, variables: dict[str, str], rows: int, encoding: str, shown: str
) -> None:
    """Also one too low for the rest, and one that has not all signs; it is given back afterwards."""
    reason = ("--reason", "größer")
    assert datafetch("pause", "bookmarks", *reason, cwd=tmp_path, **variables).code == 0
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 60, 0, 0))
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
    assert shown.encode() in drawn
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
