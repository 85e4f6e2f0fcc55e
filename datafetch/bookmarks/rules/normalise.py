"""Makes the site's bookmark from the server's, and merges it with the stored one."""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from datafetch.bookmarks.model import (
    Bookmark,
    RawBookmark,
    RawTag,
    StoredBookmark,
)
from datafetch.bookmarks.rules.slugs import base_slug, host_of, tag_slug
from datafetch.bookmarks.rules.times import good_time
from datafetch.models.json import canonical_json, encode_json, is_safe_segment
from datafetch.urls import publishable, well_formed

UNTITLED = "Untitled Bookmark"
UNDESCRIBED = "No description available."

_ENRICHMENT = (
    "ogImage",
    "ogImageExternal",
    "ogTitle",
    "ogDescription",
    "ogUrl",
    "ogImageLastFetchedAt",
    "ogImageEtag",
)
"""Fields that other jobs fill in."""

_ADDRESSES = ("ogImage", "ogImageExternal", "ogUrl")
"""Those that hold addresses."""

# Browsers read `//x` and `/\x` as another host.
_OWN_PATH = re.compile(r"/(?![/\\])[^\s\x00-\x1f\x7f]*")

_OPTIONAL = ("ogImage", "ogImageExternal", "datePublished", "taggingStatus")
"""Fields that are left out when the server has no value for them."""


class Draft(NamedTuple):
    """A bookmark of the new list before slugs are given out.

    Attributes:
        bookmark: as it will be written; its `slug` is empty until it has one.
        base: the slug that it gets when no other bookmark has it.
        made: whether it was merged in this run, and not taken as it is stored.
        changed: whether it is new or differs from its stored predecessor.
    """

    bookmark: Bookmark
    base: str
    made: bool
    changed: bool


def merge(raw: RawBookmark, stored: StoredBookmark | None) -> Draft:
    """Lay the server's bookmark over its stored predecessor.

    The server's fields win. The fields of others stay: `og…`, `logoData`, `wordCount`,
    `readingTime`, the slug, and those that datafetch does not know.
    """
    fields = normalise(raw)
    if stored is None:
        base = base_slug(raw.url, raw.title or raw.texts.title, raw.id)
        return Draft(as_bookmark(StoredBookmark(raw.id, fields)), base, made=True, changed=True)
    _keep_stored(fields, stored.fields)
    bookmark = as_bookmark(StoredBookmark(raw.id, fields))
    # Another tool may have written the stored item with its keys in another order.
    changed = bookmark.body != encode_json(stored.fields) and (
        canonical_json(fields) != canonical_json(stored.fields)
    )
    return Draft(bookmark, _stored_base(bookmark), made=True, changed=changed)


def as_stored(item: StoredBookmark) -> Draft:
    """The draft of an item that stays as it is stored."""
    bookmark = as_bookmark(item)
    return Draft(bookmark, _stored_base(bookmark), made=False, changed=False)


def finish(draft: Draft, slug: str) -> Bookmark:
    """The draft's bookmark with this slug, in its JSON too."""
    bookmark = draft.bookmark
    if bookmark.slug == slug:
        return bookmark
    named = encode_json({"slug": slug})[1:-1]
    if draft.made and not bookmark.slug:
        # In an item that `normalise` made only texts stand before the slug, and quotes inside texts
        # are escaped, so the first `"slug":""` is the field.
        return bookmark._replace(slug=slug, body=bookmark.body.replace(b'"slug":""', named, 1))
    item = json.loads(bookmark.body)
    item["slug"] = slug
    return bookmark._replace(slug=slug, body=encode_json(item))


def normalise(raw: RawBookmark) -> dict[str, object]:
    """The fields as the site reads them, made of the server's bookmark alone; `slug` is empty.

    The URL of a text or a file is where it came from, or empty. Addresses that are no web
    addresses (`javascript:…`) are left out: readers would offer them to visitors.
    """
    content = _content(raw)
    modified = raw.modified_at or raw.created_at
    url = raw.url
    fields: dict[str, object] = {
        "id": raw.id,
        "url": url,
        "title": _first(raw.title, raw.texts.title) or UNTITLED,
        "description": _first(raw.texts.description, raw.summary) or UNDESCRIBED,
        "slug": "",
        "domain": host_of(url),
        "tags": [_tag(tag, tag.name) for tag in raw.tags or () if tag.name],
        "ogImage": _image(content),
        "ogImageExternal": publishable(raw.texts.image_url),
        "dateBookmarked": raw.created_at,
        "dateCreated": raw.first_created_at or raw.created_at,
        "datePublished": good_time(raw.texts.date_published),
        "modifiedAt": modified,
        "sourceUpdatedAt": modified,
        "archived": raw.archived or False,
        "isFavorite": raw.favourited or False,
        "taggingStatus": raw.tagging_status,
        "note": raw.note,
        "summary": raw.summary,
        "content": content,
        "assets": [
            {"id": asset.id, "assetType": asset.asset_type or "unknown"}
            for asset in raw.assets or ()
            if asset.id
        ],
    }
    for name in _OPTIONAL:
        if fields[name] is None:
            del fields[name]
    return fields


def as_bookmark(item: StoredBookmark) -> Bookmark:
    """The stored item as a bookmark to write, with its fields unchanged."""
    date = item.text("dateBookmarked")
    return Bookmark(
        id=item.id,
        slug=item.slug,
        url=well_formed(item.text("url")),
        title=well_formed(item.text("title")),
        date_bookmarked=date,
        modified_at=well_formed(item.text("modifiedAt") or date),
        tags=tag_slugs(item.fields.get("tags")),
        body=encode_json(item.fields),
    )


def _stored_base(bookmark: Bookmark) -> str:
    title = None if bookmark.title == UNTITLED else bookmark.title
    return bookmark.slug or base_slug(bookmark.url, title, bookmark.id)


def _keep_stored(made: dict[str, object], stored: Mapping[str, object]) -> None:
    """Copy the fields that other jobs and old systems stored in an item into its new fields."""
    slug = stored.get("slug")
    if isinstance(slug, str):
        made["slug"] = slug
    derived = _derived_images(stored)
    for name, value in stored.items():
        if name in _ENRICHMENT:
            if value is None or (name in derived and value == derived[name] and name in made):
                continue
            kept = _offered(value) if name in _ADDRESSES else value
            if kept is not None:
                made[name] = kept
        elif name not in made and name not in _OPTIONAL:
            made[name] = value


def _offered(value: object) -> str | None:
    """A stored address as visitors may be given it; None when it is hostile.

    It is a web address, or a path of the site itself.
    """
    if isinstance(value, str) and _OWN_PATH.fullmatch(value):
        return value
    return publishable(value)


def _derived_images(stored: Mapping[str, object]) -> dict[str, str | None]:
    """The picture fields made anew from the stored content, to tell which a job has set."""
    content = stored.get("content")
    if not isinstance(content, dict):
        return {}
    return {"ogImage": _image(content), "ogImageExternal": publishable(content.get("imageUrl"))}


def _content(raw: RawBookmark) -> dict[str, object]:
    content: dict[str, object] = {}
    for name, value in raw.content.items():
        kept = publishable(value) if _is_address(name) else value
        if name != "htmlContent" and (kept is not None or value is None):
            content[name] = kept
    for asset in raw.assets or ():
        field = _FROM_ASSETS.get(asset.asset_type or "")
        if field is not None and asset.id and not content.get(field):
            content[field] = asset.id
    return content


def _is_address(name: str) -> bool:
    """Whether the field of the content holds an address, also one that datafetch does not know."""
    return name in ("url", "favicon") or name.endswith(("Url", "URL"))


_FROM_ASSETS = {"screenshot": "screenshotAssetId", "bannerImage": "imageAssetId"}


def _image(content: Mapping[str, object]) -> str | None:
    """The URL of the picture that the site prefers: banner, screenshot, or the page's own."""
    for field in ("imageAssetId", "screenshotAssetId"):
        asset_id = content.get(field)
        if isinstance(asset_id, str) and is_safe_segment(asset_id):
            return f"/api/assets/{asset_id}"
    return publishable(content.get("imageUrl"))


def _tag(tag: RawTag, name: str) -> dict[str, str]:
    made = {"id": tag.id or "", "name": name, "slug": tag_slug(name)}
    if tag.attached_by in ("ai", "user"):
        made["attachedBy"] = tag.attached_by
    return made


def tag_slugs(tags: object) -> tuple[tuple[str, str], ...]:
    """Slug and name of each tag of a stored item, each slug once; old systems stored bare names."""
    found: dict[str, str] = {}
    for tag in tags if isinstance(tags, list) else ():
        name = tag.get("name") if isinstance(tag, dict) else tag
        if isinstance(name, str) and name:
            found.setdefault(tag_slug(name), name)
    return tuple(found.items())


def _first(*texts: str | None) -> str | None:
    """The first text that is not blank, unchanged; None when there is none."""
    return next((text for text in texts if text and text.strip()), None)
