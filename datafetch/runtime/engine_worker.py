"""A process as a Dask worker: what each does when it starts, and the one of `datafetch worker`."""

from typing import TYPE_CHECKING

from datafetch.runtime.engine_logs import route_logs

if TYPE_CHECKING:
    from distributed import Worker


def dask_setup(_worker: "Worker") -> None:
    """Called by Dask in the worker processes that it starts for `local[N]`, before their first task.

    https://docs.dask.org/en/stable/how-to/customize-initialization.html
    """
    route_logs()
