"""Makes this process a Dask worker until it is stopped, for `datafetch worker`."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from datafetch import __version__
from datafetch.clock import CancelToken
from datafetch.logs import bound_logger
from datafetch.runtime.engine_faults import why
from datafetch.runtime.engine_logs import route_logs
from datafetch.runtime.engine_tls import security_of

if TYPE_CHECKING:
    from distributed import Security, Worker

THREADS = 1
"""Batches at once in one process. A batch has threads of its own (`DATAFETCH_CONCURRENCY`)."""

_CONNECT_S = 5.0
_AGAIN_S = 2.0
"""Seconds between two tries to reach the scheduler."""

_GRACE_S = 4.0
"""Seconds that the batch under way has after a signal; after five the process ends anyway."""

_LOOK_S = 0.05
_CLOSE_S = 0.5
_SENT_AWAY = frozenset({"scheduler-close-worker", "scheduler-remove-worker"})
"""The reasons with which a scheduler sends a worker away for good (`distributed/scheduler.py`)."""


def be_worker(address: str, cancel: CancelToken) -> None:
    """Work for the scheduler at this address until it sends this worker away.

    Wait for a scheduler that cannot be reached, or was lost, however long that takes.

    Raises:
        Cancelled: the command was asked to stop. The batch under way had some seconds to end.
        ConfigurationError: the TLS files of Dask's configuration cannot be used.
        ClusterFailed: there is no folder for temporary files.
    """
    security = security_of(address, "worker")
    route_logs()
    bound_logger().info(
        "worker_started",
        extra={"version": __version__, "cluster": address, "threads": THREADS},
    )
    from datafetch.runtime.engine_nodes import own_folder

    with own_folder() as folder:
        asyncio.run(_Working(address, security, cancel, folder).work())
    cancel.raise_if_cancelled()


class _Working:
    """One worker process, from its first try to reach the scheduler to its end."""

    def __init__(
        self, address: str, security: "Security", cancel: CancelToken, folder: str
    ) -> None:
        self._address = address
        self._security = security
        self._cancel = cancel
        self._folder = folder
        self._stop = asyncio.Event()

    async def work(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_note_unhandled)
        unlisten = self._cancel.listen(lambda: _set(loop, self._stop))
        try:
            while own_host := await self._reach_scheduler():
                reason = await self._until_closed(own_host)
                if self._stop.is_set():
                    return
                if reason in _SENT_AWAY:
                    bound_logger().info("worker_sent_away", extra={"cluster": self._address})
                    return
                bound_logger().warning("worker_lost_scheduler", extra={"cluster": self._address})
        finally:
            unlisten()

    async def _reach_scheduler(self) -> str:
        """Wait until the scheduler can be reached; return this machine's address on the way to it.

        The address is empty when the command was asked to stop before that.
        """
        from distributed.comm import connect, get_address_host

        told = ""
        while not self._stop.is_set():
            try:
                arguments = self._security.get_connection_args("worker")
                comm = await connect(self._address, timeout=_CONNECT_S, **arguments)
                host: str = get_address_host(comm.local_address)
                await comm.close()
            except (OSError, TimeoutError) as error:
                said = why(error)
                if said != told:
                    bound_logger().warning(
                        "worker_waits", extra={"cluster": self._address, "error": said}
                    )
                told = said
            else:
                return host
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _AGAIN_S)
        return ""

    async def _until_closed(self, own_host: str) -> str:
        """Be a worker until the scheduler closes it or is lost, or the command is asked to stop.

        Return Dask's reason. The worker listens at `own_host` only, this machine's address in the
        scheduler's network: without TLS whoever reaches a worker can have it run any code.
        """
        from datafetch.runtime.engine_nodes import ClosedWorker

        worker = ClosedWorker(
            self._address,
            host=f"[{own_host}]" if ":" in own_host else own_host,
            nthreads=THREADS,
            memory_limit=0,
            local_directory=self._folder,
            security=self._security,
        )
        stopped = asyncio.ensure_future(self._stop.wait())
        living = asyncio.ensure_future(_live(worker, self._address))
        await asyncio.wait((stopped, living), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not living.done():
            await _end_work(worker)
            with suppress(TimeoutError, OSError):
                await asyncio.wait_for(
                    worker.close(timeout=_CLOSE_S, executor_wait=False), 2 * _CLOSE_S
                )
            living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        return worker.closed_by


async def _live(worker: "Worker", address: str) -> None:
    await worker
    bound_logger().info("worker_joined", extra={"cluster": address, "worker": worker.address})
    await worker.finished()


async def _end_work(worker: "Worker") -> None:
    """Take no more batches; wait some seconds until the run has the answer of the one under way."""
    from distributed.core import Status

    if worker.status != Status.running:
        return
    worker.status = Status.paused
    under_way = worker.state.executing_count or worker.data
    if under_way:
        bound_logger().info("worker_ends_batch", extra={"wait_s": int(_GRACE_S)})
    for _ in range(int(_GRACE_S / _LOOK_S)):
        if not worker.state.executing_count and not worker.data:
            return
        await asyncio.sleep(_LOOK_S)


def _set(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(event.set)


def _note_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Log what Dask's own tasks leave unhandled, mostly while a connection is being closed."""
    said = f"{context.get('message')}: {context.get('exception')}"
    bound_logger().debug("cluster_log", extra={"source": "asyncio", "said": said})
