"""What is read of arrays of bookmarks, and when a list counts as whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from datafetch.bookmarks.copies import (
    Copies,
    Expected,
    Listing,
    ObjectReader,
    add_copy,
    backup_keys,
    read_listing,
)
from datafetch.bookmarks.model import StoredBookmark
from datafetch.store.base import ObjectInfo, StoredObject
from tests.bookmarks.world import KEYS, SETTINGS
from tests.stores import MemoryStore
from tests.support import make_context

NUMBERS = TypeAdapter(dict[str, int])


def item(name: str, **fields: Any) -> StoredBookmark:
    """A stored bookmark."""
    return StoredBookmark(name, {"id": name, **fields})


def stored(body: bytes) -> StoredObject:
    """An object with this body."""
    return StoredObject(
        ObjectInfo("key", "etag", len(body), datetime(2026, 1, 1, tzinfo=UTC)), body
    )


def store_of(**objects: Any) -> MemoryStore:
    """A store with these backups, by their times."""
    store = MemoryStore()
    for time, items in objects.items():
        store.put(KEYS.bookmarks_backup(time), json.dumps(items).encode())
    return store


@pytest.mark.parametrize("wrapped", [False, True])
def test_odd_entries_of_an_array_are_counted(wrapped: bool) -> None:
    """An entry without a safe id is odd, a second entry of an id doubled; the others are read."""
    entries = [{"id": "a"}, None, {"id": "a b"}, {"id": "b"}, {"id": "a", "title": "again"}]
    body = json.dumps({"bookmarks": entries} if wrapped else entries).encode()
    listing = read_listing(stored(body))
    assert listing == Listing([item("a", title="again"), item("b")], odd=2, doubled=1)
    assert not listing.whole


@pytest.mark.parametrize(
    "body",
    [b"{", b"{}", b"7", b"null", b"\xff", b"[" * 100_000, b"[" + b"{}," * 200_000 + b"{}]"],
    ids=len,
)
def test_what_is_no_array_is_no_listing(body: bytes) -> None:
    """A corrupt object in the store crashed the run, or was taken as empty."""
    assert read_listing(stored(body)) is None


def test_a_listing_is_whole_when_every_entry_is_a_bookmark_of_its_own() -> None:
    """An empty array is not the list of somebody who had bookmarks."""
    assert Listing([item("a")]).whole
    assert not Listing([]).whole
    assert not Listing([item("a")], odd=1).whole
    assert not Listing([item("a")], doubled=1).whole


def test_half_a_surrogate_pair_is_read() -> None:
    """Old systems cut titles inside an emoji; that makes nothing of the object unreadable."""
    listing = read_listing(stored(b'[{"id":"a","title":"\\ud83d"}]'))
    assert listing is not None
    assert listing.items[0].text("title") == "\ud83d"


def test_a_copy_adds_what_the_copies_before_it_lack() -> None:
    """The first copy of a bookmark counts; empty fields of it are filled from the next one."""
    items = {"a": item("a", title="first", note=None, summary="")}
    add_copy(items, item("a", title="second", note="n", summary="s", ogTitle="o", domain=None))
    assert items["a"] == item("a", title="first", note="n", summary="s", ogTitle="o")


def test_copies_in_one_list_are_filled_in_order() -> None:
    """Of several copies in an array the first that has a field gives it, whatever comes between."""
    entries = [
        {"id": "a", "title": "", "note": None},
        {"id": "b", "title": "of b"},
        {"id": "a", "title": "first", "note": ""},
        {"id": "a", "title": "second", "note": "n", "ogTitle": None},
    ]
    listing = read_listing(stored(json.dumps(entries).encode()))
    assert listing == Listing([item("a", title="first", note="n"), item("b", title="of b")], 0, 2)


def test_thousands_of_copies_are_not_copied_for_each_other() -> None:
    """A list of many copies of one bookmark, each with a field of its own, took minutes to read."""
    entries = [{"id": "a", f"field{number}": number} for number in range(60_000)]
    listing = read_listing(stored(json.dumps(entries).encode()))
    assert listing is not None
    assert len(listing.items[0].fields) == 60_001


@pytest.mark.parametrize(
    ("ids", "count", "read", "under_way", "met"),
    [
        ("", 2, Listing([item("a"), item("b")]), False, True),
        ("", 3, Listing([item("a"), item("b")]), False, False),
        ("", 3, Listing([item("a"), item("b")]), True, True),
        ("abc", 2, Listing([item("a"), item("b")]), False, True),
        ("ab", 2, Listing([item("a"), item("b")], odd=1), False, True),
        ("abc", 2, Listing([item("a"), item("b")], odd=1), False, False),
        ("", 0, Listing([item("a")], odd=1), False, False),
        ("", 0, Listing([]), False, False),
    ],
)
def test_when_a_list_has_all_bookmarks(
    ids: str, count: int, read: Listing, under_way: bool, met: bool
) -> None:
    """A sound list is believed by its length; of an odd one mapping and index must say that it is all."""
    expected = Expected(frozenset(ids), count)
    assert expected.met_by_list(read, under_way=under_way) is met


def test_an_object_that_cannot_be_read_is_kept_aside() -> None:
    """Of an object of another shape the ETag is known all the same, and a copy is kept."""
    store = MemoryStore()
    etag = store.put("key", b'{"a":"x"}')
    objects = ObjectReader(make_context(SETTINGS, store))
    found = objects.read("key", NUMBERS)
    assert (found.value, found.etag) == (None, etag)
    assert [store.get(info.key).body for info in store.list("key.corrupt-")] == [b'{"a":"x"}']
    assert objects.read("nothing", NUMBERS).etag is None
    store.put("key", b'{"a":1}')
    assert objects.read("key", NUMBERS).value == {"a": 1}


def test_backups_are_asked_newest_first_and_for_named_bookmarks_only() -> None:
    """A backup holds deleted bookmarks too: of them only what the mapping names is taken."""
    store = store_of(
        t1=[{"id": "a", "title": "old"}, {"id": "b"}, {"id": "gone"}],
        t2=[{"id": "a", "title": "new"}, {"id": "gone"}],
    )
    context = make_context(SETTINGS, store)
    assert backup_keys(context) == [KEYS.bookmarks_backup("t2"), KEYS.bookmarks_backup("t1")]
    copies = Copies(context, ObjectReader(context))
    assert copies.gather([], Expected(frozenset("ab"), 2), []) == [
        item("b"),
        item("a", title="new"),
    ]
    named = copies.gather([], Expected(frozenset("a"), 3), [])
    assert [found.id for found in named] == ["gone", "b", "a"]


def test_the_newest_backup_says_who_has_a_slug() -> None:
    """A slug that two backups give to two bookmarks belongs to that of the newer one."""
    store = store_of(
        t1=[{"id": "a", "slug": "s"}, {"id": "b", "slug": "r"}], t2=[{"id": "c", "slug": "s"}]
    )
    context = make_context(SETTINGS, store)
    assert Copies(context, ObjectReader(context)).backup_slugs() == {"s": "c", "r": "b"}
