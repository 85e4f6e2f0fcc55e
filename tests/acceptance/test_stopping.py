"""Real processes that are stopped, killed, or meet each other: what is stored stays whole."""

import json
import signal
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.faults import held
from tests.fakes.karakeep import link
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


def _stop(process: subprocess.Popen[str], operation: str) -> Any:
    """Send SIGTERM and return the result that the process prints for the operation."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    (result,) = [found for found in json.loads(out) if found["operation"] == operation]
    assert result["status"] == "cancelled"
    return result


def test_a_stopped_sync_counts_what_it_read(tmp_path, world):
    """A cancelled run said that it had processed nothing, whatever it had read by then."""
    gate = threading.Event()
    for number in range(150):
        when = datetime(2020, 1, 1, tzinfo=UTC) - timedelta(hours=number)
        world.karakeep.add(link(f"more{number}", f"https://more.example.com/{number}", when))
    world.karakeep.inject(held(gate), lambda request: "cursor" in request.query)
    process = _start(tmp_path, world, "bookmarks", "--json")
    world.karakeep.log.wait_for(2)
    result = _stop(process, "bookmarks")
    gate.set()
    assert (result["itemsProcessed"], result["itemsChanged"]) == (100, 0)
    assert not (tmp_path / "store" / "json" / "bookmarks").exists()


def test_a_stopped_backfill_counts_the_pages_that_it_stored(tmp_path, world):
    """What is stored of a run that was stopped is counted, kept, and not fetched again."""
    gate = threading.Event()
    assert datafetch("bookmarks", cwd=tmp_path, **world.environment(), **STORE).code == 0
    world.sites.inject(held(gate), after=20)
    process = _start(tmp_path, world, "refresh-opengraph", "--json", DATAFETCH_CONCURRENCY="1")
    world.sites.log.wait_for(21)
    result = _stop(process, "opengraph")
    gate.set()
    pages = _stored(tmp_path, "json/datafetch/datasets/opengraph-dev.json")["pages"]
    done = [page for page in pages.values() if page.get("fetchedAt") or page.get("failedAt")]
    assert 0 < result["itemsProcessed"] <= len(done)
    assert 0 < result["itemsChanged"] <= result["itemsProcessed"]
    assert any("next `datafetch refresh-opengraph`" in note for note in result["notes"])


def test_a_stopped_logo_run_counts_the_logos_that_it_stored(tmp_path, world):
    """The manifest names exactly the logos that the cancelled run counts as changed."""
    gate = threading.Event()
    assert datafetch("bookmarks", cwd=tmp_path, **world.environment(), **STORE).code == 0
    world.google.inject(held(gate), after=6)
    process = _start(tmp_path, world, "logos", "--json", DATAFETCH_CONCURRENCY="1")
    world.google.log.wait_for(7)
    result = _stop(process, "logos")
    gate.set()
    manifest = _stored(tmp_path, "json/image-data/logos/manifest-dev.json")
    assert result["itemsChanged"] == len(manifest) > 0
    assert result["itemsProcessed"] >= result["itemsChanged"]


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
    """`--dry-run` of a build names the files that it would change, and changes none of them."""
    environment = {**world.environment(), **STORE, "GITHUB_STATS_PENDING_DELAY_MS": "1"}
    assert datafetch("update", "bookmarks", "github", cwd=tmp_path, **environment).code == 0
    for command in ("prefetch-dev", "prefetch-build"):
        done = datafetch(command, "--dry-run", "--json", cwd=tmp_path, **environment)
        assert done.code == 0, done.err
        result = done.result("bookmarks-prefetch")
        (said,) = result["notes"]
        assert said.startswith("would write 3 files (bookmarks/bookmarks.json, ")
        assert "in generated" in said
        assert result["dryRun"] is True
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
