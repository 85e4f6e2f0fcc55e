"""Lays the server's bookmark over the stored one, and prepares both to be written."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from datafetch.addresses import NO_HOSTS, OwnHosts
from datafetch.bookmarks.model import Bookmark, RawBookmark, StoredBookmark
from datafetch.bookmarks.rules.fit import fit
from datafetch.bookmarks.rules.normalise import OPTIONAL, UNTITLED, image_of, normalise
from datafetch.bookmarks.rules.slugs import base_slug, tag_slug
from datafetch.models.json import canonical_json, encode_json
from datafetch.urls import well_formed

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


def merge(raw: RawBookmark, stored: StoredBookmark | None, own: OwnHosts = NO_HOSTS) -> Draft:
    """Lay the server's bookmark over its stored predecessor.

    The server's fields win. The fields of others stay, as far as readers accept them: `og…`,
    `logoData`, `wordCount`, `readingTime`, the slug, and those that datafetch does not know.
    """
    fields = normalise(raw, own)
    if stored is None:
        base = base_slug(raw.url, raw.title or raw.texts.title, raw.id)
        return Draft(as_bookmark(StoredBookmark(raw.id, fields)), base, made=True, changed=True)
    _keep_stored(fields, fit(stored, own).fields)
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
            is_derived = name in made and name in derived and value == derived[name]
            if value is not None and not is_derived:
                made[name] = value
        elif name not in made and name not in OPTIONAL:
            made[name] = value


def _derived_images(stored: Mapping[str, object]) -> dict[str, str | None]:
    """The picture fields made anew from the stored content, to tell which a job has set."""
    content = stored.get("content")
    if not isinstance(content, dict):
        return {}
    return {"ogImage": image_of(content), "ogImageExternal": image_of(content)}


def tag_slugs(tags: object) -> tuple[tuple[str, str], ...]:
    """Slug and name of each tag of a stored item, each slug once; old systems stored bare names."""
    found: dict[str, str] = {}
    for tag in tags if isinstance(tags, list) else ():
        name = tag.get("name") if isinstance(tag, dict) else tag
        if isinstance(name, str) and name:
            found.setdefault(tag_slug(name), name)
    return tuple(found.items())
