"""The connection to a Dask scheduler: asks which workers it has, and calls functions in them."""

import warnings
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from datafetch.errors import ClusterFailed, ConfigurationError, DatafetchError
from datafetch.models.error_values import read_error
from datafetch.models.json import JsonObject, compact_json
from datafetch.runtime.batches import Pulse, WorkerCalls
from datafetch.runtime.engine_calls import (
    OtherProcess,
    answer_of,
    begin,
    call,
    greet,
    read_greeting,
    sealed_charge,
)
from datafetch.runtime.engine_faults import why

if TYPE_CHECKING:
    from distributed import Client, Security

CONNECT_S = 10.0
"""Seconds for a scheduler to answer a new connection."""

_ANSWER_S = 30.0
"""Seconds after which a scheduler that does not answer any more counts as lost."""

_BEGIN_S = 60.0
_PULSE_S = 10.0
_CLOSE_S = 2.0
_RUNNING = "running"
_CONNECTION_LOST = frozenset({"scheduler-connection-lost", "scheduler-restart"})
"""Reasons for which a client gives up all its tasks (`distributed/client.py`)."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process.

    Attributes:
        address: where the scheduler reaches it; a worker that is restarted may get the same.
        id: what it is called; with `dask worker --name` a worker that is restarted has the same.
        threads: tasks that it runs at once.
        ready: whether it takes tasks; False while it is closing, or paused.
    """

    address: str
    id: str
    threads: int
    ready: bool

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.address} {self.id}"


class WorkerAway(Exception):
    """The worker could not be asked, or was lost before it answered."""


class ClusterLink:
    """The client of one scheduler, for one run. It never reconnects to another scheduler.

    All its methods run on one event loop.
    """

    def __init__(self, label: str, calls: WorkerCalls) -> None:
        """`label` is how messages name the cluster."""
        self._label = label
        self._calls = calls
        self._client: Client | None = None
        self._scheduler_id = ""
        self._processes: dict[str, str] = {}
        """For each worker's address the process that `begin` has prepared there (`Greeting.process`)."""

    async def connect(self, address: str, security: "Security") -> None:
        """Connect to the scheduler.

        Raises:
            ClusterFailed: nothing answers there, or not as a scheduler does.
            ConfigurationError: the scheduler has no datafetch, which it needs to pass batches on.
        """
        self._client = await connected(self._label, address, security)
        unable = await scheduler_unable(self._client)
        if unable:
            version = self._calls.version
            raise ConfigurationError(
                [f"the scheduler at {self._label} cannot run datafetch {version}: {unable}"],
                hint=f"Install datafetch {version} where the scheduler runs, and start it anew.",
            )
        try:
            self._scheduler_id = (await self._identity())["id"]
        except (OSError, TimeoutError) as error:
            raise self._lost(why(error)) from error

    async def workers(self) -> dict[str, Worker]:
        """All workers that the scheduler has now, by their names.

        Raises:
            ClusterFailed: the scheduler was lost, or another one has taken its place.
        """
        try:
            identity = await self._identity()
        except (OSError, TimeoutError) as error:
            raise self._lost(why(error)) from error
        if identity["id"] != self._scheduler_id or self._of_client.status != _RUNNING:
            raise self._lost("the connection was closed")
        found: Mapping[str, Mapping[str, Any]] = identity["workers"]
        workers = [
            Worker(address, str(told["id"]), int(told["nthreads"]), told["status"] == _RUNNING)
            for address, told in found.items()
        ]
        return {worker.name: worker for worker in workers}

    async def begin(self, worker: Worker, run_id: str) -> None:
        """Prepare a worker for a run.

        Raises:
            WorkerAway: it does not answer.
            ConfigurationError: it has no datafetch, another version of it, or cannot do the work.
        """
        calls = self._calls
        greeting = read_greeting(await self._answer(worker, greet))
        if greeting.version != calls.version:  # before it is sent anything
            theirs = f"the worker {worker.address} runs datafetch {greeting.version}"
            raise ConfigurationError(
                [f"{theirs}, and this is {calls.version}"],
                hint="Install the same version everywhere, and start the workers anew.",
            )
        sealed = sealed_charge(greeting, calls.charge)
        answer = await self._answer(worker, begin, calls.begin, calls.version, run_id, sealed)
        try:
            told = answer_of(answer)
        except OtherProcess as error:
            raise WorkerAway from error
        self._processes[worker.address] = greeting.process
        if told["error"] is not None:
            raise read_error(told["error"])

    async def _answer(
        self, worker: Worker, function: Callable[..., str], *arguments: object
    ) -> str:
        """A worker's answer to one of the calls that prepare it; raises what `begin` raises."""
        answers = await self._ask((worker,), function, *arguments, seconds=_BEGIN_S)
        answer = answers[worker.address]
        if isinstance(answer, OSError | TimeoutError):
            raise WorkerAway from answer
        if isinstance(answer, Exception):
            version = self._calls.version
            raise ConfigurationError(
                [f"the worker {worker.address} cannot run datafetch {version}: {why(answer)}"],
                hint=f"Install datafetch {version} where the worker runs.",
            )
        return str(answer)

    async def perform(self, worker: Worker, key: str, text: str) -> JsonObject:
        """Have a worker do a batch, and return its answer.

        `key` is the name of Dask's task, `text` the batch as JSON.

        Raises:
            WorkerAway: the worker was lost.
            ClusterFailed: the scheduler was lost.
            DatafetchError: the call itself failed; errors of a batch are part of its answer.
        """
        client = self._of_client
        future = client.submit(
            call,
            self._calls.perform,
            text,
            self._processes[worker.address],
            workers=[worker.address],
            allow_other_workers=False,
            pure=False,
            retries=0,
            key=key,
        )
        try:
            return answer_of(await future)
        except DatafetchError:
            raise
        except CancelledError as error:  # Dask's; when this task is cancelled it is asyncio's
            if getattr(error, "reason", "") in _CONNECTION_LOST or client.status != _RUNNING:
                raise self._lost("the connection was closed") from error
            raise WorkerAway from error
        except Exception as error:  # `KilledWorker`, `OtherProcess`: nothing else is raised there
            raise WorkerAway from error
        finally:
            future.release()

    async def pulse(
        self, workers: Collection[Worker], pulse: Pulse, seconds: float = _PULSE_S
    ) -> None:
        """Send a pulse to workers, and wait at most `seconds` for their answers.

        A worker that does not answer is no error here: without pulses it stops writing by itself.
        """
        if workers and self._client is not None:
            text = compact_json(pulse.to_json())
            with suppress(OSError, TimeoutError):
                await self._ask(workers, call, self._calls.pulse, text, seconds=seconds)

    async def close(self) -> None:
        """Close the connection; a scheduler that does not answer is not waited for long."""
        if self._client is not None:
            with suppress(OSError, TimeoutError):
                await self._client.close(timeout=_CLOSE_S)

    # ------------------------------------------------------------------ steps

    @property
    def _of_client(self) -> "Client":
        assert self._client is not None
        return self._client

    async def _identity(self) -> dict[str, Any]:
        """What the scheduler says of itself and its workers.

        `Client.scheduler_info` would not ask: on an event loop it returns what it knows already.
        """
        import asyncio

        scheduler = self._of_client.scheduler
        if scheduler is None:  # the client has closed itself
            raise OSError("the connection was closed")
        told = await asyncio.wait_for(scheduler.identity(n_workers=-1), _ANSWER_S)
        return cast("dict[str, Any]", told)

    async def _ask(
        self,
        workers: Collection[Worker],
        function: Callable[..., str],
        *arguments: object,
        seconds: float,
    ) -> dict[str, Any]:
        """Call a function in workers, beside their tasks; return each address's answer or error."""
        import asyncio

        addresses = [worker.address for worker in workers]
        try:
            answers = await asyncio.wait_for(
                self._of_client.run(function, *arguments, workers=addresses, on_error="return"),
                seconds,
            )
        except (OSError, TimeoutError) as error:
            return dict.fromkeys(addresses, error)
        return cast("dict[str, Any]", answers)

    def _lost(self, why: str) -> ClusterFailed:
        return ClusterFailed(f"the scheduler at {self._label} was lost: {why}")


async def connected(label: str, address: str, security: "Security") -> "Client":
    """A client of the scheduler at this address, which messages name by the label.

    Raises:
        ClusterFailed: nothing answers there, or not as a scheduler does.
    """
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    # Versions of Dask that do not fit together show as errors; `begin` compares datafetch's.
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    try:
        return await Client(
            address,
            asynchronous=True,
            security=security,
            timeout=CONNECT_S,
            set_as_default=False,
            name="datafetch",
        )
    except (OSError, TimeoutError, ImportError, TypeError, ValueError) as error:
        raise ClusterFailed(f"the scheduler at {label} cannot be reached: {why(error)}") from error


async def scheduler_unable(client: "Client") -> str:
    """Why a scheduler cannot pass batches on; empty when it can, or does not answer.

    A scheduler unpickles what it passes on, and for that imports `call`. A batch that it cannot
    unpickle comes back cancelled, just like a batch whose worker was lost.
    """
    import asyncio

    try:
        await asyncio.wait_for(client.run_on_scheduler(call, "", "{}", "nobody"), CONNECT_S)
    except (OSError, TimeoutError):
        return ""
    except Exception as error:  # noqa: BLE001 - any that the import may raise there
        return why(error)
    return ""
