"""Connections whose clients have to keep time: uvicorn's own protocol, with deadlines around it."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it; a client that is too slow is cut off.

    uvicorn itself waits for ever for the rest of a request's headers, and for a client that does
    not read. How long a body may take is up to `guards.py`. With too many
    connections uvicorn refuses requests; here an idle connection is closed first, to make room.

    Attributes:
        headers_s: seconds from the connection, or from the first byte of a further request, until
            the request's headers have come.
        read_s: seconds for which a client may leave unread what it is sent.
    """

    headers_s = 10.0
    read_s = 30.0

    _headers_due: asyncio.TimerHandle | None = None
    _read_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency:
            self._make_room()
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        if self.transport.is_closing() or self._is_answering:
            self._headers_have_come()
        elif self._headers_due is None:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._headers_have_come()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`: what is to be sent has piled up."""
        super().pause_writing()
        if self._read_due is None:
            self._read_due = self.loop.call_later(self.read_s, self.transport.abort)

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`: the client has read on."""
        if self._read_due is not None:
            self._read_due.cancel()
            self._read_due = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that is idle; what its client has left unread by now is dropped."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    @property
    def _is_answering(self) -> bool:
        # None before the first request, whatever uvicorn's annotation says.
        cycle: object = self.cycle
        return cycle is not None and not self.cycle.response_complete

    @property
    def is_idle(self) -> bool:
        """Whether no whole request has come since the connection began, or since its last answer."""
        return self._headers_due is not None or self.timeout_keep_alive_task is not None

    def _make_room(self) -> None:
        """Close a connection from which no request has come, if there is one."""
        others = (one for one in self.connections if isinstance(one, TimedProtocol))
        idle = next((one for one in others if one.is_idle and not one.transport.is_closing()), None)
        if idle is not None:
            idle.transport.abort()

    def _await_headers(self) -> None:
        self._headers_due = self.loop.call_later(self.headers_s, self.transport.abort)

    def _headers_have_come(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
