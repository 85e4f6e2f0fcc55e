"""What the readers of bookmarks demand: shapes of items, and what ties the objects together."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from tests.readers.shapes import (
    Count,
    Filled,
    Host,
    Md5,
    Milliseconds,
    Sha256,
    Shape,
    Time,
    WebAddress,
    contiguous,
    host_of,
    linked_slug,
    read,
)
from tests.readers.site import Site

_PAGE_SIZE = 24
_LONGEST_LINKED = 180
"""Bytes; a longer slug of a tag is cut, since file systems take names of 255."""


class Tag(Shape):
    id: str
    name: Filled
    slug: Filled
    color: str = ""
    count: Count = 0
    attached_by: Literal["ai", "user"] = "ai"


class Asset(Shape):
    id: str
    asset_type: str


class Content(Shape):
    type: str
    url: WebAddress
    title: str | None
    description: str | None
    image_url: WebAddress | None = None
    content_asset_id: str | None = None
    crawl_status: str | None = None
    image_asset_id: str | None = None
    screenshot_asset_id: str | None = None
    favicon: WebAddress | None = None
    html_content: None = None
    crawled_at: str | None = None
    author: str | None = None
    publisher: str | None = None
    date_published: str | None = None
    date_modified: str | None = None


class LogoData(Shape):
    url: WebAddress
    alt: str | None = None
    width: Annotated[int, Field(gt=0)] = 1
    height: Annotated[int, Field(gt=0)] = 1


class Item(Shape):
    id: Filled
    url: WebAddress
    title: Filled
    description: str
    slug: Filled
    tags: Annotated[list[Tag], Field(max_length=100)]
    og_image: WebAddress = ""
    og_image_external: WebAddress = ""
    og_title: str | None = None
    og_description: str | None = None
    og_url: WebAddress | None = None
    og_image_last_fetched_at: str = ""
    og_image_etag: str = ""
    date_bookmarked: Time
    date_published: str | None = None
    date_created: Time = ""
    date_updated: str = ""
    modified_at: Time = ""
    source_updated_at: Time
    archived: bool = False
    is_favorite: bool = False
    is_private: bool = False
    tagging_status: str = ""
    note: str | None = None
    summary: str | None = None
    scraped_content_text: str = ""
    content: Content
    assets: list[Asset]
    logo_data: LogoData | None = None
    reading_time: Count = 0
    word_count: Count = 0
    domain: Host


class Index(Shape):
    """0 stands for a fetch of which nobody knows when it was: readers demand an integer."""

    count: Count
    total_pages: Count
    page_size: Literal[24]
    last_modified: Time
    last_fetched_at: Milliseconds | Literal[0]
    last_attempted_at: Milliseconds
    checksum: Sha256
    change_detected: bool


class Entry(Shape):
    id: str
    slug: Filled
    url: WebAddress
    title: str


class SlugMapping(Shape):
    version: Literal["1.0.0"]
    generated: Time
    count: Count
    checksum: Md5
    slugs: dict[str, Entry]
    reverse_map: dict[str, str]


class Heartbeat(Shape):
    run_at: Milliseconds
    success: bool
    change_detected: bool
    error: str = ""


def refusals(objects: Mapping[str, bytes], site: Site) -> Iterator[str]:
    """What the readers of bookmarks refuse."""
    told: list[str] = []
    root, suffix = "json/bookmarks/", site.suffix
    items, plain = read(objects, f"{root}bookmarks{suffix}.json", list[Item], told)
    index, _ = read(objects, f"{root}index{suffix}.json", Index, told)
    mapping, _ = read(objects, f"{root}slug-mapping{suffix}.json", SlugMapping, told)
    read(objects, f"{root}heartbeat{suffix}.json", Heartbeat, told)
    yield from told
    if items is None or index is None or mapping is None:
        return
    yield from _items(items, f"{root}bookmarks{suffix}.json", site)
    yield from _pages(objects, f"{root}pages{suffix}/", plain, index)
    yield from _by_id(objects, f"{root}by-id{suffix}/", plain)
    yield from _checksum(items, index, f"{root}index{suffix}.json")
    yield from _mapping(items, mapping, f"{root}slug-mapping{suffix}.json")
    yield from _shards(objects, f"{root}slug-shards{suffix}/", mapping)
    yield from _tags(objects, f"{root}tags{suffix}/", plain)


def _items(items: list[Item], key: str, site: Site) -> Iterator[str]:
    ids = [item.id for item in items]
    if len(set(ids)) < len(ids):
        yield f"{key}: an id stands twice"
    for item in items:
        if "/" in item.id or item.id in (".", ".."):
            yield f"{key}: {item.id}: no key can be built of this id"
        if item.domain != host_of(item.url):
            yield f"{key}: {item.id}: domain is not the host of url"
        plain = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item.slug)
        if plain is None and item.slug not in site.earlier_slugs:
            yield f"{key}: {item.id}: no route finds the slug {item.slug}"
        for tag in item.tags:
            yield from (f"{key}: {item.id}: {fault}" for fault in _routes(tag))


def _routes(tag: Tag) -> Iterator[str]:
    """A tag is linked by its name, and looked up by what the route makes of its slug."""
    linked = linked_slug(tag.name)
    if len(linked) > _LONGEST_LINKED:
        return
    if linked and tag.slug != linked:
        yield f"the tag {tag.name} is linked as {linked}, not as {tag.slug}"
    if re.search(r"[\s/\\%?#]", tag.slug):
        yield f"no route finds the tag {tag.slug}"


def _pages(
    objects: Mapping[str, bytes], prefix: str, items: list[Any], index: Index
) -> Iterator[str]:
    if index.count != len(items):
        yield f"{prefix}: the index counts {index.count}, the list has {len(items)}"
    if index.total_pages != -(-len(items) // _PAGE_SIZE):
        yield f"{prefix}: the index has {index.total_pages} pages for {len(items)} items"
    yield from _sliced(objects, prefix, items)


def _sliced(objects: Mapping[str, bytes], prefix: str, items: list[Any]) -> Iterator[str]:
    pages = [json.loads(objects[key]) for _, key in contiguous(objects, prefix)]
    if pages != [items[at : at + _PAGE_SIZE] for at in range(0, len(items), _PAGE_SIZE)]:
        yield f"{prefix}: the pages are not the list in slices of 24"


def _by_id(objects: Mapping[str, bytes], prefix: str, items: list[Any]) -> Iterator[str]:
    found = {key: json.loads(body) for key, body in objects.items() if key.startswith(prefix)}
    if found != {f"{prefix}{item['id']}.json": item for item in items}:
        yield f"{prefix}: is not each item of the list, by its id"


def _checksum(items: list[Item], index: Index, key: str) -> Iterator[str]:
    lines = sorted(f"{item.id}:{item.modified_at or item.date_bookmarked}" for item in items)
    if index.checksum != hashlib.sha256("\n".join(lines).encode()).hexdigest():
        yield f"{key}: the checksum is not that of the list"


def _mapping(items: list[Item], mapping: SlugMapping, key: str) -> Iterator[str]:
    if mapping.count != len(mapping.slugs):
        yield f"{key}: counts {mapping.count} of {len(mapping.slugs)} slugs"
    pairs = sorted((bookmark_id, entry.slug) for bookmark_id, entry in mapping.slugs.items())
    if pairs != sorted((item.id, item.slug) for item in items):
        yield f"{key}: its pairs are not those of the list"
    if any(bookmark_id != entry.id for bookmark_id, entry in mapping.slugs.items()):
        yield f"{key}: an entry stands under the id of another"
    if mapping.reverse_map != {slug: bookmark_id for bookmark_id, slug in pairs}:
        yield f"{key}: reverseMap does not lead back"
    compact = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    if mapping.checksum != hashlib.md5(compact.encode()).hexdigest():
        yield f"{key}: the checksum is not the MD5 of its pairs"


def _shards(objects: Mapping[str, bytes], prefix: str, mapping: SlugMapping) -> Iterator[str]:
    """Readers ask a shard of older systems before the mapping, so what is left of them agrees."""
    for key in (key for key in objects if key.startswith(prefix)):
        shard = json.loads(objects[key])
        entry = mapping.slugs.get(shard.get("id"))
        if entry is None or entry.slug != shard.get("slug"):
            yield f"{key}: disagrees with the mapping"


def _tags(objects: Mapping[str, bytes], prefix: str, items: list[Any]) -> Iterator[str]:
    tagged: dict[str, list[Any]] = {}
    for item in items:
        for slug in dict.fromkeys(tag["slug"] for tag in item["tags"]):
            tagged.setdefault(slug, []).append(item)
    folders = {
        key.removeprefix(prefix).rpartition("/")[0] for key in objects if key.startswith(prefix)
    }
    for folder in sorted(folders - set(tagged)):
        yield f"{prefix}{folder}/: no bookmark has this tag"
    told: list[str] = []
    for slug, those in tagged.items():
        index, _ = read(objects, f"{prefix}{slug}/index.json", Index, told)
        if index is not None:
            told += _pages(objects, f"{prefix}{slug}/", those, index)
    yield from told
