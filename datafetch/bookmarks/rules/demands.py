"""What readers demand of the fields of a bookmark, and what becomes of a field that fails it.

Readers check whole lists, so that one wrong field spoils all: a field that they may do without is
left out, one that they need gets its default. Stored items need this as well as new ones, since
older rules, other jobs and other tools have written into them.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from datafetch.urls import publishable

_MAX_DEPTH = 64
"""Levels of an unknown value that are looked through; a deeper one is left out."""

_ADDRESS_NAMES = ("url", "favicon", "href", "src")
_ADDRESS_ENDS = re.compile(r".*(?:Url|URL|Href)s?|urls", re.DOTALL)


class Gone(Enum):
    """Stands for a value that is left out; None is a value that may be published."""

    GONE = 0


GONE: Final = Gone.GONE


def is_address(name: str) -> bool:
    """Whether a field of this name holds an address, also one that datafetch does not know."""
    return name in _ADDRESS_NAMES or _ADDRESS_ENDS.fullmatch(name) is not None


def without_bad_addresses(name: str, value: object, depth: int = 0) -> object:
    """The value of a field that readers may be given; `GONE` for an address that is none.

    Of a list, the bad entries go. An object goes as a whole, since readers demand its address.
    """
    if isinstance(value, str):
        return (publishable(value) or GONE) if is_address(name) else value
    if depth > _MAX_DEPTH:
        return GONE
    if isinstance(value, dict):
        kept = {key: without_bad_addresses(key, part, depth + 1) for key, part in value.items()}
        return GONE if GONE in kept.values() else kept
    if isinstance(value, list):
        parts = [without_bad_addresses(name, part, depth + 1) for part in value]
        return [part for part in parts if part is not GONE]
    return value


def demanded(name: str, value: object) -> object:
    """The value of a field of an item as readers accept it; `GONE` when they would not."""
    check = _FIELDS.get(name)
    if check is not None and not check(value):
        return GONE
    return without_bad_addresses(name, value)


def demanded_of_content(name: str, value: object) -> object:
    """The same for a field of an item's `content`."""
    if name in _CONTENT_TEXTS and not _is_text_or_null(value):
        return GONE
    return without_bad_addresses(name, value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer() and value >= 0
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_logo(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, Mapping) or not isinstance(value.get("url"), str):
        return False
    sizes = [value[name] for name in ("width", "height") if name in value]
    return all(_is_count(size) and size for size in sizes) and _is_text_or_null(value.get("alt"))


def _is_address_text(value: object) -> bool:
    return isinstance(value, str) and publishable(value) is not None


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(
        (
            *("dateBookmarked", "dateCreated", "dateUpdated", "modifiedAt", "sourceUpdatedAt"),
            *("taggingStatus", "ogImageLastFetchedAt", "ogImageEtag", "scrapedContentText"),
        ),
        _is_text,
    ),
    **dict.fromkeys(
        ("datePublished", "note", "summary", "ogTitle", "ogDescription"), _is_text_or_null
    ),
    **dict.fromkeys(("archived", "isFavorite", "isPrivate"), _is_flag),
    **dict.fromkeys(("wordCount", "readingTime"), _is_count),
    # A null address is no address either: readers demand a text or nothing.
    **dict.fromkeys(("ogImage", "ogImageExternal", "ogUrl"), _is_address_text),
    "logoData": _is_logo,
}
"""What readers demand of the fields that they know, beside those that every item is given."""

_CONTENT_TEXTS = frozenset(
    {
        *("title", "description", "imageUrl", "imageAssetId", "screenshotAssetId", "favicon"),
        *("crawledAt", "author", "publisher", "datePublished", "dateModified"),
        *("contentAssetId", "crawlStatus"),
    }
)
