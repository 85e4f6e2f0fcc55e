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


def test_work_that_does_not_end_is_left_behind():
    """A hanging job blocked the scheduler."""
    cancel, never = CancelToken(), threading.Event()
    cancel.cancel(Cancelled("stop"))
    with pytest.raises(StoppedLate):
        supervise(lambda: never.wait(60), cancel, Stopping(lambda: None, 0.01))
    never.set()
