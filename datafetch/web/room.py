"""How many clients a server has room for, so that its own work always finds a file to open."""

from typing import NamedTuple

_MOST_CONNECTIONS = 2048
_LONGEST_BACKLOG = 1024

_KEPT = 128
"""Files that are left to runs, the store and the log."""

_BATCHES = 3
"""How many full backlogs asyncio may have accepted before it closes the first connection of them."""


class Room(NamedTuple):
    """How many clients there is room for.

    Attributes:
        connections: at once; where there are more, idle ones are closed (`TimedProtocol`), and
            requests are answered with 503.
        backlog: connections that wait to be accepted; asyncio accepts them all in one go.
    """

    connections: int
    backlog: int


def room_for(files: int) -> Room:
    """The room in a process that may have so many files open."""
    backlog = min(_LONGEST_BACKLOG, max(1, files // 8))
    left = files - _KEPT - _BATCHES * backlog
    return Room(min(_MOST_CONNECTIONS, max(8, left)), backlog)
