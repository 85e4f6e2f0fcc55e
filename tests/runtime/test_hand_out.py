"""Which items go to which worker: all once, whatever becomes of the workers."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.runtime.hand_out import HandOut, Parcel

WORKERS = ("a", "b", "c")


def hand_out(items, groups=0, **options) -> HandOut[int]:
    """Numbers to hand out; `groups` is how many groups they fall into."""
    return HandOut(iter(items), group=lambda n: str(n % groups) if groups else "", **options)


class Cluster:
    """Workers that do as they are told, and are lost; checks each parcel that is handed out."""

    def __init__(self, out: HandOut[int], groups: int, size: int, width: int | None) -> None:
        self.out, self.groups, self.size, self.width = out, groups, size, width
        self.at: dict[int, Parcel[int]] = {}
        self.results: Counter[int] = Counter()
        self.blamed: Counter[int] = Counter()
        """How often an item may have been what ended its worker."""

    def fill(self) -> None:
        for worker in WORKERS:
            while (parcel := self.out.next_for(worker, len(WORKERS))) is not None:
                self.check(parcel)
                self.at[parcel.number] = parcel

    def check(self, parcel: Parcel[int]) -> None:
        others = [other for other in self.at.values() if other.worker == parcel.worker]
        assert 1 <= len(parcel.items) <= self.size
        assert len(others) < 2
        assert not (others and parcel.alone)
        assert not any(other.alone for other in others)
        if self.groups:
            elsewhere = {
                item % self.groups
                for other in self.at.values()
                if other.worker != parcel.worker
                for item in other.items
            }
            assert not elsewhere & {item % self.groups for item in parcel.items}
        if self.width is not None:
            assert sum(at.width or 0 for at in (*self.at.values(), parcel)) <= self.width

    def end(self, number: int) -> None:
        parcel = self.at.pop(number)
        assert self.out.ended(number) == parcel
        self.results.update(parcel.items)

    def lose(self, worker: str, threads: int) -> None:
        mine = [parcel for parcel in self.at.values() if parcel.worker == worker]
        for parcel in mine[:threads]:
            self.blamed.update(parcel.items)
        given_up = self.out.lost_worker(worker, threads)
        assert all(self.blamed[item] == 2 for item in given_up)
        self.results.update(given_up)
        for parcel in mine:
            del self.at[parcel.number]


@given(
    count=st.integers(0, 60),
    groups=st.sampled_from([0, 1, 3, 20]),
    size=st.integers(1, 5),
    width=st.sampled_from([None, 1, 2, 8]),
    moves=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), max_size=60),
)
def test_each_item_has_one_result_whatever_happens(count, groups, size, width, moves):
    """None is lost or done twice, and only one that may have ended two workers is given up."""
    out = hand_out(range(count), groups, size=size, width=width, aside=10)
    cluster = Cluster(out, groups, size, width)
    for what, which in moves:
        cluster.fill()
        if what == 0:
            cluster.lose(WORKERS[which % 3], 1 + which % 2)
        elif cluster.at:
            cluster.end(sorted(cluster.at)[which % len(cluster.at)])
    while not out.done:
        cluster.fill()
        assert cluster.at or out.done  # somebody always has something
        for number in list(cluster.at):
            cluster.end(number)
    assert cluster.results == Counter(range(count))


def test_a_worker_has_one_batch_ahead():
    """It goes on at once when it has finished one, and no other worker waits meanwhile."""
    out = hand_out(range(100), size=4)
    first, second = out.next_for("a", 2), out.next_for("a", 2)
    assert first is not None
    assert second is not None
    assert (first.items, second.items) == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert out.next_for("a", 2) is None
    assert out.next_for("b", 2) is not None
    out.ended(first.number)
    assert out.next_for("a", 2) is not None


def test_what_a_lost_worker_had_is_done_one_by_one():
    """So that the item that ended it costs no other a second worker."""
    out = hand_out(range(4), size=2)
    first, second = out.next_for("a", 2), out.next_for("a", 2)
    assert first is not None
    assert second is not None
    assert out.lost_worker("a", 1) == []
    again = [out.next_for("b", 1)]
    assert out.next_for("b", 1) is None  # alone
    while again[-1] is not None:
        out.ended(again[-1].number)
        again.append(out.next_for("b", 1))
    parcels = [parcel for parcel in again if parcel]
    assert [(parcel.items, parcel.struck) for parcel in parcels] == [
        ((0,), True),
        ((1,), True),
        ((2, 3), False),  # was not begun
    ]
    assert all(parcel.alone for parcel in parcels)
    assert out.done


@pytest.mark.parametrize("how", ["worker", "batch"])
def test_an_item_that_ends_two_workers_is_given_up(how):
    """It would end them all."""
    out = hand_out([7], size=2)

    def lose(worker: str) -> list[int]:
        parcel = out.next_for(worker, 1)
        assert parcel is not None
        return out.lost_worker(worker, 1) if how == "worker" else out.failed(parcel.number)

    assert lose("a") == []
    assert not out.done
    assert lose("b") == [7]
    assert out.next_for("c", 1) is None
    assert out.done


def test_what_is_kept_aside_is_bounded():
    """One group with very many items does not draw a whole list into memory."""
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    out: HandOut[int] = HandOut(items(), group=lambda _n: "one", size=3, aside=10)
    assert out.next_for("a", 2) is not None
    assert out.next_for("b", 2) is None
    assert len(drawn) == 13
    assert out.next_for("b", 2) is None
    assert len(drawn) == 13


@pytest.mark.parametrize(("width", "workers", "widths"), [(8, 2, [4, 4]), (2, 3, [1, 1, None])])
def test_a_width_is_shared_by_all_workers(width, workers, widths):
    """A server that bears eight requests at once is asked for eight, however many workers there are."""
    out = hand_out(range(100), size=2, width=width)
    parcels = [out.next_for(worker, workers) for worker in WORKERS[:workers]]
    assert [parcel and parcel.width for parcel in parcels] == widths


def test_a_batch_that_was_given_up_may_still_end():
    """Its answer was under way when its worker was lost; the item is done again by then."""
    out = hand_out(range(2), size=2)
    parcel = out.next_for("a", 1)
    assert parcel is not None
    out.lost_worker("a", 1)
    assert out.ended(parcel.number) is None
    assert out.failed(parcel.number) == []
