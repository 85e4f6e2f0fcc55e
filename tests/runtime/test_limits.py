"""Holding back: batches with pauses, and few at once for each host."""

import heapq
import threading
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.errors import Cancelled
from datafetch.runtime.limits import BatchPacer, PerHost, Places
from tests.support import FakeClock


def starts(pacer: BatchPacer, clock: FakeClock, count: int, work_s: float = 0.0) -> Any:
    """When each of so many starts happened, in seconds from the first."""
    begun = clock.monotonic()
    moments = []
    for _ in range(count):
        pacer.wait()
        moments.append(clock.monotonic() - begun)
        clock.advance(work_s)
    return moments


def test_batches_are_apart() -> None:
    """After each batch a pause; within a batch none."""
    clock = FakeClock()
    assert starts(BatchPacer(3, 0.5, clock), clock, 8) == [0, 0, 0, 0.5, 0.5, 0.5, 1.0, 1.0]


def test_slow_work_is_not_held_up_further() -> None:
    """When the work takes longer than the pause, nobody waits."""
    clock = FakeClock()
    starts(BatchPacer(2, 0.5, clock), clock, 6, work_s=1.0)
    assert clock.slept == []


def test_a_long_rest_gives_no_credit() -> None:
    """After a rest a batch is still a batch, not all that could have been."""
    clock = FakeClock()
    pacer = BatchPacer(2, 0.5, clock)
    starts(pacer, clock, 2)
    clock.advance(100)
    assert starts(pacer, clock, 4) == [0, 0, 0.5, 0.5]


@pytest.mark.parametrize("delay_s", [0, -0.5])
def test_without_a_pause_nobody_waits(delay_s: float) -> None:
    """A pause of nothing, or less, is none."""
    clock = FakeClock()
    starts(BatchPacer(1, delay_s, clock), clock, 100)
    assert clock.slept == []


class _Process(FakeClock):
    """The clock of one process of several: its pauses do not hold the others up."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def _starts_of(size: int, delay_s: float, work_s: list[float], until_s: float) -> list[float]:
    """When work begins in processes whose pieces take so long each, in order."""
    places = Places(len(work_s))
    clocks = [_Process() for _ in work_s]
    pacers = [BatchPacer(size, delay_s, clock, places) for clock in clocks]
    found = []
    turns = [(0.0, number) for number in range(len(work_s))]
    while turns:
        _, number = heapq.heappop(turns)
        clock = clocks[number]
        pacers[number].wait()
        if clock.at < until_s:
            found.append(clock.at)
            clock.at += work_s[number]
            heapq.heappush(turns, (clock.at, number))
    return sorted(found)


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 20),
    delay_s=st.floats(0.05, 5),
    work=st.lists(st.sampled_from([0.0, 0.01, 0.3, 2.0]), min_size=1, max_size=24),
)
def test_processes_share_the_pace(size: int, delay_s: float, work: list[float]) -> None:
    """In no window of time all processes together begin more than one pacer might."""
    found = _starts_of(size, delay_s, work, delay_s * 20)
    ahead = max(size, len(work))
    for first in range(len(found)):
        for last in range(first, len(found)):
            window_s = found[last] - found[first]
            assert last - first + 1 <= ahead + size * window_s / delay_s + 1e-6


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 20), delay_s=st.floats(0.05, 5), count=st.integers(1, 24))
def test_busy_processes_use_the_whole_pace(size: int, delay_s: float, count: int) -> None:
    """With many processes that always have work, nearly as much begins as with one."""
    found = _starts_of(size, delay_s, [0.0] * count, delay_s * 100)
    assert len(found) >= 0.95 * size * 100


@given(
    size=st.integers(1, 20),
    delay_s=st.floats(0, 5),
    rests=st.lists(st.sampled_from([0.0, 0.1, 1.0, 7.0]), max_size=60),
)
def test_one_process_keeps_the_exact_pause(size: int, delay_s: float, rests: list[float]) -> None:
    """For a process of its own no start is within the pause after the last of the batch before."""
    clock = _Process()
    pacer, found = BatchPacer(size, delay_s, clock, Places()), []
    for rest_s in rests:
        pacer.wait()
        found.append(clock.at)
        clock.at += rest_s
    for before, after in zip(found[size - 1 :: size], found[size::size], strict=False):
        assert after - before >= delay_s - 1e-9


def test_a_pacer_follows_the_processes() -> None:
    """When another process comes or goes, the next batch is already the right part."""
    clock, places = FakeClock(), Places(2)
    pacer = BatchPacer(4, 1.0, clock, places)
    assert starts(pacer, clock, 4) == [0, 0, 1, 1]
    places.become(1)
    assert starts(pacer, clock, 6) == [0, 0, 1, 1, 1, 1]
    places.become(8)
    assert starts(pacer, clock, 3) == [2, 4, 6]


def test_there_is_always_one_process() -> None:
    """None, or fewer, are one: the one that asks."""
    places = Places(0)
    assert places.count == 1
    places.become(-3)
    assert places.count == 1


def test_threads_share_the_batches() -> None:
    """Starts of many threads are counted together."""

    class Still(FakeClock):
        """Time stands still, so that waits are those asked for, whichever thread came first."""

        def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)

    clock = Still()
    pacer = BatchPacer(10, 0.5, clock)
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        for _ in range(10):
            pacer.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clock.slept) == [batch * 0.5 for batch in range(1, 8) for _ in range(10)]


def test_a_stop_ends_the_wait() -> None:
    """A pause is left when the run was asked to stop."""

    class Stopping(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Cancelled

    pacer = BatchPacer(1, 1, Stopping())
    pacer.wait()
    with pytest.raises(Cancelled):
        pacer.wait()


def test_a_host_takes_so_many_at_once() -> None:
    """The third request to a host waits until one of the two before it has ended."""
    hosts = PerHost(2)
    third = threading.Event()

    def late() -> None:
        with hosts.slot("a"):
            third.set()

    with hosts.slot("a"):
        with hosts.slot("a"), hosts.slot("b"):
            thread = threading.Thread(target=late)
            thread.start()
            assert not third.wait(0.05)
        assert third.wait(10)
    thread.join()


def test_hosts_are_forgotten() -> None:
    """A run over many hosts does not remember them all, also when the work fails."""
    hosts = PerHost(2)
    slots: WeakSet[Any] = WeakSet()
    for number in range(1000):
        with hosts.slot(f"host-{number}"):
            slots.add(hosts.slot(f"host-{number}"))
            assert len(slots) == 1
        assert len(slots) == 0
    with pytest.raises(ValueError), hosts.slot("a"):
        slots.add(hosts.slot("a"))
        raise ValueError
    assert len(slots) == 0


def test_a_place_is_free_again_when_the_work_failed() -> None:
    """An error in the work does not take the host's place away for ever."""
    hosts = PerHost(1)
    with pytest.raises(ValueError), hosts.slot("a"):
        raise ValueError
    with hosts.slot("a"), hosts.slot("b"):
        pass
