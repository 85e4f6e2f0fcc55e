"""Makes a stored bookmark over by the present rules, when the server's is not at hand."""

from collections.abc import Mapping

from datafetch.addresses import NO_HOSTS, OwnHosts
from datafetch.bookmarks.model import RawTag, StoredBookmark
from datafetch.bookmarks.rules.demands import GONE, demanded
from datafetch.bookmarks.rules.normalise import (
    MAX_TAGS,
    UNDESCRIBED,
    UNTITLED,
    content_of,
    first_text,
    made_tag,
)
from datafetch.bookmarks.rules.slugs import host_of
from datafetch.bookmarks.rules.times import good_time
from datafetch.urls import publishable

_EPOCH = "1970-01-01T00:00:00.000Z"
"""The time of a stored item that has none, since readers demand one."""


def fit(item: StoredBookmark, own: OwnHosts = NO_HOSTS) -> StoredBookmark:
    """A stored item as the present rules publish it, without the server's bookmark.

    URL, title, description, domain, tags, content and assets are made anew from what is stored.
    The slug stays, and so does each other field that readers accept. The fields keep their order.
    An item that the present rules have made is returned with equal fields. Pictures at `own`
    hosts, the user's, stay though they are not public.
    """
    stored = item.fields
    found = stored.get("content")
    content: Mapping[str, object] = found if isinstance(found, dict) else {}
    addresses = (stored.get("url"), content.get("url"), content.get("sourceUrl"))
    url = next(filter(None, map(publishable, addresses)), "")
    no_content = not url and not isinstance(found, dict)
    title = first_text(item.text("title"), content.get("title")) or UNTITLED
    description = item.text("description") or UNDESCRIBED
    made: dict[str, object] = {
        "url": url or GONE,
        "title": title,
        "description": description,
        "domain": host_of(url),
        "tags": _stored_tags(stored.get("tags")),
        "content": GONE if no_content else content_of(content, url, title, description, own),
        "assets": _stored_assets(stored.get("assets")),
    }
    fields = {
        name: made.pop(name) if name in made else demanded(name, value, own)
        for name, value in stored.items()
    }
    made["dateBookmarked"] = bookmarked = _time_of(item)
    modified = item.text("modifiedAt")
    made["sourceUpdatedAt"] = modified if _is_time(modified) else bookmarked
    if _is_time(bookmarked):
        for name in ("dateBookmarked", "dateCreated", "modifiedAt", "sourceUpdatedAt"):
            if name in fields and not _is_time(fields[name]):
                fields[name] = made.get(name, bookmarked)
    for name, value in made.items():
        if fields.get(name, GONE) is GONE:
            fields[name] = value
    return StoredBookmark(
        item.id, {name: value for name, value in fields.items() if value is not GONE}
    )


def _time_of(item: StoredBookmark) -> str:
    """When the item was bookmarked: the first of its times that readers can read, else any text.

    The server sends years beyond 9999 and nonsense too, which older rules stored as they came.
    """
    names = ("dateBookmarked", "dateCreated", "createdAt", "modifiedAt")
    texts = [text for text in map(item.text, names) if text]
    return next(filter(_is_time, texts), texts[0] if texts else _EPOCH)


def _is_time(value: object) -> bool:
    """Whether readers can read it as a time; a day without a time of day is one."""
    return good_time(value) is not None or good_time(f"{value}T00:00") is not None


def _stored_tags(tags: object) -> list[dict[str, str]]:
    """The tags of a stored item as they are made today; those without a name are left out."""
    made: list[dict[str, str]] = []
    for tag in tags if isinstance(tags, list) else ():
        read = tag if isinstance(tag, dict) else {"name": tag}
        texts = {key: text for key, text in read.items() if isinstance(text, str)}
        if texts.get("name"):
            raw = RawTag(texts.get("id"), texts["name"], texts.get("attachedBy"))
            made.append(made_tag(raw, texts["name"]))
    return made[:MAX_TAGS]


def _stored_assets(assets: object) -> list[dict[str, str]]:
    """The assets of a stored item that have an id."""
    made: list[dict[str, str]] = []
    for asset in assets if isinstance(assets, list) else ():
        found = asset.get("id") if isinstance(asset, dict) else None
        if isinstance(found, str) and found:
            kind = asset.get("assetType")
            made.append({"id": found, "assetType": kind if isinstance(kind, str) else "unknown"})
    return made
