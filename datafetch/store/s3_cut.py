"""Cuts off the calls of a client of S3, or of another service of botocore's, that are under way, for a run that has to end.

botocore waits 30 seconds for an answer and then asks again; nothing in it ends that sooner.
"""

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from botocore.client import BaseClient


class CutOff(BotoCoreError):
    """The call was cut off, and is not made again."""

    fmt = "cut off, because the run has to end"


class S3Cut:
    """Knows the open connections of a client, and which calls were cut off. Thread-safe.

    botocore makes all attempts of a call in one thread, and so does who reads its body.

    Attributes:
        is_over: whether calls were cut off for good.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._connections: WeakSet[Any] = WeakSet()
        self._cuts = 0
        self.is_over = False
        self._call = threading.local()

    def watch(self, client: "BaseClient") -> None:
        """Take note of the client's calls and connections; nothing may have been asked yet."""
        events, service = client.meta.events, client.meta.service_model.service_name
        events.register_first(f"before-call.{service}", self._begins)
        events.register_first(f"before-send.{service}", self._check)
        events.register_first(f"needs-retry.{service}", self._ends_attempts)  # type: ignore[arg-type] # as in `S3Store`
        # botocore has no public way to its connections; the names are the same since 1.11 (2018).
        session: Any = client._endpoint.http_session  # type: ignore[attr-defined] # noqa: SLF001
        kinds = session._pool_classes_by_scheme  # noqa: SLF001 - see above
        for scheme, pool in tuple(kinds.items()):
            kinds[scheme] = _watched(pool, self._connections, self._guard)

    @property
    def is_cut(self) -> bool:
        """Whether the last call that this thread began was cut off."""
        return self.is_over or getattr(self._call, "began_at", self._cuts) != self._cuts

    def cut(self, *, for_good: bool = False) -> None:
        """Cut off all calls that are under way; later ones are made as ever, or never again."""
        with self._guard:
            self._cuts += 1
            self.is_over = self.is_over or for_good
            connections = tuple(self._connections)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                with suppress(OSError):
                    # Not the method of SSLSocket, which would also drop the TLS state that a
                    # reader uses. Closing would free a number that another file could get.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _begins(self, **_: object) -> None:
        self._call.began_at = self._cuts

    def _check(self, **_: object) -> None:
        if self.is_cut:
            raise CutOff

    def _ends_attempts(self, **_: object) -> bool | None:
        """False ends the attempts; None leaves the decision to the other handlers."""
        return False if self.is_cut else None


def _watched(pool: Any, connections: WeakSet[Any], guard: threading.Lock) -> type:
    """The kind of connection pool, whose connections are noted as they are opened."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def connect(self) -> None:
            with guard:
                connections.add(self)
            super().connect()

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
