"""Which records of pages and bookmarks stay when shares bring theirs."""

from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.own_result import own_results
from datafetch.opengraph.model import BookmarkRecord, PageRecord, PictureRecord
from datafetch.opengraph.rules.settle import settled_bookmarks, settled_pages

T = TypeVar("T")

_times = st.none() | st.integers(1, 3)
_pages = st.builds(PageRecord, fetched_at=_times, failed_at=_times, digest=st.sampled_from("xy"))
_pictures = st.builds(PictureRecord, key=st.sampled_from("kl"), fetched_at=_times)
_bookmarks = st.builds(
    BookmarkRecord,
    picture=st.none() | _pictures,
    tried=st.sampled_from(["", "t"]),
    mark=st.just("m"),
)
_names = st.sampled_from("abc")


@given(
    st.dictionaries(_names, _pages),
    st.lists(st.dictionaries(_names, _pages), max_size=3),
    st.data(),
)
def test_the_order_does_not_matter_to_pages(
    stored: dict[str, PageRecord], runs: list[dict[str, PageRecord]], data: st.DataObject
) -> None:
    """Whoever comes first: of each page the record of the latest answer is left."""

    def left(order: list[dict[str, PageRecord]]) -> dict[str, PageRecord]:
        there = dict(stored)
        for run in order:
            there.update(settled_pages(own_results(stored, {**stored, **run}), there))
        return there

    assert left(runs) == left(data.draw(st.permutations(runs)))


@given(
    st.dictionaries(_names, _bookmarks),
    st.lists(st.dictionaries(_names, _bookmarks), max_size=3),
    st.data(),
)
def test_the_order_does_not_matter_to_bookmarks(
    stored: dict[str, BookmarkRecord], runs: list[dict[str, BookmarkRecord]], data: st.DataObject
) -> None:
    """Whoever comes first, with one mark as long as nobody has merged the bookmarks."""

    def left(order: list[dict[str, BookmarkRecord]]) -> dict[str, BookmarkRecord]:
        there = dict(stored)
        for run in order:
            there.update(settled_bookmarks(own_results(stored, {**stored, **run}), there))
        return there

    assert left(runs) == left(data.draw(st.permutations(runs)))


def test_the_mark_is_that_of_who_merged_last() -> None:
    """A share that began before a merge does not bring the old mark back."""
    before = BookmarkRecord(mark="old")
    own = own_results({"b": before}, {"b": BookmarkRecord(tried="t", mark="old")})
    assert settled_bookmarks(own, {"b": BookmarkRecord(mark="new")}) == {
        "b": BookmarkRecord(tried="t", mark="new")
    }
    assert settled_bookmarks(own, {})["b"].mark == "", "it is merged again"


def test_a_later_success_stays_beside_a_failure() -> None:
    """What a whole run has read is not taken back by a share that could not read it."""
    before, failed = PageRecord(fetched_at=1), PageRecord(fetched_at=1, failed_at=9)
    read = PageRecord(fetched_at=5, digest="x")
    own = own_results({"p": before}, {"p": failed})
    assert settled_pages(own, {"p": read}) == {"p": read}
