"""An engine whose items are worked on by the processes of a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from datafetch.clock import CancelToken, Clock
from datafetch.errors import ClusterFailed, DatafetchError, Unexpected
from datafetch.logs import bound_logger
from datafetch.models.cluster_place import ClusterPlace
from datafetch.models.error_values import read_error
from datafetch.models.json import JsonObject, compact_json
from datafetch.runtime.batches import Batch, BatchAnswer, ItemWork, RunLink, WorkerCalls
from datafetch.runtime.engine import Engine
from datafetch.runtime.engine_events import (
    Answered,
    Broken,
    Event,
    Events,
    Joined,
    Leaving,
    Left,
    Lost,
)
from datafetch.runtime.engine_link import Worker
from datafetch.runtime.engine_session import Session
from datafetch.runtime.hand_out import HandOut, Parcel

T = TypeVar("T")
R = TypeVar("R")

_TICK_S = 0.25
"""Seconds between two looks whether a provider's hold is over, or workers are missing too long."""

_WORKERS_S = 60.0
"""Seconds that a run waits for a worker, at its start and each time that the last one has left."""

_HOLD_MOST_S = 60.0
"""The longest hold, in seconds, that a run waits for.

A longer one holds no batch back: the provider's breaker then refuses the requests to it.
"""

_LAST_S = 1.5
"""Seconds for workers to answer with what they have done, when the run is asked to stop."""

_END_S = 8.0
"""Seconds that a run waits for the end of its connection and its own workers, at most."""


class ClusterEngine(Engine):
    """Sends batches of items to worker processes; all else is done on threads here, as in `Engine`."""

    def __init__(
        self,
        width: int,
        cancel: CancelToken,
        clock: Clock,
        place: ClusterPlace,
        calls: WorkerCalls,
    ) -> None:
        super().__init__(width, cancel)
        self._token = cancel
        self._clock = clock
        self._place = place
        self._calls = calls
        self._session: Session | None = None
        self._batches = 0

    def spread(
        self,
        work: ItemWork[T, R],
        link: RunLink,
        here: Callable[[T], R],  # noqa: ARG002 - for engines with threads
        items: Iterable[T],
    ) -> Iterator[R]:
        """The results of a job's items, in the order in which they are ready.

        An item that was under way at a worker which died is tried again in a batch of its own. When
        that worker dies, too, the item's result is `work.lost(item)`.

        Raises:
            Cancelled: the run was asked to stop.
            ClusterFailed: the scheduler cannot be reached or was lost, or had no worker for a minute.
            ConfigurationError: a worker has no datafetch, or another version of it.
            DatafetchError: the error that ended a batch.
        """
        spreading = _Spreading(work, link, iter(items), self._token, self._clock)
        return self._results(spreading, link)

    def end_run(self) -> None:
        """Close the connection, and end the workers that were started for the run."""
        session, self._session = self._session, None
        if session is not None:
            session.close(_END_S)

    def _results(self, spreading: "_Spreading[T, R]", link: RunLink) -> Iterator[R]:
        self._token.raise_if_cancelled()
        session = self._of_run(link)
        unlisten = self._token.listen(spreading.wake)
        session.listen(spreading.events)
        whole = False
        try:
            yield from spreading.results(session, self._place.text, self._next_key)
            whole = True
        finally:
            unlisten()
            session.unlisten(spreading.events)
            if not whole:
                session.stop_work()

    def _of_run(self, link: RunLink) -> Session:
        if self._session is not None and self._session.run_id != link.run_id:
            self.end_run()
        if self._session is None:
            self._session = Session(self._place, self._calls, link)
        return self._session

    def _next_key(self, link: RunLink, job: str) -> str:
        self._batches += 1
        return f"datafetch-{job}-{link.run_id}-{self._batches}"


class _Spreading(Generic[T, R]):
    """One call of `ClusterEngine.spread`."""

    def __init__(
        self,
        work: ItemWork[T, R],
        link: RunLink,
        items: Iterator[T],
        cancel: CancelToken,
        clock: Clock,
    ) -> None:
        self.events: Events = SimpleQueue()
        self._work = work
        self._link = link
        self._cancel = cancel
        self._clock = clock
        self._hand_out = HandOut(items, group=work.group, size=work.size, width=work.width)
        self._workers: dict[str, Worker] = {}
        self._hold_until = clock.monotonic()
        self._alone_since: float | None = None

    def wake(self) -> None:
        """End the wait for an event, so that `results` looks whether the run is asked to stop."""
        self.events.put(None)

    def results(
        self, session: Session, label: str, next_key: Callable[[RunLink, str], str]
    ) -> Iterator[R]:
        """The results of all items; `label` is how messages name the cluster."""
        while True:
            if self._cancel.cancelled:
                yield from self._last_results(session)
                raise self._cancel.reason
            for worker, parcel in self._due():
                batch = self._batch(parcel)
                key = next_key(self._link, self._work.job)
                session.submit(worker, parcel.number, key, compact_json(batch), self.events)
            if self._hand_out.done:
                return
            self._check_workers(label)
            try:
                event = self.events.get(timeout=_TICK_S)
            except Empty:
                continue
            if event is not None:
                yield from self._of_event(event)

    def _last_results(self, session: Session) -> Iterator[R]:
        """Have the workers stop, and return what they have done of their batches until then."""
        session.stop_work()
        looks = int(_LAST_S / _TICK_S)
        while looks and self._hand_out.under_way and not self._cancel.abandoned:
            try:
                event = self.events.get(timeout=_TICK_S)
            except Empty:
                looks -= 1
                continue
            match event:
                case Answered(number, answer):
                    parcel = self._hand_out.ended(number)
                    if parcel is not None:
                        last = BatchAnswer.of(answer)
                        self._refusal(last)  # which is not told: the run ends anyway
                        yield from self._results_in(parcel, last)
                case Left(worker):
                    self._hand_out.lost_worker(worker.name, worker.threads)
                case Lost(number):
                    self._hand_out.failed(number)
                case Broken():
                    return

    # ------------------------------------------------------------------- handing out

    def _due(self) -> Iterator[tuple[Worker, Parcel[T]]]:
        """The parcels to hand out now: first one for each worker, then a second one for each."""
        found = self._clock.monotonic() >= self._hold_until
        while found:
            found = False
            for worker in tuple(self._workers.values()):
                parcel = self._hand_out.next_for(worker.name, len(self._workers))
                if parcel is not None:
                    found = True
                    yield worker, parcel

    def _batch(self, parcel: Parcel[T]) -> JsonObject:
        work = self._work
        items = [work.encode(item) for item in parcel.items]
        return Batch(self._link.run_id, work.job, work.common, items, parcel.width).to_json()

    def _check_workers(self, label: str) -> None:
        now = self._clock.monotonic()
        if self._workers:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
            bound_logger().info(
                "cluster_awaits_workers", extra={"cluster": label, "wait_s": int(_WORKERS_S)}
            )
        elif now - self._alone_since >= _WORKERS_S:
            raise ClusterFailed(f"{label} has had no worker for {_WORKERS_S:g} s")

    # ------------------------------------------------------------------------ events

    def _of_event(self, event: Event) -> Iterator[R]:
        match event:
            case Joined(worker):
                self._workers[worker.name] = worker
            case Leaving(worker):
                self._workers.pop(worker.name, None)
            case Left(worker):
                self._workers.pop(worker.name, None)
                yield from self._given_up(self._hand_out.lost_worker(worker.name, worker.threads))
            case Lost(number):
                yield from self._given_up(self._hand_out.failed(number))
            case Answered(number, answer):
                parcel = self._hand_out.ended(number)
                if parcel is not None:
                    yield from self._answered(parcel, BatchAnswer.of(answer))
            case Broken(error):
                raise error

    def _given_up(self, items: list[T]) -> Iterator[R]:
        for item in items:
            yield self._work.lost(item)

    def _answered(self, parcel: Parcel[T], answer: BatchAnswer) -> Iterator[R]:
        refused = self._refusal(answer)
        if 0 < answer.hold_s <= _HOLD_MOST_S:
            until = self._clock.monotonic() + answer.hold_s
            self._hold_until = max(self._hold_until, until)
        yield from self._results_in(parcel, answer)
        if answer.error is not None:
            raise read_error(answer.error)
        if refused is not None:
            raise refused
        if len(answer.results) < len(parcel.items):
            raise Unexpected("a worker has left out items of its batch")

    def _results_in(self, parcel: Parcel[T], answer: BatchAnswer) -> Iterator[R]:
        for place, value in answer.results.items():
            yield self._work.decode(parcel.items[place], value)

    def _refusal(self, answer: BatchAnswer) -> DatafetchError | None:
        """Pass on what the worker tells; return the error when the run has written too much.

        The error is returned, not raised, so that the results of the batch are used first.
        """
        try:
            self._link.told(answer.told)
        except DatafetchError as refused:
            return refused
        return None
