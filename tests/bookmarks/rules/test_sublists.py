"""Which lists stand below a list, and how their bookmarks become one list."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import RawBookmark
from datafetch.bookmarks.rules.sublists import ListInfo, with_sublists, woven


def raw(name: str, day: int, **fields: Any) -> RawBookmark:
    """A bookmark made on a day of January."""
    return read_bookmark({"id": name, "createdAt": f"2026-01-{day:02d}T00:00:00.000Z", **fields})


def test_lists_below_a_list_are_found_at_any_depth() -> None:
    """A list below a list below the list counts; lists beside it and above it do not."""
    lists = [
        ListInfo("top"),
        ListInfo("root", "top"),
        ListInfo("beside", "top"),
        ListInfo("a", "root"),
        ListInfo("deep", "a"),
        ListInfo("b", "root"),
    ]
    found = with_sublists(lists, "root")
    assert found[0] == "root"
    assert sorted(found[1:]) == ["a", "b", "deep"]
    assert with_sublists([], "root") == ["root"]


def test_parents_that_form_a_ring_end() -> None:
    """Lists that name each other as parents are each read once, and the reading ends."""
    ring = [ListInfo("root", "b"), ListInfo("a", "root"), ListInfo("b", "a"), ListInfo("x", "x")]
    assert sorted(with_sublists(ring, "root")) == ["a", "b", "root"]


def test_bookmarks_of_several_lists_stand_newest_first() -> None:
    """The newest comes first whichever list it is on, one that is on two lists comes once, and of one moment the greater id is first."""
    one = [raw("n5", 5), raw("n3", 3), raw("b1", 1)]
    other = [raw("n4", 4), raw("n3", 3), raw("c1", 1), raw("a1", 1)]
    assert [item.id for item in woven([one, other])] == ["n5", "n4", "n3", "c1", "b1", "a1"]


def test_one_list_keeps_the_order_of_the_server() -> None:
    """A single list is not sorted: the server's order counts, and of an item that came twice the first."""
    items = [raw("a", 1), raw("c", 9), raw("a", 1, title="again"), raw("b", 9)]
    assert [(item.id, item.title) for item in woven([items])] == [
        ("a", None),
        ("c", None),
        ("b", None),
    ]
    assert woven([[]]) == []


@given(st.lists(st.lists(st.integers(0, 99), unique=True), max_size=4))
def test_woven_lists_are_one_list_in_order(lists: list[list[int]]) -> None:
    """However bookmarks are spread over lists, together they are the list that has them all."""
    split = [
        [raw(f"n{n:02d}", 1 + n % 9) for n in sorted(one, key=lambda n: (n % 9, n), reverse=True)]
        for one in lists
    ]
    whole = sorted({n for one in lists for n in one}, key=lambda n: (n % 9, n), reverse=True)
    assert [item.id for item in woven(split)] == [f"n{n:02d}" for n in whole]
