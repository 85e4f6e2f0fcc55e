"""Parallel work: everything once, errors out, a stop in between."""

import subprocess
import sys
import threading
from concurrent.futures import Future

import pytest

from datafetch.clock import CancelToken
from datafetch.errors import Cancelled
from datafetch.runtime.engine import Engine, beside, together
from tests.processes import clean_environment


@pytest.mark.parametrize("width", [1, 4])
def test_each_item_is_worked_on_once(width):
    """Sequential or parallel, the results are the same set."""
    engine = Engine(width)
    assert sorted(engine.map(lambda n: n * 2, range(50))) == [n * 2 for n in range(50)]


@pytest.mark.parametrize(("width", "asked", "places"), [(4, 2, 2), (2, 4, 2), (0, None, 1)])
def test_no_more_items_are_under_way_than_both_widths_allow(width, asked, places):
    """A source that bears little asks for fewer at once; nobody gets more than the setting says."""
    under_way, most = 0, 0
    lock, all_began = threading.Lock(), threading.Barrier(places, timeout=20)

    def work(_item: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        all_began.wait()
        with lock:
            under_way -= 1

    assert len([*Engine(width).map(work, range(4 * places), width=asked)]) == 4 * places
    assert most == places


def test_items_are_drawn_as_places_become_free():
    """A long list is not loaded into memory at once."""
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    results = Engine(3).map(lambda n: n, items())
    next(results)
    assert len(drawn) < 10


def test_the_functions_error_comes_out():
    """An unexpected error stops the run; it is not swallowed."""
    with pytest.raises(ZeroDivisionError):
        list(Engine(4).map(lambda n: 1 // n, [1, 2, 0, 3]))


@pytest.mark.parametrize("width", [1, 3])
def test_a_stop_ends_the_taking_of_items(width):
    """SIGTERM stops the taking of items; what is under way ends."""
    cancel = CancelToken()
    done = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:  # so that no thread goes on between the sixth item and the stop
            done.append(number)
            if len(done) == 6:
                cancel.cancel(Cancelled("stop", signal=15))
        return number

    with pytest.raises(Cancelled):
        list(Engine(width, cancel).map(work, range(1000)))
    assert len(done) < 20


def test_places_go_on_while_the_consumer_is_busy():
    """Who saves between two results does not hold up the others: the next items are drawn already."""
    begun = threading.Semaphore(0)

    def work(number: int) -> int:
        begun.release()
        return number

    results = Engine(3).map(work, range(100))
    next(results)
    for _ in range(6):
        assert begun.acquire(timeout=20)
    assert len([1, *results]) == 100


def test_nothing_is_begun_after_an_error():
    """The first write that fails ends a publish: what was drawn already is left alone."""
    failing: Future[threading.Thread] = Future()
    waiting = threading.Event()
    begun = []

    def items():
        for number in range(100):
            if number == 3:
                waiting.set()
            yield number

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            waiting.wait(20)
            failing.set_result(threading.current_thread())
            raise ZeroDivisionError
        # The thread that failed ends only when there is nothing left for it to do.
        failing.result().join(20)
        return number

    with pytest.raises(ZeroDivisionError):
        list(Engine(2).map(work, items()))
    assert sorted(begun) == [0, 1]


def test_who_stops_reading_ends_the_work():
    """Results that nobody wants any more are not worked for."""
    done: list[int] = []
    results = Engine(2).map(done.append, range(1000))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(done) < 20


def test_calls_go_together():
    """Each of them is under way before any has to end; their results come back in order."""
    barrier = threading.Barrier(3, timeout=20)
    calls = [lambda value=value: (barrier.wait(), value)[1] for value in "abc"]
    assert together(*calls) == ("a", "b", "c")


def test_all_have_ended_when_one_fails():
    """Nothing goes on behind the back of who handles the error; the earliest call's comes out."""
    ended = []
    barrier = threading.Barrier(3, timeout=20)

    def fail(error: Exception) -> None:
        barrier.wait()
        raise error

    def end() -> None:
        barrier.wait()
        ended.append(True)

    with pytest.raises(KeyError):
        together(lambda: fail(KeyError()), lambda: fail(ValueError()), end)
    assert ended == [True]
    with pytest.raises(ValueError):
        together(end, lambda: fail(ValueError()), end)
    assert len(ended) == 3


def test_a_call_goes_on_beside():
    """It begins at once; its result is waited for when it is wanted, each time it is."""
    begun, go_on = threading.Event(), threading.Event()

    def call() -> int:
        begun.set()
        assert go_on.wait(20)
        return 7

    result = beside(call)
    assert begun.wait(20)
    go_on.set()
    assert (result(), result()) == (7, 7)


def test_a_call_beside_that_never_ends_keeps_no_process() -> None:
    """Python waits at its end for the threads of pools: a store that hung held up a locked-out run."""
    code = (
        "import threading\nfrom datafetch.runtime.engine import beside\n"
        "beside(threading.Event().wait)\nprint('done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_an_error_beside_comes_out_where_the_result_is_wanted():
    """Nothing of it is lost."""

    def call() -> None:
        raise ValueError("bad")

    result = beside(call)
    with pytest.raises(ValueError, match="bad"):
        result()
