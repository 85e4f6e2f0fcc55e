"""Starts the worker processes of `local[N]` for one run, with a scheduler and TLS keys of their own.

Everything here runs on the event loop of `engine_session.py`, where the scheduler runs, too. The
workers end by themselves when this process ends: each watches a pipe to it
(`distributed/process.py`).
"""

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from datafetch.errors import ClusterFailed
from datafetch.models.text import one_line
from datafetch.runtime.engine_logs import route_logs

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

    from distributed import Security, SpecCluster

_START_S = 60.0
_END_S = 3.0
_NODES = "datafetch.runtime.engine_nodes"


class LocalWorkers:
    """The scheduler and the worker processes of one run, from `start` to `end`."""

    def __init__(self, count: int, needed: str) -> None:
        """`count` is how many workers to start, `needed` the module whose functions they call."""
        self._count = count
        self._needed = needed
        self._cluster: SpecCluster | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self.security: Security | None = None
        self.address = ""

    async def start(self) -> None:
        """Start the scheduler and the processes.

        Raises:
            ClusterFailed: they did not start.
        """
        _keep_ctrl_c_away()
        try:
            _prepare_forks(self._needed)
        except OSError as error:  # its socket has a path of 108 characters at most
            raise ClusterFailed(
                f"worker processes cannot be started: {error}",
                hint="If the path of the folder for temporary files is long, set TMPDIR to a "
                "shorter one, such as /tmp.",
            ) from error
        import dask
        from distributed import Nanny, Security, SpecCluster

        from datafetch.runtime.engine_nodes import ClosedScheduler, ClosedWorker, own_folder

        route_logs()
        self._folder = own_folder()
        dask.config.set(
            {
                "distributed.worker.multiprocessing-method": "forkserver",
                "temporary-directory": self._folder.name,
            }
        )
        self.security = Security.temporary()
        listens = {"host": "127.0.0.1", "protocol": "tls://", "security": self.security}
        worker = {
            "cls": Nanny,
            "options": {
                **listens,
                "nthreads": 1,
                "memory_limit": 0,
                "worker_class": ClosedWorker,
            },
        }
        self._cluster = SpecCluster(
            name="datafetch",
            scheduler={"cls": ClosedScheduler, "options": {**listens, "dashboard": False}},
            workers=dict.fromkeys(range(self._count), worker),
            security=self.security,
            asynchronous=True,
        )
        try:
            await asyncio.wait_for(_started(self._cluster), _START_S)
        except (OSError, RuntimeError, TimeoutError) as error:
            said = one_line(str(error), 200) or "no answer in time"
            raise ClusterFailed(
                f"{self._count} worker processes could not be started: {said}"
            ) from error
        self.address = self._cluster.scheduler_address

    async def end(self) -> None:
        """End the processes at once; the batches that they had finished were answered already."""
        if self._cluster is None:
            return
        for nanny in self._cluster.workers.values():
            nanny.auto_restart = False
            pid = nanny.pid
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(_closed(self._cluster), _END_S)
        if self._folder is not None:
            self._folder.cleanup()


async def _started(cluster: "SpecCluster") -> None:
    await cluster


async def _closed(cluster: "SpecCluster") -> None:
    await cluster.close()


def _keep_ctrl_c_away() -> None:
    """Block the signals of a terminal on this thread, and so in the processes that it starts.

    A terminal sends them to the whole group of processes, but only this process is to act on them.
    The resource tracker of `multiprocessing` unblocks them when it starts (`resource_tracker.py`),
    so it is started before they are blocked.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})


def _prepare_forks(needed: str) -> None:
    """Start the process from which the workers are forked, with the modules they need loaded.

    It loads Dask while this process does. So many workers start as fast as one, and share memory.
    """
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(["distributed", _NODES, needed])
    forkserver.ensure_running()
