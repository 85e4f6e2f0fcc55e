"""Stopping is real: work that does not end is left behind."""

import threading

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.runtime.supervise import StoppedLate, Stopping, supervise

IDLE = Stopping(lambda: None)


def test_the_works_value_and_error_come_through():
    """In a thread or not, the caller sees the same."""
    assert supervise(lambda: 7, CancelToken(), IDLE) == 7
    with pytest.raises(KeyError):
        supervise(lambda: dict[str, int]()["x"], CancelToken(), IDLE)


def test_a_stop_shuts_the_sockets_and_waits_for_the_work():
    """Work that ends once its sockets are shut gives its own result."""
    cancel, shut = CancelToken(), threading.Event()
    started = threading.Event()

    def work() -> bool:
        started.set()
        return shut.wait(10)

    def stop() -> None:
        started.wait(30)
        cancel.cancel(Cancelled("stop"))

    threading.Thread(target=stop).start()
    assert supervise(work, cancel, Stopping(shut.set, 30))


def test_a_stop_that_takes_long_cuts_off_the_rest_once() -> None:
    """Work that waits for the store does not see that its sockets to upstreams are shut."""
    cancel, calls, gate = CancelToken(), [], threading.Event()
    cancel.cancel(Cancelled("stop"))

    def cut() -> None:
        calls.append("cut")
        gate.set()

    stopping = Stopping(lambda: calls.append("at once"), 30, cut, cut_after_s=0.0)
    assert supervise(lambda: gate.wait(20), cancel, stopping)
    assert calls == ["at once", "cut"]


def test_work_that_is_abandoned_is_left_at_once() -> None:
    """A second signal ends what the first one has only begun to end."""
    cancel, gate = CancelToken(), threading.Event()

    def hurry() -> None:
        cancel.cancel(Cancelled("stop"))
        cancel.abandon()

    threading.Thread(target=hurry).start()
    with pytest.raises(StoppedLate):
        supervise(lambda: gate.wait(60), cancel, Stopping(lambda: None, 1000))
    gate.set()


def test_work_that_does_not_end_is_left_behind():
    """A hanging job blocked the scheduler."""
    cancel, never = CancelToken(), threading.Event()
    cancel.cancel(Cancelled("stop"))
    with pytest.raises(StoppedLate):
        supervise(lambda: never.wait(60), cancel, Stopping(lambda: None, 0.01))
    never.set()
