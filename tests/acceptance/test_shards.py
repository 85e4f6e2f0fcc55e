"""Shares of a job, as processes of their own: whatever their order, they leave the store of one run."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.alike import Contents, differences, in_folder
from tests.fakes.world import World
from tests.processes import clean_environment, command_line, datafetch

JOBS = ("opengraph", "github", "logos")
SHARES = 3
QUICK = {
    "DATAFETCH_STORE": "file:./store",
    "DATAFETCH_ENV": "test",
    "GITHUB_STATS_PENDING_DELAY_MS": "1",
    "LOGO_BATCH_DELAY_MS": "0",
    "S3_CDN_URL": "https://cdn.example.org",
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A small world, which answers everybody alike."""
    with World(24, 10, 5) as world:
        yield world


@pytest.fixture(scope="module")
def begun(world: World, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """The store before the jobs that have shares: with bookmarks."""
    folder = tmp_path_factory.mktemp("begun")
    assert datafetch("bookmarks", cwd=folder, **world.environment(), **QUICK).code == 0
    return {
        path.relative_to(folder / "store").as_posix(): path.read_bytes()
        for path in (folder / "store").rglob("*")
        if path.is_file()
    }


def site(folder: Path, begun: Contents) -> Path:
    """A folder with that store."""
    for key, body in begun.items():
        path = folder / "store" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


@dataclass(frozen=True)
class Whole:
    """What one run of each job leaves, reports, and asks for."""

    stored: Contents
    processed: list[int]
    asked: dict[str, int]


@pytest.fixture(scope="module")
def whole(world: World, begun: Contents, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """One run of each job."""
    folder = site(tmp_path_factory.mktemp("whole"), begun)
    world.clear_logs()
    done = datafetch("update", *JOBS, "--json", cwd=folder, **world.environment(), **QUICK)
    assert done.code == 0, done.err[-2000:]
    processed = [result["itemsProcessed"] for result in done.results]
    return Whole(in_folder(folder / "store"), processed, world.requests())


@contextmanager
def share(folder: Path, world: World, index: int, count: int) -> "Iterator[subprocess.Popen[str]]":
    """The share of all three jobs, started as the pod of an Indexed Job would."""
    pod = {"DATAFETCH_SHARDS": str(count), "JOB_COMPLETION_INDEX": str(index)}
    with subprocess.Popen(
        command_line("update", *JOBS, "--json", "--wait", "60"),
        cwd=folder,
        env=clean_environment(**world.environment(), **QUICK, **pod),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """The results of a share that has done its work."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, out + err[-2000:]
    results: list[dict[str, Any]] = json.loads(out)
    return results


def test_pods_at_once_leave_the_store_of_one_run(
    tmp_path: Path, world: World, begun: Contents, whole: Whole
) -> None:
    """Each works on some items, all together on each once; `status` says that all of them ended."""
    folder = site(tmp_path, begun)
    world.clear_logs()
    with ExitStack() as stack:
        begun_shares = [
            stack.enter_context(share(folder, world, index, SHARES)) for index in range(SHARES)
        ]
        results = [ended(process) for process in begun_shares]
    asked = world.requests()
    found = differences(whole.stored, in_folder(folder / "store"))
    assert not found, "\n".join(found)
    processed = [[result["itemsProcessed"] for result in of_one] for of_one in results]
    assert list(map(sum, zip(*processed, strict=True))) == whole.processed
    for service in ("duckduckgo", "sites"):
        assert asked[service] == whole.asked[service]
    # Each of them looks at what Google shows for a domain without a logo.
    assert asked["google"] == whole.asked["google"] + SHARES - 1
    status = datafetch("status", "--json", cwd=folder, **world.environment(), **QUICK)
    jobs = {job["job"]: job for job in json.loads(status.out)["jobs"]}
    assert {job: len(jobs[job]["shares"]) for job in JOBS} == dict.fromkeys(JOBS, SHARES)


def test_a_share_that_died_comes_back(
    tmp_path: Path, world: World, begun: Contents, whole: Whole
) -> None:
    """One after the other, the last first, and one killed when it has begun to ask."""
    folder = site(tmp_path, begun)
    world.clear_logs()
    with share(folder, world, 1, 2):
        world.sites.log.wait_for(2)
    for index in (1, 0):
        with share(folder, world, index, 2) as process:
            ended(process)
    found = differences(whole.stored, in_folder(folder / "store"))
    assert not found, "\n".join(found)
