"""Small upstreams for the client's tests, and clients that reach them."""

import json
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore2

from datafetch.clock import CancelToken, ClockSkew
from datafetch.net.base import NO_RETRY, Answer, HostGate
from datafetch.net.base import Request as Ask
from datafetch.net.client import GuardedClient
from datafetch.net.network import system_dial
from datafetch.net.options import NetOptions
from datafetch.net.proxies import Proxies
from datafetch.net.transport import Wire
from tests.fakes.base import App, LoopbackServer, Request, Response
from tests.fakes.wire import Connection
from tests.support import FakeClock

ALLOWED = frozenset({"127.0.0.1"})
_LOOKS = 5


class Echo(App):
    """Says what it was asked."""

    def answer(self, request: Request) -> Response:
        told = {
            "method": request.method,
            "target": request.target,
            "headers": dict(request.headers),
        }
        return Response.json({**told, "body": request.body.decode()}, headers={"ETag": '"e"'})


def told(answer: Answer) -> dict[str, Any]:
    """What an `Echo` was asked, as its answer says."""
    found: dict[str, Any] = json.loads(answer.body)
    return found


class Raw(LoopbackServer):
    """Answers every request with bytes as they are given, then hangs up."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        super().__init__()
        self._parts = parts

    def serve(self, connection: Connection) -> None:
        if connection.read() is None:
            return
        try:
            for part in self._parts():
                connection._sock.sendall(part)
        except OSError:
            return


class FakeNetwork:
    """Names lead to the addresses given for them; every address leads to one loopback port."""

    def __init__(self, port: int, names: dict[str, list[list[str]]]) -> None:
        self.port = port
        self.names = names
        self.asked: list[str] = []
        self.dialled: list[str] = []

    def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def dial(self, address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        del port
        self.dialled.append(address)
        return system_dial("127.0.0.1", self.port, timeout)


@contextmanager
def client(
    *,
    clock: FakeClock | None = None,
    cancel: CancelToken | None = None,
    network: Any = None,
    gate: HostGate | None = None,
    skew: ClockSkew | None = None,
    **options: Any,
) -> Iterator[GuardedClient]:
    """A client, closed in the end; it ignores the proxies of the machine."""
    options.setdefault("user_agent", "datafetch-test")
    options.setdefault("allow_hosts", ALLOWED)
    options.setdefault("proxies", Proxies({}))

    def make_wire(made: NetOptions) -> Wire:
        return Wire(made, resolve=network.resolve, dial=network.dial)

    made = GuardedClient(
        NetOptions(**options),
        clock=clock or FakeClock(),
        cancel=cancel or CancelToken(),
        rng=random.Random(1),
        gate=gate,
        skew=skew,
        make_wire=make_wire if network is not None else None,
    )
    try:
        yield made
    finally:
        made.close()


def ask(url: str, **fields: Any) -> Ask:
    """A request from data, tried once."""
    fields.setdefault("retry", NO_RETRY)
    fields.setdefault("trust", "data")
    return Ask(url=url, upstream="site", **fields)


class InThread(threading.Thread):
    """Runs something aside and keeps what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error

    def wait_until_blocked(self, function: str) -> None:
        """Wait until it hangs in a call of that function.

        Between looks, and once more in the end, a request goes back and forth, so that a
        thread that was only on its way there has got there.
        """
        with Echo().served() as server, client() as http:
            seen = 0
            while seen < _LOOKS and self.is_alive():
                http.fetch(ask(server.url))
                frame = sys._current_frames().get(self.ident or 0)
                seen = seen + 1 if frame is not None and frame.f_code.co_name == function else 0

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened or the work has ended; a request between two looks."""
        with Echo().served() as server, client() as http:
            while not happened() and self.is_alive():
                http.fetch(ask(server.url))

    def ended(self) -> bool:
        """Whether it ends, within a time that only a hanging one needs."""
        self.join(10)
        return not self.is_alive()
