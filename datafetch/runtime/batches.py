"""How a job hands its items to other processes: as batches of JSON, and what comes back of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import SecretStr

from datafetch.models.json import JsonObject

T = TypeVar("T")
R = TypeVar("R")

_LARGEST = 32
_PARTS = 16
"""The items of a run go out in so many batches at least, so that several workers get some."""


def batch_size(items: int, width: int) -> int:
    """Items in a batch, of a run that has so many, at workers that do `width` of them at once.

    A worker does one batch after the other. So a batch has two turns for each of its places at
    least: while one item takes long, the other places have something to do.
    """
    return max(2 * width, min(_LARGEST, items // _PARTS))


@dataclass(frozen=True, slots=True)
class ItemWork(Generic[T, R]):
    """How the items of one job become JSON for another process, and its answers results again.

    Attributes:
        job: the job whose work it is; the worker finds the code by it.
        common: what holds for all items of the run, as JSON; each batch has it.
        encode: the JSON of an item.
        decode: the result of an item, from the item and the JSON that the worker made.
        lost: the result of an item that ended its worker process twice.
        group: what an item may share with others, such as the host that it asks; items of one group
            are under way at one worker at a time. Empty for an item that shares nothing.
        size: items in a batch, at most.
        width: items under way at once on all workers together; None for as many as each allows.
    """

    job: str
    common: JsonObject
    encode: Callable[[T], object]
    decode: Callable[[T, object], R]
    lost: Callable[[T], R]
    group: Callable[[T], str]
    size: int = 32
    width: int | None = None


@dataclass(frozen=True, slots=True)
class RunLink:
    """What ties batches to their run.

    Attributes:
        run_id: the run.
        write_s: seconds for which the run may write from now on, if its lease is not renewed.
        told: takes what a worker tells with each answer: counts, breakers, remarks.
    """

    run_id: str
    write_s: Callable[[], float]
    told: Callable[[JsonObject], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Items for one worker.

    Attributes:
        width: items under way at once in it, at most; None for as many as the worker allows.
    """

    run_id: str
    job: str
    common: JsonObject
    items: Sequence[object]
    width: int | None = None

    def to_json(self) -> JsonObject:
        """The batch as it is sent."""
        return {
            "run": self.run_id,
            "job": self.job,
            "common": self.common,
            "items": list(self.items),
            "width": self.width,
        }

    @classmethod
    def of(cls, value: JsonObject) -> "Batch":
        """The batch that was sent."""
        return cls(
            value["run"], value["job"], value["common"], tuple(value["items"]), value["width"]
        )


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What a worker made of a batch.

    Attributes:
        results: the JSON of each item that was done, by its place in the batch.
        error: the error that ended the batch, as `models/error_values.py` writes it; None when all
            items were done.
        told: see `RunLink.told`.
        hold_s: seconds for which no further batch is to be handed out, as a provider has asked.
    """

    results: dict[int, object]
    error: JsonObject | None
    told: JsonObject
    hold_s: float = 0.0

    def to_json(self) -> JsonObject:
        """The answer as it is sent."""
        return {
            "results": [[place, value] for place, value in self.results.items()],
            "error": self.error,
            "told": self.told,
            "holdS": self.hold_s,
        }

    @classmethod
    def of(cls, value: JsonObject) -> "BatchAnswer":
        """The answer that was sent."""
        results: dict[int, object] = dict(value["results"])
        return cls(results, value["error"], value["told"], value["holdS"])


@dataclass(frozen=True, slots=True)
class Pulse:
    """What each worker is told every few seconds of a run, and when the run ends.

    Attributes:
        write_s: seconds for which the worker may write from now on; 0 ends its work for this run.
        places: worker processes that share the limits of providers at this moment.
    """

    run_id: str
    write_s: float
    places: int

    def to_json(self) -> JsonObject:
        """The pulse as it is sent."""
        return {"run": self.run_id, "writeS": self.write_s, "places": self.places}

    @classmethod
    def of(cls, value: JsonObject) -> "Pulse":
        """The pulse that was sent."""
        return cls(value["run"], value["writeS"], value["places"])


@dataclass(frozen=True, slots=True)
class WorkerCalls:
    """The functions that worker processes call, each by its name, `module:function`.

    Attributes:
        begin: called once in each worker before its first batch, with `{"version", "run", "charge"}`;
            it returns `{"version", "error"}`, the error as `models/error_values.py` writes it or None.
        perform: called with a `Batch`, returns a `BatchAnswer`, both as JSON.
        pulse: called with a `Pulse` as JSON.
        charge: what workers are given to work with: the settings. It is sent sealed, and is never
            part of a task's name.
        version: that of this package, which workers must have too.
    """

    begin: str
    perform: str
    pulse: str
    charge: SecretStr
    version: str
