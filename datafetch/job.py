"""What a job is, and everything it is given to work with."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

from datafetch.clock import CancelToken, Clock
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.net.base import HttpClient
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.record import keep_aside
from datafetch.runtime.engine import Engine
from datafetch.store.base import ObjectStore, StoredObject
from datafetch.store.fenced import Fence, FencedStore
from datafetch.store.keys import Keys, PublicUrls
from datafetch.store.publish import Publisher

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
"""The settings of one job."""

WaitForLease = Callable[[JobName, float], AbstractContextManager[Fence]]
"""Holds another job's lease, for which it waits at most so many seconds."""


class Progress(Protocol):
    """Where a job says how far it is; drawn on a terminal only."""

    def total(self, count: int) -> None:
        """So many items will be worked on."""
        ...

    def advance(self, count: int = 1) -> None:
        """So many more items are done."""
        ...


class NoProgress:
    """Says nothing."""

    def total(self, count: int) -> None:
        """Ignore."""

    def advance(self, count: int = 1) -> None:
        """Ignore."""


@dataclass(frozen=True)
class JobContext(Generic[S_co]):
    """Everything a job may touch during one run.

    Attributes:
        run_id: this run's id.
        options: what the user asked.
        settings: this job's own (a group of `models/job_settings.py`).
        store: where objects live; it refuses every write in a dry run, and once the lease is lost.
        keys: names for this environment.
        urls: public URLs of keys.
        http: the guarded client.
        clock: time and waiting.
        cancel: whether the run was asked to stop.
        engine: parallel work.
        dead_letters: what failed and waits; saved by the manager.
        progress: how far it is.
        production: whether this is the production environment.
        max_failure_ratio: see `JobReport.over_budget`.
        wait_for_lease: takes another job's lease for a while (a context manager that
            yields its `Fence`), for merging into a dataset that the other job owns.
    """

    run_id: str
    options: RunOptions
    settings: S_co
    store: ObjectStore
    keys: Keys
    urls: PublicUrls
    http: HttpClient
    clock: Clock
    cancel: CancelToken
    engine: Engine
    dead_letters: DeadLetters
    log: logging.LoggerAdapter[logging.Logger]
    progress: Progress
    production: bool
    max_failure_ratio: float
    wait_for_lease: WaitForLease

    def keep_aside(self, found: StoredObject, *, known_as: str | None = None) -> None:
        """Say that a stored object cannot be read, and keep a copy of it; none in a dry run.

        `known_as` is what the log calls it instead of its key, which may name what is private.

        Raises:
            StoreError: the store did not answer.
            LeaseLost: this run may not write any more.
        """
        self.log.warning("object_corrupt", extra={"key": known_as or found.info.key})
        if not self.options.dry_run:
            keep_aside(self.store, self.keys, self.clock, found)

    def publisher(self) -> Publisher:
        """What publishes datasets on behalf of this run."""
        return Publisher(self.store, self.keys, self.clock, self.engine, self.run_id)

    def under(self, fence: Fence) -> Self:
        """The same context, of which each write asks this fence too."""
        return replace(self, store=FencedStore(self.store, fence))


AnyContext = JobContext[object]
"""The context of whichever job; for what does not look at the job's own settings."""


class ContextMaker(Protocol):
    """Makes the context of a run for a job, whatever its settings are."""

    def __call__(self, settings: S) -> JobContext[S]:
        """The context with these settings."""
        ...


@dataclass(frozen=True, slots=True)
class Job(Generic[S]):
    """One kind of work, with its settings.

    Attributes:
        settings: the job's own.
        work: does the work once; it calls sources, rules and store in order and decides
            nothing. It raises `DatafetchError` when the run failed as a whole; stored data is
            then as good as before.
    """

    settings: S
    work: Callable[[JobContext[S]], JobReport]

    def run(self, make_context: ContextMaker) -> JobReport:
        """Do the work once, in a context that is made for it.

        Raises:
            DatafetchError: as `work`.
        """
        return self.work(make_context(self.settings))
