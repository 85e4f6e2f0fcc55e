"""The values that a run and its worker processes send each other, all as JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import SecretStr

from datafetch.models.json import JsonObject

T = TypeVar("T")
R = TypeVar("R")

_LARGEST = 32
_PARTS = 16
"""Batches into which the items of a run are cut, at least, so that several workers get some."""


def batch_size(items: int, width: int) -> int:
    """How many items a batch gets, of `items` in all, at workers that do `width` of them at once.

    A worker does one batch after the other. So a batch has at least twice as many items as its
    worker does at once: while one item takes long, the worker's other threads have something to do.
    """
    return max(2 * width, min(_LARGEST, items // _PARTS))


@dataclass(frozen=True, slots=True)
class ItemWork(Generic[T, R]):
    """How the items of one job become JSON for a worker process, and its answers become results.

    Attributes:
        job: the job whose work it is; the worker finds the code by it.
        common: what all items of the run have in common, as JSON; each batch is sent with it.
        encode: the JSON of an item.
        decode: the result of an item, from the item and the JSON that the worker made.
        lost: the result of an item during which a worker process ended, twice.
        group: the name of the group of an item, such as the host that it asks; items of one group
            are under way at one worker at a time. Empty for an item in no group.
        size: items in a batch, at most.
        width: items under way at once on all workers together; None for as many as each allows.
    """

    job: str
    common: JsonObject
    encode: Callable[[T], object]
    decode: Callable[[T, object], R]
    lost: Callable[[T], R]
    group: Callable[[T], str]
    size: int = _LARGEST
    width: int | None = None


@dataclass(frozen=True, slots=True)
class RunLink:
    """What an engine has to know of the run whose items it spreads.

    Attributes:
        run_id: the run's id.
        write_s: seconds for which the run may write from now on, if its lease is not renewed.
        told: is called with what a worker tells in an answer (`worker_news.py`): counts, breakers,
            remarks, log records, bytes written.
    """

    run_id: str
    write_s: Callable[[], float]
    told: Callable[[JsonObject], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Items for one worker.

    Attributes:
        run_id: the run's id.
        job, common: see `ItemWork`.
        items: the JSON of each item.
        width: items of it under way at once, at most; None for as many as the worker allows.
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
    """What a worker answers to a batch.

    Attributes:
        results: the JSON of each item that was done, by its place in the batch.
        error: the error that ended the batch, as `models/error_values.py` writes it; None when all
            items were done.
        told: what `RunLink.told` is called with.
        hold_s: seconds for which the run hands out no further batch, since a provider asked to wait.
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
    """What a run tells each of its workers every two seconds, and once more when it ends.

    Attributes:
        write_s: seconds for which the worker may write from now on; 0 ends its work for this run.
        places: how many worker processes share the providers' limits at this moment.
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
        begin: called once for each run in each worker, before its first batch of that run, with
            `{"version", "run", "charge"}`; it returns `{"version", "error"}`, whose error is as
            `models/error_values.py` writes it, or None.
        perform: called with a `Batch`, returns a `BatchAnswer`, both as JSON.
        pulse: called with a `Pulse` as JSON.
        charge: the settings that workers need (`worker_settings.py`). It is sent sealed, and is
            never part of a task's name.
        version: the version of this package; a worker must have the same.
    """

    begin: str
    perform: str
    pulse: str
    charge: SecretStr
    version: str
