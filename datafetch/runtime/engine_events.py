"""What a run is told of its cluster: workers that come and go, and batches that end."""

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
    """A worker takes no more batches; it may still end those that it has."""

    worker: Worker


@dataclass(frozen=True, slots=True)
class Left:
    """A worker is gone, and what it had under way with it."""

    worker: Worker


@dataclass(frozen=True, slots=True)
class Answered:
    """A batch has ended."""

    number: int
    answer: JsonObject


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker of a batch was lost."""

    number: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing more will come."""

    error: DatafetchError


Event = Joined | Leaving | Left | Answered | Lost | Broken
Events = SimpleQueue[Event | None]
"""None has the run look whether it is asked to stop."""
