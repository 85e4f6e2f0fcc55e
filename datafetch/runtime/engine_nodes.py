"""Dask's scheduler and workers as this package starts them: they listen at nothing but their own port.

Dask opens one more port for its pages of metrics, also when it is told to have no dashboard
(`distributed/node.py`). It asks nobody who he is, and shows what the process does.
"""

import tempfile

from distributed import Scheduler, Worker

from datafetch.errors import ClusterFailed
from datafetch.models.text import one_line
from datafetch.runtime.engine_logs import route_logs


def own_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that is this user's alone, to be given to Dask and removed in the end.

    Dask imports modules from its folder before all others (`distributed/core.py`), which is
    `/tmp/dask-scratch-space` without this: whoever makes that first has his code run.

    Raises:
        ClusterFailed: there is no place for it.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="datafetch-dask-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ClusterFailed(
            f"there is no folder for temporary files, which workers need: {one_line(str(error), 200)}",
            hint="TMPDIR can name one.",
        ) from error


class ClosedScheduler(Scheduler):  # type: ignore[misc] # its types are not looked at
    """A scheduler without pages."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Open no port."""


class ClosedWorker(Worker):  # type: ignore[misc] # its types are not looked at
    """A worker without pages, which takes note of why it is closed.

    Attributes:
        closed_by: Dask's reason; empty as long as it is not closed.
    """

    closed_by = ""

    def __init__(self, *arguments: object, **options: object) -> None:
        """See Dask's `Worker`. What it logs while it starts is kept from standard error already."""
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
        """End the worker."""
        self.closed_by = self.closed_by or reason
        closed: str | None = await super().close(timeout, executor_wait, nanny, reason)
        return closed
