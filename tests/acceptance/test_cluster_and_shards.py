"""Runs on worker processes, and shares of a job: whoever dies, they leave the store of one run on threads."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.alike import Contents, differences, in_folder
from tests.fakes.base import Answer, App, Request, Response
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
def running(folder: Path, *arguments: str, **variables: str) -> "Iterator[subprocess.Popen[str]]":
    """A process of the command, which is ended with the block."""
    with subprocess.Popen(
        command_line(*arguments),
        cwd=folder,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def share(folder: Path, world: World, index: int, count: int) -> "Iterator[subprocess.Popen[str]]":
    """The share of all three jobs, started as the pod of an Indexed Job would."""
    pod = {"DATAFETCH_SHARDS": str(count), "JOB_COMPLETION_INDEX": str(index)}
    command = ("update", *JOBS, "--json", "--wait", "60")
    with running(folder, *command, **world.environment(), **QUICK, **pod) as process:
        yield process


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
    """One after the other, the second one killed amid its pages, and run again."""
    folder = site(tmp_path, begun)
    with share(folder, world, 0, 2) as process:
        ended(process)
    world.clear_logs()
    with share(folder, world, 1, 2):
        world.sites.log.wait_for(6)
    with share(folder, world, 1, 2) as process:
        ended(process)
    found = differences(whole.stored, in_folder(folder / "store"))
    assert not found, "\n".join(found)


# ---------------------------------------------------------------------------- cluster


class Held:
    """An app whose answers are kept back while the block runs, or until they are let go."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._app.log.clear()
        self._app.inject(self._keep_back)
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self._app.heal()

    def until_asked(self, times: int) -> None:
        """Wait until so many requests have come."""
        self._app.log.wait_for(times, timeout_s=60)

    def let_go(self) -> None:
        """Answer, now and from now on."""
        self._over.set()

    def _keep_back(self, request: Request, answer: Answer) -> Response:
        self._over.wait(60)
        return answer(request)


def test_a_killed_worker_costs_nothing(
    tmp_path: Path, world: World, begun: Contents, whole: Whole
) -> None:
    """Three jobs on two worker processes, of which one is killed amid its pages."""
    folder = site(tmp_path, begun)
    settings = {**world.environment(), **QUICK, "DATAFETCH_CLUSTER": "local[2]"}
    with (
        Held(world.sites) as sites,
        running(folder, "update", *JOBS, "--json", **settings) as run,
    ):
        sites.until_asked(4)
        workers = workers_of(run.pid)
        os.kill(max(workers), signal.SIGKILL)
        sites.let_go()
        results = ended(run)
    assert [result["itemsProcessed"] for result in results] == whole.processed
    assert [result["itemsFailed"] for result in results] == [0, 0, 0]
    found = differences(whole.stored, in_folder(folder / "store"))
    assert not found, "\n".join(found)
    assert len(workers) == 2
    assert [pid for pid in workers if is_alive(pid)] == []


def workers_of(pid: int) -> list[int]:
    """The processes of a run that ask for pages: those below it that have none below themselves."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    below, found = [pid], []
    while below:
        one = below.pop()
        own = [child for child, parent in parents.items() if parent == one]
        below += own
        found += [one] if not own and one != pid and not is_tracker(one) else []
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie that nobody has waited for."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def is_tracker(pid: int) -> bool:
    """Whether a process is the one by which Python removes what its processes leave behind."""
    return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def cluster(folder: Path, port: int, world: World) -> "Iterator[subprocess.Popen[str]]":
    """A scheduler, which is given, and a worker, as processes of their own."""
    address = f"tcp://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"),
        *("--port", str(port), "--dashboard-address", "127.0.0.1:0"),
    ]
    environment = {**world.environment(), "DATAFETCH_CLUSTER": address}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as scheduler:
        assert scheduler.stderr is not None
        try:
            assert any("Scheduler at:" in line for line in scheduler.stderr)
            with running(folder, "worker", **environment):
                yield scheduler
        finally:
            scheduler.kill()


def test_a_run_goes_on_after_its_scheduler_was_killed(
    tmp_path: Path, world: World, begun: Contents, whole: Whole
) -> None:
    """The run ends with 1 and says why; the next one, with another scheduler, does the rest."""
    folder = site(tmp_path, begun)
    port = free_port()
    settings = {**world.environment(), **QUICK, "DATAFETCH_CLUSTER": f"tcp://127.0.0.1:{port}"}
    with (
        cluster(tmp_path, port, world) as scheduler,
        Held(world.sites) as sites,
        running(folder, "refresh-opengraph", "--json", **settings) as run,
    ):
        sites.until_asked(2)
        scheduler.kill()
        out, err = run.communicate(timeout=60)
        assert run.returncode == 1, out + err[-2000:]
        (result,) = json.loads(out)
        assert f"127.0.0.1:{port}" in result["error"]
        assert "Traceback" not in err
    with (
        cluster(tmp_path, port, world),
        running(folder, "update", *JOBS, "--json", **settings) as run,
    ):
        ended(run)
    found = differences(whole.stored, in_folder(folder / "store"))
    assert not found, "\n".join(found)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
