"""What came in against what is known."""

from typing import Any

import pytest

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import RawBookmark, StoredBookmark, UnreadableItem
from datafetch.bookmarks.rules.changes import (
    NOTHING_FETCHED,
    Fetched,
    absent,
    is_settled,
    is_unchanged,
    merge_list,
)
from datafetch.upstream_errors import Malformed

DAY = 24 * 3600.0
MADE = 1_767_225_600.0
"""2026-01-01T00:00:00Z"""


def raw(name: str, title: str = "T", **fields: Any) -> RawBookmark:
    """A bookmark made on 2026-01-01."""
    content = {"url": f"https://e.com/{name}", **fields.pop("content", {})}
    item = {"id": name, "createdAt": "2026-01-01T00:00:00.000Z", "title": title}
    return read_bookmark({**item, "content": content, **fields})


def stored(name: str, **fields: str) -> StoredBookmark:
    """A stored bookmark with these fields."""
    return StoredBookmark(name, {"id": name, **fields})


def fetched(*raws: RawBookmark, complete: bool = True) -> Fetched:
    """A reading of these."""
    return Fetched(list(raws), [], complete)


@pytest.mark.parametrize(
    ("fields", "age_days", "settled"),
    [
        ({}, 0, True),
        ({"taggingStatus": "success"}, 0, True),
        ({"taggingStatus": "failure"}, 0, True),
        ({"taggingStatus": "pending"}, 6.9, False),
        ({"taggingStatus": "pending"}, 7.1, True),
        ({"content": {"crawlStatus": "pending"}}, 0, False),
        ({"content": {"crawlStatus": "pending"}}, 8, True),
    ],
)
def test_settled(fields: dict[str, Any], age_days: float, settled: bool) -> None:
    """A bookmark is settled when it is crawled and tagged, or has been pending for over a week."""
    assert is_settled(raw("a", **fields), MADE + age_days * DAY) is settled


@pytest.mark.parametrize(
    ("made", "settled"),
    [
        ("2026-01-01T00:00:00", False),
        ("2026-01-01T02:00:00+02:00", False),
        ("2025-12-31T23:59:59Z", True),
    ],
)
def test_a_pending_bookmark_is_as_old_as_its_date_says(made: str, settled: bool) -> None:
    """A time without zone is UTC."""
    pending = raw("a", createdAt=made, taggingStatus="pending")
    assert is_settled(pending, MADE + 7 * DAY) is settled


def test_unchanged_looks_at_items_and_order() -> None:
    """A list is unchanged when every item that came is known and stands where it stood."""
    first, second = raw("a"), raw("b")
    known = {"a": first.source_hash, "b": second.source_hash, "c": "x"}
    assert is_unchanged(fetched(first, second), known)
    assert not is_unchanged(fetched(second, first), known)
    assert not is_unchanged(fetched(first, raw("b", "other")), known)
    assert not is_unchanged(fetched(first, second)._replace(gone=frozenset("c")), known)
    assert not is_unchanged(fetched(first, second, raw("d")), known)


def test_absence_counts_only_in_a_complete_reading() -> None:
    """Who did not come in part of a list, or beside an item without an id, is not gone."""
    reading = fetched(raw("a"))
    assert absent(["a", "b"], reading) == ["b"]
    assert absent(["a", "b"], reading._replace(complete=False)) == []
    assert absent(["a", "b"], NOTHING_FETCHED) == []
    nameless = UnreadableItem(None, "x", Malformed())
    assert absent(["a", "b"], reading._replace(unreadable=[nameless])) == []
    named = UnreadableItem("b", "b", Malformed())
    assert absent(["a", "b"], reading._replace(unreadable=[named])) == []


def test_known_items_are_taken_as_stored() -> None:
    """An item whose source is known is not made again: what is stored of it stays byte for byte."""
    source = raw("a")
    before = [stored("a", slug="s", title="by hand", dateBookmarked="2026-01-01T")]
    merged = merge_list(fetched(source), before, {"a": source.source_hash}, {})
    assert merged.bookmarks[0].title == "by hand"
    assert not merged.changed
    merged = merge_list(fetched(source), before, {"a": "old"}, {})
    assert merged.bookmarks[0].title == "T"
    assert merged.changed == {"a"}
    assert merged.sources == {"a": source.source_hash}


def test_freed_slugs_are_remembered() -> None:
    """The slug of a deleted bookmark is retired, and given back only to its owner."""
    gone = Fetched([raw("b")], [], complete=True, gone=frozenset("a"))
    before = [stored("a", slug="e-com-b", dateBookmarked="2026-01-01T")]
    merged = merge_list(gone, before, {}, {})
    assert [bookmark.slug for bookmark in merged.bookmarks] == ["e-com-b-2"]
    assert merged.retired == {"e-com-b": "a"}
    back = merge_list(fetched(raw("a")), [], {}, merged.retired)
    assert back.bookmarks[0].slug == "e-com-b"
    assert back.retired == {}


def test_one_slug_of_two_old_items_stays_with_the_older() -> None:
    """Old systems gave one slug twice; then the older item keeps it and the other gets a number."""
    before = [
        stored("new", slug="same", dateBookmarked="2026-02-01T"),
        stored("old", slug="same", dateBookmarked="2026-01-01T"),
        stored("bare", url="https://e.com/x", dateBookmarked="2025-01-01T"),
    ]
    merged = merge_list(fetched(complete=False), before, {}, {})
    assert {bookmark.id: bookmark.slug for bookmark in merged.bookmarks} == {
        "new": "same-2",
        "old": "same",
        "bare": "e-com-x",
    }
    assert merged.changed == {"new", "bare"}
