"""Decides which record of a page or bookmark stays when a share lays its own into the dataset."""

from collections.abc import Mapping
from dataclasses import replace

from datafetch.models.own_result import Order, OwnResult, stays
from datafetch.opengraph.model import BookmarkRecord, PageRecord


def settled_pages(
    own: Mapping[str, OwnResult[PageRecord]], stored: Mapping[str, PageRecord]
) -> dict[str, PageRecord]:
    """The records that stay, by the hash of their page, for all pages that the share has changed.

    When another run has asked for a page meanwhile, the record of the later answer stays. Two
    records of the same answer can differ in the page's validators: a share that found no state has
    made its record from the page's metadata, which holds none. The one with validators stays.
    """
    return {name: stays(result, stored.get(name), _page_order) for name, result in own.items()}


def settled_bookmarks(
    own: Mapping[str, OwnResult[BookmarkRecord]], stored: Mapping[str, BookmarkRecord]
) -> dict[str, BookmarkRecord]:
    """The records that stay, by the bookmark's id, for all bookmarks that the share has changed.

    Of two pictures the one that was fetched later stays. The mark of the stored record stays, since
    only a merge into the bookmarks sets it.
    """
    found = {}
    for name, result in own.items():
        there = stored.get(name)
        bare = OwnResult(_unmarked(result.before), replace(result.after, mark=""))
        kept = stays(bare, _unmarked(there), _bookmark_order)
        found[name] = replace(kept, mark=there.mark if there is not None else "")
    return found


def _unmarked(record: BookmarkRecord | None) -> BookmarkRecord | None:
    return None if record is None else replace(record, mark="")


def _page_order(record: PageRecord) -> Order:
    validators = record.etag or "", record.last_modified or ""
    return record.fetched_at or 0, record.failed_at or 0, *validators, repr(record)


def _bookmark_order(record: BookmarkRecord) -> Order:
    fetched_at = record.picture.fetched_at if record.picture is not None else None
    return fetched_at or 0, repr(record)
