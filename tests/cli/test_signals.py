"""Signals from the program's first line to its last, in real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import held
from tests.fakes.karakeep import KarakeepApp
from tests.fakes.s3 import MotoApp, S3Fake, key_of
from tests.fakes.world import World
from tests.processes import clean_environment, command_line

LOCK = "json/datafetch/locks/bookmarks-test.json"
SETTINGS = {
    "BOOKMARKS_API_URL": "http://127.0.0.1:9",
    "BOOKMARKS_LIST_ID": KarakeepApp().list_id,
    "BOOKMARK_BEARER_TOKEN": KarakeepApp().token,
    "DATAFETCH_ENV": "test",
}

WHILE_LOADING = """
import os, signal, sys, time

class AtImport:
    def find_spec(self, name, *_):
        if name == {module!r}:
            sys.meta_path.remove(self)
            {does}

sys.meta_path.insert(0, AtImport())
sys.argv = ["datafetch", *{arguments!r}]
from datafetch.__main__ import main
main()
"""


def _loading(
    tmp_path: Path,
    module: str,
    does: str,
    *arguments: str,
    stderr: int = subprocess.PIPE,
    **variables: str,
) -> "subprocess.Popen[str]":
    """A program that does something while one of its modules is loaded."""
    code = WHILE_LOADING.format(module=module, does=does, arguments=arguments)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=clean_environment(**SETTINGS, **variables),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


@pytest.mark.parametrize(
    "module",
    [
        "datafetch.cli.streams",
        "typer",
        "datafetch.cli.session",
        "pydantic",
        "datafetch.store.local",
    ],
)
@pytest.mark.parametrize(
    ("name", "code"),
    [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_while_the_program_loads_has_its_code_and_its_result(
    tmp_path: Path, module: str, name: str, code: int
) -> None:
    """Ctrl-C in the first moments was a traceback, and no result said that nothing had begun."""
    kill = f"os.kill(os.getpid(), signal.{name})"
    process = _loading(tmp_path, module, kill, "bookmarks", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    (result,) = json.loads(out)
    assert (result["operation"], result["status"]) == ("bookmarks", "cancelled")
    assert f"stopped by {name}" in result["error"]


def test_what_a_stopped_command_did_not_come_to_has_results_too(tmp_path: Path) -> None:
    """A signal before the first job of `prefetch-dev` hid that the build's files were not written."""
    kill = "os.kill(os.getpid(), signal.SIGTERM)"
    process = _loading(
        tmp_path,
        "pydantic",
        kill,
        "prefetch-dev",
        "--json",
        GITHUB_ACCESS_TOKEN_COMMIT_GRAPH="t",
        GITHUB_REPO_OWNER="me",
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert [(result["operation"], result["status"]) for result in json.loads(out)] == [
        (operation, "cancelled")
        for operation in (
            "bookmarks",
            "opengraph",
            "github-activity",
            "logos",
            "bookmarks-prefetch",
            "github-activity-prefetch",
        )
    ]


@pytest.mark.parametrize(("options", "out"), [(["--json"], "[]\n"), ([], "")], ids=["json", "text"])
def test_ctrl_c_before_anything_is_loaded_is_no_traceback(
    tmp_path: Path, options: list[str], out: str
) -> None:
    """There are some milliseconds before a handler can be set: they end with 130 as well."""
    kill = "os.kill(os.getpid(), signal.SIGINT)"
    process = _loading(tmp_path, "datafetch.cli.signals", kill, "bookmarks", *options)
    assert process.communicate(timeout=60) == (out, "")
    assert process.returncode == 130


def test_a_signal_ends_commands_without_work_too(tmp_path: Path) -> None:
    """Who stops `--version` gets the code of the signal."""
    kill = "os.kill(os.getpid(), signal.SIGTERM)"
    process = _loading(tmp_path, "typer", kill, "--version")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (143, "")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_program_whose_main_thread_is_stuck_obeys(tmp_path: Path, as_json: bool) -> None:
    """A library on a disk that hangs kept the process: Python's handlers wait for the main thread."""
    stuck = "print('stuck', file=sys.stderr, flush=True); exec('while True: time.sleep(9)')"
    options = ["--json"] if as_json else []
    process = _loading(tmp_path, "boto3", stuck, "bookmarks", *options, S3_BUCKET="no-bucket")
    assert process.stderr is not None
    assert process.stderr.readline() == "stuck\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "datafetch: stopped by SIGTERM" in err
    assert [result["status"] for result in json.loads(out or "[]")] == ["cancelled"] * as_json


def test_a_second_signal_ends_a_run_at_once(tmp_path: Path) -> None:
    """Who presses Ctrl-C twice does not want to wait for what would be a clean end.

    The store answers all but one request, so that after one signal the lock is given back.
    """
    (tmp_path / "runtime").mkdir(exist_ok=True)
    gate, begun = threading.Event(), threading.Event()

    def stuck(request: Request) -> bool:
        found = request.method == "GET" and key_of(request).startswith("json/bookmarks/")
        if found:
            begun.set()
        return found

    ended = []
    with FakeServer(MotoApp()) as server, S3Fake("twice", server=server) as s3:
        s3.app.inject(held(gate), stuck)
        for signals in ([signal.SIGTERM, signal.SIGINT], [signal.SIGTERM]):
            begun.clear()
            process = subprocess.Popen(
                command_line("bookmarks", "--json"),
                cwd=tmp_path,
                env=clean_environment(**SETTINGS, **s3.environment),
                stdout=subprocess.PIPE,
                text=True,
            )
            assert begun.wait(60)
            for number in signals:
                process.send_signal(number)
            out, _ = process.communicate(timeout=60)
            lock = s3.get(LOCK)
            assert lock is not None
            is_held = json.loads(lock.body)["owner"] is not None
            ended.append((json.loads(out)[0]["status"], is_held))
            assert process.returncode in (130, 143)
        gate.set()
    assert ended == [("cancelled", True), ("cancelled", False)]


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that is full, and that nobody reads."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with suppress(BlockingIOError):
        while True:
            os.write(write, b"x")
    os.set_blocking(write, True)
    yield write
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "text"])
def test_results_that_nobody_reads_keep_no_stopped_command(
    tmp_path: Path, world: World, full_pipe: int, options: list[str]
) -> None:
    """A pipe that was full, and that nobody read, kept the command at its last line."""
    with subprocess.Popen(
        command_line("bookmarks", *options),
        cwd=tmp_path,
        env=clean_environment(**world.environment(), DATAFETCH_STORE="file:./store"),
        stdout=full_pipe,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert any("run_finished" in line for line in process.stderr)
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        assert process.wait(60) in (130, 143)
        assert "Traceback" not in process.stderr.read()


def test_a_log_that_nobody_reads_keeps_no_results_back(tmp_path: Path, full_pipe: int) -> None:
    """Of a stopped run the results, of all things, came after a line on stderr that nobody read."""
    kill = "[os.kill(os.getpid(), signal.SIGTERM) for _ in range(2)]"
    process = _loading(
        *(tmp_path, "boto3", kill, "bookmarks", "--json"), stderr=full_pipe, S3_BUCKET="no-bucket"
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    (result,) = json.loads(out)
    assert result["status"] == "cancelled"
    assert "a lock that it had ends by itself: stopped by SIGTERM" in result["error"]


def test_an_error_that_nobody_reads_keeps_no_results_back(tmp_path: Path, full_pipe: int) -> None:
    """What failed before it began is told on stdout, too, whoever reads stderr."""
    with subprocess.Popen(
        command_line("bookmarks", "--json"),
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=full_pipe,
        text=True,
    ) as process:
        assert process.stdout is not None
        (result,) = json.loads(process.stdout.readline())
        process.kill()
    assert (result["status"], result["success"]) == ("failed", False)
