"""Real processes that wait for another's lock, and that are stopped when their time is up."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.base import FakeServer, Request
from tests.fakes.faults import held
from tests.fakes.s3 import MotoApp, S3Fake, key_of
from tests.fakes.world import World
from tests.processes import clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}


def _stored(cwd: Path, key: str) -> Any:
    return json.loads((cwd / "store" / key).read_text())


@pytest.mark.parametrize(
    ("options", "variables", "said"),
    [
        (("--timeout", "1"), {}, "stopped after 1 s, as --timeout says"),
        ((), {"DATAFETCH_TIMEOUT_SECONDS": "1"}, "stopped after 1 s, the longest that a run"),
        (("--dry-run",), {"DATAFETCH_TIMEOUT_SECONDS": "1"}, "stopped after 1 s, the longest"),
    ],
    ids=["the command", "the job", "a dry run"],
)
def test_a_run_is_stopped_when_its_time_is_up(
    tmp_path: Path, world: World, options: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    """A hanging job blocked the scheduler; what is left is what a signal leaves, and the next run heals."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    environment = {**world.environment(), **STORE}
    done = datafetch("bookmarks", "--json", *options, cwd=tmp_path, **{**environment, **variables})
    gate.set()
    assert done.code == 1, done.err
    result = done.result("bookmarks")
    assert (result["status"], result["success"]) == ("cancelled", False)
    assert said in result["error"]
    if "--dry-run" not in options:
        assert _stored(tmp_path, "json/datafetch/locks/bookmarks-dev.json")["owner"] is None
        state = _stored(tmp_path, "json/datafetch/jobs/bookmarks-dev.json")
        assert state["status"] == "cancelled"
    assert datafetch("bookmarks", cwd=tmp_path, **environment).code == 0


def test_a_job_whose_time_is_up_does_not_stop_the_next(tmp_path: Path, world: World) -> None:
    """`DATAFETCH_TIMEOUT_SECONDS` is for each job; `--timeout` is for all of them together."""
    gate = threading.Event()
    world.karakeep.inject(held(gate))
    command = ("update", "bookmarks", "logos", "--json")
    environment = {**world.environment(), **STORE}
    each = datafetch(*command, cwd=tmp_path, **environment, DATAFETCH_TIMEOUT_SECONDS="6")
    whole = datafetch(*command, "--timeout", "1", cwd=tmp_path, **environment)
    gate.set()
    assert (each.code, whole.code) == (1, 1)
    assert [result["status"] for result in each.results] == ["cancelled", "unchanged"]
    assert [result["status"] for result in whole.results] == ["cancelled", "cancelled"]
    assert "not begun: stopped after 1 s" in whole.results[1]["error"]


def test_a_run_that_its_store_holds_is_left_and_the_next_job_has_new_parts(
    tmp_path: Path, world: World
) -> None:
    """A thread that never returns keeps neither the next job nor the process, and writes no more."""
    gate, number = threading.Event(), [0]
    lock = "json/datafetch/locks/bookmarks-test.json"

    def stuck(request: Request) -> bool:
        key = key_of(request)
        number[0] += (request.method, key) == ("PUT", lock)
        released = (request.method, key) == ("PUT", lock) and number[0] > 1
        return released or key == "json/datafetch/jobs/bookmarks-test.json"

    with FakeServer(MotoApp()) as server, S3Fake("left", server=server) as s3:
        s3.app.inject(held(gate), stuck)
        done = datafetch(
            *("update", "bookmarks", "logos", "--json"),
            cwd=tmp_path,
            **{**world.environment(), **s3.environment},
            DATAFETCH_ENV="test",
            DATAFETCH_TIMEOUT_SECONDS="8",
        )
        gate.set()
    assert done.code == 1, done.err
    first, second = done.results
    assert (first["status"], second["status"]) == ("cancelled", "unchanged"), done.out
    assert any("could not be given back" in note for note in first["notes"])


def test_a_run_waits_for_the_lock_as_long_as_it_was_told(tmp_path: Path, world: World) -> None:
    """Two runs of one job: who does not wait, or not long enough, does nothing (75)."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    environment = {**world.environment(), **STORE}
    first = subprocess.Popen(
        command_line("bookmarks"), cwd=tmp_path, env=clean_environment(**environment)
    )
    world.karakeep.log.wait_for(1)
    short = datafetch("bookmarks", "--wait", "0.5", "--json", cwd=tmp_path, **environment)
    assert short.code == 75
    (result,) = short.results
    assert result["status"] == "locked"
    assert f"process {first.pid} on " in result["error"]
    assert "waited 0.5 s for it to end" in result["error"]
    assert "--wait SECONDS" in result["notes"][-1]
    hasty = datafetch(
        "bookmarks", "--wait", "60", "--timeout", "1", "--json", cwd=tmp_path, **environment
    )
    assert (hasty.code, hasty.results[0]["status"]) == (1, "cancelled")
    patient = subprocess.Popen(
        command_line("bookmarks", "--wait", "60", "--json", "--log-format", "json"),
        cwd=tmp_path,
        env=clean_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert patient.stderr is not None
    assert "lease_awaited" in patient.stderr.readline()
    gate.set()
    out, err = patient.communicate(timeout=60)
    assert first.wait(60) == 0
    assert patient.returncode == 0, err
    assert "lease_free" in err
    assert json.loads(out)[0]["status"] == "unchanged"
