"""How many exchanges a host gets that does not answer: counted against any order of events."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.clock import CancelToken
from datafetch.runtime.approach import Approach, Entry, answered, begun, entry, failed
from datafetch.runtime.breaker import BreakerPolicy, Breakers, Outcome, Patience
from datafetch.upstream_errors import BreakerOpen
from tests.support import FakeClock

HOST = "a.example"
IMPATIENT = Patience(0.0, CancelToken())


@pytest.mark.parametrize(
    ("approach", "again", "expected"),
    [
        (Approach(), False, Entry.GO),
        (Approach(flying=4), False, Entry.GO),
        (Approach(flying=5), False, Entry.WAIT),
        (Approach(flying=2, failed=3), False, Entry.WAIT),
        (Approach(failed=4), False, Entry.GO),
        (Approach(failed=2), True, Entry.GO),
        (Approach(failed=1, flying=2), True, Entry.WAIT),
        (Approach(failed=3), True, Entry.STOP),
        (Approach(known=True, flying=500), False, Entry.GO),
        (Approach(known=True, flying=4, failed=1), False, Entry.WAIT),
    ],
)
def test_what_may_begin(approach: Approach, again: bool, expected: Entry) -> None:
    """Five exchanges for hosts that show nothing, three with tries again, no bound for others."""
    assert entry(approach, 3, again=again) is expected


def test_an_answer_ends_the_bound() -> None:
    """What failed before an answer does not count any more."""
    assert answered(begun(failed(begun(Approach())))) == Approach(known=True)


@given(
    st.lists(st.integers(0, 29), min_size=200, max_size=400),
    st.integers(1, 4),
    st.integers(1, 6),
)
def test_a_dead_host_gets_few_exchanges(
    order: Sequence[int], failures: int, most_tries: int
) -> None:
    """Thirty requests, in any order of their tries: at most two exchanges more than open it.

    Each opens the breaker by its end, so that the next run knows of the host.
    """
    breakers = Breakers(BreakerPolicy(failures, 60), FakeClock())
    visits = [object() for _ in range(30)]
    tries = [0] * 30
    over: set[int] = set()
    exchanges = 0
    for which in [*order, *(which for which in range(30) for _ in range(most_tries + 1))]:
        if which in over:
            continue
        again = tries[which] > 0
        try:
            breakers.allow(HOST, visits[which], IMPATIENT, again=again)
        except BreakerOpen:
            if again:
                breakers.record(HOST, Outcome.FAILED, visits[which])
                over.add(which)
            continue
        exchanges += 1
        breakers.settle(HOST, Outcome.FAILED, IMPATIENT)
        tries[which] += 1
        if tries[which] == most_tries:
            breakers.record(HOST, Outcome.FAILED, visits[which])
            over.add(which)
    assert exchanges <= failures + 2
    assert breakers.get(HOST).is_open


def test_a_probe_is_not_tried_again() -> None:
    """In the next run the dead host costs one connection, however often pages are tried."""
    clock = FakeClock()
    breakers = Breakers(BreakerPolicy(1, 60), clock)
    first, probe = object(), object()
    breakers.allow(HOST, first, IMPATIENT)
    breakers.settle(HOST, Outcome.FAILED, IMPATIENT)
    breakers.record(HOST, Outcome.FAILED, first)
    clock.advance(60)
    breakers.allow(HOST, probe, IMPATIENT)
    breakers.settle(HOST, Outcome.FAILED, IMPATIENT)
    with pytest.raises(BreakerOpen):
        breakers.allow(HOST, probe, IMPATIENT, again=True)


def test_a_persistent_visit_goes_on() -> None:
    """The server without which a job has nothing to do is tried as often as its policy says."""
    breakers = Breakers(BreakerPolicy(1, 0), FakeClock())
    visit, persistent = object(), Patience(0.0, CancelToken(), persistent=True)
    for number in range(10):
        breakers.allow(HOST, visit, persistent, again=number > 0)
        breakers.settle(HOST, Outcome.FAILED, persistent)


def test_the_answer_of_a_persistent_visit_lets_others_go() -> None:
    """It is not counted itself, but shows that the host is back."""
    breakers = Breakers(BreakerPolicy(1, 0), FakeClock())
    visit, api = object(), object()
    breakers.allow(HOST, visit, IMPATIENT)
    breakers.settle(HOST, Outcome.FAILED, IMPATIENT)
    breakers.record(HOST, Outcome.FAILED, visit)
    breakers.allow(HOST, api)
    breakers.record(HOST, Outcome.ANSWERED, api)
    for _ in range(20):
        breakers.allow(HOST, object(), IMPATIENT)


def test_the_error_says_when_the_host_may_be_asked() -> None:
    """Items that met an open breaker wait for its end, not for an hour."""
    clock = FakeClock()
    breakers = Breakers(BreakerPolicy(1, 60), clock)
    visit = object()
    breakers.allow(HOST, visit, IMPATIENT)
    breakers.record(HOST, Outcome.FAILED, visit)
    with pytest.raises(BreakerOpen) as caught:
        breakers.allow(HOST, object(), IMPATIENT)
    assert caught.value.until == clock.now() + 60
