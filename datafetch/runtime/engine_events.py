"""The events that a run is told of its cluster: workers that come and go, and batches that end."""

from dataclasses import dataclass
from queue import SimpleQueue

from datafetch.errors import DatafetchError
from datafetch.models.json import JsonObject
from datafetch.runtime.engine_link import Worker


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker is prepared, and takes batches."""

    worker: Worker


@dataclass(frozen=True, slots=True)
class Leaving:
    """A worker takes no more batches; it may still answer those that it has."""

    worker: Worker


@dataclass(frozen=True, slots=True)
class Left:
    """A worker is gone, and will answer none of its batches."""

    worker: Worker


@dataclass(frozen=True, slots=True)
class Answered:
    """A batch was answered; `number` is that of its `Parcel`."""

    number: int
    answer: JsonObject


@dataclass(frozen=True, slots=True)
class Lost:
    """A batch will not be answered: its worker was lost, or could not be asked."""

    number: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection has failed: no other event follows."""

    error: DatafetchError


Event = Joined | Leaving | Left | Answered | Lost | Broken
Events = SimpleQueue[Event | None]
"""A queue of events. None in it only makes the run look whether it is asked to stop."""
