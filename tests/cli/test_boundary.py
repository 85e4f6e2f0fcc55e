"""The one error boundary: whatever happens is one line, an exit code, and with `--json` an array."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.world import World
from tests.processes import ROOT, Finished, clean_environment, datafetch

BUCKET = {"DATAFETCH_STORE": "s3://bucket", "DATAFETCH_ENV": "test"}


HALF_INSTALLED = 'raise RuntimeError("half\\ninstalled")'


def with_broken(
    library: str, *arguments: str, cwd: Path, code: str = HALF_INSTALLED, **variables: str
) -> Finished:
    """Run the command where a library cannot be loaded, as after an update that was cut off."""
    package = cwd / "broken" / library
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    path = f"{package.parent}:{ROOT}"
    return datafetch(*arguments, cwd=cwd, **variables, PYTHONPATH=path)


def the_line(done: Finished) -> str:
    """The one line that says what happened, after the log."""
    (line,) = (line for line in done.err.splitlines() if line.startswith("datafetch: "))
    assert "Traceback" not in done.err
    return line


@pytest.mark.parametrize("library", ["boto3", "filelock", "typer", "pydantic"])
def test_whatever_happens_before_the_first_job_is_one_line(
    tmp_path: Path, world: World, library: str
) -> None:
    """An error while the parts are made was a traceback: now a line, 1, an array, and what to do."""
    environment = world.environment() | BUCKET
    done = with_broken(library, "bookmarks", "--json", cwd=tmp_path, **environment)
    assert done.code == 1
    assert the_line(done) == "datafetch: unexpected: RuntimeError: half installed"
    assert "--verbose" in done.err
    assert [result["success"] for result in done.results] in ([], [False])


def test_a_store_that_cannot_be_made_is_told_for_every_operation(
    tmp_path: Path, world: World
) -> None:
    """With `--json` each operation that was asked for has its result, none of them run."""
    environment = world.environment() | BUCKET
    done = with_broken("boto3", "update", "--json", cwd=tmp_path, **environment)
    assert done.code == 1
    assert [result["operation"] for result in done.results] == [
        "bookmarks",
        "opengraph",
        "github-activity",
        "logos",
    ]
    assert {result["error"] for result in done.results} == {
        "unexpected: RuntimeError: half installed"
    }


def test_the_traceback_is_in_the_log_for_who_asks(tmp_path: Path, world: World) -> None:
    """Without `--verbose` the error is printed, once; with it the log has where it happened."""
    environment = world.environment() | BUCKET
    arguments = ("bookmarks", "--json", "--log-format", "json")
    quiet = with_broken("boto3", *arguments, cwd=tmp_path / "a", **environment)
    loud = with_broken("boto3", *arguments, "--verbose", cwd=tmp_path / "b", **environment)
    events = [
        json.loads(line)
        for done in (quiet, loud)
        for line in done.err.splitlines()
        if line.startswith("{")
    ]
    (unexpected,) = (event for event in events if event["event"] == "unexpected_error")
    assert unexpected["error"] == "unexpected: RuntimeError: half installed"
    assert "make_store" in unexpected["traceback"]
    assert quiet.err.count("half installed") == 1


def test_an_error_at_the_lease_does_not_stop_the_next_job(tmp_path: Path, world: World) -> None:
    """An error while the lease is taken is the result of its job, as one in its work is."""
    (tmp_path / "locks").touch()
    done = datafetch(
        *("update", "bookmarks", "github", "--json"),
        cwd=tmp_path,
        **world.environment(),
        DATAFETCH_RUNTIME_DIR=str(tmp_path / "locks"),
    )
    assert done.code == 78
    assert [result["operation"] for result in done.results] == ["bookmarks", "github-activity"]
    for result in done.results:
        assert result["error"].startswith("DATAFETCH_RUNTIME_DIR: ")
        assert result["runId"]


def test_an_unexpected_error_at_the_lease_is_a_result(tmp_path: Path, world: World) -> None:
    """A library that fails under the lease: one result, exit 1, and the lock is free again."""
    done = with_broken("h11", "bookmarks", "--json", cwd=tmp_path, **world.environment())
    assert done.code == 1
    (result,) = done.results
    assert "half installed" in result["error"]
    lock = json.loads((tmp_path / ".datafetch/json/datafetch/locks/bookmarks-dev.json").read_text())
    assert lock["owner"] is None


@pytest.mark.parametrize(
    ("store", "said"),
    [("file:~nobody-of-that-name/x", "home directory"), ("file:./circle", "symbolic links")],
)
def test_a_folder_that_cannot_be_one_is_named(
    tmp_path: Path, world: World, store: str, said: str
) -> None:
    """A home that nobody has, and a link that leads to itself, are settings to mend."""
    (tmp_path / "circle").symlink_to("circle")
    done = datafetch(
        "bookmarks", "--json", cwd=tmp_path, **world.environment(), DATAFETCH_STORE=store
    )
    assert done.code != 0
    assert said in done.results[0]["error"]
    assert "unexpected" not in done.err


LATE = """
from datafetch.cli.options import JobOptions
from datafetch.cli.session import Session
from datafetch.models.run import JobName

with Session(JobOptions()) as session:
    session.run_jobs([JobName.BOOKMARKS])
    raise RuntimeError("a bug")
"""


def test_results_that_there_are_are_shown_with_a_late_error(tmp_path: Path, world: World) -> None:
    """What was done before an error is printed: the closing line of counts stands on failure too."""
    done = subprocess.run(
        [sys.executable, "-c", LATE],
        cwd=tmp_path,
        env=clean_environment(**world.environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "datafetch: unexpected: RuntimeError: a bug" in done.stderr
    assert done.stdout.startswith("bookmarks ")
    assert done.stdout.splitlines()[-1].startswith("1 operation, 0 failed")


STOPPED = """
import os, signal
from datafetch.cli.options import JobOptions
from datafetch.cli.session import Session
from datafetch.models.run import JobName

with Session(JobOptions(json=True)) as session:
    session.run_jobs(DONE)
    os.kill(os.getpid(), signal.SIGTERM)
    session.run_jobs([JobName.GITHUB, JobName.LOGOS])
"""


@pytest.mark.parametrize(
    ("done", "statuses"),
    [
        ("[]", ["cancelled", "cancelled"]),
        ("[JobName.BOOKMARKS]", ["succeeded", "cancelled", "cancelled"]),
    ],
    ids=["before the first", "between two"],
)
def test_a_signal_between_jobs_is_no_success(
    tmp_path: Path, world: World, done: str, statuses: list[str]
) -> None:
    """A command that was stopped before a job began ended with 0, as if all had been done."""
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED.replace("DONE", done)],
        cwd=tmp_path,
        env=clean_environment(**world.environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert [result["status"] for result in json.loads(ended.stdout)] == statuses
    assert "datafetch: stopped by SIGTERM" in ended.stderr
    assert ended.returncode == 143


def test_ctrl_c_while_the_program_starts_is_no_traceback(tmp_path: Path) -> None:
    """Who stops the command while its libraries are loaded gets 130, and nothing else."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    done = with_broken("typer", "bookmarks", cwd=tmp_path, code=code)
    assert (done.code, done.out, done.err) == (130, "", "")


UNCATCHABLE = """
import threading
from datafetch.cli.boundary import call
from datafetch.cli.console import configure_logging

class Bad:
    def __del__(self):
        raise RuntimeError("at its removal")

def fail():
    raise RuntimeError("on a thread")

def command():
    configure_logging("json", 0)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Bad()

call(command, as_json=False)
"""


def test_errors_that_nobody_can_catch_are_lines_of_the_log(tmp_path: Path) -> None:
    """An exception in a thread, or at the removal of an object, was a traceback on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", UNCATCHABLE],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["error"] == "unexpected: RuntimeError: on a thread"
