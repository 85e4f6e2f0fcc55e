"""Decides which pages and pictures are due, where a picture is looked for, and which cannot be used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from datafetch.models.json import JsonObject, is_safe_segment
from datafetch.opengraph.model import BookmarkRecord, PageRecord, digest_of
from datafetch.urls import host_of, page_address, url_hash

FRESH_MS = 24 * 3600 * 1000
"""So long an answer is not asked for again."""

MIN_BANNER_BYTES = 5 * 1024
"""Smaller banners are icons and empty pictures."""

MIN_SIDE = 16
"""Smaller pictures count visitors, or are icons; in pixels."""

RETRY_MS = 3600 * 1000
"""So long after a failure nobody tries again."""

_PICTURE_OF = "picture of "


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for.

    Attributes:
        named: addresses of pages asked for by name; None for all.
        older_than_ms: only pages whose last answer is older.
    """

    force: bool = False
    missing: bool = False
    older_than_ms: int | None = None
    named: frozenset[str] | None = None


class Page(NamedTuple):
    """A page and the stored bookmarks of it."""

    address: str
    bookmarks: list[JsonObject]

    @property
    def hash(self) -> str:
        """The name of its metadata."""
        return url_hash(self.address)


class Place(NamedTuple):
    """Where a picture may be: an asset of the bookmark server, or an address on the web."""

    kind: Literal["banner", "screenshot", "page"]
    name: str


def pages_of(items: Iterable[JsonObject]) -> list[Page]:
    """The pages of all bookmarks that have one, each once, in the list's order."""
    found: dict[str, Page] = {}
    for item in items:
        url = item.get("url")
        address = page_address(url) if isinstance(url, str) and url else None
        if address is not None:
            found.setdefault(address, Page(address, [])).bookmarks.append(item)
    return list(found.values())


def picture_item(bookmark_id: str) -> str:
    """The name under which a bookmark's picture waits when it failed."""
    return _PICTURE_OF + bookmark_id


def named_pages(
    names: Iterable[str], pages: Sequence[Page]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """The addresses of pages that names stand for, and the names that stand for none.

    Names are URLs, or `picture of {bookmark id}`.
    """
    addresses = {page.address for page in pages}
    by_id = {item["id"]: page.address for page in pages for item in page.bookmarks}
    named, unknown = set(), []
    for name in names:
        if name.startswith(_PICTURE_OF):
            address = by_id.get(name.removeprefix(_PICTURE_OF))
        else:
            address = page_address(name)
        if address in addresses:
            named.add(address)
        else:
            unknown.append(name)
    return frozenset(named), tuple(unknown)


def page_is_due(
    address: str, record: PageRecord | None, asked: Asked, now_ms: int, *, waiting: bool
) -> bool:
    """Whether a run asks for the page; `waiting` is whether a dead letter says to wait."""
    if asked.named is not None:
        return address in asked.named
    if waiting and not asked.force:
        return False
    if asked.missing and record is not None and record.source == "external":
        return False
    if asked.force or record is None:
        return True
    if record.failed_at is not None:
        return _older(record.failed_at, RETRY_MS, now_ms)
    limit = FRESH_MS if asked.older_than_ms is None else asked.older_than_ms
    return record.fetched_at is None or _older(record.fetched_at, limit, now_ms)


def _older(then_ms: int, limit_ms: int, now_ms: int) -> bool:
    """Whether a time is past its limit; one in the future was written by a wrong clock."""
    return now_ms - then_ms >= limit_ms or then_ms > now_ms


def places_of(item: JsonObject, image_url: str | None, *, assets: bool) -> tuple[Place, ...]:
    """Where a bookmark's picture is looked for, best first: banner, screenshot, page, bookmark.

    The last is the picture that the page had when it was saved. `assets` is whether the
    bookmark server can be asked.
    """
    content = item.get("content")
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    places = [
        Place(kind, found)
        for kind, field, asset_type in _ASSETS
        if assets
        and (found := fields.get(field) or _asset(item, asset_type))
        and isinstance(found, str)
        and is_safe_segment(found)
    ]
    if image_url is not None:
        places.append(Place("page", image_url))
    saved = fields.get("imageUrl")
    saved_url = page_address(saved) if isinstance(saved, str) else None
    if saved_url is not None and (image_url is None or saved_url != page_address(image_url)):
        places.append(Place("page", saved_url))
    return tuple(places)


_ASSETS: tuple[tuple[Literal["banner", "screenshot"], str, str], ...] = (
    ("banner", "imageAssetId", "bannerImage"),
    ("screenshot", "screenshotAssetId", "screenshot"),
)


def _asset(item: JsonObject, asset_type: str) -> Any:
    assets = item.get("assets")
    for asset in assets if isinstance(assets, list) else ():
        if isinstance(asset, dict) and asset.get("assetType") == asset_type:
            return asset.get("id")
    return None


def picture_is_due(
    record: BookmarkRecord, places: Sequence[Place], asked: Asked, *, has_one: bool, settled: bool
) -> bool:
    """Whether a run that asks for a bookmark's page looks for its picture.

    What was searched in vain is searched again when the places changed, unless it is not
    `settled`: then a fault ended the search, and its dead letter is due.
    """
    if not places or (has_one and not asked.force):
        return False
    if asked.force or asked.named is not None or record.tried != tried(places):
        return True
    return not settled


def tried(places: Sequence[Place]) -> str:
    """What tells one search for a picture from another."""
    return digest_of([list(place) for place in places])


def spread(pages: Sequence[Page]) -> list[Page]:
    """The pages with their hosts taking turns, so that no site meets a crowd."""
    hosts: dict[str, list[Page]] = {}
    for page in pages:
        hosts.setdefault(host_of(page.address), []).append(page)
    return [page for turn in zip_longest(*hosts.values()) for page in turn if page is not None]


def why_unusable(
    kind: Literal["banner", "screenshot", "page"], form: str, width: int, height: int, size: int
) -> str | None:
    """Why a picture is no preview of a page; None when it may be one. `size` in bytes."""
    if kind == "banner" and size < MIN_BANNER_BYTES:
        return f"the banner has only {size} bytes"
    if form == "ico":
        return "it is an icon"
    if min(width, height) < MIN_SIDE:
        return f"it has only {width} by {height} pixels"
    return None
