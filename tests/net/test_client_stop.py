"""Stopping: requests under way end at once, whatever they are waiting for."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore2
import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.net.client import GuardedClient
from datafetch.net.proxies import Proxies
from datafetch.runtime.retry import RetryPolicy
from datafetch.upstream_errors import TransientError
from tests.fakes import faults
from tests.fakes.base import FakeServer, LoopbackServer, Response
from tests.fakes.proxy import ForwardProxy
from tests.fakes.wire import Connection
from tests.net.upstreams import Echo, FakeNetwork, InThread, ask, client
from tests.support import FakeClock

PATIENT = {"timeout_s": 100.0, "total_s": 100.0}


def stop(cancel: Any, http: Any) -> None:
    """What the manager does on a signal."""
    cancel.cancel(Cancelled("SIGTERM", signal=15))
    http.close()


def test_a_blocked_read_ends(echo: Echo, server: FakeServer) -> None:
    """A timer reported a time-out and left the work running: closing ends the read and its connection."""
    rule = echo.inject(faults.held(threading.Event()))
    cancel = CancelToken()
    with client(cancel=cancel) as http:
        asking = InThread(lambda: http.fetch(ask(server.url, **PATIENT)))
        asking.wait_until_blocked("read")
        stop(cancel, http)
        assert asking.ended()
    assert isinstance(asking.error, Cancelled)
    assert asking.error.signal == 15
    assert rule.hits == 1
    assert echo.log.all()[0].abandoned.wait(10)


def test_a_body_under_way_ends(echo: Echo, server: FakeServer) -> None:
    """So does a download in the middle of its body; it is not tried again."""
    drops = threading.Semaphore(3)
    echo.inject(faults.dripping(drops))
    cancel = CancelToken()
    with client(cancel=cancel) as http:
        asking = InThread(
            lambda: http.download(ask(server.url, retry=RetryPolicy(attempts=3), **PATIENT))
        )
        echo.log.wait_for()
        asking.wait_until_blocked("read")
        stop(cancel, http)
        assert asking.ended()
    drops.release(1000)
    assert isinstance(asking.error, Cancelled)
    assert echo.log.count() == 1


def counted(http: GuardedClient) -> int:
    """The bytes counted so far."""
    return sum(numbers.get("bytes", 0) for numbers in http.counts().values())


def test_bytes_count_as_they_come(echo: Echo, server: FakeServer) -> None:
    """A body that is left half-way has nothing left to count when the collector finds it.

    A run hung for ever when that was while one of its threads counted something else.
    """
    drops = threading.Semaphore(3)
    echo.inject(faults.dripping(drops))
    with client() as http:
        asking = InThread(lambda: http.download(ask(server.url, **PATIENT)).close())
        asking.wait_until(lambda: counted(http) > 0)
        assert 1 <= counted(http) <= 3
        drops.release(1000)
        assert asking.ended()
    assert asking.error is None


def test_a_blocked_read_inside_tls_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same through a proxy and TLS."""
    echo = Echo()
    echo.inject(faults.held(threading.Event()))
    cancel = CancelToken()
    with ForwardProxy(lambda _host: echo) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(proxy.write_bundle(tmp_path)))
        with client(cancel=cancel, proxies=Proxies({"HTTPS_PROXY": proxy.url})) as http:
            asking = InThread(lambda: http.fetch(ask("https://a.example/", **PATIENT)))
            asking.wait_until_blocked("read")
            stop(cancel, http)
            assert asking.ended()
    assert isinstance(asking.error, Cancelled)


def test_a_blocked_handshake_ends(server: FakeServer) -> None:
    """A server that takes the connection and never shakes hands cannot hold the run."""
    network: Any = FakeNetwork(0, {"a.example": [["93.184.215.14"]]})
    cancel = CancelToken()

    class Mute(LoopbackServer):
        def serve(self, connection: Connection) -> None:
            while connection._sock.recv(65536):
                pass

    with Mute() as mute:
        network.port = mute.port
        with client(cancel=cancel, network=network) as http:
            asking = InThread(lambda: http.fetch(ask("https://a.example/", **PATIENT)))
            asking.wait_until_blocked("do_handshake")
            stop(cancel, http)
            assert asking.ended()
    assert isinstance(asking.error, Cancelled)


def test_no_time_for_a_handshake_leaves_nothing_open() -> None:
    """A connection whose time is over before its handshake is closed, not left to the end of the run."""
    hung_up = threading.Event()

    class Told(LoopbackServer):
        def serve(self, connection: Connection) -> None:
            if not connection._sock.recv(1):
                hung_up.set()

    with Told() as server:
        network: Any = FakeNetwork(server.port, {"a.example": [["93.184.215.14"]]})
        clock, real_dial = FakeClock(), network.dial

        def dial(address: Any, port: int, timeout: float | None) -> Any:
            clock.advance(200)
            return real_dial(address, port, timeout)

        network.dial = dial
        with client(clock=clock, network=network) as http:
            with pytest.raises(TransientError, match="in time"):
                http.fetch(ask("https://a.example/", **PATIENT))
            assert hung_up.wait(10)


def test_waiting_for_a_connection_ends(echo: Echo, server: FakeServer) -> None:
    """So does waiting for one that another request has; nothing is sent on it any more."""
    echo.inject(faults.held(threading.Event()))
    cancel = CancelToken()
    with client(cancel=cancel, width=1) as http:
        asking = InThread(lambda: http.fetch(ask(server.url, **PATIENT)))
        asking.wait_until_blocked("read")
        waiting = InThread(lambda: http.fetch(ask(server.url, **PATIENT)))
        waiting.wait_until_blocked("wait")
        stop(cancel, http)
        assert asking.ended()
        assert waiting.ended()
    assert isinstance(asking.error, Cancelled)
    assert isinstance(waiting.error, Cancelled)
    assert echo.log.count() == 1


def test_waiting_for_a_connection_keeps_to_the_time(echo: Echo, server: FakeServer) -> None:
    """The time for a try counts while another request has the connection, too."""
    echo.inject(faults.held(threading.Event()))
    with client(width=1) as http:
        asking = InThread(lambda: http.fetch(ask(server.url, **PATIENT)))
        asking.wait_until_blocked("read")
        with pytest.raises(TransientError, match="in time"):
            http.fetch(ask(server.url, timeout_s=100, total_s=0.05))
        http.close()
        assert asking.ended()


def test_closing_under_many_threads_leaves_nothing_open(echo: Echo, server: FakeServer) -> None:
    """Threads that ask and ask, some waiting for a connection, all end; so do all connections."""

    def ask_on() -> None:
        while True:
            http.fetch(ask(server.url, **PATIENT))

    with client(width=3) as http:
        threads = [InThread(ask_on) for _ in range(8)]
        echo.log.wait_for(100)
        http.close()
        assert all(thread.ended() for thread in threads)
        assert all(isinstance(thread.error, Cancelled) for thread in threads)
        with server._lock:
            serving = list(server._open.values())
        for thread in serving:
            thread.join(10)
        assert server.open_connections == 0


@pytest.mark.parametrize("step", ["resolve", "dial"])
def test_a_blocked_look_up_or_connect_ends(server: FakeServer, step: Any) -> None:
    """Neither can be broken off, but nobody waits for it; a connection that comes late is closed."""
    reached, gate, late = threading.Event(), threading.Event(), threading.Event()
    network: Any = FakeNetwork(server.port, {"a.example": [["93.184.215.14"]]})
    real_dial = network.dial

    class Late(httpcore2.NetworkStream):
        def close(self) -> None:
            late.set()

    def resolve(host: str, port: int) -> Any:
        reached.set()
        gate.wait(20)
        return ["93.184.215.14"]

    def dial(address: Any, port: int, timeout: float | None) -> Any:
        reached.set()
        gate.wait(20)
        real_dial(address, port, timeout).close()
        return Late()

    if step == "resolve":
        network.resolve = resolve
    network.dial = dial
    cancel = CancelToken()
    with client(cancel=cancel, network=network) as http:
        asking = InThread(lambda: http.fetch(ask("http://a.example/", **PATIENT)))
        assert reached.wait(10)
        stop(cancel, http)
        assert asking.ended()
    gate.set()
    assert isinstance(asking.error, Cancelled)
    assert late.wait(10)


def test_a_slow_look_up_keeps_to_the_time(server: FakeServer) -> None:
    """A resolver that does not answer is given up after the time-out of one step."""
    gate = threading.Event()
    network: Any = FakeNetwork(server.port, {})

    def resolve(host: str, port: int) -> Any:
        gate.wait(20)
        return ["93.184.215.14"]

    network.resolve = resolve
    with client(network=network) as http, pytest.raises(TransientError, match="in time"):
        http.fetch(ask("http://a.example/", timeout_s=0.05))
    gate.set()


def test_a_closed_client_sends_nothing(echo: Echo, server: FakeServer) -> None:
    """What comes after the stop does not begin."""
    with client() as http:
        http.fetch(ask(server.url))
        http.close()
        with pytest.raises(Cancelled):
            http.fetch(ask(server.url))
    assert echo.log.count() == 1


def test_closing_ends_kept_connections(echo: Echo) -> None:
    """Idle connections are closed, not left to the garbage collector."""
    closed = threading.Event()

    class Told(FakeServer):
        def serve(self, connection: Connection) -> None:
            super().serve(connection)
            closed.set()

    with Told(echo) as server, client() as http:
        http.fetch(ask(server.url))
        assert not closed.is_set()
        http.close()
        http.close()
        assert closed.wait(10)


def test_a_stop_is_seen_before_each_try(echo: Echo, server: FakeServer) -> None:
    """A run that was asked to stop sends nothing more."""
    cancel = CancelToken()
    cancel.cancel(Cancelled("enough"))
    with client(cancel=cancel) as http, pytest.raises(Cancelled, match="enough"):
        http.fetch(ask(server.url))
    assert echo.log.count() == 0


def test_a_stop_is_seen_between_pieces(echo: Echo, server: FakeServer) -> None:
    """Without anybody closing, a body that keeps coming ends when the run was asked to stop."""
    cancel = CancelToken()

    def pieces() -> Iterator[Any]:
        yield b"x"
        cancel.cancel(Cancelled())
        for _ in range(10_000):
            yield b"x" * 65536

    echo.inject(lambda _request, _answer: Response(chunks=pieces()))
    with client(cancel=cancel) as http, pytest.raises(Cancelled):
        http.fetch(ask(server.url, limit=1 << 40))


def test_waiting_for_the_next_try_ends(echo: Echo, server: FakeServer) -> None:
    """A wait between tries is ended by the clock's own stop."""

    class Stopping(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Cancelled("asleep")

    echo.inject(faults.reply(500))
    with client(clock=Stopping()) as http, pytest.raises(Cancelled, match="asleep"):
        http.fetch(ask(server.url, retry=RetryPolicy()))
    assert echo.log.count() == 1
