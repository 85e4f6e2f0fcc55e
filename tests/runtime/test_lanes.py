"""Items that may be slow, and those that go beside them."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from datafetch.runtime.engine import Engine
from datafetch.runtime.lanes import Lanes
from tests.net.upstreams import InThread


def test_the_first_ones_come_first_in_half_of_the_places():
    """What failed before is tried first, and what is healthy does not wait behind it."""
    lanes = Lanes(["a", "b", "c"], ["x", "y"], 2, str)
    taken = iter(lanes)
    assert [next(taken) for _ in range(3)] == ["a", "b", "x"]
    lanes.ended("a")
    assert [next(taken) for _ in range(2)] == ["c", "y"]
    assert list(taken) == []


def test_without_others_all_places_are_theirs():
    """A run that has nothing but due letters is as wide as any."""
    assert list(Lanes(["a", "b", "c"], [], 1, str)) == ["a", "b", "c"]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 8), st.randoms())
def test_each_item_comes_once(first, rest, most, chance):
    """Whatever ends when: nothing is lost, and no more than `most` go beside what is left of the others."""
    slow, well = [f"s{n}" for n in range(first)], [f"w{n}" for n in range(rest)]
    lanes = Lanes(slow, well, most, str)
    out: set[str] = set()
    came = []
    for item in lanes:
        came.append(item)
        if item in slow:
            out.add(item)
            if len(set(well) - set(came)) > 0:
                assert len(out) <= max(1, most)
        for name in [name for name in sorted(out) if chance.random() < 0.3]:
            out.remove(name)
            lanes.ended(name)
    assert sorted(came) == sorted([*slow, *well])
    assert [item for item in came if item in slow] == slow


def test_healthy_items_end_while_the_others_hang():
    """A slow dead host with thirty due letters held the whole pool."""
    gate = threading.Event()
    well = [f"w{n}" for n in range(20)]
    lanes = Lanes([f"s{n}" for n in range(30)], well, 4, str)
    ended: list[str] = []
    all_well = threading.Event()

    def work(item: str) -> str:
        if item.startswith("s"):
            gate.wait(20)
        return item

    def run() -> None:
        for item in Engine(8).map(work, lanes):
            lanes.ended(item)
            ended.append(item)
            if set(well) <= set(ended):
                all_well.set()

    running = InThread(run)
    assert all_well.wait(20)
    assert ended == [item for item in ended if item.startswith("w")]
    gate.set()
    assert running.ended()
    assert len(ended) == 50
