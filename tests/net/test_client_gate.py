"""The client and the breakers of hosts: what counts, what is not sent, who probes."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.net.base import NO_RETRY
from datafetch.net.base import Request as Ask
from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy, Outcome
from datafetch.runtime.retry import RetryPolicy
from datafetch.store.keys import Keys
from datafetch.upstream_errors import BreakerOpen, TransientError, UpstreamError
from tests.fakes import faults
from tests.fakes.base import FakeServer, Response
from tests.net.upstreams import Echo, FakeNetwork, InThread, ask, client
from tests.stores import MemoryStore
from tests.support import FakeClock

BAD, GOOD = "bad.example.com", "good.example.com"
ADDRESSES = {BAD: [["93.184.216.34"]], GOOD: [["93.184.216.35"]]}
TRIES = RetryPolicy(attempts=3, total_s=60, initial_s=0.5)
DOWN = faults.reply(500)


class StoppableClock(FakeClock):
    """Waits end when the run is asked to stop, as those of the machine's clock do."""

    def __init__(self, cancel: CancelToken) -> None:
        super().__init__()
        self._cancel = cancel
        self.stops_at_waits = False

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.stops_at_waits:
            self._cancel.cancel(Cancelled("enough"))
        self._cancel.raise_if_cancelled()


class Hosts:
    """Two hosts on one loopback server, a client that reaches them, and its breakers."""

    def __init__(self) -> None:
        self.app = Echo()
        self.cancel = CancelToken()
        self.clock = StoppableClock(self.cancel)
        self.gate = BreakerBook(MemoryStore(), Keys("-test"), self.clock, BreakerPolicy(3, 60))
        self.http: Any = None

    def fail(self, host: str, **bounds: Any) -> None:
        """From now on the host answers 500."""
        self.app.inject(DOWN, lambda request: request.hostname == host, **bounds)

    def get(self, host: str = BAD, path: str = "/", **fields: Any) -> int:
        """Ask a host."""
        status: int = self.http.fetch(ask(f"http://{host}{path}", **fields)).status
        return status

    def error_of(self, host: str = BAD, **fields: Any) -> UpstreamError:
        """Ask a host that will not answer well."""
        with pytest.raises(UpstreamError) as caught:
            self.get(host, **fields)
        return caught.value

    def asked(self, host: str) -> int:
        """How many requests have reached the host."""
        return self.app.log.count(lambda request: request.hostname == host)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """The two hosts."""
    made = Hosts()
    with (
        FakeServer(made.app) as server,
        client(
            clock=made.clock,
            cancel=made.cancel,
            gate=made.gate,
            network=FakeNetwork(server.port, dict(ADDRESSES)),
            width=32,
        ) as made.http,
    ):
        yield made


def test_three_bad_requests_open_it_and_it_recovers(hosts: Hosts) -> None:
    """A breaker of all sites never recovered: this one is one host's, and a probe closes it."""
    hosts.fail(BAD)
    for _ in range(3):
        assert not isinstance(hosts.error_of(), BreakerOpen)
    assert isinstance(hosts.error_of(), BreakerOpen)
    assert hosts.asked(BAD) == 3
    assert hosts.get(GOOD) == 200
    hosts.clock.advance(60)
    assert not isinstance(hosts.error_of(), BreakerOpen)
    assert isinstance(hosts.error_of(), BreakerOpen)
    assert hosts.asked(BAD) == 4
    hosts.app.heal()
    hosts.clock.advance(60)
    assert [hosts.get(), hosts.get()] == [200, 200]


def test_a_refused_request_is_not_tried_again_nor_counted(hosts: Hosts) -> None:
    """What was not sent is no request, and waiting for it helps nobody."""
    hosts.fail(BAD)
    for _ in range(3):
        hosts.error_of()
    before = hosts.http.counts()
    assert isinstance(hosts.error_of(retry=TRIES), BreakerOpen)
    assert hosts.http.counts() == before
    assert hosts.clock.slept == []


def test_a_request_counts_once_after_its_tries(hosts: Hosts) -> None:
    """A fault that passes within a request is none; one that does not is one, not three."""
    hosts.fail(BAD, times=2)
    assert hosts.get(retry=TRIES, trust="settings") == 200
    hosts.fail(BAD)
    for _ in range(3):
        assert not isinstance(hosts.error_of(retry=TRIES, trust="settings"), BreakerOpen)
    assert hosts.asked(BAD) == 3 + 9
    assert isinstance(hosts.error_of(retry=TRIES, trust="settings"), BreakerOpen)


def test_a_dead_host_of_items_gets_five_requests(hosts: Hosts) -> None:
    """Only the first item is tried again: after three failures nobody believes in the host."""
    hosts.fail(BAD)
    for _ in range(3):
        assert not isinstance(hosts.error_of(retry=TRIES), BreakerOpen)
    assert isinstance(hosts.error_of(retry=TRIES), BreakerOpen)
    assert hosts.asked(BAD) == 5
    hosts.clock.advance(60)
    assert not isinstance(hosts.error_of(retry=TRIES), BreakerOpen)
    assert isinstance(hosts.error_of(retry=TRIES), BreakerOpen)
    assert hosts.asked(BAD) == 6


def test_thirty_items_of_a_dead_host_at_once(hosts: Hosts) -> None:
    """Sixteen at once, each tried three times, were forty-eight connections before a breaker."""
    hosts.fail(BAD)
    errors: list[UpstreamError] = []

    def ask_some() -> None:
        errors.extend(hosts.error_of(retry=TRIES) for _ in range(2))

    asking = [InThread(ask_some) for _ in range(15)]
    assert all(thread.ended() for thread in asking)
    assert len(errors) == 30
    assert hosts.asked(BAD) <= 5
    assert sum(not isinstance(error, BreakerOpen) for error in errors) <= 5


def test_a_host_that_answers_gets_all_at_once(hosts: Hosts) -> None:
    """After the first answer nothing is held back: thirty requests are under way together."""
    assert hosts.get() == 200
    gate = threading.Event()
    hosts.app.inject(faults.held(gate))
    asking = [InThread(hosts.get) for _ in range(30)]
    hosts.app.log.wait_for(31)
    gate.set()
    assert all(thread.ended() for thread in asking)


@pytest.mark.parametrize(
    "fault", [faults.reply(503), faults.reply(408), faults.dropped(), faults.cut(2)]
)
def test_faults_count(hosts: Hosts, fault: Any) -> None:
    """Time-outs, 5xx, connections that end and bodies cut short are a host's failures."""
    hosts.app.inject(fault)
    for _ in range(3):
        hosts.error_of()
    assert isinstance(hosts.error_of(), BreakerOpen)


@pytest.mark.parametrize(
    "answer",
    [
        faults.reply(404),
        faults.reply(401),
        faults.reply(429),
        faults.reply(503, headers={"Retry-After": "9"}),
        faults.large(99, {"Content-Encoding": "br"}),
        faults.large(200_000),
        faults.reply(200, headers={"X-Long": "y" * 200_000}),
        faults.redirect("ftp://x/"),
        faults.redirect("http://10.0.0.1/"),
    ],
)
def test_answers_do_not_count(hosts: Hosts, answer: Any) -> None:
    """A host that says no, or to wait, or too much, is there: it starts anew."""
    hosts.fail(BAD, times=2)
    hosts.app.inject(answer, times=1)
    hosts.fail(BAD, times=2)
    for _ in range(5):
        assert not isinstance(hosts.error_of(limit=1000), BreakerOpen)
    assert hosts.get() == 200


def test_a_redirect_is_the_first_hosts_answer(hosts: Hosts) -> None:
    """Who only sends elsewhere is not blamed for what is there, nor asked in its place."""
    hosts.app.inject(faults.redirect(f"http://{BAD}/there"), "/moved")
    hosts.fail(BAD)
    for _ in range(3):
        hosts.error_of(GOOD, path="/moved")
    error = hosts.error_of(GOOD, path="/moved")
    assert isinstance(error, BreakerOpen)
    assert BAD in str(error)
    assert (hosts.asked(GOOD), hosts.asked(BAD)) == (4, 3)
    assert hosts.get(GOOD) == 200


def test_one_request_probes_and_others_wait_for_its_answer(hosts: Hosts) -> None:
    """Sixteen threads do not all fall upon a host that has just come back, nor fail meanwhile."""
    hosts.fail(BAD, times=3)
    for _ in range(3):
        hosts.error_of()
    hosts.clock.advance(60)
    gate = threading.Event()
    hosts.app.inject(faults.held(gate), times=1)
    probe = InThread(hosts.get)
    hosts.app.log.wait_for(4)
    others = [InThread(hosts.get) for _ in range(3)]
    for other in others:
        other.wait_until_blocked("wait")
    assert hosts.asked(BAD) == 4
    gate.set()
    assert all(thread.ended() for thread in [probe, *others])
    assert [thread.error for thread in [probe, *others]] == [None] * 4
    assert hosts.asked(BAD) == 7


def test_those_that_waited_are_refused_when_the_probe_fails(hosts: Hosts) -> None:
    """One request is sent to a host that is still down, whoever waited for it."""
    hosts.fail(BAD, times=3)
    for _ in range(3):
        hosts.error_of()
    hosts.clock.advance(60)
    gate = threading.Event()
    hosts.app.inject(lambda *_: Response(500, gate=gate), times=1)
    probe = InThread(hosts.get)
    hosts.app.log.wait_for(4)
    others = [InThread(hosts.get) for _ in range(3)]
    for other in others:
        other.wait_until_blocked("wait")
    gate.set()
    assert all(thread.ended() for thread in [probe, *others])
    assert [type(thread.error) for thread in others] == [BreakerOpen] * 3
    assert hosts.asked(BAD) == 4


def test_the_wait_takes_nothing_from_the_requests_own_time(hosts: Hosts) -> None:
    """A request that waited as long as a try may take still has the whole of that for itself."""
    hosts.fail(BAD, times=3)
    for _ in range(3):
        hosts.error_of()
    hosts.clock.advance(60)
    gate = threading.Event()
    hosts.app.inject(faults.held(gate), times=1)
    probe = InThread(lambda: hosts.get(total_s=600))
    hosts.app.log.wait_for(4)
    once = RetryPolicy(attempts=1, total_s=60)
    other = InThread(lambda: hosts.get(total_s=30, retry=once))
    other.wait_until_blocked("wait")
    hosts.clock.advance(45)
    gate.set()
    assert probe.ended()
    assert other.ended()
    assert (probe.error, other.error) == (None, None)


def test_the_probe_has_its_tries_and_redirects(hosts: Hosts) -> None:
    """A blip during the probe does not cost a job's whole run."""
    hosts.fail(BAD, times=4)
    for _ in range(3):
        hosts.error_of()
    hosts.clock.advance(60)
    hosts.app.inject(faults.redirect("/there"), "/moved")
    assert hosts.get(path="/moved", retry=TRIES, trust="settings") == 200
    assert hosts.get() == 200


def test_a_probe_that_was_broken_off_shows_nothing(hosts: Hosts) -> None:
    """A run that is stopped leaves the host as it was, and the next request probes."""
    hosts.fail(BAD, times=3)
    for _ in range(3):
        hosts.error_of()
    hosts.clock.advance(60)
    gate = threading.Event()
    rule = hosts.app.inject(faults.held(gate), times=1)
    probe = InThread(hosts.get)
    hosts.app.log.wait_for(4)
    hosts.http.close()
    assert probe.ended()
    gate.set()
    assert rule.hits == 1
    assert isinstance(probe.error, Cancelled)
    hosts.gate.allow(BAD, object())


def test_a_request_that_is_stopped_between_tries_is_no_failure(hosts: Hosts) -> None:
    """Stopping is the user's doing, not the host's."""
    hosts.fail(BAD)
    hosts.error_of()
    hosts.error_of()
    hosts.clock.stops_at_waits = True
    with pytest.raises(Cancelled):
        hosts.get(retry=TRIES)
    hosts.gate.allow(BAD, object())


def test_a_breaker_that_opens_between_tries_hides_nothing(hosts: Hosts) -> None:
    """The last real error is let through, not that others have given up on the host."""
    others = iter([1])

    def act(request: Any, answer: Any) -> Any:
        for _ in others:
            for _ in range(3):
                hosts.gate.record(BAD, Outcome.FAILED, object())
        return DOWN(request, answer)

    hosts.app.inject(act)
    error = hosts.error_of(retry=TRIES)
    assert isinstance(error, TransientError)
    assert not isinstance(error, BreakerOpen)
    assert hosts.asked(BAD) == 1


def test_heavy_requests_say_nothing_of_the_host(hosts: Hosts) -> None:
    """Who asks for too much, and then for less, must not be cut off while finding out."""
    hosts.fail(BAD, times=5)
    heavy = Ask(f"http://{BAD}/", "data", "site", retry=NO_RETRY, heavy=True)
    for _ in range(5):
        with pytest.raises(TransientError):
            hosts.http.fetch(heavy)
    assert hosts.get() == 200
