"""A bookmark by its stages: as the server gives it, and as it is stored.

Both are named tuples filled by hand in one pass. A list has up to 100,000 items, and a
first sync may cost three times what reading and writing the same JSON costs; a validating
model for each item, tag and asset would take that alone.
"""

import hashlib
import json
import marshal
import math
import re
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeVar

from datafetch.errors import Malformed
from datafetch.models.json import JsonObject, compact_json, is_safe_segment
from datafetch.urls import well_formed

_T = TypeVar("_T")


class RawTag(NamedTuple):
    """A tag as the server gives it."""

    id: str
    name: str
    attached_by: str | None


class RawAsset(NamedTuple):
    """A file that belongs to a bookmark."""

    id: str
    type: str


class RawBookmark(NamedTuple):
    """One bookmark as the server gives it, checked; all but id and creation may be missing.

    Attributes:
        content: as it came; its kind (link, text, asset) decides which fields it has.
        source_hash: what change is judged by; over everything that the server sent.
    """

    id: str
    created_at: str
    modified_at: str | None
    title: str | None
    note: str | None
    summary: str | None
    archived: bool
    favourited: bool
    tagging_status: str | None
    tags: tuple[RawTag, ...]
    assets: tuple[RawAsset, ...]
    content: JsonObject
    source_hash: str

    @property
    def url(self) -> str:
        """The page's URL, or where a text or file came from; empty when there is none."""
        return self.content.get("url") or self.content.get("sourceUrl") or ""

    @classmethod
    def from_json(cls, value: Any) -> "RawBookmark":
        """Read one item of the list.

        Optional and null fields and unknown keys are fine; a field of a wrong type is not,
        because what it means is unknown and a stored predecessor is better than a guess.

        Raises:
            Malformed: it is not a bookmark; the message names the field.
        """
        item = _object(value, "the item")
        bookmark_id = _text(item, "id")
        created_at = _text(item, "createdAt") or _text(item, "firstCreatedAt")
        if not bookmark_id or not is_safe_segment(bookmark_id):
            raise Malformed("a bookmark without an id that can be part of a name")
        if not created_at or not _DATE.match(created_at):
            raise Malformed("a bookmark without a time of creation")
        content = _object(item.get("content") or {}, "content")
        _check_texts(item, _ITEM_TEXTS)
        _check_texts(content, _CONTENT_TEXTS)
        return cls(
            id=bookmark_id,
            created_at=created_at,
            modified_at=item.get("modifiedAt"),
            title=item.get("title"),
            note=item.get("note"),
            summary=item.get("summary"),
            archived=_flag(item, "archived"),
            favourited=_flag(item, "favourited"),
            tagging_status=item.get("taggingStatus"),
            tags=_each(item, "tags", _tag),
            assets=_each(item, "assets", _asset),
            content=content,
            source_hash=source_hash(item),
        )


class UnreadableItem(NamedTuple):
    """An item of the list that cannot be read; `id` is None when not even that can."""

    id: str | None
    name: str
    error: Malformed

    @classmethod
    def of(cls, value: Any, error: Malformed) -> "UnreadableItem":
        """Name it by its id, or else by a hash of what came."""
        found = value.get("id") if isinstance(value, dict) else None
        if isinstance(found, str) and found:
            return cls(found, ascii(found)[1:-1][:_NAME_LENGTH], error)
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return cls(None, f"item without id {digest[:12]}", error)


class Bookmark(NamedTuple):
    """One bookmark as it is stored.

    Attributes:
        tags: slug and name of each tag, each slug once.
        body: the item's JSON, encoded once and shared by every object that holds it.
    """

    id: str
    slug: str
    url: str
    title: str
    date_bookmarked: str
    modified_at: str
    tags: tuple[tuple[str, str], ...]
    body: bytes


def source_hash(item: JsonObject) -> str:
    """Half a SHA-256 (32 hex) over everything that the server sent of an item.

    Raises:
        Malformed: it is nested too deeply.
    """
    try:
        # Four times as fast as JSON. Version 2 has no back references, which would make the
        # bytes depend on which texts happen to be one object.
        body = marshal.dumps(item, 2)
    except ValueError as error:
        raise Malformed(f"a bookmark that is nested too deeply: {error}") from error
    return hashlib.sha256(body).hexdigest()[:32]


def encode_item(item: Mapping[str, Any]) -> bytes:
    """An item's JSON bytes, as they are stored.

    What JSON or UTF-8 cannot hold is written as JavaScript would: null for NaN and the
    infinities, U+FFFD for half a surrogate pair.
    """
    try:
        text = compact_json(item)
    except ValueError:
        text = compact_json(_finite(item))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return well_formed(text).encode()


def encode_text(text: str) -> bytes:
    """A text as JSON."""
    return encode_basestring(well_formed(text)).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_DATE = re.compile(r"\d{4}-\d\d-\d\dT")
_NAME_LENGTH = 128

_ITEM_TEXTS = ("modifiedAt", "title", "note", "summary", "taggingStatus")

_CONTENT_TEXTS = (
    "url",
    "sourceUrl",
    "title",
    "description",
    "imageUrl",
    "imageAssetId",
    "screenshotAssetId",
    "crawlStatus",
    "datePublished",
)
"""Fields of the content that rules read as text."""


def _object(value: Any, name: str) -> JsonObject:
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object")
    return value


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Malformed(f"{name} is not a text")


def _check_texts(item: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        value = item.get(name)
        if value is not None and not isinstance(value, str):
            raise Malformed(f"{name} is not a text")


def _flag(item: Mapping[str, Any], name: str) -> bool:
    value = item.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Malformed(f"{name} is neither true nor false")


def _each(item: Mapping[str, Any], name: str, read: Callable[[Any], _T | None]) -> tuple[_T, ...]:
    values = item.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise Malformed(f"{name} is not a list")
    found = (read(value) for value in values)
    return tuple(one for one in found if one is not None)


def _tag(value: Any) -> RawTag | None:
    """A tag; one without a name says nothing and is left out."""
    tag = _object(value, "a tag")
    name = _text(tag, "name")
    if not name:
        return None
    return RawTag(_text(tag, "id") or "", name, _text(tag, "attachedBy"))


def _asset(value: Any) -> RawAsset | None:
    """An asset; one without an id cannot be asked for and is left out."""
    asset = _object(value, "an asset")
    asset_id = _text(asset, "id")
    return RawAsset(asset_id, _text(asset, "assetType") or "unknown") if asset_id else None
