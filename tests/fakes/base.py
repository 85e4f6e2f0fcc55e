"""What every fake shares: an app with a log and injected faults, and a loopback server that serves an app."""

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

from tests.fakes.message import Request, Response
from tests.fakes.wire import Connection

__all__ = [
    "Action",
    "App",
    "FakeServer",
    "LoopbackServer",
    "Matching",
    "Request",
    "RequestLog",
    "Response",
    "Rule",
]

Answer = Callable[[Request], Response]
Action = Callable[[Request, Answer], Response]
Matching = Callable[[Request], bool] | str | None


def _matches(matching: Matching, request: Request) -> bool:
    if matching is None:
        return True
    return (
        matching in f"{request.method} {request.url}"
        if isinstance(matching, str)
        else matching(request)
    )


@dataclass(eq=False)
class Rule:
    """An injected behaviour: skips `after` matching requests, then acts on `times` of them (None: on all)."""

    action: Action
    matching: Matching
    times: int | None
    after: int
    seen: int = 0
    hits: int = 0

    def take(self, request: Request) -> bool:
        """Whether this request is one of ours; counts it. The caller holds the lock."""
        if (self.times is not None and self.hits >= self.times) or not _matches(
            self.matching, request
        ):
            return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        self.hits += 1
        return True


@dataclass
class RequestLog:
    """The requests an app received, in order; safe to read while it serves."""

    keep_bodies: bool = True
    _requests: list[Request] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, request: Request) -> None:
        """Record a request."""
        with self._changed:
            self._requests.append(request if self.keep_bodies else replace(request, body=b""))
            self._changed.notify_all()

    def all(self, matching: Matching = None) -> list[Request]:
        """The matching requests; a string matches anywhere in `METHOD url`."""
        with self._changed:
            return [request for request in self._requests if _matches(matching, request)]

    def count(self, matching: Matching = None) -> int:
        """How many matching requests came."""
        return len(self.all(matching))

    def clear(self) -> None:
        """Forget them."""
        with self._changed:
            self._requests.clear()

    def wait_for(self, count: int = 1, matching: Matching = None, timeout_s: float = 20) -> None:
        """Wait until `count` matching requests came. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.count(matching) >= count, timeout_s):
                raise TimeoutError(f"{self.count(matching)} of {count} requests came")


class App(ABC):
    """A fake upstream: the same object is served alone (`FakeServer`) or under its real name (`proxy`)."""

    def __init__(self, *, keep_bodies: bool = True) -> None:
        """Start with an empty log and no rules."""
        self.log = RequestLog(keep_bodies)
        self._rules: list[Rule] = []
        self._rules_lock = threading.Lock()

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """The proper answer."""

    def handle(self, request: Request) -> Response:
        """Log the request and answer it, by the first rule that takes it or properly."""
        self.log.add(request)
        with self._rules_lock:
            rule = next((rule for rule in self._rules if rule.take(request)), None)
        return self.answer(request) if rule is None else rule.action(request, self.answer)

    def inject(
        self, action: Action, matching: Matching = None, *, times: int | None = None, after: int = 0
    ) -> Rule:
        """Act so on matching requests: after the first `after` of them, `times` times (None: always)."""
        rule = Rule(action, matching, times, after)
        with self._rules_lock:
            self._rules.append(rule)
        return rule

    def heal(self) -> None:
        """Drop all injected behaviour."""
        with self._rules_lock:
            self._rules.clear()

    @contextmanager
    def served(self) -> Iterator["FakeServer"]:
        """This app on a loopback server."""
        with FakeServer(self) as server:
            yield server


class LoopbackServer:
    """Accepts on a free loopback port, a thread for each connection; stopping ends all of them."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self.port = 0
        self._open: dict[Connection, threading.Thread] = {}
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """The base address once started, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        with self._lock:
            return len(self._open)

    def serve(self, connection: Connection) -> None:
        """Serve one connection until it ends."""
        raise NotImplementedError

    def start(self) -> Self:
        """Listen on a free port and begin to accept."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        name = f"{type(self).__name__}-{self.port}"
        self._thread = threading.Thread(
            target=self._accept, args=(self._listener,), name=name, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop accepting and end every connection; a second call does nothing."""
        if self._stopping or self._listener is None or self._thread is None:
            return
        self._stopping = True
        # A closed listener does not wake a thread that accepts on it; a last connection does.
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()
        with self._lock:
            remaining = dict(self._open)
        for connection in remaining:
            connection.shut()
        for thread in remaining.values():
            thread.join(timeout=2)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            if self._stopping:
                sock.close()
                return
            connection = Connection(sock, host=f"127.0.0.1:{self.port}")
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            self.serve(connection)
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection, None)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class FakeServer(LoopbackServer):
    """One app over plain HTTP."""

    def __init__(self, app: App) -> None:
        """Serve `app`, whatever host the requests name."""
        super().__init__()
        self.app = app

    def serve(self, connection: Connection) -> None:
        """Answer until either side hangs up."""
        while (request := connection.read()) is not None:
            if not connection.write(request, self.app.handle(request)):
                return
