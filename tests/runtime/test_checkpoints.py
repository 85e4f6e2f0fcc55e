"""Checkpoints: what takes long is done so seldom that it takes a tenth of the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.runtime.checkpoints import Checkpoints
from tests.support import FakeClock


@given(st.lists(st.floats(0.01, 500.0), min_size=1, max_size=20), st.floats(0.0, 5.0))
def test_it_takes_a_tenth_of_the_time(takes: list[float], least_s: float) -> None:
    """However long it takes: until it is due again nine times as much has passed."""
    clock = FakeClock(0.0)
    checkpoints = Checkpoints(clock, least_s)
    for take_s in takes:
        while not checkpoints.due():
            clock.advance(1.0)
        with checkpoints.timed():
            clock.advance(take_s)
    while not checkpoints.due():
        clock.advance(1.0)
    assert sum(takes) <= clock.time / 10 + 1e-6


def test_what_is_short_is_due_after_the_least_pause() -> None:
    """Also the first time."""
    clock = FakeClock(0.0)
    checkpoints = Checkpoints(clock, 5.0)
    clock.advance(4.0)
    assert not checkpoints.due()
    clock.advance(1.0)
    assert checkpoints.due()
    with checkpoints.timed():
        clock.advance(0.5)
    clock.advance(4.5)
    assert not checkpoints.due()
    clock.advance(0.5)
    assert checkpoints.due()


def test_what_fails_is_not_due_at_once() -> None:
    """A store that fails after a minute is not asked again and again."""
    clock = FakeClock(0.0)
    checkpoints = Checkpoints(clock, 5.0)
    with pytest.raises(OSError), checkpoints.timed():
        clock.advance(60.0)
        raise OSError
    clock.advance(539.0)
    assert not checkpoints.due()
    clock.advance(1.0)
    assert checkpoints.due()
