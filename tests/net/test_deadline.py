"""Deadlines: each read and write has its own time-out, or what is left of the exchange."""

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.net.deadline import Deadline, deadline, hurried
from tests.support import FakeClock


def test_a_step_has_the_shorter_of_both_times() -> None:
    """A read may take its time-out, but never longer than the exchange as a whole."""
    clock = FakeClock()
    limit = Deadline(clock, CancelToken(), 60)
    assert limit.within(15, TimeoutError) == 15
    assert limit.within(None, TimeoutError) == 60
    clock.advance(50)
    assert limit.within(15, TimeoutError) == 10
    assert limit.within(None, TimeoutError) == 10


def test_nothing_begins_when_no_time_is_left() -> None:
    """The exchange is over at its deadline, not after it; the error is the step's own."""
    clock = FakeClock()
    limit = Deadline(clock, CancelToken(), 60)
    clock.advance(60)
    with pytest.raises(KeyError):
        limit.within(15, KeyError)


def test_nothing_begins_after_a_stop() -> None:
    """A run that was asked to stop reads and writes nothing more, whatever time is left."""
    cancel = CancelToken()
    limit = Deadline(FakeClock(), cancel, 60)
    cancel.cancel(Cancelled("enough"))
    with pytest.raises(Cancelled, match="enough"):
        limit.within(15, TimeoutError)


def test_a_rest_has_a_second() -> None:
    """Nobody is waited for long for what nobody asked for, and never longer than the exchange may take."""
    clock = FakeClock()
    mark = deadline.set(Deadline(clock, CancelToken(), 60))
    try:
        with hurried(1):
            assert deadline.get().within(15, TimeoutError) == 1
            clock.advance(1)
            with pytest.raises(TimeoutError):
                deadline.get().within(15, TimeoutError)
        clock.advance(58.5)
        with hurried(1):
            assert deadline.get().within(15, TimeoutError) == 0.5
        assert deadline.get().within(15, TimeoutError) == 0.5
    finally:
        deadline.reset(mark)
