"""Parallel work: everything once, errors out, a stop in between."""

import threading

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.runtime.engine import ThreadEngine


@pytest.mark.parametrize("width", [1, 4])
def test_each_item_is_worked_on_once(width):
    """Sequential or parallel, the results are the same set."""
    engine = ThreadEngine(width)
    assert sorted(engine.map(lambda n: n * 2, range(50))) == [n * 2 for n in range(50)]


def test_items_are_drawn_as_places_become_free():
    """A long list is not loaded into memory at once."""
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    results = ThreadEngine(3).map(lambda n: n, items())
    next(results)
    assert len(drawn) < 10


def test_the_functions_error_comes_out():
    """An unexpected error stops the run; it is not swallowed."""
    with pytest.raises(ZeroDivisionError):
        list(ThreadEngine(4).map(lambda n: 1 // n, [1, 2, 0, 3]))


@pytest.mark.parametrize("width", [1, 3])
def test_a_stop_ends_the_taking_of_items(width):
    """SIGTERM stops the taking of items; what is under way ends."""
    cancel = CancelToken()
    done = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            done.append(number)
        if number == 5:
            cancel.cancel(Cancelled("stop", signal=15))
        return number

    with pytest.raises(Cancelled):
        list(ThreadEngine(width, cancel).map(work, range(1000)))
    assert len(done) < 20
