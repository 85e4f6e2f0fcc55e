"""The breaker as a state machine, against a plain account of what every host has shown."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from datafetch.runtime.breaker import CLOSED, Breaker, BreakerPolicy, Breakers, Outcome
from datafetch.upstream_errors import BreakerOpen
from tests.support import FakeClock

POLICY = BreakerPolicy(failures=3, cooldown_s=60)
HOSTS = ("a.example", "b.example")


@dataclass(eq=False)
class Visit:
    """A request that passed."""

    host: str


@dataclass
class Account:
    """What a host has shown, told from outside."""

    bad: int = 0
    opened_at: float | None = None
    probe: Visit | None = None


class Machine(RuleBasedStateMachine):
    """Requests of several threads to several hosts, in any order, ending in any way."""

    visits = Bundle("visits")

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.breakers = Breakers(POLICY, self.clock)
        self.accounts = {host: Account() for host in HOSTS}

    @rule(target=visits, host=st.sampled_from(HOSTS))
    def begin(self, host: str) -> Visit:
        """Closed hosts let all pass; open ones one at a time, once they have cooled down."""
        account, visit = self.accounts[host], Visit(host)
        cooled = account.opened_at is not None and self.clock.now() - account.opened_at >= 60
        free = account.opened_at is None or (cooled and account.probe is None)
        if not free:
            with pytest.raises(BreakerOpen, match=host):
                self.breakers.allow(host, visit)
            return Visit("nowhere")
        self.breakers.allow(host, visit)
        if account.opened_at is not None:
            account.probe = visit
        return visit

    @rule(visit=visits)
    def go_on(self, visit: Visit) -> None:
        """Further tries of a request that passed: the probe's pass, whatever the time."""
        account = self.accounts.get(visit.host)
        if account is not None and account.probe is visit:
            self.breakers.allow(visit.host, visit)

    @rule(visit=consumes(visits), outcome=st.sampled_from(Outcome))
    def end(self, visit: Visit, outcome: Outcome) -> None:
        """An answer closes; failures in a row, and a failed probe, open."""
        account = self.accounts.get(visit.host)
        if account is None:
            return
        own = account.probe is visit
        account.probe = None if own else account.probe
        if outcome is Outcome.ANSWERED:
            account.bad, account.opened_at, account.probe = 0, None, None
        elif outcome is Outcome.FAILED and account.opened_at is None:
            account.bad += 1
            account.opened_at = self.clock.now() if account.bad == 3 else None
        elif outcome is Outcome.FAILED and own:
            account.opened_at = self.clock.now()
        self.breakers.record(visit.host, outcome, visit)

    @rule(seconds=st.sampled_from([1.0, 59.0, 60.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @invariant()
    def agrees(self) -> None:
        """What the breakers say of a host is what it has shown, whatever others did."""
        for host, account in self.accounts.items():
            breaker = self.breakers.get(host)
            assert breaker.opened_at == account.opened_at
            assert breaker.probe is account.probe
            assert (breaker == CLOSED) == (account.bad == 0)


TestMachine = Machine.TestCase


@given(st.integers(1, 5), st.integers(0, 8))
def test_it_takes_so_many_in_a_row(needed: int, failures: int) -> None:
    """The setting is what decides, not a constant."""
    breakers = Breakers(BreakerPolicy(needed, 60), FakeClock())
    for _ in range(min(failures, needed)):
        breakers.record("h", Outcome.FAILED, object())
    assert breakers.get("h").is_open == (failures >= needed)


def test_without_a_cooldown_the_probe_comes_at_once() -> None:
    """0 seconds: the next request is the probe, and still the only one."""
    breakers = Breakers(BreakerPolicy(1, 0), FakeClock())
    breakers.record("h", Outcome.FAILED, object())
    breakers.allow("h", probe := object())
    with pytest.raises(BreakerOpen, match="h failed 1 times in a row; one request is trying it"):
        breakers.allow("h", object())
    breakers.record("h", Outcome.ANSWERED, probe)
    breakers.allow("h", object())


def test_the_refusal_says_who_and_how_long() -> None:
    """Whoever reads the log knows which host, why, and when it is asked again."""
    clock = FakeClock()
    breakers = Breakers(POLICY, clock)
    breakers.adopt({"h.example": Breaker(4, clock.now())})
    clock.advance(18)
    with pytest.raises(BreakerOpen) as caught:
        breakers.allow("h.example", object())
    assert str(caught.value) == (
        "h.example failed 4 times in a row; it is not asked for another 42 s"
    )


def test_a_clock_that_was_set_back_closes_nobody_out() -> None:
    """A breaker that says it was opened in a year's time lets its probe pass now."""
    clock = FakeClock()
    breakers = Breakers(POLICY, clock)
    breakers.adopt({"h": Breaker(3, clock.now() + 365 * 86_400)})
    breakers.allow("h", object())


def test_what_this_process_knows_is_newer() -> None:
    """What is read from the store does not undo what was seen since."""
    breakers = Breakers(BreakerPolicy(1, 60), clock := FakeClock())
    breakers.record("h", Outcome.FAILED, object())
    breakers.adopt({"h": Breaker(9, 1.0), "other": Breaker(9, 1.0)})
    assert breakers.get("h").opened_at == clock.now()
    assert breakers.get("other").failures == 9
