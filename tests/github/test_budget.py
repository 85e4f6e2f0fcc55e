"""One limit for several processes: what is granted never exceeds what GitHub allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.github.budget import Allowance, Budget
from datafetch.upstream_errors import RateLimited
from tests.support import FakeClock


def made(clock: FakeClock, patience_s: float = 60) -> Budget:
    """A budget that waits for at most a minute."""
    return Budget("REST", clock, patience_s=patience_s)


def left(remaining: int, clock: FakeClock, blocked_s: float = 0.0) -> Allowance:
    """What a worker has heard: so many requests are left of this hour."""
    return Allowance(5000, remaining, clock.now() + 3600, blocked_s)


@given(
    most=st.integers(0, 6), steps=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40)
)
def test_never_more_is_granted_than_is_left(most: int, steps: list[tuple[bool, int]]) -> None:
    """In whatever order requests reach GitHub and answers come back."""
    clock = FakeClock()
    budget = made(clock)
    budget.hear(left(most, clock))
    under_way = 0
    served = 0
    unreturned: list[Allowance] = []
    for grants, choice in steps:
        if grants:
            under_way += budget.grant()
        elif under_way and choice % 2:
            under_way, served = under_way - 1, served + 1
            unreturned.append(left(most - served, clock))
        elif unreturned:
            budget.returned(unreturned.pop(choice % len(unreturned)))
        assert served + under_way <= most


def test_the_first_request_of_an_hour_goes_alone() -> None:
    """Nobody knows yet how many are left; its answer says so."""
    clock = FakeClock()
    budget = made(clock)
    assert [budget.grant(), budget.grant()] == [True, False]
    budget.returned(left(2, clock))
    assert [budget.grant(), budget.grant(), budget.grant()] == [True, True, False]
    budget.returned(left(1, clock))
    budget.returned(left(0, clock))
    assert not budget.grant()
    clock.advance(3600)
    assert [budget.grant(), budget.grant()] == [True, False]


def test_a_server_that_does_not_count_lets_everything_through() -> None:
    """Servers of GitHub Enterprise send no figures when their limits are switched off."""
    budget = made(FakeClock())
    assert budget.grant()
    budget.returned(Allowance())
    assert [budget.grant() for _ in range(100)] == [True] * 100


def test_a_lost_request_counts_as_sent() -> None:
    """Its worker ended, and nobody knows how far it had come."""
    clock = FakeClock()
    budget = made(clock)
    budget.hear(left(2, clock))
    assert budget.grant()
    budget.returned(None)
    assert [budget.grant(), budget.grant()] == [True, False]


def test_a_limit_that_one_process_met_holds_all() -> None:
    """Nothing is granted until it is over; that is waited for if it does not last too long."""
    clock = FakeClock()
    budget = made(clock)
    budget.hear(left(100, clock, blocked_s=30))
    assert not budget.grant()
    assert budget.closed_s() == 30
    budget.wait()
    assert clock.slept == [30]
    assert budget.grant()
    budget.returned(left(99, clock, blocked_s=61))
    with pytest.raises(RateLimited, match="secondary limit for REST"):
        budget.wait()


def test_what_one_process_knows_is_told_to_another() -> None:
    """The figures, and for how long GitHub asked to send nothing."""
    clock = FakeClock()
    worker, budget = made(clock, patience_s=0), made(clock)

    def once() -> None:
        worker.learn(
            {"x-ratelimit-remaining": "7", "x-ratelimit-reset": str(int(clock.now()) + 60)}
        )
        raise RateLimited(until=clock.now() + 20)

    with pytest.raises(RateLimited):
        worker.send(once)
    assert worker.allowance() == Allowance(None, 7, int(clock.now()) + 60, 20)
    budget.hear(worker.allowance())
    assert budget.allowance() == worker.allowance()
    assert clock.slept == []


def test_answers_that_overtake_others_do_not_raise_what_is_left() -> None:
    """The lowest figure of an hour counts; a new hour begins anew, and the old one is over."""
    clock = FakeClock()
    budget = made(clock)
    for remaining in (5, 3, 4):
        budget.hear(left(remaining, clock))
    assert budget.allowance().remaining == 3
    old = left(1, clock)
    clock.advance(3601)
    budget.hear(left(4999, clock))
    budget.hear(old)
    assert budget.allowance().remaining == 4999
