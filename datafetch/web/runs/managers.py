"""Makes the manager of each run of a server, with parts that no other run shares."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from datafetch.clock import CancelToken, Clock, stopped_by
from datafetch.factory import make_parts
from datafetch.job_run import ProgressMaker
from datafetch.manager import DataFetchManager
from datafetch.models.run import RunRequest, RunResult
from datafetch.settings import Settings


class Manager(Protocol):
    """What makes a run; `DataFetchManager` does."""

    def run(self, request: RunRequest) -> RunResult:
        """Run one job and say how it ended.

        Raises:
            ConfigurationError: the job's settings are incomplete; nothing was done.
        """
        ...


ManagerMaker = Callable[[CancelToken, ProgressMaker], AbstractContextManager[Manager]]
"""Makes the manager of one run, with parts of its own that are closed when the block ends.

The token stops the run. The maker of progress is called when the run begins its work: it has its
lock by then, and has not read yet what it works on.
"""


def managers(settings: Settings, clock: Clock) -> ManagerMaker:
    """Make the real managers: each run has its own store, client, breakers and leases."""

    @contextmanager
    def make(cancel: CancelToken, progress: ProgressMaker) -> Iterator[Manager]:
        parts = make_parts(settings, stopped_by(clock, cancel), cancel)
        try:
            yield DataFetchManager(settings, parts, progress)
        finally:
            parts.http.close()
            parts.store.close()

    return make
