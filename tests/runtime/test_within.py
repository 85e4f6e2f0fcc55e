"""Calls side by side, which are left when their time is over."""

import threading
import time

from datafetch.runtime.within import within


def test_calls_meet_side_by_side() -> None:
    """One after the other they would wait for each other in vain."""
    both = threading.Barrier(2)
    assert within({"a": both.wait, "b": both.wait}, lambda: time.monotonic() + 60) == ()


def test_what_has_not_ended_is_left() -> None:
    """A server that never answers keeps nobody; it is named, and what ends in time is not."""
    gate, done = threading.Event(), threading.Event()

    def until() -> float:
        done.wait(60)  # the time is over only when the quick one has ended
        return time.monotonic()

    assert within({"slow": gate.wait, "quick": done.set}, until) == ("slow",)
    gate.set()


def test_a_signal_brings_the_end_nearer() -> None:
    """The time is asked for again while it waits."""
    gate, asked = threading.Event(), iter([3600.0, 3600.0])
    assert within({"slow": gate.wait}, lambda: time.monotonic() + next(asked, -1.0)) == ("slow",)
    gate.set()
