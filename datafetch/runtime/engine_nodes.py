"""Dask's scheduler and workers as this package starts them: they listen at nothing but their own port.

Dask opens one more port for its pages of metrics, also when it is told to have no dashboard
(`distributed/node.py`). Anybody may read them there, and they show what the process does.
"""

import tempfile

from distributed import Scheduler, Worker

from datafetch.errors import ClusterFailed
from datafetch.models.text import one_line
from datafetch.runtime.engine_logs import route_logs


def own_folder() -> "tempfile.TemporaryDirectory[str]":
    """A temporary folder that only this user can write to, for Dask's files; the caller removes it.

    Dask imports modules from its folder before all others (`distributed/core.py`). Without this
    that folder is `/tmp/dask-scratch-space`, and a user who makes it first has his code run.

    Raises:
        ClusterFailed: the folder cannot be made.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="datafetch-dask-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ClusterFailed(
            f"there is no folder for temporary files, which workers need: {one_line(str(error), 200)}",
            hint="TMPDIR can name one.",
        ) from error


class ClosedScheduler(Scheduler):  # type: ignore[misc] # its types are not looked at
    """A scheduler without pages of metrics."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Open no port."""


class ClosedWorker(Worker):  # type: ignore[misc] # its types are not looked at
    """A worker without pages of metrics, which keeps the reason for which it was closed.

    Attributes:
        closed_by: Dask's reason; empty as long as it is not closed.
    """

    closed_by = ""

    def __init__(self, *arguments: object, **options: object) -> None:
        """As Dask's `Worker`, but what it logs while it starts goes to our log already."""
        route_logs()
        super().__init__(*arguments, **options)

    def start_http_server(self, *_: object, **__: object) -> None:
        """Open no port."""

    async def close(
        self,
        timeout: float = 30,  # noqa: ASYNC109 - Dask's own
        executor_wait: bool = True,
        nanny: bool = True,
        reason: str = "worker-close",
    ) -> str | None:
        """End the worker, and keep the reason."""
        self.closed_by = self.closed_by or reason
        closed: str | None = await super().close(timeout, executor_wait, nanny, reason)
        return closed
