"""Retrying: on named errors, bounded in attempts and time, as the server asks."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import Cancelled
from datafetch.runtime.retry import RetryPolicy, call, next_wait
from datafetch.upstream_errors import BreakerOpen, Malformed, Missing, RateLimited, TransientError
from tests.support import START, FakeClock

POLICY = RetryPolicy(attempts=4, total_s=100, initial_s=1, max_wait_s=30)


def run(
    outcomes: Any,
    policy: Any = POLICY,
    clock: FakeClock | None = None,
    cost_s: float = 0.0,
    told: Any = None,
) -> Any:
    """Call something that fails with each error in turn and then succeeds."""
    clock = clock or FakeClock()
    given_time = []

    def once(left: float) -> Any:
        given_time.append(left)
        clock.advance(cost_s)
        if outcomes:
            raise outcomes.pop(0)
        return "done"

    result = call(once, policy, clock=clock, rng=random.Random(1), on_retry=told)
    return result, given_time


def test_success_needs_no_wait() -> None:
    """What succeeds is called once."""
    clock = FakeClock()
    assert run([], clock=clock)[0] == "done"
    assert clock.slept == []


def test_waits_double_with_jitter() -> None:
    """Each wait is drawn from the upper half of a back-off that doubles."""
    clock = FakeClock()
    run([TransientError("a"), TransientError("b"), TransientError("c")], clock=clock)
    for wait, most in zip(clock.slept, (1, 2, 4), strict=True):
        assert most / 2 <= wait <= most


def test_the_last_error_is_let_through() -> None:
    """Exhausted retries returned null: the last real exception is raised, as it is."""
    errors = [TransientError(str(number)) for number in range(4)]
    last = errors[-1]
    with pytest.raises(TransientError) as caught:
        run(list(errors))
    assert caught.value is last


@pytest.mark.parametrize(
    "error", [Missing("x"), Malformed("x"), Cancelled(), BreakerOpen("x"), ValueError()]
)
def test_other_errors_are_not_tried_again(error: Any) -> None:
    """Only what may pass is tried again; an open breaker, a stop and a mistake are not."""
    clock = FakeClock()
    with pytest.raises(type(error)):
        run([error], clock=clock)
    assert clock.slept == []


def test_time_is_bounded_too() -> None:
    """No wait begins that would end after the policy's time, tries included."""
    clock = FakeClock()
    with pytest.raises(TransientError):
        run([TransientError()] * 10, RetryPolicy(attempts=100, total_s=60), clock, cost_s=25)
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    ("cost_s", "errors", "waits"),
    [
        (0.0, [TransientError()] * 9, [0.5, 1.0]),
        (59.4, [TransientError()] * 9, [0.5]),
        (59.8, [TransientError()] * 9, []),
        (0.0, [RateLimited(until=START + 30)] * 9, [30.5, 1.0]),
        (0.0, [RateLimited(until=START + 30.5)] * 9, []),
    ],
)
def test_without_numbers_three_tries_in_a_minute(
    cost_s: float, errors: list[Exception], waits: list[float]
) -> None:
    """Half a second before the second try, one before the third; half a minute is the longest wait."""
    clock = FakeClock()
    with pytest.raises(TransientError):
        run(errors, RetryPolicy(), clock, cost_s=cost_s)
    assert len(clock.slept) == len(waits)
    for wait, most in zip(clock.slept, waits, strict=True):
        assert most / 2 <= wait <= most


def test_later_tries_have_what_is_left() -> None:
    """The first try is bounded by itself; the others by what is left of the policy's time."""
    _, given_time = run([TransientError(), TransientError()], cost_s=10)
    assert given_time[0] == float("inf")
    assert POLICY.total_s - 30 < given_time[2] < given_time[1] <= POLICY.total_s - 10.5


def test_the_server_says_when() -> None:
    """`Retry-After` and `x-ratelimit-reset` are honoured: not before, and not all at once after."""
    clock = FakeClock()
    run([RateLimited(until=clock.now() + 20)], clock=clock)
    assert 20 <= clock.slept[0] <= 21


def test_clients_do_not_all_come_when_the_server_said() -> None:
    """Each waits up to a second longer than it was asked to, or up to its own first wait if that is shorter."""

    def waits(initial_s: float) -> list[float]:
        policy = RetryPolicy(initial_s=initial_s)
        error = RateLimited(until=20.0)
        found = (
            next_wait(policy, 1, 0.0, error, now=0.0, rng=random.Random(client))
            for client in range(100)
        )
        return [wait for wait in found if wait is not None]

    for initial_s, most in ((5.0, 1.0), (0.5, 0.5)):
        spread = [wait - 20 for wait in waits(initial_s)]
        assert 0 <= min(spread) < 0.05 * most
        assert 0.95 * most < max(spread) <= most


@pytest.mark.parametrize("seconds", [31, 3600])
def test_a_longer_wait_than_allowed_ends_the_tries(seconds: float) -> None:
    """A server that asks for an hour is not waited for."""
    clock = FakeClock()
    with pytest.raises(RateLimited):
        run([RateLimited(until=clock.now() + seconds)], clock=clock)
    assert clock.slept == []


@pytest.mark.parametrize("until", [None, -5.0])
def test_without_a_time_the_backoff_counts(until: Any) -> None:
    """A limit that names no time, or one that is over, waits as any fault does."""
    clock = FakeClock()
    run([RateLimited(until=None if until is None else clock.now() + until)], clock=clock)
    assert 0.5 <= clock.slept[0] <= 1


def test_each_further_try_is_told() -> None:
    """Whoever counts retries hears of each, with its error and its wait."""
    told = []
    clock = FakeClock()
    run(
        [TransientError("a"), TransientError("b")],
        clock=clock,
        told=lambda *said: told.append(said),
    )
    assert [str(error) for error, _ in told] == ["a", "b"]
    assert [wait for _, wait in told] == clock.slept


@given(
    st.integers(1, 2000),
    st.floats(0, 1000),
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
    st.builds(
        RetryPolicy,
        attempts=st.integers(1, 2000),
        total_s=st.floats(0, 1000),
        initial_s=st.floats(0, 100),
        max_wait_s=st.floats(0, 100),
    ),
)
def test_no_wait_breaks_its_bounds(attempt: Any, elapsed: Any, asked: Any, policy: Any) -> None:
    """Whatever the server says, the wait is finite, not negative, and within the policy."""
    error = RateLimited(until=None if asked is None else asked)
    wait = next_wait(policy, attempt, elapsed, error, now=0.0, rng=random.Random(0))
    if wait is not None:
        assert attempt < policy.attempts
        assert 0 <= wait <= policy.max_wait_s + 1
        assert elapsed + wait < policy.total_s
