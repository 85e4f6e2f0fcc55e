"""What goes over the wire: a request as it came in and the answer to it, faults of the transport included."""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self
from urllib.parse import parse_qsl

Ending = Literal["keep", "close", "reset"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case, repeated headers are joined by commas."""

    method: str
    host: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"
    abandoned: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    """Set when the client hung up before it had the whole answer."""

    @property
    def hostname(self) -> str:
        """The host without its port, lower case."""
        return self.host.rpartition(":")[0].lower() if ":" in self.host else self.host.lower()

    @property
    def target(self) -> str:
        """Path and query as they stood on the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        """The absolute address that was asked for."""
        return f"{self.scheme}://{self.host}{self.target}"

    @property
    def params(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class Response:
    """An answer, and how badly it is delivered.

    `chunks` replaces `body` by a stream (chunked, unless a length is declared). `gate` is waited for before the
    first byte. `declared_length` overrides Content-Length, as it is written; an empty one leaves it out. `send` limits the body's bytes that are sent, after which
    the connection ends by `ending`; `silent` ends it without a byte.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: Iterable[bytes] | None = None
    gate: threading.Event | None = None
    declared_length: int | str | None = None
    send: int | None = None
    ending: Ending = "keep"
    silent: bool = False
    cookies: tuple[str, ...] = ()

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """An answer of compact JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(
            status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body
        )

    @classmethod
    def text(
        cls, value: str, status: int = 200, content_type: str = "text/plain; charset=utf-8"
    ) -> Self:
        """An answer of text."""
        return cls(status, {"Content-Type": content_type}, value.encode())

    def changed(self, **fields: Any) -> "Response":
        """The same answer with some fields replaced."""
        return replace(self, **fields)
