"""Checks that index, list, pages and slug mapping are one and the same dataset.

The checks read what is stored as the site's readers do and repair nothing. Every error names
the object.
"""

import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from datafetch.bookmarks.model import Bookmark
from datafetch.bookmarks.rules.list import MAPPING_VERSION, PAGE_SIZE, checksum
from datafetch.build.rules.stored import Count, StoredModel, parse, read_as, unusable
from datafetch.errors import Inconsistent, Stale
from datafetch.models.json import JsonObject, is_safe_segment
from datafetch.urls import well_formed

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class CheckedIndex(StoredModel):
    """The index of the list, with every field checked; its `…_at` times are epoch ms."""

    count: Count
    total_pages: Count
    page_size: Count
    checksum: str
    last_modified: str
    last_fetched_at: Count
    last_attempted_at: Count
    change_detected: bool


class _MappingEntry(StoredModel):
    """What the slug mapping says of one bookmark."""

    id: str
    slug: str
    title: str
    url: str | None = None


class _SlugMapping(StoredModel):
    """The slug mapping: its entries by the bookmarks' ids, and the ids by their slugs."""

    version: str
    generated: str
    count: Count
    checksum: str
    slugs: dict[str, _MappingEntry]
    reverse_map: dict[str, str]


_INDEX = TypeAdapter(CheckedIndex)
_MAPPING = TypeAdapter(_SlugMapping)


def check_age(what: str, age_s: float | None, max_age_s: float | None, command: str) -> None:
    """Refuse data that is older than `max_age_s`; `age_s` is None when the age is not known.

    Raises:
        Stale: it is older, or its age is not known.
    """
    if max_age_s is None or (age_s is not None and age_s <= max_age_s):
        return
    limit = f"the limit is {span(max_age_s)}"
    age = "at an unknown time" if age_s is None else f"{span(age_s)} ago"
    raise Stale(
        f"{what} was last fetched {age}, {limit}",
        hint=f"Run `{command}`, or accept older data with a larger --max-age.",
    )


def span(seconds: float) -> str:
    """A time for people, in its two largest units: `2 d 3 h`, `5 min`."""
    left, parts = max(0, round(seconds)), []
    for size, unit in _UNITS:
        count, rest = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
            left = rest
    return " ".join(parts[:2]) or "0 s"


def read_index(key: str, body: bytes) -> CheckedIndex:
    """Read the index, and check that its numbers fit together.

    Raises:
        CorruptObject: it is not an index.
        Inconsistent: its numbers do not fit together, or it counts no bookmarks.
    """
    index = read_as(_INDEX, key, body)
    if index.count == 0:
        raise Inconsistent(f"{key} counts no bookmarks")
    if index.page_size != PAGE_SIZE:
        raise Inconsistent(f"{key} has pages of {index.page_size} where {PAGE_SIZE} are expected")
    if index.total_pages != -(-index.count // PAGE_SIZE):
        raise Inconsistent(f"{key} has {index.total_pages} pages for {index.count} bookmarks")
    return index


def read_items(key: str, body: bytes, index: CheckedIndex) -> list[JsonObject]:
    """Read the items of the list, and check that they have the count and checksum of the index.

    Raises:
        CorruptObject: it is not a list of bookmarks.
        Inconsistent: count or checksum differ, or a bookmark is there twice.
    """
    items = parse(key, body)
    if not isinstance(items, list):
        raise unusable(key, "it is not a list")
    for number, item in enumerate(items):
        if not isinstance(item, dict) or not _has_name(item):
            raise unusable(key, f"item {number} has no id or no slug")
    if len(items) != index.count:
        raise Inconsistent(f"{key} has {len(items)} bookmarks, the index counts {index.count}")
    if len({item["id"] for item in items}) != len(items):
        raise Inconsistent(f"{key} has a bookmark twice")
    if checksum(_for_checksum(item) for item in items) != index.checksum:
        raise Inconsistent(f"{key} has another checksum than the index")
    return items


def check_page(key: str, body: bytes, wanted: Sequence[JsonObject]) -> None:
    """Refuse a page that does not hold the `wanted` items in this order.

    Raises:
        CorruptObject: it is not JSON.
        Inconsistent: it holds other items, or another order.
    """
    page = parse(key, body)
    # Not `==`: to Python, true and 1 are equal.
    if _canonical(page) != _canonical(list(wanted)):
        raise Inconsistent(f"{key} is not that part of the list")


def check_mapping(key: str, body: bytes, index: CheckedIndex, items: Sequence[JsonObject]) -> None:
    """Refuse a slug mapping that does not name every bookmark of the list, and only those.

    What ties it to the list is its count and its pairs of id and slug. Checksums are not compared:
    the mappings of older programs have other ones.

    Raises:
        CorruptObject: it is not a slug mapping.
        Inconsistent: it belongs to another list, or contradicts itself.
    """
    mapping = read_as(_MAPPING, key, body)
    if mapping.version != MAPPING_VERSION:
        raise unusable(key, f"it is not a slug mapping of version {MAPPING_VERSION}")
    if mapping.count != index.count:
        raise Inconsistent(f"{key} counts {mapping.count} bookmarks, the index {index.count}")
    owners: dict[str, str] = {}
    for item in items:
        bookmark_id, slug = item["id"], item["slug"]
        entry = mapping.slugs.get(bookmark_id)
        if entry is None:
            raise Inconsistent(f"{key} lacks the bookmark {bookmark_id}")
        if (entry.id, entry.slug) != (bookmark_id, slug):
            raise Inconsistent(f"{key} gives the bookmark {bookmark_id} another slug than the list")
        if owners.setdefault(slug, bookmark_id) != bookmark_id:
            raise Inconsistent(f"{key} gives one slug to {owners[slug]} and {bookmark_id}")
    if len(mapping.slugs) != len(items):
        raise Inconsistent(f"{key} names bookmarks that are not in the list")
    if mapping.reverse_map != owners:
        raise Inconsistent(f"{key} has a reverseMap that is not the inverse of its slugs")


def _has_name(item: JsonObject) -> bool:
    bookmark_id, slug = item.get("id"), item.get("slug")
    named = isinstance(bookmark_id, str) and is_safe_segment(bookmark_id)
    return named and isinstance(slug, str) and slug != ""


def _for_checksum(item: JsonObject) -> Bookmark:
    """A bookmark with only the fields that `checksum` reads."""
    times = (item.get("modifiedAt"), item.get("dateBookmarked"))
    modified = next((time for time in times if isinstance(time, str) and time), "")
    return Bookmark(item["id"], item["slug"], "", "", "", well_formed(modified), (), b"")


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)
