"""What came in against what is known."""

from typing import Any

import pytest

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import RawBookmark, StoredBookmark, UnreadableItem
from datafetch.bookmarks.rules.changes import (
    NOTHING_FETCHED,
    Fetched,
    Merged,
    Policy,
    absent,
    is_settled,
    is_unchanged,
    leave_out,
    left_out_of,
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


def merged_with(
    reading: Fetched,
    before: list[StoredBookmark],
    sources: dict[str, str] | None = None,
    retired: dict[str, str] | None = None,
    *,
    unlinked: bool = True,
    refit: bool = False,
) -> Merged:
    """The reading laid over what is stored."""
    policy = Policy(unlinked=unlinked, refit=refit)
    left_out = left_out_of(reading, {})
    return merge_list(reading, before, sources or {}, retired or {}, left_out, policy)


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
    merged = merged_with(fetched(source), before, {"a": source.source_hash})
    assert merged.bookmarks[0].title == "by hand"
    assert not merged.changed
    merged = merged_with(fetched(source), before, {"a": "old"})
    assert merged.bookmarks[0].title == "T"
    assert merged.changed == {"a"}
    assert merged.sources == {"a": source.source_hash}


def test_freed_slugs_are_remembered() -> None:
    """The slug of a deleted bookmark is retired, and given back only to its owner."""
    gone = Fetched([raw("b")], [], complete=True, gone=frozenset("a"))
    before = [stored("a", slug="e-com-b", dateBookmarked="2026-01-01T")]
    merged = merged_with(gone, before)
    assert [bookmark.slug for bookmark in merged.bookmarks] == ["e-com-b-2"]
    assert merged.retired == {"e-com-b": "a"}
    back = merged_with(fetched(raw("a")), [], {}, merged.retired)
    assert back.bookmarks[0].slug == "e-com-b"
    assert back.retired == {}


def test_one_slug_of_two_old_items_stays_with_the_older() -> None:
    """Old systems gave one slug twice; then the older item keeps it and the other gets a number."""
    before = [
        stored("new", slug="same", dateBookmarked="2026-02-01T"),
        stored("old", slug="same", dateBookmarked="2026-01-01T"),
        stored("bare", url="https://e.com/x", dateBookmarked="2025-01-01T"),
    ]
    merged = merged_with(fetched(complete=False), before)
    assert {bookmark.id: bookmark.slug for bookmark in merged.bookmarks} == {
        "new": "same-2",
        "old": "same",
        "bare": "e-com-x",
    }
    assert merged.changed == {"new", "bare"}


def note(name: str) -> RawBookmark:
    """A note, which has no web address."""
    return raw(name, content={"url": None, "type": "text"})


def test_items_without_an_address_are_left_out_of_a_reading() -> None:
    """One item without a web address made readers refuse the whole list."""
    reading = leave_out(fetched(raw("a"), note("n"), raw("b")), {})
    assert [item.id for item in reading.readable] == ["a", "b"]
    assert [item.id for item in reading.left_out] == ["n"]
    assert reading.size == 3
    assert leave_out(fetched(raw("a")), {}).left_out == ()


def test_an_item_that_lost_its_address_is_a_change() -> None:
    """It is published still, so the list differs though all others are known."""
    first, lost = raw("a"), note("n")
    known = {"a": first.source_hash, "n": "when it had one"}
    assert not is_unchanged(leave_out(fetched(first, lost), known), known)
    assert is_unchanged(leave_out(fetched(first, lost), {"a": "x"}), {"a": first.source_hash})


def test_what_is_left_out_is_remembered_while_it_is_not_read() -> None:
    """An incremental reading brings only some of them; a complete one all."""
    known = {"old": "h", "linked": "h", "gone": "h"}
    reading = leave_out(fetched(raw("linked"), note("n"), complete=False), {})
    reading = reading._replace(gone=frozenset({"gone"}))
    hashed = {"n": note("n").source_hash}
    assert left_out_of(reading, known) == {"old": "h", **hashed}
    assert left_out_of(reading._replace(complete=True), known) == hashed


def test_a_stored_item_without_address_goes_and_keeps_its_slug() -> None:
    """What comes back when it gets an address, or is asked for, has the slug that it had."""
    before = [
        stored("n", slug="e-com-a", dateBookmarked="2026-01-01T"),
        stored("silent", slug="my-note", dateBookmarked="2025-01-01T"),
    ]
    reading = leave_out(fetched(raw("a"), note("n"), complete=False), {})
    merged = merged_with(reading, before, unlinked=False, refit=True)
    assert {item.id: item.slug for item in merged.bookmarks} == {"a": "e-com-a-2"}
    assert merged.retired == {"e-com-a": "n", "my-note": "silent"}
    assert merged.withdrawn == set(merged.left_out) == {"n", "silent"}
    assert (merged.gone, list(merged.sources)) == (frozenset(), ["a"])
    back = merged_with(fetched(note("n")), [], {}, merged.retired)
    assert back.bookmarks[0].slug == "e-com-a"


def test_items_that_did_not_come_are_made_over_by_the_present_rules() -> None:
    """A stored address that may not be published stayed for as long as its item did not come."""
    bad = stored("a", slug="s", url="https://e.com/", ogImage="/api/assets/1", title="T")
    plain = merged_with(fetched(complete=False), [bad])
    assert b"/api/assets/1" in plain.bookmarks[0].body
    assert not plain.changed
    made = merged_with(fetched(complete=False), [bad], refit=True)
    assert b"/api/assets/1" not in made.bookmarks[0].body
    assert made.changed == {"a"}
    assert made.bookmarks[0].slug == "s"
