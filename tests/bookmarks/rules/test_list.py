"""The list as a whole."""

import hashlib
import json
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.model import Bookmark, StoredBookmark
from datafetch.bookmarks.rules.list import (
    Times,
    as_array,
    checksum,
    group_by_tag,
    index,
    mapping_checksum,
    mapping_entries,
    pages,
    places,
    slug_mapping,
    weave,
)
from datafetch.bookmarks.rules.merge import as_bookmark

DATE = attrgetter("date_bookmarked")


def bookmark(number: int, *tags: str, date: str | None = None) -> Bookmark:
    """A stored bookmark with these tags."""
    return Bookmark(
        id=f"b{number}",
        slug=f"s{number}",
        url=f"https://e.com/{number}",
        title=f"T{number}",
        date_bookmarked=date or f"2026-01-{99 - number:02d}",
        modified_at="m",
        tags=tuple((tag, tag.upper()) for tag in tags),
        body=b'{"id":"b%d"}' % number,
    )


@given(st.integers(0, 200))
def test_pages_hold_all_in_order(count: int) -> None:
    """Pages have at most 24 items and together are the list."""
    bookmarks = [bookmark(number) for number in range(count)]
    cut = pages(bookmarks)
    assert [item for page in cut for item in page] == bookmarks
    assert all(0 < len(page) <= 24 for page in cut)
    assert index(bookmarks, Times("x", 1, 1), "sum", changed=True)["totalPages"] == len(cut)


@given(st.integers(0, 5))
def test_array_is_json(count: int) -> None:
    """The parts of an array join to JSON, also when there is nothing in it."""
    found = json.loads(b"".join(as_array([bookmark(number) for number in range(count)])))
    assert found == [{"id": f"b{number}"} for number in range(count)]


def test_checksum_is_that_of_the_contract() -> None:
    """The checksum is over the lines `id:modifiedAt` sorted by id, whatever the order."""
    wanted = hashlib.sha256(b"b1:m\nb10:m\nb2:m").hexdigest()
    assert checksum([bookmark(2), bookmark(10), bookmark(1)]) == wanted


def test_tags_keep_the_order_of_the_list() -> None:
    """A tag's bookmarks stand in the list's order; with a limit the largest tags win."""
    bookmarks = [bookmark(1, "a", "b"), bookmark(2, "b"), bookmark(3, "c", "b", "a")]
    groups = {slug: [item.id for item in tagged] for slug, tagged in group_by_tag(bookmarks, None)}
    assert groups == {"a": ["b1", "b3"], "b": ["b1", "b2", "b3"], "c": ["b3"]}
    assert [slug for slug, _ in group_by_tag(bookmarks, 2)] == ["b", "a"]
    assert group_by_tag(bookmarks, 0) == []


def test_kept_bookmarks_stand_where_their_date_puts_them() -> None:
    """What was not read this time keeps its place among what was."""
    fetched = [bookmark(1, date="2026-05"), bookmark(2, date="2026-03")]
    kept = [bookmark(7, date="2026-06"), bookmark(8, date="2026-04"), bookmark(9, date="2026-01")]
    assert [item.id for item in weave(fetched, kept, DATE)] == ["b7", "b1", "b8", "b2", "b9"]
    same = [bookmark(3, date="2026-03"), bookmark(4, date="2026-03")]
    assert [item.id for item in weave(fetched, same, DATE)] == ["b1", "b2", "b3", "b4"]
    assert weave([], kept, DATE) == kept
    assert weave(fetched, [], DATE) == fetched


def test_mapping_goes_both_ways() -> None:
    """The slug mapping names each bookmark by id and each id by slug."""
    bookmarks = [bookmark(1), bookmark(2)]
    entries = json.dumps(mapping_entries(bookmarks)).encode()
    mapping = json.loads(b"".join(slug_mapping(bookmarks, entries, "now", "sum")))
    assert mapping == {
        "version": "1.0.0",
        "generated": "now",
        "count": 2,
        "checksum": "sum",
        "slugs": {
            "b1": {"id": "b1", "slug": "s1", "url": "https://e.com/1", "title": "T1"},
            "b2": {"id": "b2", "slug": "s2", "url": "https://e.com/2", "title": "T2"},
        },
        "reverseMap": {"s1": "b1", "s2": "b2"},
    }


@pytest.mark.parametrize(
    ("slugs", "md5"),
    [
        ({}, "d751713988987e9331980363e24189ce"),
        ({"b2": "b", "b10": "ü", "B3": "c"}, "f789f7bc0878503bf50a72e224567a53"),
    ],
)
def test_checksum_of_the_mapping_is_the_one_that_readers_compute(
    slugs: dict[str, str], md5: str
) -> None:
    """A checksum in our own form where readers demand theirs: 32 hex digits, of the pairs by id."""
    items = [bookmark(1)._replace(id=key, slug=slug) for key, slug in slugs.items()]
    assert mapping_checksum(items) == md5


def test_kept_bookmarks_stay_where_an_odd_date_put_their_neighbours() -> None:
    """The server puts a bookmark of the year 56789 first: with another date published for it, it stays there, and so do the others."""
    fetched = [dated("odd", 2020), dated("n2", 2026), dated("n1", 2025)]
    kept = [dated("k2", 2024), dated("k1", 2022), dated("k0", 2021), dated("before-christ", 2026)]
    names = [item.id for item in weave(fetched, kept, DATE)]
    assert names == ["odd", "n2", "n1", "k2", "k1", "k0", "before-christ"]
    names = [item.id for item in weave([*fetched, *kept], [dated("unreadable", 2023)], DATE)]
    assert names == ["odd", "n2", "n1", "k2", "unreadable", "k1", "k0", "before-christ"]
    assert [item.id for item in weave([], kept, DATE)] == ["k2", "k1", "k0", "before-christ"]


@given(st.lists(st.integers(2000, 2030), max_size=12))
def test_places_are_in_order_and_those_of_a_list_in_order_its_dates(years: list[int]) -> None:
    """Whatever dates there are, the places never rise, and each is the date of one of the bookmarks."""
    dates = [str(year) for year in years]
    found = places(dates)
    assert found == sorted(found, reverse=True)
    assert set(found) <= set(dates)
    assert places(sorted(dates, reverse=True)) == sorted(dates, reverse=True)


def dated(name: str, year: int) -> Bookmark:
    """A bookmark of this year."""
    return as_bookmark(StoredBookmark(name, {"id": name, "dateBookmarked": f"{year}-01-01T00:00"}))
