"""GitHub's budgets: obeyed before they are hit."""

import pytest

from datafetch.clock import to_iso
from datafetch.errors import RateLimited
from datafetch.github.link import SILENT_WAIT_S, Budget
from tests.support import FakeClock


def made(clock: FakeClock) -> Budget:
    """A budget that waits for at most a minute."""
    return Budget("REST", clock, patience_s=60)


def says(remaining: int, reset: float) -> dict[str, str]:
    """Headers of an answer."""
    return {"x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": str(int(reset))}


def sent(budget: Budget, *errors: RateLimited | None) -> int:
    """Make one request, whose tries end like this; says how many there were."""
    tries = iter(errors)
    count = 0

    def once() -> None:
        nonlocal count
        count += 1
        if (error := next(tries, None)) is not None:
            raise error

    budget.send(once)
    return count


def test_an_unknown_budget_lets_everything_through() -> None:
    """Before the first answer nothing is known, and answers without headers change nothing."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn({})
    budget.learn({"x-ratelimit-remaining": "soon", "x-ratelimit-reset": "later"})
    assert sent(budget) == 1
    assert clock.slept == []


def test_nothing_left_is_an_error_with_its_end() -> None:
    """The limit is obeyed before it is hit, and the error says from when it may go on."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 3600))
    with pytest.raises(RateLimited, match=to_iso(clock.now() + 3600)) as caught:
        sent(budget)
    assert caught.value.until == clock.now() + 3600
    assert clock.slept == []


def test_a_reset_in_another_century_is_not_believed() -> None:
    """`x-ratelimit-reset` is honoured, capped."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, 2**32))
    with pytest.raises(RateLimited) as caught:
        sent(budget)
    assert caught.value.until == clock.now() + 24 * 3600


def test_a_short_wait_is_waited_for() -> None:
    """A reset within the patience costs a wait, not the run."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 45))
    assert sent(budget) == 1
    assert clock.slept == [45]


def test_requests_under_way_count() -> None:
    """With two left, a third request does not begin while two are under way."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(2, clock.now() + 3600))

    def third() -> None:
        with pytest.raises(RateLimited):
            sent(budget)

    budget.send(lambda: budget.send(third))
    assert sent(budget) == 1


def test_a_reset_opens_the_budget() -> None:
    """After the reset the old figures count no more."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 3600))
    clock.advance(3600)
    assert sent(budget) == 1
    assert clock.slept == []


@pytest.mark.parametrize(
    ("asked_s", "waits"), [(30.0, 30.0), (None, SILENT_WAIT_S), (0.0, 1.0), (-500.0, 1.0)]
)
def test_a_limit_that_was_met_is_waited_for_as_long_as_it_was_told(
    asked_s: float | None, waits: float
) -> None:
    """Honour `Retry-After` and `x-ratelimit-reset`; without them at least a minute; never at once."""
    clock = FakeClock()
    until = None if asked_s is None else clock.now() + asked_s
    assert sent(made(clock), RateLimited(until=until)) == 2
    assert clock.slept == [waits]


def test_a_limit_that_is_met_again_is_waited_for_twice_as_long() -> None:
    """Who goes on asking is shut out: the second time is left to the next run."""
    clock = FakeClock()
    budget = made(clock)
    with pytest.raises(RateLimited) as caught:
        sent(budget, RateLimited(), RateLimited())
    assert caught.value.until == clock.now() + 2 * SILENT_WAIT_S
    with pytest.raises(RateLimited):
        sent(budget)
    assert clock.slept == [SILENT_WAIT_S]


def test_a_server_that_never_lets_go_is_left_alone() -> None:
    """A limit that always ends in a second does not hold a run for ever."""
    clock = FakeClock()
    budget = made(clock)
    now = clock.now()
    with pytest.raises(RateLimited):
        sent(budget, *[RateLimited(until=now)] * 100)
    assert len(clock.slept) == 2
