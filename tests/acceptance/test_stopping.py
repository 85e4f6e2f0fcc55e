"""Real processes that are stopped, killed, or meet each other: what is stored stays whole."""

import json
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.faults import held
from tests.fakes.world import World
from tests.processes import clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}


def _start(cwd: Path, world: World, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command_line(*arguments),
        cwd=cwd,
        env=clean_environment(**world.environment(), **STORE, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _stored(cwd: Path, key: str) -> Any:
    return json.loads((cwd / "store" / key).read_text())


@pytest.fixture
def stuck(tmp_path, world):
    """A run that has begun and waits for the bookmark server, which will not answer."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    process = _start(tmp_path, world, "bookmarks", "--json")
    world.karakeep.log.wait_for(1)
    yield process
    gate.set()
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["TERM", "INT", "HUP"],
)
def test_a_signal_ends_a_run_that_waits(tmp_path, world, stuck, number, code):
    """Ended by a signal: lock released, state written, exit code says which; the next run works."""
    stuck.send_signal(number)
    out, err = stuck.communicate(timeout=60)
    assert stuck.returncode == code, err
    (result,) = json.loads(out)
    assert (result["status"], result["success"]) == ("cancelled", False)
    assert _stored(tmp_path, "json/datafetch/locks/bookmarks-dev.json")["owner"] is None
    state = _stored(tmp_path, "json/datafetch/jobs/bookmarks-dev.json")
    assert state["status"] == "cancelled"
    again = datafetch("bookmarks", "--json", cwd=tmp_path, **world.environment(), **STORE)
    assert again.code == 0
    assert again.result("bookmarks")["itemsProcessed"] == 30


def test_a_run_under_nohup_outlives_its_terminal(tmp_path, world):
    """Who starts a run with `nohup` means it to go on when the terminal goes away."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    with subprocess.Popen(
        ["nohup", *command_line("bookmarks", "--json")],
        cwd=tmp_path,
        env=clean_environment(**world.environment(), **STORE),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        world.karakeep.log.wait_for(1)
        process.send_signal(signal.SIGHUP)
        gate.set()
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [result["status"] for result in json.loads(out)] == ["succeeded"]


def test_a_killed_run_is_taken_over(tmp_path, world):
    """A run that was killed leaves its lock; the next one of this machine sees that it is dead."""
    gate = threading.Event()
    world.karakeep.inject(held(gate), times=1)
    process = _start(tmp_path, world, "bookmarks")
    world.karakeep.log.wait_for(1)
    process.kill()
    process.communicate()
    gate.set()
    again = datafetch("bookmarks", cwd=tmp_path, **world.environment(), **STORE)
    assert again.code == 0, again.err
    assert _stored(tmp_path, "json/datafetch/locks/bookmarks-dev.json")["token"] == 2


def test_a_dry_run_writes_nothing_at_all(tmp_path, world):
    """`--dry-run` plans and prints: no object, no lock, no folder."""
    for command in ("bookmarks", "github"):
        done = datafetch(
            command, "--dry-run", "--json", cwd=tmp_path, **world.environment(), **STORE
        )
        assert done.code == 0, done.err
        assert done.results[0]["itemsProcessed"] > 0
        assert done.results[0]["dryRun"] is True
    done = datafetch("prefetch-dev", cwd=tmp_path, **world.environment(), **STORE, DRY_RUN="true")
    assert done.code == 0, done.out
    for said in ("bookmarks-prefetch", "would check json/bookmarks/index-dev.json", "generated"):
        assert said in done.out
    assert list(tmp_path.iterdir()) == [tmp_path / "runtime"]


def test_a_dry_run_tells_of_the_files(tmp_path, world):
    """`prefetch-dev --dry-run` names the files that it would change, and changes none of them."""
    environment = {**world.environment(), **STORE, "GITHUB_STATS_PENDING_DELAY_MS": "1"}
    assert datafetch("update", "bookmarks", "github", cwd=tmp_path, **environment).code == 0
    done = datafetch("prefetch-dev", "--dry-run", "--json", cwd=tmp_path, **environment)
    assert done.code == 0, done.err
    (said,) = done.result("bookmarks-prefetch")["notes"]
    assert said.startswith("would write 3 files (bookmarks/bookmarks.json, ")
    assert "in generated" in said
    assert not (tmp_path / "generated").exists()


def test_one_failure_does_not_stop_the_next_job(tmp_path, world):
    """Operations run one after the other; the exit code is the most severe."""
    done = datafetch(
        *("update", "bookmarks", "github", "--json"),
        cwd=tmp_path,
        **world.environment() | {"BOOKMARK_BEARER_TOKEN": "wrong-token"},
        **STORE,
        GITHUB_STATS_PENDING_DELAY_MS="1",
    )
    assert done.code == 1
    assert [result["status"] for result in done.results] == ["failed", "succeeded"]
