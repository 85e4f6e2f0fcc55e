"""Makes the site's bookmark from the server's."""

from collections.abc import Mapping

from datafetch.addresses import NO_HOSTS, OwnHosts, for_visitors
from datafetch.bookmarks.model import RawBookmark, RawTag
from datafetch.bookmarks.rules.demands import GONE, demanded_of_content
from datafetch.bookmarks.rules.slugs import host_of, tag_slug
from datafetch.bookmarks.rules.times import good_time
from datafetch.urls import publishable

UNTITLED = "Untitled Bookmark"
UNDESCRIBED = "No description available."

OPTIONAL = ("url", "ogImage", "ogImageExternal", "datePublished", "taggingStatus")
"""Fields that are left out when the server has no value for them."""

MAX_TAGS = 100
"""Most tags of an item that are published: one item with thousands of them filled the disk."""


def normalise(raw: RawBookmark, own: OwnHosts = NO_HOSTS) -> dict[str, object]:
    """The fields as the site reads them, made of the server's bookmark alone; `slug` is empty.

    The URL of a text or a file is where it came from; without a web address there is no `url`.
    Addresses that are no web addresses (`javascript:…`) are left out: readers would offer them
    to visitors, or refuse the whole list. So are pictures that visitors' browsers should not ask
    for, unless they are at one of the user's `own` hosts.
    """
    url = raw.url
    title = first_text(raw.title, raw.texts.title) or UNTITLED
    description = first_text(raw.texts.description, raw.summary) or UNDESCRIBED
    modified = raw.modified_at or raw.created_at
    content = content_of(raw.content, url, title, description, own)
    _add_assets(content, raw)
    fields: dict[str, object] = {
        "id": raw.id,
        "url": url or None,
        "title": title,
        "description": description,
        "slug": "",
        "domain": host_of(url),
        "tags": [made_tag(tag, name) for tag, name in _named(raw)[:MAX_TAGS]],
        "ogImage": image_of(content),
        "ogImageExternal": for_visitors(raw.texts.image_url, own),
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
    for name in OPTIONAL:
        if fields[name] is None:
            del fields[name]
    return fields


def surplus_tags(raw: RawBookmark) -> int:
    """How many tags of the bookmark are not published, because it has more than `MAX_TAGS`."""
    return max(0, len(_named(raw)) - MAX_TAGS)


def content_of(
    content: Mapping[str, object],
    url: str,
    title: str,
    description: str,
    own: OwnHosts = NO_HOSTS,
) -> dict[str, object]:
    """The content as readers accept it.

    `url`, `title` and `description` are the item's. When the item has a URL, the content gets those
    of the three that it lacks, and the type `link` if it has none. Without one it has no `url`.
    """
    made: dict[str, object] = {}
    for name, value in content.items():
        kept = demanded_of_content(name, value, own)
        if name != "htmlContent" and kept is not GONE:
            made[name] = kept
    if not isinstance(made.get("type", ""), str):
        del made["type"]
    if not url:
        made.pop("url", None)
        return made
    # The order is that in which the server sends them, for contents that lack some.
    needed = {"type": "link", "url": url, "title": title, "description": description}
    for name, value in needed.items():
        if not first_text(made.get(name)):
            made[name] = value
    return made


def _add_assets(content: dict[str, object], raw: RawBookmark) -> None:
    """Fill the ids of banner and screenshot that the content lacks."""
    for asset in raw.assets or ():
        field = _FROM_ASSETS.get(asset.asset_type or "")
        if field is not None and asset.id and not content.get(field):
            content[field] = asset.id


_FROM_ASSETS = {"screenshot": "screenshotAssetId", "bannerImage": "imageAssetId"}


def image_of(content: Mapping[str, object]) -> str | None:
    """The absolute URL of the page's own picture, of a content as `content_of` makes it.

    Pictures that the server keeps are not meant: readers make their addresses from their ids.
    """
    return publishable(content.get("imageUrl"))


def _named(raw: RawBookmark) -> list[tuple[RawTag, str]]:
    """The tags that have a name, with it, in the server's order."""
    return [(tag, tag.name) for tag in raw.tags or () if tag.name]


def made_tag(tag: RawTag, name: str) -> dict[str, str]:
    """The tag of this name as readers accept it; without a word on who attached it if unknown."""
    made = {"id": tag.id or "", "name": name, "slug": tag_slug(name)}
    attached = _ATTACHED.get(tag.attached_by or "")
    if attached is not None:
        made["attachedBy"] = attached
    return made


_ATTACHED = {"ai": "ai", "user": "user", "human": "user"}
"""The server says `human`, readers say `user`."""


def first_text(*texts: object) -> str | None:
    """The first text that is not blank, unchanged; None when there is none."""
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)
