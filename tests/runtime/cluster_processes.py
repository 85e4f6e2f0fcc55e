"""Real schedulers and workers of Dask, each a process of its own on 127.0.0.1.

Run as a program it is one of them; it imports nothing of datafetch then, so that it can be a
worker without it.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass
class Dask:
    """A scheduler and its workers.

    Attributes:
        address: of the scheduler.
        environment: for the workers, such as where TLS files are.
        said: the file in which they log.
    """

    scheduler: "subprocess.Popen[str]"
    address: str
    environment: dict[str, str]
    stack: ExitStack
    said: TextIO
    workers: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def worker(self, *how: str) -> "subprocess.Popen[str]":
        """Start a worker; the scheduler knows it when this returns."""
        worker, _ = _started(self.stack, self.environment, self.said, "worker", self.address, *how)
        self.workers.append(worker)
        return worker


@contextmanager
def dask(
    workers: int = 0,
    scheme: str = "tcp",
    environment: dict[str, str] | None = None,
    *,
    anywhere: bool = False,
    without: bool = False,
    log: Path | None = None,
) -> Iterator[Dask]:
    """A scheduler with so many workers; all have ended afterwards.

    It listens at 127.0.0.1 only, unless `anywhere`; it has no datafetch when it is `without`. All
    that they say goes into the file `log`.
    """
    from tests.processes import clean_environment

    variables = clean_environment(**(environment or {}))
    with ExitStack() as stack:
        said = stack.enter_context(Path(log or os.devnull).open("a"))
        host = "0.0.0.0" if anywhere else "127.0.0.1"
        how = ["without"] if without else []
        asked_for = f"{scheme}://{host}:0"
        scheduler, address = _started(stack, variables, said, "scheduler", asked_for, *how)
        if anywhere:
            address = f"{scheme}://127.0.0.1:{address.rpartition(':')[2]}"
        found = Dask(scheduler, address, variables, stack, said)
        for _ in range(workers):
            found.worker()
        yield found


def _started(
    stack: ExitStack, environment: dict[str, str], said: TextIO, *arguments: str
) -> "tuple[subprocess.Popen[str], str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.runtime.cluster_processes", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
    )
    stack.callback(_end, process)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address, f"{arguments} did not start"
    return process, address


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


class _Without:
    """Lets nothing of datafetch be imported."""

    def find_spec(self, name: str, *_rest: Any) -> None:
        if name.partition(".")[0] == "datafetch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _be_scheduler(address: str, *how: str) -> None:
    from distributed import Scheduler

    if "without" in how:
        sys.meta_path.insert(0, _Without())
    scheme, _, rest = address.partition("://")
    scheduler = Scheduler(
        host=rest.partition(":")[0], port=0, protocol=scheme, dashboard=False, idle_timeout=None
    )
    async with scheduler:
        _say(scheduler.address)
        await scheduler.finished()


async def _be_worker(address: str, *how: str) -> None:
    from distributed import Worker

    if "without" in how:
        sys.meta_path.insert(0, _Without())
    async with Worker(address, nthreads=1, host="127.0.0.1", dashboard=False) as worker:
        _say(worker.address)
        await worker.finished()


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    with suppress(KeyboardInterrupt):
        asyncio.run(_be_scheduler(*arguments) if role == "scheduler" else _be_worker(*arguments))
