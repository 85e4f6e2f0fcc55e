"""A page's metadata by its stages: what stands in its head, what is made of it, what is stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from datafetch.errors import Malformed

Source = Literal["external", "fallback"]

_LATEST_MS = 2**53
"""Larger numbers are no times; JavaScript cannot even hold them."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a page says of itself; URLs are absolute, texts tidy."""

    final_url: str
    title: str | None = None
    description: str | None = None
    image_url: str | None = None
    site_name: str | None = None
    type: str | None = None
    locale: str | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to show of it."""
        return not (self.title or self.description or self.image_url)

    def overridden(self, override: Mapping[str, Any]) -> "Description":
        """The same with what people wrote by hand; only texts that say something count."""
        by_hand = {name: override.get(stored) for name, stored in _NAMES.items()}
        said = {
            name: text for name, text in by_hand.items() if isinstance(text, str) and text.strip()
        }
        return replace(self, **said)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], url: str) -> "Description":
        """Read it out of a stored object; `url` stands in for a final one that is missing."""
        said = {name: _text(value.get(stored)) for name, stored in _NAMES.items()}
        return cls(
            final_url=said.pop("final_url") or url,
            **said,
        )

    def digest(self) -> str:
        """What tells one description from another: 16 hex of a SHA-256."""
        return digest_of([getattr(self, field.name) for field in fields(self)])


_NAMES = {
    "final_url": "finalUrl",
    "title": "title",
    "description": "description",
    "image_url": "imageUrl",
    "site_name": "siteName",
    "type": "type",
    "locale": "locale",
}


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """The stored object of one page.

    Attributes:
        url: the page's address, without fragment.
        timestamp: when it was made, epoch ms.
        source: `external` when the page said it, `fallback` when it was made of the bookmark.
        etag, last_modified: the page's validators.
    """

    url: str
    description: Description
    timestamp: int
    source: Source
    etag: str | None = None
    last_modified: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The object that is stored."""
        said = self.description
        value = {
            "url": self.url,
            "finalUrl": said.final_url,
            "title": said.title,
            "description": said.description,
            "imageUrl": said.image_url,
            "siteName": said.site_name,
            "type": said.type,
            "locale": said.locale,
            "timestamp": self.timestamp,
            "source": self.source,
        }
        if self.etag is not None:
            value["etag"] = self.etag
        if self.last_modified is not None:
            value["lastModified"] = self.last_modified
        return value

    @classmethod
    def from_json(cls, value: Any) -> "PageMetadata":
        """Read it back; old objects lack some fields, and their `source` may be missing.

        Raises:
            Malformed: it is no metadata.
        """
        if not isinstance(value, dict) or not isinstance(value.get("url"), str):
            raise Malformed("metadata without a URL")
        return cls(
            url=value["url"],
            description=Description.from_json(value, value["url"]),
            timestamp=_time(value.get("timestamp")),
            source="fallback" if value.get("source") == "fallback" else "external",
            etag=_text(value.get("etag")),
            last_modified=_text(value.get("lastModified")),
        )


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What the job remembers of one page, so that it need not look.

    Attributes:
        fetched_at: epoch ms of the last answer, unchanged ones included; None before the first.
        failed_at: epoch ms of the last failure, None after a success.
        source: of the stored metadata; None when none is stored.
        object_etag: ETag of the stored metadata.
        digest: of the stored description.
        image_url: of the stored description.
        etag, last_modified: the page's validators.
    """

    fetched_at: int | None = None
    failed_at: int | None = None
    source: Source | None = None
    object_etag: str | None = None
    digest: str = ""
    image_url: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """A stored picture.

    Attributes:
        key: where.
        version: first 8 hex of its SHA-256.
        fetched_at: epoch ms; None when it is not known any more.
        etag: its server's.
    """

    key: str
    version: str
    fetched_at: int | None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class BookmarkRecord:
    """What the job remembers of one bookmark.

    Attributes:
        picture: the one that was stored for it.
        tried: digest of the places that were last searched for a picture, when none was
            found in them.
        mark: digest of page, picture and own fields as they were last merged.
    """

    picture: PictureRecord | None = None
    tried: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """What people wrote by hand for a page, as last read."""

    etag: str
    value: Mapping[str, Any]


def digest_of(value: Any) -> str:
    """16 hex of the SHA-256 of a JSON value."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _time(value: Any) -> int:
    """Epoch ms; 0 when it is no time."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if number and 0 <= value < _LATEST_MS else 0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
