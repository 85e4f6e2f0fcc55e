"""What a job is, and the context that it is given to work with."""

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, Self, TypeVar

from datafetch.clock import CancelToken, Clock
from datafetch.models.json import JsonObject
from datafetch.models.run import JobName, JobReport, RunOptions
from datafetch.net.base import HttpClient
from datafetch.ops.dead_letters import DeadLetters
from datafetch.ops.record import keep_aside
from datafetch.runtime.batches import ItemWork, RunLink
from datafetch.runtime.engine import Engine
from datafetch.runtime.progress import Progress
from datafetch.store.again import write_again
from datafetch.store.base import ObjectStore, StoredObject
from datafetch.store.fenced import Fence, FencedStore
from datafetch.store.keys import Keys
from datafetch.store.output_limit import OutputLimit
from datafetch.store.public_urls import PublicUrls
from datafetch.store.publish import Publisher

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
S_co = TypeVar("S_co", covariant=True)
"""The settings of one job."""

WaitForLease = Callable[[JobName, float], AbstractContextManager[Fence]]
"""Waits at most the given seconds for the lease of a job, and holds it during a `with` block."""

SHARE_WAIT_S = 900.0
"""Seconds that a share waits, at most, for its dataset's lease, to lay its results in."""


class SoFar:
    """Where a job says what it has done so far, for a run that ends before its job reports."""

    def __init__(self) -> None:
        self._read: Callable[[], JobReport] = JobReport

    def told_by(self, read: Callable[[], JobReport]) -> None:
        """Have the manager call `read` when the work was stopped or failed.

        It is called at any moment and on another thread: the work may still be going on. It
        counts as changed only what is stored, or will be when the run is stopped now.
        """
        self._read = read

    def report(self) -> JobReport:
        """What was done so far; all zero when the job has said nothing."""
        return self._read()


class Remarks:
    """Sentences for the user from deep inside a job; the manager adds them to the report's notes.

    They are told even when the job then fails. Thread-safe.
    """

    NAMED = 3
    """Most objects that could not be read, of which each has a sentence of its own."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._sentences: list[str] = []
        self._unreadable: list[str] = []
        self._again = 0

    def say(self, sentence: str) -> None:
        """Add a sentence; the same one is told once."""
        with self._guard:
            self._sentences.append(sentence)

    def unreadable(self, sentence: str) -> None:
        """Add a sentence about a stored object that cannot be read.

        The first `NAMED` of these sentences are told, then how many more objects there are.
        """
        with self._guard:
            self._unreadable.append(sentence)

    def wrote_again(self, objects: int) -> None:
        """Add a number of objects that were equal, and were written again (--force)."""
        with self._guard:
            self._again += objects

    def notes(self) -> tuple[str, ...]:
        """All that was said so far."""
        with self._guard:
            sentences, unreadable = list(self._sentences), list(dict.fromkeys(self._unreadable))
            again = self._again
        more = len(unreadable) - self.NAMED
        said = [*dict.fromkeys(sentences), *unreadable[: self.NAMED]]
        if more > 0:
            said.append(f"{more} more stored objects could not be read either")
        if again:
            objects = "1 object was" if again == 1 else f"{again} objects were"
            said.append(f"{objects} equal and written again (--force), for headers and access")
        return tuple(said)

    def take(self) -> JsonObject:
        """Remove all remarks made so far, and return them as JSON for another process."""
        with self._guard:
            taken: JsonObject = {
                "sentences": self._sentences,
                "unreadable": self._unreadable,
                "again": self._again,
            }
            self._sentences, self._unreadable, self._again = [], [], 0
        return taken

    def add(self, taken: JsonObject) -> None:
        """Add the remarks that `take` returned in another process."""
        with self._guard:
            self._sentences += taken["sentences"]
            self._unreadable += taken["unreadable"]
            self._again += taken["again"]


def _no_limit() -> float:
    return math.inf


def _nothing_told(_told: JsonObject) -> None:
    """Do nothing: work on this machine's threads is counted where it is done."""


@dataclass(frozen=True)
class JobContext(Generic[S_co]):
    """Everything a job may touch during one run.

    Attributes:
        run_id: this run's id.
        options: what the user asked for.
        settings: this job's own, a class of `models/job_settings.py`.
        store: the object store; it refuses every write in a dry run, and once the lease is lost.
        keys: the names of objects in this environment.
        urls: the public URLs of objects.
        http: the guarded HTTP client.
        clock: tells the time and waits.
        cancel: says whether the run was asked to stop.
        engine: runs a function over many items in parallel.
        dead_letters: the items that failed; the manager loads and saves them.
        log: adds the job and the run's id to each record.
        progress: is told how far the job is.
        production: whether this is the production environment.
        max_failure_ratio: see `JobReport.over_budget`.
        wait_for_lease: takes another job's lease for a while, to merge into a dataset that the
            other job owns; it yields the lease's `Fence`.
        so_far: is told how to find out what was done so far.
        remarks: takes sentences for the user.
        output: how many bytes the run may write; the store counts each write. None for no limit.
        write_s: seconds for which the run may write from now on, if its lease is not renewed.
        told: is called with what a worker process tells in an answer (`worker_news.py`).
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
    so_far: SoFar = field(default_factory=SoFar)
    remarks: Remarks = field(default_factory=Remarks)
    output: OutputLimit | None = None
    write_s: Callable[[], float] = _no_limit
    told: Callable[[JsonObject], None] = _nothing_told

    def spread(
        self, work: ItemWork[T, R], here: Callable[[T], R], items: Iterable[T]
    ) -> Iterator[R]:
        """The results of the job's items, in the order in which they are ready.

        Without a cluster, threads call `here` for each item. With a cluster, worker processes are
        sent batches, as `work` says.

        Raises:
            Cancelled: the run was asked to stop.
            DatafetchError: with a cluster, see `ClusterEngine.spread`.
        """
        link = RunLink(self.run_id, self.write_s, self.told)
        return self.engine.spread(work, link, here, items)

    def keep_aside(self, found: StoredObject, *, known_as: str | None = None) -> None:
        """Say that a stored object cannot be read, and copy it aside unless this is a dry run.

        When the key holds something private, log and user are told `known_as` instead.

        Raises:
            StoreError: the store did not answer.
            LeaseLost: this run may not write any more.
        """
        name = known_as or found.info.key
        if self.options.dry_run:
            self.log.warning("object_corrupt", extra={"key": name})
            self.remarks.unreadable(
                f"{name} cannot be read; a run without --dry-run copies it aside and makes it anew"
            )
            return
        aside = keep_aside(self.store, self.keys, self.clock, found)
        copy = aside if known_as is None else "a key beside it"
        self.log.warning("object_corrupt", extra={"key": name, "copy": copy})
        self.remarks.unreadable(
            f"{name} could not be read: it is kept as {copy}, and its next version has what can be read"
        )

    def publisher(self, *, own: bool = True) -> Publisher:
        """The publisher of datasets for this run.

        `own`: whether it publishes the job's own dataset, whose equal objects are written too with
        --force.
        """
        again = self.remarks.wrote_again if own and self.options.force else None
        return Publisher(
            self.store,
            self.keys,
            self.clock,
            self.engine,
            self.run_id,
            again=again,
            limit=self.output,
        )

    def write_again(self, key: str) -> str | None:
        """With --force, write a stored object again as it is, so that new headers reach it.

        Returns:
            Its new ETag; None when it was not written: without --force, in a dry run, or when the
            object is gone or somebody else has just written it.

        Raises:
            StoreError: the store failed; the object is as it was.
            LeaseLost: this run may not write any more.
        """
        if not self.options.force or self.options.dry_run:
            return None
        etag = write_again(self.store, key)
        if etag is not None:
            self.remarks.wrote_again(1)
        return etag

    def under(self, fence: Fence) -> Self:
        """The same context with a store that also checks this fence before each write."""
        return replace(self, store=FencedStore(self.store, fence))


AnyContext = JobContext[object]
"""The context of any job, for code that does not look at the job's own settings."""


class ContextMaker(Protocol):
    """Makes the context of a run from the job's settings, whatever their type is."""

    def __call__(self, settings: S) -> JobContext[S]:
        """Make the context with these settings."""
        ...


@dataclass(frozen=True, slots=True)
class Job(Generic[S]):
    """One kind of work, with its settings.

    Attributes:
        settings: the job's own.
        work: does the job's work for one run. It raises `DatafetchError` when the run failed
            as a whole; the stored data then is as good as before.
    """

    settings: S
    work: Callable[[JobContext[S]], JobReport]

    def run(self, make_context: ContextMaker) -> JobReport:
        """Do the work for one run, in a context made from the settings.

        Raises:
            DatafetchError: the run failed as a whole.
        """
        return self.work(make_context(self.settings))


class BatchWorker(Protocol):
    """A job's work on items that came as JSON, in a worker process; called on several threads."""

    def __call__(self, item: object) -> object:
        """Do the work on one item, and return its result as JSON.

        Raises:
            DatafetchError: neither this item nor the rest of the batch can be done.
        """
        ...

    def hold_s(self) -> float:
        """Seconds for which a provider asked to wait; 0 when none did. Asked after each batch."""
        ...
