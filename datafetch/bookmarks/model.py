"""A bookmark by its stages: as the server gives it, as it is stored, and as it will be written."""

import hashlib
import json
import marshal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field, SkipValidation, StrictBool
from pydantic.alias_generators import to_camel

from datafetch.models.json import is_safe_segment
from datafetch.upstream_errors import Malformed
from datafetch.urls import publishable, well_formed


class CamelCase:
    """Base of the values whose fields have names like `createdAt` in JSON."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)


def _safe_id(text: str) -> str:
    if not is_safe_segment(text):
        raise ValueError("it cannot be part of a name")
    return text


def _writable(text: str) -> str:
    if text != well_formed(text):
        raise ValueError("it holds half of a surrogate pair, which no URL can hold")
    return text


UrlText = Annotated[str, AfterValidator(_writable)]
"""A text of the server that becomes a part of a URL."""


@dataclass(frozen=True, slots=True)
class RawTag(CamelCase):
    """A tag as the server gives it."""

    id: str | None = None
    name: str | None = None
    attached_by: str | None = None


@dataclass(frozen=True, slots=True)
class RawAsset(CamelCase):
    """A file that belongs to a bookmark."""

    id: str | None = None
    asset_type: str | None = None


@dataclass(frozen=True, slots=True)
class ContentTexts(CamelCase):
    """The texts that datafetch reads of a bookmark's content: a link's, a note's or a file's."""

    url: str | None = None
    source_url: str | None = None
    title: str | None = None
    description: str | None = None
    image_url: str | None = None
    image_asset_id: str | None = None
    screenshot_asset_id: str | None = None
    crawl_status: str | None = None
    date_published: str | None = None


@dataclass(frozen=True, slots=True)
class RawBookmark(CamelCase):
    """One bookmark as the server gives it; all but id and time of creation may be missing.

    Unknown fields are allowed. An item with a known field of the wrong type counts as unreadable,
    and the stored bookmark stays: that is better than a guess at what the field means.

    Attributes:
        source_hash: half a SHA-256 (32 hex) over everything that the server sent of the item; the
            bookmark changed when it differs.
        created_at: ISO 8601; when the bookmark was made, see `read_bookmark`.
        first_created_at: ISO 8601; when its URL was saved first; None when that is not known.
        content: as the server sent it.
        texts: the fields of `content` that the rules read.
    """

    id: Annotated[str, AfterValidator(_safe_id)]
    created_at: str
    source_hash: str
    content: SkipValidation[dict[str, object]]
    texts: Annotated[ContentTexts, Field(alias="content")]
    first_created_at: str | None = None
    modified_at: str | None = None
    title: str | None = None
    note: str | None = None
    summary: str | None = None
    archived: StrictBool | None = None
    favourited: StrictBool | None = None
    tagging_status: str | None = None
    tags: tuple[RawTag, ...] | None = None
    assets: tuple[RawAsset, ...] | None = None

    @property
    def url(self) -> str:
        """The page's web address, or where a text or file came from; empty when there is none."""
        return publishable(self.texts.url) or publishable(self.texts.source_url) or ""


class UnreadableItem(NamedTuple):
    """An item of the list that cannot be read.

    Attributes:
        id: None when the item has none.
        name: its name in dead letters and the log: the id, or else a hash of the item.
    """

    id: str | None
    name: str
    error: Malformed

    @classmethod
    def of(cls, value: object, error: Malformed) -> "UnreadableItem":
        """The unreadable item of this JSON, with the reason why it cannot be read."""
        found = value.get("id") if isinstance(value, dict) else None
        if isinstance(found, str) and found:
            return cls(found, ascii(found)[1:-1][:128], error)
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return cls(None, f"item without id {digest[:12]}", error)


class StoredBookmark(NamedTuple):
    """A bookmark as it is stored. Only its id was checked.

    Attributes:
        id: can be part of a key.
        fields: its JSON, with the fields of other jobs and of old systems.
    """

    id: str
    fields: Mapping[str, object]

    @classmethod
    def of(cls, value: object) -> "StoredBookmark | None":
        """A bookmark of this JSON; None when it has no id that can be part of a key."""
        if isinstance(value, dict):
            bookmark_id = value.get("id")
            if isinstance(bookmark_id, str) and is_safe_segment(bookmark_id):
                return cls(bookmark_id, value)
        return None

    @property
    def slug(self) -> str:
        """Its slug; empty when it has none."""
        return self.text("slug")

    def text(self, name: str) -> str:
        """The text of a field; empty when the field is missing or not a text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def with_fields(self, fields: Mapping[str, object]) -> "StoredBookmark":
        """The same bookmark with these fields set."""
        return StoredBookmark(self.id, {**self.fields, **fields})


class Bookmark(NamedTuple):
    """One bookmark as it will be written.

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


def source_hash(item: dict[str, object]) -> str:
    """Half a SHA-256 (32 hex) of an item as the server sent it; it differs when the item changed.

    Raises:
        Malformed: the item is nested too deeply.
    """
    try:
        # Four times as fast as JSON. Version 2 has no back references, which would make the
        # bytes depend on which texts happen to be one object.
        body = marshal.dumps(item, 2)
    except ValueError as error:
        raise Malformed(f"a bookmark that is nested too deeply: {error}") from error
    return hashlib.sha256(body).hexdigest()[:32]
