"""How many clients a server has room for, so that its own work always finds a file to open."""

from typing import NamedTuple

_MOST_CONNECTIONS = 2048
_LONGEST_BACKLOG = 1024

_KEPT = 128
"""Files that are left to runs, the store and the log."""

_BATCHES = 3
"""How many times asyncio may have taken all that waited before it closes the first of them."""


class Room(NamedTuple):
    """How many clients there is room for.

    Attributes:
        connections: at once; where there are more, idle ones are closed (`TimedProtocol`), and
            requests are answered with 503.
        backlog: connections that wait until they are taken, all in one go.
    """

    connections: int
    backlog: int


def room_for(files: int) -> Room:
    """The room that a process has which may open so many files."""
    backlog = min(_LONGEST_BACKLOG, max(1, files // 8))
    left = files - _KEPT - _BATCHES * backlog
    return Room(min(_MOST_CONNECTIONS, max(8, left)), backlog)
