"""What of pages and pictures is due, where a picture is looked for, and what bookmarks get of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from datafetch.models.bookmark import JsonObject, is_safe_segment
from datafetch.models.opengraph import (
    BookmarkRecord,
    Description,
    Override,
    PageRecord,
    PictureRecord,
    digest_of,
)
from datafetch.rules.page_url import host_of, page_address, url_hash, without_query

FRESH_MS = 24 * 3600 * 1000
"""So long an answer is not asked for again."""

RETRY_MS = 3600 * 1000
"""So long after a failure nobody tries again."""

OWN_FIELDS = (
    "ogImage",
    "ogImageExternal",
    "ogTitle",
    "ogDescription",
    "ogUrl",
    "ogImageLastFetchedAt",
    "ogImageEtag",
)
"""The fields of a bookmark that belong to this job."""

_PICTURE_OF = "picture of "
_PICTURES = "images/opengraph/"


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


class Stored(NamedTuple):
    """A picture with its public URL and the time of its fetch (ISO), as a bookmark gets them.

    Without a public base URL (`public` False) the bookmark keeps its external picture.
    """

    record: PictureRecord
    url: str
    fetched_at: str | None
    public: bool


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


def named_pages(names: Iterable[str], pages: Sequence[Page]) -> frozenset[str]:
    """The addresses that names stand for: URLs, or `picture of {bookmark id}`."""
    by_id = {item["id"]: page.address for page in pages for item in page.bookmarks}
    found = (
        by_id.get(name.removeprefix(_PICTURE_OF))
        if name.startswith(_PICTURE_OF)
        else page_address(name)
        for name in names
    )
    return frozenset(address for address in found if address is not None)


def page_is_due(
    address: str, record: PageRecord | None, asked: Asked, now_ms: int, *, waiting: bool
) -> bool:
    """Whether a page is asked for now; `waiting` is whether a dead letter says to wait."""
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


def places_of(item: JsonObject, image_url: str | None) -> tuple[Place, ...]:
    """Where a bookmark's picture is looked for, best first: banner, screenshot, the page's own."""
    content = item.get("content")
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    places = [
        Place(kind, found)
        for kind, field, asset_type in _ASSETS
        if (found := fields.get(field) or _asset(item, asset_type))
        and isinstance(found, str)
        and is_safe_segment(found)
    ]
    if image_url is not None:
        places.append(Place("page", image_url))
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
    """Whether a bookmark's picture is looked for now, if its page is.

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


def override_of(address: str, overrides: Mapping[str, Override]) -> Override | None:
    """What people wrote by hand for a page.

    Old systems named it without the query, by which all videos of a site share one: such a
    one counts unless it says itself that it is of another page.
    """
    found = overrides.get(url_hash(address))
    if found is not None:
        return found
    found = overrides.get(url_hash(without_query(address)))
    if found is None:
        return None
    url = found.value.get("url")
    own = page_address(url) if isinstance(url, str) and url else None
    return found if own in (None, address, without_query(address)) else None


def shown(
    address: str, record: PageRecord, description: Description | None, override: Override | None
) -> Description | None:
    """What bookmarks are told of a page: not what was made of themselves, unless people wrote it."""
    said = description if record.source == "external" else None
    if override is None:
        return said
    return (said or Description(final_url=address)).overridden(override.value)


def merged(item: JsonObject, said: Description | None, picture: Stored | None) -> JsonObject:
    """The bookmark with its own fields of this job; nothing that is stored is ever removed."""
    fields: dict[str, str | None] = {}
    if said is not None:
        fields |= {
            "ogImageExternal": said.image_url,
            "ogTitle": said.title,
            "ogDescription": said.description,
            "ogUrl": said.final_url,
        }
    if picture is not None:
        fields |= {
            "ogImage": picture.url if picture.public else item.get("ogImage") or _external(said),
            "ogImageLastFetchedAt": picture.fetched_at,
            "ogImageEtag": picture.record.etag,
        }
    return {**item, **{name: value for name, value in fields.items() if value}}


def _external(said: Description | None) -> str | None:
    return said.image_url if said is not None else None


def mark_of(
    item: JsonObject,
    record: PageRecord | None,
    override: Override | None,
    picture: Stored | None,
) -> str:
    """What tells whether a bookmark was merged with just this: else it is merged again."""
    return digest_of(
        [
            [record.source, record.digest] if record is not None else None,
            dict(override.value) if override is not None else None,
            [picture.url, picture.public, picture.fetched_at] if picture is not None else None,
            [item.get(name) for name in OWN_FIELDS],
        ]
    )


def merged_manifest(
    stored: Iterable[Any], pictures: Mapping[str, str], key_of: Callable[[str], str | None]
) -> list[str]:
    """The manifest with the URLs of these pictures (by key); what it knew besides stays.

    A picture whose format changed has a new key; the old one is no longer listed.
    """
    stems = {stem_of(key) for key in pictures}
    kept = [
        url for url in stored if isinstance(url, str) and stem_of(_key(url, key_of)) not in stems
    ]
    return sorted({*kept, *pictures.values()})


def pictures_by_stem(
    manifest: Iterable[Any], key_of: Callable[[str], str | None]
) -> dict[str, tuple[str, str]]:
    """Key and version of each picture of a manifest, by its key without extension."""
    found = {}
    for url in manifest:
        if isinstance(url, str):
            key = _key(url, key_of)
            version = url.partition("?v=")[2]
            found[stem_of(key)] = (key, version)
    return found


def stem_of(key: str) -> str:
    """A picture's key without its extension."""
    return key.rpartition(".")[0] or key


def _key(url: str, key_of: Callable[[str], str | None]) -> str:
    """The key of a picture's URL, also under a public base that is no longer ours."""
    at = url.find(_PICTURES)
    return key_of(url) or (url[at:].partition("?")[0] if at >= 0 else url)
