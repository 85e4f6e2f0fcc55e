"""Requests that come while another one tries a host that failed: they wait for its answer."""

import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.runtime.breaker import Breaker, BreakerPolicy, Breakers, Outcome, Patience
from datafetch.upstream_errors import BreakerOpen
from tests.support import FakeClock

HOST = "a.example"


@dataclass
class Waiter:
    """A request in a thread of its own, which waits at the gate."""

    breakers: Breakers
    patience: Patience
    host: str = HOST
    visit: object = field(default_factory=object)
    waited: float | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.waited = self.breakers.allow(self.host, self.visit, self.patience)
        except (BreakerOpen, Cancelled) as error:
            self.error = error

    def ended(self) -> bool:
        """Whether it ends, within a time that only a hanging one needs."""
        self.thread.join(10)
        return not self.thread.is_alive()


class Looked(FakeClock):
    """A clock that knows which threads look at it, as one that waits does again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._looks: Counter[threading.Thread] = Counter()
        self._looked = threading.Condition()

    def monotonic(self) -> float:
        with self._looked:
            self._looks[threading.current_thread()] += 1
            self._looked.notify_all()
        return super().monotonic()

    def wait_for_looks(self, *threads: threading.Thread) -> None:
        """Wait until each thread has looked three times more, or has ended: it waits by then."""
        with self._looked:
            for thread in threads:
                enough = self._looks[thread] + 3
                while thread.is_alive() and self._looks[thread] < enough:
                    self._looked.wait(0.1)


class Probed:
    """The breaker of a host that failed once, and the request that tries it now."""

    def __init__(self, cooldown_s: float = 0) -> None:
        self.clock = Looked()
        self.breakers = Breakers(BreakerPolicy(1, cooldown_s), self.clock)
        self.breakers.adopt({HOST: Breaker(1, self.clock.now() - cooldown_s)})
        self.cancel = CancelToken()
        self.probe = object()
        self.breakers.allow(HOST, self.probe)

    def waiter(self, most_s: float = 90) -> Waiter:
        """A request that waits by now."""
        made = Waiter(self.breakers, Patience(most_s, self.cancel))
        self.clock.wait_for_looks(made.thread)
        assert made.thread.is_alive()
        return made

    def end(self, outcome: Outcome) -> None:
        """The probe ends."""
        self.breakers.record(HOST, outcome, self.probe)


def test_others_wait_for_the_probe_and_pass_when_it_succeeds() -> None:
    """Domains that came meanwhile failed, though the service was back a moment later."""
    probed = Probed()
    waiters = [probed.waiter() for _ in range(3)]
    probed.clock.advance(7)
    probed.end(Outcome.ANSWERED)
    assert all(waiter.ended() for waiter in waiters)
    assert [(waiter.error, waiter.waited) for waiter in waiters] == [(None, 7)] * 3


@pytest.mark.parametrize("cooldown_s", [0, 60])
def test_others_are_refused_when_the_probe_fails(cooldown_s: float) -> None:
    """Not each of those that waited becomes a probe of its own, even without a cooldown."""
    probed = Probed(cooldown_s)
    waiters = [probed.waiter() for _ in range(3)]
    probed.end(Outcome.FAILED)
    assert all(waiter.ended() for waiter in waiters)
    assert {type(waiter.error) for waiter in waiters} == {BreakerOpen}
    assert probed.breakers.get(HOST).failures == 2


def test_of_those_that_wait_one_follows_a_probe_that_showed_nothing() -> None:
    """A probe that was broken off leaves the question open: the next one asks, others go on waiting."""
    probed = Probed()
    waiters = [probed.waiter(), probed.waiter()]
    probed.end(Outcome.UNKNOWN)
    probed.clock.wait_for_looks(*(waiter.thread for waiter in waiters))
    (second,) = (w for w in waiters if w.visit is probed.breakers.get(HOST).probe)
    (other,) = (w for w in waiters if w is not second)
    assert second.ended()
    assert other.thread.is_alive()
    probed.breakers.record(HOST, Outcome.ANSWERED, second.visit)
    assert other.ended()
    assert (second.error, other.error) == (None, None)


def test_the_wait_is_bounded() -> None:
    """A probe that hangs does not hold others for ever; they say for how long they waited."""
    probed = Probed()
    waiter = probed.waiter(most_s=90)
    probed.clock.advance(89)
    probed.clock.wait_for_looks(waiter.thread)
    assert waiter.thread.is_alive()
    probed.clock.advance(1)
    assert waiter.ended()
    assert str(waiter.error) == (
        "a.example failed 1 times in a row; the request that tries it had not ended after 90 s"
    )


def test_a_stop_ends_the_wait() -> None:
    """Ctrl-C is obeyed at once, with its own reason."""
    probed = Probed()
    waiter = probed.waiter()
    probed.cancel.cancel(Cancelled("enough"))
    assert waiter.ended()
    assert str(waiter.error) == "enough"


def test_without_patience_nobody_waits() -> None:
    """Who cannot wait is told at once."""
    probed = Probed()
    with pytest.raises(BreakerOpen, match="one request is trying it"):
        probed.breakers.allow(HOST, object())


def test_a_probe_does_not_wait_for_another_one() -> None:
    """Two redirects that lead to each other's host would wait for each other."""
    probed = Probed()
    probed.breakers.adopt({"b.example": Breaker(1, 0.0)})
    other = object()
    probed.breakers.allow("b.example", other)
    waiter = Waiter(probed.breakers, Patience(90, probed.cancel), visit=other)
    assert waiter.ended()
    assert "one request is trying it" in str(waiter.error)
