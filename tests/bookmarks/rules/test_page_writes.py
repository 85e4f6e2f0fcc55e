"""The order in which pages are written."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.rules.page_writes import PageWrite, page_writes

Ids = tuple[str, ...]


def paged(items: Sequence[str], size: int = 2) -> list[Ids]:
    """The items on pages of this size."""
    return [tuple(items[at : at + size]) for at in range(0, len(items), size)]


def numbered(pages: Sequence[Ids]) -> dict[int, Ids]:
    """The pages by their numbers."""
    return dict(enumerate(pages, 1))


def flat(groups: list[list[PageWrite]]) -> list[PageWrite]:
    """All writes, one group after the other."""
    return [write for group in groups for write in group]


def changed(before: Sequence[Ids], after: Sequence[Ids]) -> list[PageWrite]:
    """The writes of pages that differ from what they were."""
    old = numbered(before)
    writes = flat(page_writes(old, after))
    return [write for write in writes if old.get(write.page) != after[write.page - 1]]


@st.composite
def interleaved(draw: st.DrawFn, groups: list[list[PageWrite]]) -> list[PageWrite]:
    """The writes in one of the orders in which threads may make them."""
    turns = [number for number, group in enumerate(groups) for _ in group]
    draw(st.randoms(use_true_random=False)).shuffle(turns)
    left = [iter(group) for group in groups]
    return [next(left[number]) for number in turns]


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """A list, and what becomes of it by insertions, deletions and moves."""
    old = [f"o{number}" for number in range(draw(st.integers(0, 40)))]
    new = list(old)
    for step in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["insert", "delete", "move", "top", "shuffle"]))
        if kind == "insert":
            new.insert(draw(st.integers(0, len(new))), f"n{step}")
        elif kind == "shuffle":
            new = draw(st.permutations(new))
        elif new:
            item = new.pop(draw(st.integers(0, len(new) - 1)))
            place = 0 if kind == "top" else draw(st.integers(0, len(new)))
            new[place:place] = [] if kind == "delete" else [item]
    return old, new


@given(lists(), st.integers(1, 7), st.data())
def test_no_item_is_on_no_page_between_two_writes(
    change: tuple[list[str], list[str]], size: int, data: st.DataObject
) -> None:
    """One order of pages for a change that both inserts and deletes: an item was on no page."""
    old, new = change
    shown, after = numbered(paged(old, size)), paged(new, size)
    staying = set(old) & set(new)
    for write in data.draw(interleaved(page_writes(shown, after))):
        assert set(write.ids) >= set(after[write.page - 1])
        assert set(write.ids) <= set(after[write.page - 1]) | set(shown.get(write.page, ()))
        shown[write.page] = write.ids
        staying |= set(write.ids)
        assert {item for ids in shown.values() for item in ids} >= staying
    assert [shown[number] for number in range(1, len(after) + 1)] == after


@given(lists(), lists(), st.integers(1, 7), st.data())
def test_what_a_dead_publish_left_is_written_over_in_such_an_order(
    change: tuple[list[str], list[str]],
    other: tuple[list[str], list[str]],
    size: int,
    data: st.DataObject,
) -> None:
    """A killed publish leaves new pages beside old ones: the next run loses nobody of either."""
    old, new = change
    shown, after = numbered(paged(old, size)), paged(new, size)
    writes = data.draw(interleaved(page_writes(shown, after)))
    for write in writes[: data.draw(st.integers(0, len(writes)))]:
        shown[write.page] = write.ids
    wanted = paged(data.draw(st.sampled_from([old, other[1]])), size)
    staying = {item for ids in shown.values() for item in ids}
    staying &= {item for ids in wanted for item in ids}
    for write in data.draw(interleaved(page_writes(shown, wanted))):
        shown[write.page] = write.ids
        assert {item for ids in shown.values() for item in ids} >= staying
    assert [shown[number] for number in range(1, len(wanted) + 1)] == wanted


@given(lists(), st.integers(1, 7))
def test_a_page_is_written_twice_only_where_items_pass_each_other(
    change: tuple[list[str], list[str]], size: int
) -> None:
    """Insertions and deletions cost one write a page; moves at most one more for each mover's page."""
    old, new = change
    before, after = numbered(paged(old, size)), paged(new, size)
    writes = flat(page_writes(before, after))
    ends = [write.page for write in writes if not write.interim]
    assert sorted(ends) == list(range(1, len(after) + 1))
    twice = [write.page for write in writes if write.interim]
    assert len(set(twice)) == len(twice)
    movers = passers(old, new)
    assert len(twice) <= len({new.index(item) // size for item in movers})
    assert all(before.get(number) != after[number - 1] for number in twice)


def passers(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The fewest items without which the others are in one order, found one length after another."""
    common = [item for item in old if item in new]
    best: list[int] = []
    for at, item in enumerate(common):
        lengths = [best[n] for n in range(at) if new.index(common[n]) < new.index(item)]
        best.append(1 + max(lengths, default=0))
    keep: set[str] = set()
    wanted = max(best, default=0)
    last = len(new)
    for item, length in zip(common[::-1], best[::-1], strict=True):
        if length == wanted and new.index(item) < last:
            keep.add(item)
            wanted, last = wanted - 1, new.index(item)
    return set(common) - keep


@given(st.permutations([f"o{number}" for number in range(12)]))
def test_hardly_more_pages_are_written_twice_than_have_to_be(new: list[str]) -> None:
    """Of a list of six pages in another order, at most two more than the least possible."""
    before, after = paged(sorted(new)), paged(new)
    twice = sum(write.interim for write in changed(before, after))
    assert twice <= least(before, after) + 2


def least(before: Sequence[Ids], after: Sequence[Ids]) -> int:
    """The fewest pages without which no pages wait for each other in a circle; tries all sets."""
    places = {item: page for page, ids in enumerate(after) for item in ids}
    needs = {
        page: {places[item] for item in ids if places[item] != page}
        for page, ids in enumerate(before)
    }
    for count in range(len(after) + 1):
        for chosen in combinations(range(len(after)), count):
            left = {page for page in needs if page not in chosen}
            while free := {page for page in left if not needs[page] & left}:
                left -= free
            if not left:
                return count
    raise AssertionError


def order(before: Sequence[Ids], after: Sequence[Ids]) -> Iterator[str]:
    """The writes of the pages that change, such as `2` or `1+` for one that is not the last."""
    for write in changed(before, after):
        yield f"{write.page}{'+' if write.interim else ''}"


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("abcdef", "abcdef", ""),
        ("abcdef", "xabcdef", "4 3 2 1"),
        ("abcdef", "bcdef", "1 2 3"),
        ("abcdef", "acbdef", "1+ 2 1"),
        ("abcdef", "bacdef", "1"),
        ("abcdef", "eabcdf", "1+ 3 2 1"),
        ("abcdefgh", "gabcdefh", "1+ 4 3 2 1"),
        ("abcdefgh", "xabcefgh", "2 1"),
        ("abcdefgh", "bcdefxgh", "1 2 3"),
        ("abcdefgh", "bcxdefgh", "1 2"),
        ("", "abcd", "1 2"),
        ("abcd", "", ""),
    ],
)
def test_the_order_is_that_of_the_change(before: str, after: str, wanted: str) -> None:
    """The page that receives an item is written before the one that gives it."""
    assert list(order(paged(before), paged(after))) == wanted.split()
