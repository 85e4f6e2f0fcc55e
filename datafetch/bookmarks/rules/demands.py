"""What readers demand of the fields of a bookmark, and what becomes of a field that fails it.

Readers check whole lists, so that one wrong field spoils all: a field that they may do without is
left out, one that they need gets its default. Stored items need this as well as new ones, since
older rules, other jobs and other tools have written into them.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from datafetch.addresses import NO_HOSTS, OwnHosts, for_visitors, may_be_loaded
from datafetch.urls import parse, publishable

_MAX_DEPTH = 64
"""Levels of an unknown value that are looked through; a deeper one is left out."""

_ADDRESS_NAMES = ("url", "favicon", "href", "src")
_ADDRESS_ENDS = re.compile(r".*(?:Url|URL|Href)s?|urls", re.DOTALL)
_LOADED = re.compile(
    "image|img|icon|logo|picture|photo|thumb|screenshot|banner|avatar|poster|preview|src"
    "|video|audio",
    re.IGNORECASE,
)
"""In the name of a field whose address browsers load when they show it. They only link others."""

_ANY_BASE = parse("https://any.invalid/")
_LONGEST_KNOWN_NAME = 64


class Gone(Enum):
    """Stands for a value that is left out; None is a value that may be published."""

    GONE = 0


GONE: Final = Gone.GONE


class _Kind(NamedTuple):
    """What a field's name says of its value; datafetch need not know the field.

    Attributes:
        address: whether it is an address.
        loaded: whether browsers that show it load its address, not only link to it. So they do
            with every address at any level of the value.
    """

    address: bool
    loaded: bool


def _read_kind(name: str) -> _Kind:
    address = name in _ADDRESS_NAMES or _ADDRESS_ENDS.fullmatch(name) is not None
    return _Kind(address, _LOADED.search(name) is not None)


_known_kind = lru_cache(maxsize=512)(_read_kind)


def _kind_of(name: str) -> _Kind:
    return _known_kind(name) if len(name) <= _LONGEST_KNOWN_NAME else _read_kind(name)


def without_bad_addresses(
    name: str, value: object, own: OwnHosts, depth: int = 0, *, loaded: bool = False
) -> object:
    """The value of a field without addresses that must not be published; `GONE` if all of it goes.

    Such an address is no web address (not `publishable`), or is one that browsers load and that
    visitors' browsers should not ask for (not `for_visitors`). A list loses only its bad entries.
    An object with a bad address goes as a whole, since readers demand that address.

    Args:
        name: that of the field.
        value: its JSON value.
        own: the user's own hosts.
        depth: how many levels of the field's value stand around this one.
        loaded: whether the value stands in a field that browsers load.
    """
    kind = _kind_of(name)
    loaded = loaded or kind.loaded
    if isinstance(value, str):
        if kind.address:
            return (for_visitors(value, own) if loaded else publishable(value)) or GONE
        return GONE if loaded and _leads_astray(value, own) else value
    if depth > _MAX_DEPTH:
        return GONE
    if isinstance(value, dict):
        kept = {
            key: without_bad_addresses(key, part, own, depth + 1, loaded=loaded)
            for key, part in value.items()
        }
        return GONE if GONE in kept.values() else kept
    if isinstance(value, list):
        parts = [without_bad_addresses(name, part, own, depth + 1, loaded=loaded) for part in value]
        return [part for part in parts if part is not GONE]
    return value


def _leads_astray(text: str, own: OwnHosts) -> bool:
    """Whether browsers would read a text as an address that they should not load.

    Of a field such as `image` it is not known whether it holds an address.
    """
    if not (":" in text or "/" in text or "\\" in text):
        return False
    url = parse(text) or parse(text, _ANY_BASE)
    return url is not None and not may_be_loaded(url, own)


def demanded(name: str, value: object, own: OwnHosts = NO_HOSTS) -> object:
    """The value of a field of an item as readers accept it; `GONE` when they would not."""
    check = _FIELDS.get(name)
    if check is not None and not check(value):
        return GONE
    return without_bad_addresses(name, value, own)


def demanded_of_content(name: str, value: object, own: OwnHosts = NO_HOSTS) -> object:
    """The same for a field of an item's `content`."""
    if name in _CONTENT_TEXTS and not _is_text_or_null(value):
        return GONE
    return without_bad_addresses(name, value, own)


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
