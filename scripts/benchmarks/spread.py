"""Runs the same logos by threads, by worker processes and as shares; compares stores and times.

    scripts/bench spread [--items 5000]

Providers are processes of their own on loopback. Every store is compared with that of the threads,
object by object; times, and objects that are named by runs, are not compared.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.logos import seed
from benchmarks.measure import ROOT, Figure, Timing, timed
from benchmarks.servers import Server, started

from datafetch.store.local import LocalStore
from tests.alike import Contents, differences, in_folder

_UNPACED = {"LOGO_BATCH_SIZE": "1000", "LOGO_BATCH_DELAY_MS": "0", "DATAFETCH_ENV": "development"}
_SHARES = 4
_PACE_SIZE, _PACE_DELAY_MS, _PACED = 10, 100, 2000
_WINDOW_S = 5
"""Seconds of a window. One that begins with a batch has one batch beyond the limit: here 2 %."""

_LONGEST_S = 600
_ROUNDS = 11
_BEFORE = "6d7fff3"
"""The last commit before there was a cluster engine."""


def spread(options: argparse.Namespace) -> Iterator[Figure]:
    """Every way to spread a run, then its pace, its overhead and the start of the program."""
    items = options.items
    with ExitStack() as stack:
        providers = stack.enter_context(started("providers", domains=items))
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = _Site(root, providers, items)
        threads = site.run("threads")
        alike = in_folder(site.store("threads"))
        yield Figure(f"threads: {items} logos: wall, CPU", _took(threads), f"{len(alike)} objects")
        for name, place in (("local-1", "local[1]"), ("local-2", "local[2]")):
            took = site.run(name, DATAFETCH_CLUSTER=place)
            over = (took.wall_s - threads.wall_s) / items * 1000
            yield site.compared(name, alike, f"{_took(took)}, {over:+.1f} ms an item", place)
        yield from _shares(site, alike)
        yield from _killed_worker(site, alike)
        yield from _killed_scheduler(site, alike)
    yield from _pace()
    yield from _start()


class _Site:
    """Folders for the runs, each with a store that has bookmarks of `items` domains."""

    def __init__(self, root: Path, providers: Server, items: int) -> None:
        self._root = root
        self.providers = providers
        self.items = items

    def folder(self, name: str) -> Path:
        """The folder of a run, made and filled when it is asked for first."""
        folder = self._root / name
        if not folder.exists():
            folder.mkdir()
            seed(LocalStore(folder / "store"), self.items)
        return folder

    def store(self, name: str) -> Path:
        """The store of a run."""
        return self.folder(name) / "store"

    def settings(self, name: str, **more: str) -> dict[str, str]:
        """The settings of a run."""
        own = {"DATAFETCH_STORE": f"file:{self.store(name)}"}
        return {**self.providers.environment, **_UNPACED, **own, **more}

    def run(self, name: str, *arguments: str, **more: str) -> Timing:
        """Run it to its end."""
        return timed(["logos", *arguments], str(self.folder(name)), self.settings(name, **more))

    def begin(self, name: str, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """Start it."""
        return _start_process(
            ["-m", "datafetch", "logos", "--json", *arguments],
            self.settings(name, **more),
            self.folder(name),
        )

    def compared(self, name: str, alike: Contents, value: str, what: str) -> Figure:
        """The figure of a run that has ended, with how many objects differ from those of the threads."""
        found = differences(alike, in_folder(self.store(name)))
        for difference in found:
            print(f"  {difference}", file=sys.stderr)
        return Figure(
            f"{what}: {self.items} logos",
            value,
            "the same store" if not found else f"{len(found)} or more differences",
        )


def _took(took: Timing) -> str:
    return f"{took.wall_s:.1f} s {took.cpu_s:.1f} s"


def _shares(site: _Site, alike: Contents) -> Iterator[Figure]:
    """All shares at once, and one after the other."""
    names = [f"{number}/{_SHARES}" for number in range(1, _SHARES + 1)]
    start = time.perf_counter()
    runs = [site.begin("at-once", "--shard", name) for name in names]
    codes = [_ended(run) for run in runs]
    took = time.perf_counter() - start
    yield site.compared("at-once", alike, f"{took:.1f} s, codes {codes}", "four shares at once")
    start = time.perf_counter()
    codes = [site.run("in-turn", "--shard", name).code for name in reversed(names)]
    took = time.perf_counter() - start
    yield site.compared("in-turn", alike, f"{took:.1f} s, codes {codes}", "four shares in turn")


def _killed_worker(site: _Site, alike: Contents) -> Iterator[Figure]:
    """A worker of `local[2]` is killed when a third of the logos was asked for."""
    site.providers.counts()
    run = site.begin("killed", DATAFETCH_CLUSTER="local[2]")
    _until_asked(site, site.items // 3, run)
    pid = _a_worker_of(run.pid)
    os.kill(pid, signal.SIGKILL)
    code = _ended(run)
    asked = sum(site.providers.counts().values())
    yield site.compared(
        "killed",
        alike,
        f"code {code}, {asked} requests after the kill",
        "local[2], a worker killed",
    )


def _killed_scheduler(site: _Site, alike: Contents) -> Iterator[Figure]:
    """A scheduler with two workers is killed when a third of the logos was asked for."""
    port = _free_port()
    place = {"DATAFETCH_CLUSTER": f"tcp://127.0.0.1:{port}"}
    folder = site.folder("scheduler")
    with _workers(site, port, folder) as scheduler:
        site.providers.counts()
        run = site.begin("scheduler", **place)
        _until_asked(site, site.items // 3, run)
        scheduler.kill()
        start = time.perf_counter()
        code = _ended(run)
        took = time.perf_counter() - start
        yield Figure("the scheduler is killed: the run's code", str(code), f"after {took:.1f} s")
    with _workers(site, port, folder):
        site.providers.counts()
        code = _ended(site.begin("scheduler", **place))
        asked = site.providers.counts()["google"]
        value = f"code {code}, {asked} asked for"
        yield site.compared("scheduler", alike, value, "the next run")


def _pace() -> Iterator[Figure]:
    """What a provider sees of `local[2]` and of threads: requests against the limit."""
    limit = _PACE_SIZE * 1000 / _PACE_DELAY_MS
    for name, place in (("threads", ""), ("local[2]", "local[2]")):
        with (
            started("providers", domains=_PACED) as providers,
            tempfile.TemporaryDirectory() as root,
        ):
            site = _Site(Path(root), providers, _PACED)
            settings = {
                "LOGO_BATCH_SIZE": str(_PACE_SIZE),
                "LOGO_BATCH_DELAY_MS": str(_PACE_DELAY_MS),
                **({"DATAFETCH_CLUSTER": place} if place else {}),
            }
            took = site.run("paced", **settings)
            asked = providers.times("google")
            most = max(_in_window(asked)) / _WINDOW_S
            mean = (len(asked) - 1) / (asked[-1] - asked[0])
        yield Figure(
            f"{name}: requests a second at the provider: mean, most in {_WINDOW_S} s",
            f"{mean:.1f} {most:.1f}",
            f"{mean / limit - 1:+.1%} {most / limit - 1:+.1%} of {limit:.0f}; {took.wall_s:.1f} s",
        )


def _in_window(times: Sequence[float]) -> Iterator[int]:
    """For each request, how many requests came in the window that begins with it."""
    end = 0
    for begin, first in enumerate(times):
        while end < len(times) and times[end] < first + _WINDOW_S:
            end += 1
        yield end - begin


def _start() -> Iterator[Figure]:
    """`datafetch logos` with nothing to do, before and after there were other engines, in turn."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        old = root / "before"
        subprocess.run(
            ["git", "worktree", "add", "--detach", str(old), _BEFORE], cwd=ROOT, check=True,
            capture_output=True,
        )  # fmt: skip
        stack.callback(
            subprocess.run,
            ["git", "worktree", "remove", "--force", str(old)],
            cwd=ROOT,
            check=True,
        )
        took: dict[str, list[Timing]] = {"before": [], "now": []}
        for name in took:
            seed(LocalStore(root / f"site-{name}" / "store"), 0)
        for _ in range(_ROUNDS):
            for name, code in (("before", old), ("now", ROOT)):
                folder = root / f"site-{name}"
                settings = {**_UNPACED, "DATAFETCH_STORE": f"file:{folder}/store"}
                took[name].append(
                    timed(["logos"], str(folder), {**settings, "PYTHONPATH": str(code)})
                )
        wall = {name: median(one.wall_s for one in each) for name, each in took.items()}
        cpu = {name: median(one.cpu_s for one in each) for name, each in took.items()}
        least = {name: min(one.cpu_s for one in each) for name, each in took.items()}
        peak = {name: median(one.peak_mib for one in each) for name, each in took.items()}
    for name in took:
        yield Figure(
            f"start {name}: logos without a domain: wall, CPU, peak",
            f"{wall[name]:.3f} s {cpu[name]:.3f} s {peak[name]:.1f} MiB",
            f"wall {wall[name] / wall['before'] - 1:+.1%}, CPU {cpu[name] / cpu['before'] - 1:+.1%}, "
            f"at least {least[name]:.3f} s",
        )


# -------------------------------------------------------------------------- processes


def _start_process(
    arguments: Sequence[str], variables: Mapping[str, str], folder: Path
) -> "subprocess.Popen[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(process: "subprocess.Popen[str]") -> int:
    """The exit code of a run; prints the run's error when it failed."""
    out, err = process.communicate(timeout=_LONGEST_S)
    if process.returncode:
        for result in json.loads(out or "[]"):
            print(f"  {result['status']}: {result['error']}", file=sys.stderr)
        if not out:
            print(err[-1500:], file=sys.stderr)
    return process.returncode


def _until_asked(site: _Site, count: int, run: "subprocess.Popen[str]") -> None:
    asked = 0
    while asked < count:
        if run.poll() is not None:
            out, err = run.communicate()
            raise RuntimeError(f"the run ended with {run.returncode}: {out}{err[-2000:]}")
        time.sleep(0.02)
        asked += sum(site.providers.counts().values())


def _a_worker_of(pid: int) -> int:
    """A worker of a run: of the processes below it that have none below themselves, the newest."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(path.parent.name))
    below, found = [pid], []
    while below:
        one = below.pop()
        own = children.get(one, [])
        below += own
        # Python's resource tracker is no worker.
        command = Path(f"/proc/{one}/cmdline").read_bytes()
        if not own and one != pid and b"resource_tracker" not in command:
            found.append(one)
    return max(found)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _workers(site: _Site, port: int, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """A scheduler at a port of this machine, and two workers, while the block runs."""
    place = {"DATAFETCH_CLUSTER": f"tcp://127.0.0.1:{port}"}
    environment = {**site.providers.environment, **place}
    scheduler = [
        *("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)),
        *("--dashboard-address", "127.0.0.1:0"),
    ]
    commands = [scheduler, *[["-m", "datafetch", "worker"]] * 2]
    logs = [(folder / f"process-{number}.log").open("a") for number in range(len(commands))]
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=log,
            stderr=log,
            text=True,
        )
        for command, log in zip(commands, logs, strict=True)
    ]
    try:
        yield processes[0]
    finally:
        for process in processes:
            process.kill()
        for process, log in zip(processes, logs, strict=True):
            process.wait()
            log.close()
