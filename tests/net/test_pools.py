"""Pools: connections are used again, by one exchange at a time, and never more than so many."""

import select
import threading
from collections.abc import Iterator
from typing import Any

import httpcore2
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes import faults
from tests.fakes.base import FakeServer
from tests.fakes.proxy import ForwardProxy
from tests.net.counted import Under, finish, number
from tests.net.upstreams import Echo, InThread

WIDTH = 3


@pytest.fixture
def under(server: FakeServer) -> Iterator[Any]:
    """A pool for it."""
    under = Under(server, WIDTH)
    yield under
    under.network.close()


@pytest.fixture
def narrow(server: FakeServer) -> Iterator[Any]:
    """A pool of one connection."""
    under = Under(server, 1)
    yield under
    under.network.close()


def test_a_connection_is_used_again(under: Under) -> None:
    """Requests to one origin, one after the other, need one connection, whatever else is asked."""
    assert [under.ask(host) for host in ("a.example", "b.example", "a.example")] == [0, 1, 0]


def test_the_one_used_last_is_used_next(under: Under) -> None:
    """It is the least likely to be hung up; the others grow old and are closed."""
    answers = [under.begin() for _ in range(3)]
    for given_back in (1, 2, 0):
        finish(answers[given_back])
    assert [number(under.begin()) for _ in range(3)] == [0, 2, 1]


def test_closing_an_answer_twice_gives_back_once(under: Under) -> None:
    """A connection that were idle twice would be lent to two at once."""
    answer = under.begin()
    finish(answer)
    answer.close()
    assert [number(under.begin()) for _ in range(3)] == [0, 1, 2]


def test_many_origins_leave_few_connections(under: Under) -> None:
    """A run over thousands of sites holds no more sockets than its width; the oldest idle one goes."""
    for site in range(50):
        under.ask(f"site{site}.example")
    assert under.network.open == {47, 48, 49}
    assert under.ask("site47.example") == 47
    under.ask("site50.example")
    assert under.network.open == {47, 49, 50}
    assert under.network.most == WIDTH


def test_of_one_origin_the_oldest_goes_first(under: Under) -> None:
    """What is closed for its age or to make room is not what is used next."""
    for answer in [under.begin("a.example") for _ in range(2)]:
        finish(answer)
    under.ask("b.example")
    under.ask("c.example")
    assert under.network.open == {1, 2, 3}
    assert under.ask("a.example") == 1


def test_an_old_connection_is_not_used(under: Under) -> None:
    """The keep-alive counts from the last use; what is older is closed by the next request to anywhere."""
    under.ask("a.example")
    under.clock.advance(3)
    assert under.ask("a.example") == 0
    under.ask("b.example")
    under.clock.advance(3)
    assert under.ask("b.example") == 1
    under.clock.advance(1)
    under.ask("b.example")
    assert under.network.open == {1}
    assert under.ask("a.example") == 2


def test_a_connection_that_was_hung_up_is_not_used(server: FakeServer, under: Under) -> None:
    """A server that restarts hangs up on all idle connections; none of them costs a request."""
    answers = [under.begin() for _ in range(2)]
    for answer in answers:
        finish(answer)
    with server._lock:
        for connection in server._open:
            connection.shut()
    for answer in answers:
        sock = answer.extensions["network_stream"].get_extra_info("socket")
        assert select.select([sock], [], [], 10)[0]
    assert under.ask() == 2
    assert under.network.open == {2}


def test_an_unread_body_costs_its_connection(narrow: Under) -> None:
    """What is left of a body would be taken for the next answer; the place is free again."""
    narrow.begin().close()
    assert narrow.network.open == set()
    assert narrow.ask() == 1


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_failed_request_leaves_nothing(echo: Echo, narrow: Under, ending: Any) -> None:
    """Its connection is closed and its place is free again, whether head or body went wrong."""
    echo.inject(faults.dropped(ending), times=1)
    with pytest.raises((httpcore2.NetworkError, httpcore2.RemoteProtocolError)):
        narrow.begin()
    assert narrow.network.open == set()
    echo.inject(faults.cut(5, ending), times=1)
    answer = narrow.begin()
    with pytest.raises((httpcore2.NetworkError, httpcore2.RemoteProtocolError)):
        answer.read()
    answer.close()
    assert narrow.network.open == set()
    assert narrow.ask() == 2


def test_a_tunnel_without_a_handshake_leaves_nothing(echo: Echo) -> None:
    """httpcore2 would keep the connection to a proxy behind which TLS failed."""
    with ForwardProxy(lambda _host: echo) as proxy:
        narrow = Under(proxy, 1, httpcore2.Proxy("http://proxy.example"))
        for _ in range(2):
            with pytest.raises(NotImplementedError):
                narrow.begin(scheme="https")
        assert narrow.network.opened == 2
        assert narrow.network.open == set()


def test_a_failed_connect_leaves_nothing(narrow: Under) -> None:
    """The place is free again, and a connection that never was is not kept."""
    narrow.network.port, port = 1, narrow.network.port
    for _ in range(2):
        with pytest.raises(httpcore2.ConnectError):
            narrow.begin()
    narrow.network.port = port
    assert narrow.ask() == 2


def test_a_close_that_fails_costs_no_place(narrow: Under) -> None:
    """Sockets may report an old error when they are closed; the next request goes on."""
    narrow.ask("a.example")
    narrow.network.troubles = 1
    with pytest.raises(OSError, match="reset"):
        narrow.begin("b.example")
    answer = narrow.begin("b.example")
    narrow.network.troubles = 2
    with pytest.raises(OSError, match="reset"):
        answer.close()
    assert narrow.network.open == set()
    assert narrow.ask("b.example") == 2


def test_more_requests_than_connections_wait(narrow: Under) -> None:
    """Who finds all in use waits, for its time, until one comes back, of whatever origin."""
    answer = narrow.begin()
    with pytest.raises(httpcore2.PoolTimeout):
        narrow.begin("b.example")
    waiting = InThread(lambda: narrow.ask("b.example", wait_s=20))
    waiting.wait_until_blocked("wait")
    finish(answer)
    assert waiting.ended()
    assert waiting.error is None
    assert narrow.network.open == {1}


def test_threads_never_share_a_connection(under: Under) -> None:
    """Many threads and origins on few connections: each gets its own answer, and the bound holds."""
    busy, lock = set[int](), threading.Lock()

    def work(first: int) -> None:
        for turn in range(40):
            host = f"site{(first + turn) % 5}.example"
            answer = under.begin(host, wait_s=20)
            with lock:
                assert number(answer) not in busy
                busy.add(number(answer))
            assert f'"/of/{host}"'.encode() in answer.read()
            with lock:
                busy.remove(number(answer))
            answer.close()

    threads = [InThread(lambda first=first: work(first)) for first in range(12)]  # type: ignore[misc]
    assert all(thread.ended() for thread in threads)
    assert [thread.error for thread in threads] == [None] * 12
    assert under.network.most == WIDTH


class AnyOrder(RuleBasedStateMachine):
    """Requests to two hosts begin and end in any order while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.server = FakeServer(Echo()).start()
        self.under = Under(self.server, WIDTH)
        self.busy: list[tuple[str, httpcore2.Response]] = []
        self.idle: list[tuple[str, int, float]] = []
        """Host, number and when it was given back; oldest first."""

    def teardown(self) -> None:
        self.under.network.close()
        self.server.stop()

    @rule(host=st.sampled_from(["a.example", "b.example"]))
    def begin(self, host: str) -> None:
        """It takes the newest idle one of its host or, where there is no room, that of the oldest."""
        if len(self.busy) == WIDTH:
            with pytest.raises(httpcore2.PoolTimeout):
                self.under.begin(host)
            return
        oldest = self.under.clock.time - 4
        self.idle = [idle for idle in self.idle if idle[2] > oldest]
        found = next((idle for idle in reversed(self.idle) if idle[0] == host), None)
        expected = self.under.network.opened if found is None else found[1]
        if found is not None:
            self.idle.remove(found)
        elif len(self.busy) + len(self.idle) == WIDTH:
            del self.idle[0]
        answer = self.under.begin(host)
        assert number(answer) == expected
        self.busy.append((host, answer))

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, WIDTH - 1), read=st.booleans())
    def end(self, which: int, *, read: bool) -> None:
        """It is kept when the body was read, closed when not."""
        host, answer = self.busy.pop(which % len(self.busy))
        if read:
            self.idle.append((host, finish(answer), self.under.clock.time))
        answer.close()

    @rule(seconds=st.sampled_from([1.0, 3]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.under.clock.advance(seconds)

    @invariant()
    def holds_what_is_used_or_idle(self) -> None:
        """Nothing else is open."""
        expected = {number(answer) for _, answer in self.busy} | {idle[1] for idle in self.idle}
        assert self.under.network.open == expected
        assert self.under.network.most <= WIDTH


AnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
