"""Until when a worker process may write."""

import threading

import pytest

from datafetch.errors import LeaseLost
from datafetch.ops.pulse_fence import PulseFence
from tests.support import FakeClock


def test_nothing_is_written_before_the_run_was_heard() -> None:
    """A worker that is cut off from its run from the beginning writes nothing, and says so."""
    fence = PulseFence(FakeClock())
    with pytest.raises(LeaseLost, match="not heard from its run yet"):
        fence.check()
    with pytest.raises(LeaseLost, match="not heard from its run yet"):
        fence.await_first(0.0)


def test_each_pulse_lets_it_write_for_a_while() -> None:
    """After silence it is refused; a pulse that comes then opens it again."""
    clock = FakeClock()
    fence = PulseFence(clock)
    fence.hold_open(5.0)
    clock.advance(4.9)
    fence.check()
    assert fence.silent_s() < 0
    clock.advance(0.1)
    with pytest.raises(LeaseLost, match="not heard from its run for too long"):
        fence.check()
    fence.hold_open(1.0)
    fence.check()


def test_a_shorter_word_counts_at_once() -> None:
    """A run whose lease is about to end says less than before."""
    clock = FakeClock()
    fence = PulseFence(clock)
    fence.hold_open(30.0)
    fence.hold_open(1.0)
    clock.advance(1.0)
    with pytest.raises(LeaseLost):
        fence.check()


def test_closed_is_closed_for_good() -> None:
    """A pulse that was under way when the run ended opens nothing."""
    fence = PulseFence(FakeClock())
    fence.hold_open(5.0)
    fence.close()
    fence.hold_open(5.0)
    with pytest.raises(LeaseLost, match="has ended"):
        fence.check()


def test_who_waits_goes_on_with_the_first_word() -> None:
    """The first batch may be there before the first pulse."""
    fence = PulseFence(FakeClock())
    waiting = threading.Thread(target=lambda: fence.await_first(60.0))
    waiting.start()
    fence.hold_open(5.0)
    waiting.join(60.0)
    assert not waiting.is_alive()
