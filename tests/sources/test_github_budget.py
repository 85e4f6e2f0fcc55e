"""GitHub's budgets: obeyed before they are hit."""

from contextlib import ExitStack

import pytest

from datafetch.errors import RateLimited
from datafetch.sources.github_budget import SILENT_WAIT_S, Budget
from tests.support import FakeClock


def made(clock: FakeClock) -> Budget:
    """A budget that waits for at most a minute."""
    return Budget("REST", clock, patience_s=60)


def says(remaining: int, reset: float) -> dict[str, str]:
    """Headers of an answer."""
    return {"x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": str(int(reset))}


def test_an_unknown_budget_lets_everything_through() -> None:
    """Before the first answer nothing is known, and answers without headers change nothing."""
    budget = made(FakeClock())
    budget.learn({})
    budget.learn({"x-ratelimit-remaining": "soon", "x-ratelimit-reset": "later"})
    with budget.spend():
        pass
    assert budget.reset_at is None


def test_nothing_left_is_an_error_with_its_end() -> None:
    """The limit is obeyed before it is hit, and the error says from when it may go on."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 3600))
    with pytest.raises(RateLimited) as caught, budget.spend():
        pass
    assert caught.value.until == clock.now() + 3600
    assert clock.slept == []


def test_a_short_wait_is_waited_for() -> None:
    """A reset within the patience costs a wait, not the run."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 45))
    with budget.spend():
        pass
    assert clock.slept == [45]


def test_requests_under_way_count() -> None:
    """With two left, a third request does not begin while two are under way."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(2, clock.now() + 3600))
    with ExitStack() as stack:
        stack.enter_context(budget.spend())
        stack.enter_context(budget.spend())
        with pytest.raises(RateLimited), budget.spend():
            pass
    with budget.spend():
        pass


def test_a_reset_opens_the_budget() -> None:
    """After the reset the old figures count no more."""
    clock = FakeClock()
    budget = made(clock)
    budget.learn(says(0, clock.now() + 3600))
    clock.advance(3600)
    with budget.spend():
        pass
    assert clock.slept == []


@pytest.mark.parametrize("until_in", [None, 30.0])
def test_a_limit_that_was_met_stops_everyone(until_in: float | None) -> None:
    """One request that meets a secondary limit holds the others back as long as it was told."""
    clock = FakeClock()
    budget = made(clock)
    until = None if until_in is None else clock.now() + until_in
    with pytest.raises(RateLimited), budget.spend():
        raise RateLimited(until=until)
    with budget.spend():
        pass
    assert clock.slept == [until_in or SILENT_WAIT_S]
