"""What a job is, and everything it is given to work with."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from datafetch.clock import CancelToken, Clock
from datafetch.errors import DatafetchError
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.net.base import HttpClient
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.lease import Fence
from datafetch.runtime.engine import Engine
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys, PublicUrls


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


@dataclass(frozen=True, slots=True)
class Changed:
    """The item's stored form changed."""

    item: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The item was looked at and is as it was."""

    item: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """The item was left alone."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The item failed; it goes to the dead letters, what is stored of it stays."""

    item: str
    error: DatafetchError


ItemOutcome = Changed | Unchanged | Skipped | Failed


@dataclass(frozen=True)
class JobContext:
    """Everything a job may touch during one run.

    Attributes:
        run_id: this run's id.
        options: what the user asked.
        settings: this job's own settings (a `…Settings` group of `settings.py`).
        store: where objects live; in a dry run it refuses every write.
        keys: names for this environment.
        urls: public URLs of keys.
        http: the guarded client.
        clock: time and waiting.
        cancel: whether the run was asked to stop.
        engine: parallel work.
        fence: whether this run still may write; `fence.check()` before each write.
        dead_letters: what failed and waits; saved by the manager.
        progress: how far it is.
        production: whether this is the production environment.
        max_failure_ratio: see `JobReport.over_budget`.
        wait_for_lease: takes another job's lease for a while (a context manager that
            yields its `Fence`), for merging into a dataset that the other job owns.
    """

    run_id: str
    options: RunOptions
    settings: Any
    store: ObjectStore
    keys: Keys
    urls: PublicUrls
    http: HttpClient
    clock: Clock
    cancel: CancelToken
    engine: Engine
    fence: Fence
    dead_letters: DeadLetters
    log: logging.LoggerAdapter[logging.Logger]
    progress: Progress
    production: bool
    max_failure_ratio: float
    wait_for_lease: Callable[[JobName, float], Any]


class Job(Protocol):
    """One kind of work; `run` calls sources, rules and store in order and decides nothing."""

    def run(self, context: JobContext) -> JobReport:
        """Do the work once.

        Raises:
            DatafetchError: the run failed as a whole; stored data is as good as before.
        """
        ...
