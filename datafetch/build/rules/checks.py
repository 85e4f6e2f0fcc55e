"""Checks that index, list, pages and slug mapping are one and the same dataset.

The checks read what is stored as the site's readers do and repair nothing. Every error names
the object.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from datafetch.bookmarks.model import Bookmark
from datafetch.bookmarks.rules.list import MAPPING_VERSION, PAGE_SIZE, checksum
from datafetch.errors import CorruptObject, Inconsistent, Stale
from datafetch.models.json import JsonObject, is_safe_segment
from datafetch.urls import well_formed

BOOKMARKS_HINT = "Run `datafetch bookmarks --force`, which stores the dataset anew, and try again."

_ENTRY_TEXTS = ("id", "slug", "url", "title")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """What the index vouches for; `last_fetched_at` is epoch ms."""

    count: int
    total_pages: int
    checksum: str
    last_fetched_at: int | None


def parse(key: str, body: bytes, hint: str = BOOKMARKS_HINT) -> Any:
    """JSON as browsers read it: UTF-8 without a mark, no NaN.

    Raises:
        CorruptObject: it is none.
    """
    try:
        return json.loads(body.decode(), parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise CorruptObject(f"{key} is not JSON: {error}", key=key, hint=hint) from error


def check_age(what: str, age_s: float | None, max_age_s: float | None, command: str) -> None:
    """Refuse data that is older than was asked for; `age_s` None means that nobody knows.

    Raises:
        Stale: with the age.
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


def read_index(key: str, body: bytes) -> StoredIndex:
    """The index, when it is one and does not contradict itself.

    Raises:
        CorruptObject: it is not an index.
        Inconsistent: its numbers do not fit together, or it counts nothing.
    """
    value = _index_shape(key, parse(key, body))
    count, total_pages = value["count"], value["totalPages"]
    if count == 0:
        _differ(f"{key} counts no bookmarks")
    if value["pageSize"] != PAGE_SIZE:
        _differ(f"{key} has pages of {value['pageSize']} where {PAGE_SIZE} are expected")
    if total_pages != -(-count // PAGE_SIZE):
        _differ(f"{key} has {total_pages} pages for {count} bookmarks")
    return StoredIndex(count, total_pages, value["checksum"], value.get("lastFetchedAt"))


def read_items(key: str, body: bytes, index: StoredIndex) -> list[JsonObject]:
    """The items of the list, when they are those that the index vouches for.

    Raises:
        CorruptObject: it is not a list of bookmarks.
        Inconsistent: the index counts others.
    """
    items = parse(key, body)
    if not isinstance(items, list):
        _corrupt(key, "it is not a list")
    for number, item in enumerate(items):
        if not isinstance(item, dict) or not _has_name(item):
            _corrupt(key, f"item {number} has no id or no slug")
    if len(items) != index.count:
        _differ(f"{key} has {len(items)} bookmarks, the index counts {index.count}")
    if len({item["id"] for item in items}) != len(items):
        _differ(f"{key} has a bookmark twice")
    if checksum(_for_checksum(item) for item in items) != index.checksum:
        _differ(f"{key} has another checksum than the index")
    return items


def check_page(key: str, body: bytes, wanted: Sequence[JsonObject]) -> None:
    """Refuse a page that is not that part of the list, item by item.

    Raises:
        CorruptObject: it is not JSON.
        Inconsistent: it differs.
    """
    page = parse(key, body)
    # Not `==`: to Python, true and 1 are equal.
    if _canonical(page) != _canonical(list(wanted)):
        _differ(f"{key} is not that part of the list")


def check_mapping(key: str, body: bytes, index: StoredIndex, items: Sequence[JsonObject]) -> None:
    """Refuse a slug mapping that does not name every bookmark of the list, and only those.

    Raises:
        CorruptObject: it is not a slug mapping.
        Inconsistent: it is one of another list.
    """
    value = _read_mapping(key, body)
    if value["count"] != index.count or value["checksum"] != index.checksum:
        _differ(f"{key} has another count or checksum than the index")
    slugs: Mapping[str, Any] = value["slugs"]
    owners: dict[str, str] = {}
    for item in items:
        bookmark_id, slug = item["id"], item["slug"]
        entry = slugs.get(bookmark_id)
        if entry is None:
            _differ(f"{key} lacks the bookmark {bookmark_id}")
        if (entry["id"], entry["slug"]) != (bookmark_id, slug):
            _differ(f"{key} gives the bookmark {bookmark_id} another slug than the list")
        if owners.setdefault(slug, bookmark_id) != bookmark_id:
            _differ(f"{key} gives one slug to {owners[slug]} and {bookmark_id}")
    if len(slugs) != len(items):
        _differ(f"{key} names bookmarks that are not in the list")
    if value["reverseMap"] != owners:
        _differ(f"{key} has a reverseMap that is not the inverse of its slugs")


def is_count(value: Any) -> bool:
    """Whether it is a whole number that counts something."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _index_shape(key: str, value: Any) -> Mapping[str, Any]:
    """The value, when it has the fields of an index."""
    if not isinstance(value, dict):
        _corrupt(key, "it is not an object")
    for name in ("count", "totalPages", "pageSize"):
        if not is_count(value.get(name)):
            _corrupt(key, f"`{name}` is not a number")
    for name in ("checksum", "lastModified"):
        if not isinstance(value.get(name), str):
            _corrupt(key, f"`{name}` is not a text")
    for name in ("lastFetchedAt", "lastAttemptedAt"):
        if value.get(name) is not None and not is_count(value[name]):
            _corrupt(key, f"`{name}` is not a time in milliseconds")
    if not isinstance(value.get("changeDetected"), bool):
        _corrupt(key, "`changeDetected` is neither true nor false")
    return value


def _read_mapping(key: str, body: bytes) -> Mapping[str, Any]:
    value = parse(key, body)
    if not isinstance(value, dict) or value.get("version") != MAPPING_VERSION:
        _corrupt(key, f"it is not a slug mapping of version {MAPPING_VERSION}")
    for name in ("generated", "checksum"):
        if not isinstance(value.get(name), str):
            _corrupt(key, f"`{name}` is not a text")
    for name in ("slugs", "reverseMap"):
        if not isinstance(value.get(name), dict):
            _corrupt(key, f"`{name}` is not an object")
    for bookmark_id, entry in value["slugs"].items():
        texts = [entry.get(name) for name in _ENTRY_TEXTS] if isinstance(entry, dict) else [None]
        if not all(isinstance(text, str) for text in texts):
            _corrupt(key, f"the entry of {bookmark_id!a} is not one")
    return value


def _has_name(item: Mapping[str, Any]) -> bool:
    bookmark_id, slug = item.get("id"), item.get("slug")
    named = isinstance(bookmark_id, str) and is_safe_segment(bookmark_id)
    return named and isinstance(slug, str) and slug != ""


def _for_checksum(item: Mapping[str, Any]) -> Bookmark:
    """As much of a bookmark as its line in the checksum needs."""
    times = (item.get("modifiedAt"), item.get("dateBookmarked"))
    modified = next((time for time in times if isinstance(time, str) and time), "")
    return Bookmark(item["id"], item["slug"], "", "", "", well_formed(modified), (), b"")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _corrupt(key: str, reason: str) -> NoReturn:
    raise CorruptObject(f"{key} cannot be used: {reason}", key=key, hint=BOOKMARKS_HINT)


def _differ(message: str) -> NoReturn:
    raise Inconsistent(message, hint=BOOKMARKS_HINT)
