"""Keeps one run's connection to its cluster, on a thread with an event loop of its own.

The run's thread asks for things by the first methods of `Session`, and is told what happens by
`Event`s in a queue. All calls that may hang are made on the other thread, so that the run itself
can stop at once.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass

from datafetch.errors import DatafetchError, Unexpected
from datafetch.logs import bound_logger
from datafetch.models.cluster_place import ClusterPlace
from datafetch.runtime.batches import Pulse, RunLink, WorkerCalls
from datafetch.runtime.engine_calls import module_of
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
from datafetch.runtime.engine_link import ClusterLink, Worker, WorkerAway
from datafetch.runtime.engine_local import LocalWorkers
from datafetch.runtime.engine_logs import route_logs
from datafetch.runtime.engine_tls import security_of

_WATCH_S = 0.5
"""Seconds between two looks at which workers there are."""

_PULSE_EACH_S = 2.0
"""Seconds between two pulses."""

_WRITE_MOST_S = 30.0
"""Seconds for which a pulse lets a worker write, at most, however long the run itself may."""

_WRITE_LESS_S = 2.0
"""Seconds by which a worker has to stop writing before the run: a pulse takes time to arrive."""

_FAREWELL_S = 1.0
"""Seconds for workers to answer the last pulse, and then for the tasks that are left to end."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A batch that is under way."""

    worker: str
    task: "asyncio.Task[None]"


class Session:
    """The connection of one run, from its first batch to its end."""

    def __init__(self, place: ClusterPlace, calls: WorkerCalls, link: RunLink) -> None:
        self.run_id = link.run_id
        self._place = place
        self._run = link
        self._link = ClusterLink(place.text, calls)
        self._local = (
            None if place.local is None else LocalWorkers(place.local, module_of(calls.begin))
        )
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._broken: DatafetchError | None = None
        self._listeners: list[Events] = []
        self._seen: dict[str, Worker] = {}
        """All workers that the scheduler had at the last look."""
        self._ready: dict[str, Worker] = {}
        """The workers that are prepared and take batches."""
        self._begun: dict[str, Worker] = {}
        """The workers that are prepared, whether they take batches or not."""
        self._anew: set[str] = set()
        """Names of workers to prepare again: another process may have taken the address."""
        self._orders: dict[tuple[int, int], _Order] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._thread = threading.Thread(
            target=self._run_loop, name="datafetch-cluster", daemon=True
        )
        self._thread.start()

    # ------------------------------------------------- for the thread of the run

    def listen(self, events: Events) -> None:
        """Put events into this queue from now on; first a `Joined` for each worker that is ready."""
        self._tell(self._add_listener, events)

    def unlisten(self, events: Events) -> None:
        """Put no more events into this queue, and cancel the batches that were submitted with it."""
        self._tell(self._remove_listener, events)

    def submit(self, worker: Worker, number: int, key: str, text: str, events: Events) -> None:
        """Send a batch to a worker; `Answered`, `Lost` or `Left` follows."""
        self._tell(self._submit, worker, number, key, text, events)

    def stop_work(self) -> None:
        """Tell the workers to end their work for this run, without waiting for it."""
        self._tell(self._stop_work)

    def close(self, seconds: float) -> None:
        """End the connection and the workers of this run; wait at most `seconds` for that."""
        self._tell(self._end.set)
        self._thread.join(seconds)

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *arguments)

    # ------------------------------------------------------------ on the event loop

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_note_unhandled)
        try:
            self._loop.run_until_complete(self._live())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _live(self) -> None:
        try:
            await self._until_end(self._work())
        except DatafetchError as error:
            self._break(error)
        except Exception as error:  # noqa: BLE001 - told to the run, which raises it
            self._break(Unexpected.of(error))
        await self._end.wait()
        try:
            await self._let_go()
        except Exception as error:  # noqa: BLE001 - of Dask, while it closes: nothing depends on it
            _note_unhandled(self._loop, {"message": "while closing", "exception": error})
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_FAREWELL_S)

    async def _let_go(self) -> None:
        try:
            await self._farewell()
            for task in tuple(self._tasks):
                task.cancel()
            await self._link.close()
        finally:
            if self._local is not None:
                await self._local.end()

    async def _until_end(self, work: Coroutine[None, None, None]) -> None:
        """Do the work until it ends, or until `close` is called."""
        tasks = (asyncio.ensure_future(work), asyncio.ensure_future(self._end.wait()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if tasks[0].done():
            tasks[0].result()

    async def _work(self) -> None:
        if self._local is not None:
            await self._local.start()
            address, security = self._local.address, self._local.security
            assert security is not None
        else:
            assert self._place.address is not None
            address = self._place.address
            security = security_of(address, "client")
        route_logs()
        await self._link.connect(address, security)
        self._start(self._pulse_for_ever())
        while True:
            self._note(await self._link.workers())
            await asyncio.sleep(_WATCH_S)

    def _note(self, found: dict[str, Worker]) -> None:
        """Prepare workers that are new, note those that pause or resume, and drop those that are gone."""
        at_start = not self._seen
        before, self._seen = self._seen, found
        for name in before.keys() - found.keys():
            self._forget(before[name])
        for name, worker in found.items():
            if name not in before or name in self._anew:
                self._anew.discard(name)
                self._start(self._welcome(worker, at_start=at_start))
            elif name in self._begun and worker.ready != (name in self._ready):
                self._set_ready(worker)

    def _set_ready(self, worker: Worker) -> None:
        if worker.ready:
            self._ready[worker.name] = worker
            self._say(Joined(worker))
        else:
            self._ready.pop(worker.name, None)
            self._say(Leaving(worker))

    def _forget(self, worker: Worker) -> None:
        """Drop a worker that is gone, and cancel what it was asked for."""
        was_begun = self._begun.pop(worker.name, None) is not None
        self._ready.pop(worker.name, None)
        for key, order in list(self._orders.items()):
            if order.worker == worker.name:
                del self._orders[key]
                order.task.cancel()
        self._anew.discard(worker.name)
        self._say(Left(worker))
        if was_begun:
            bound_logger().warning("cluster_worker_lost", extra={"worker": worker.address})
            self._start(self._pulse_now())

    async def _welcome(self, worker: Worker, *, at_start: bool) -> None:
        """Prepare a worker, and tell all workers how many they are now.

        A worker that cannot work for the run ends the run at its start, or when it is the only one.
        Beside other workers it is left out with a warning.
        """
        try:
            await self._link.begin(worker, self._run.run_id)
        except WorkerAway:
            self._anew.add(worker.name)
            return
        except DatafetchError as error:
            if at_start or not self._begun:
                raise
            bound_logger().warning(
                "cluster_worker_refused", extra={"worker": worker.address, "error": str(error)}
            )
            return
        if worker.name not in self._seen:
            return
        self._begun[worker.name] = worker
        bound_logger().info(
            "cluster_worker_joined",
            extra={"worker": worker.address, "workers": len(self._begun)},
        )
        await self._pulse_now()
        if worker.name in self._begun:
            self._set_ready(self._seen.get(worker.name, worker))

    # ------------------------------------------------------------------ batches

    def _submit(self, worker: Worker, number: int, key: str, text: str, events: Events) -> None:
        if worker.name not in self._begun:
            events.put(Lost(number))
            return
        place = (id(events), number)
        task = self._start(self._perform(worker, number, key, text, events))
        self._orders[place] = _Order(worker.name, task)

    async def _perform(
        self, worker: Worker, number: int, key: str, text: str, events: Events
    ) -> None:
        try:
            answer = await self._link.perform(worker, key, text)
        except WorkerAway:
            event: Event = Lost(number)
            self._anew.add(worker.name)
            self._begun.pop(worker.name, None)
            self._ready.pop(worker.name, None)
            self._say(Leaving(worker))
        else:
            event = Answered(number, answer)
        self._orders.pop((id(events), number), None)
        events.put(event)

    def _add_listener(self, events: Events) -> None:
        self._listeners.append(events)
        for worker in self._ready.values():
            events.put(Joined(worker))
        if self._broken is not None:
            events.put(Broken(self._broken))

    def _remove_listener(self, events: Events) -> None:
        self._listeners = [other for other in self._listeners if other is not events]
        for key, order in list(self._orders.items()):
            if key[0] == id(events):
                del self._orders[key]
                order.task.cancel()

    def _say(self, event: Event) -> None:
        for events in self._listeners:
            events.put(event)

    def _break(self, error: DatafetchError) -> None:
        if self._broken is None:
            self._broken = error
            self._say(Broken(error))

    # ------------------------------------------------------------------- pulses

    async def _pulse_for_ever(self) -> None:
        while True:
            self._start(self._pulse_now())
            await asyncio.sleep(_PULSE_EACH_S)

    async def _pulse_now(self) -> None:
        left_s = min(self._run.write_s(), _WRITE_MOST_S) - _WRITE_LESS_S
        if left_s > 0 and not self._stopped:  # else the last pulse ends by itself
            await self._link.pulse(self._begun.values(), self._pulse(left_s))

    def _pulse(self, write_s: float) -> Pulse:
        return Pulse(self.run_id, write_s, max(1, len(self._begun)))

    def _stop_work(self) -> None:
        self._start(self._farewell())

    async def _farewell(self) -> None:
        if not self._stopped:
            self._stopped = True
            await self._link.pulse(list(self._begun.values()), self._pulse(0.0), _FAREWELL_S)

    # --------------------------------------------------------------------- tasks

    def _start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Do this work beside the rest; an error in it is told to the run as `Broken`."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, DatafetchError):
            self._break(error)
        elif error is not None:
            self._break(Unexpected.of(error))


def _note_unhandled(_loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
    """Log what Dask's own tasks leave unhandled, mostly while a connection is being closed."""
    said = f"{context.get('message')}: {context.get('exception')}"
    bound_logger().debug("cluster_log", extra={"source": "asyncio", "said": said})
