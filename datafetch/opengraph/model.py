"""The values of the OpenGraph job: descriptions, stored metadata, and what is remembered."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.addresses import OwnHosts, for_visitors
from datafetch.models.json import is_safe_segment
from datafetch.urls import clean_address, parse, well_formed

Source = Literal["external", "fallback"]
"""What metadata was made from: the page, or its bookmark (`fallback`) if the page is unreadable."""

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

_LATEST_MS = 2**53
"""Larger numbers are not taken for times; JavaScript cannot represent them exactly."""


def _text(value: object) -> str | None:
    """The value if it is a text and not empty; else None."""
    return value if isinstance(value, str) and value else None


def _time(value: object) -> int:
    """The value as epoch ms; 0 if it is not a time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < _LATEST_MS else 0


def _source(value: object) -> Source:
    """The source; metadata without one was stored by old systems, which read it from the page."""
    return "fallback" if value == "fallback" else "external"


def _texts(value: object) -> object:
    """Only the texts in an object; anything but an object is left for pydantic to refuse.

    Addresses are written as browsers do; those that bookmarks may not have are left out.
    """
    if not isinstance(value, dict):
        return value
    texts = {name: well_formed(text) for name, text in value.items() if isinstance(text, str)}
    addresses = {name: read(texts[name]) for name, read in _ADDRESSES.items() if name in texts}
    return {name: text for name, text in {**texts, **addresses}.items() if text is not None}


def _is_empty(value: object) -> bool:
    return value is None or value == ""


def _picture_address(value: object) -> str | None:
    """An address as browsers write it; None also for one with a user or a password.

    Without these its server would not show the picture, and with them nobody should be given it.
    """
    url = parse(value) if isinstance(value, str) else None
    return None if url is None or url.has_login else clean_address(value)


_ADDRESSES: Mapping[str, Callable[[object], str | None]] = {
    "finalUrl": clean_address,
    "imageUrl": _picture_address,
}
"""Fields of metadata that bookmarks get, and that are addresses, each with how it is read."""

OldText = Annotated[str | None, BeforeValidator(_text)]
"""A text that old systems may have stored as something else."""

OldPicture = Annotated[str | None, BeforeValidator(_picture_address)]
"""An address as browsers write it; what nobody should be given (`javascript:…`) is left out."""

Remembered = Annotated[str | None, Field(exclude_if=_is_empty)]
RememberedText = Annotated[str, Field(exclude_if=_is_empty)]
RememberedTime = Annotated[int | None, Field(exclude_if=_is_empty)]
"""Fields of the job's state that are left out when empty: it has a record for each page."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a page says of itself; URLs are absolute, texts cleaned by `tidy` (`rules/tags.py`)."""

    final_url: str
    title: str | None = None
    description: str | None = None
    image_url: str | None = None
    site_name: str | None = None
    type: str | None = None
    locale: str | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether it has neither title nor description nor picture."""
        return not (self.title or self.description or self.image_url)

    def overridden(self, override: Mapping[str, str]) -> "Description":
        """A copy with the texts of an override, by stored field name; blank ones are ignored."""
        names = [attribute.name for attribute in fields(self)]
        by_hand = {name: override.get(to_camel(name), "") for name in names}
        return replace(self, **{name: text for name, text in by_hand.items() if text.strip()})

    def for_visitors(self, own: OwnHosts) -> "Description":
        """The same without a picture that visitors' browsers should not ask for."""
        shown = for_visitors(self.image_url, own)
        return self if shown == self.image_url else replace(self, image_url=shown)

    def digest(self) -> str:
        """16 hex digits of the SHA-256 of all fields."""
        return digest_of([getattr(self, attribute.name) for attribute in fields(self)])


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """The stored object of one page.

    Old systems wrote it less strictly, so that only `url` is required when it is read. A stored
    `final_url` or `image_url` is read as browsers write it, or left out (`clean_address`).

    Attributes:
        url: the page's address, without fragment.
        final_url: where redirects led to; empty in old metadata that does not say.
        timestamp: when it was made, epoch ms.
        source: what it was made from.
        etag, last_modified: the page's validators.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    url: str
    final_url: Annotated[str, BeforeValidator(lambda value: clean_address(value) or "")] = ""
    title: OldText = None
    description: OldText = None
    image_url: OldPicture = None
    site_name: OldText = None
    type: OldText = None
    locale: OldText = None
    timestamp: Annotated[int, BeforeValidator(_time)] = 0
    source: Annotated[Source, BeforeValidator(_source)] = "external"
    etag: Annotated[OldText, Field(exclude_if=_is_empty)] = None
    last_modified: Annotated[OldText, Field(exclude_if=_is_empty)] = None

    @classmethod
    def of(
        cls,
        url: str,
        said: Description,
        *,
        timestamp: int,
        source: Source,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> "PageMetadata":
        """The metadata to store for a page with this description."""
        return cls(
            url=url,
            final_url=said.final_url,
            title=said.title,
            description=said.description,
            image_url=said.image_url,
            site_name=said.site_name,
            type=said.type,
            locale=said.locale,
            timestamp=timestamp,
            source=source,
            etag=etag,
            last_modified=last_modified,
        )

    @property
    def said(self) -> Description:
        """The page's description."""
        return Description(
            final_url=self.final_url or self.url,
            title=self.title,
            description=self.description,
            image_url=self.image_url,
            site_name=self.site_name,
            type=self.type,
            locale=self.locale,
        )


METADATA: TypeAdapter[PageMetadata] = TypeAdapter(PageMetadata)


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What the job remembers of one page, so that a fresh page costs no request.

    Attributes:
        fetched_at: epoch ms of the last answer, even if it said "unchanged"; None before the
            first.
        failed_at: epoch ms of the last failure; None after a success.
        source: of the stored metadata; None when none is stored.
        object_etag: the store's ETag of the stored metadata.
        digest: of the stored description.
        image_url: of the stored description.
        etag, last_modified: the page's validators.
        bare_since: epoch ms since when the site shows the page without its former tags; None
            while it does not.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    fetched_at: RememberedTime = None
    failed_at: RememberedTime = None
    source: Annotated[Source | None, Field(exclude_if=_is_empty)] = None
    object_etag: Annotated[Remembered, Field(alias="object")] = None
    digest: RememberedText = ""
    image_url: Remembered = None
    etag: Remembered = None
    last_modified: Remembered = None
    bare_since: RememberedTime = None


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """What the job remembers of a stored picture.

    Attributes:
        key: the object that holds it.
        version: first 8 hex of the SHA-256 of its bytes; empty when the manifest did not say.
        fetched_at: epoch ms; None when the picture is known from the manifest only.
        etag: the validator of the server that it came from.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    key: str
    version: RememberedText = ""
    fetched_at: RememberedTime = None
    etag: Remembered = None


@dataclass(frozen=True, slots=True)
class BookmarkRecord:
    """What the job remembers of one bookmark.

    Attributes:
        picture: the picture that was stored for it.
        tried: digest of the places that the last search looked at without success; else empty.
        mark: digest (`mark_of`) of page, picture and own fields when last merged.
    """

    picture: Annotated[PictureRecord | None, Field(exclude_if=_is_empty)] = None
    tried: RememberedText = ""
    mark: RememberedText = ""


@dataclass(frozen=True, slots=True)
class Override:
    """What people wrote by hand for a page, as last read.

    Attributes:
        etag: the store's ETag of the object.
        value: its texts, by the names of the stored metadata.
    """

    etag: str
    value: Annotated[Mapping[str, str], BeforeValidator(_texts)]


@dataclass(frozen=True, slots=True)
class SavedBookmark:
    """What this job reads of a stored bookmark; it leaves all other fields alone.

    Attributes:
        banner, screenshot: ids of assets on the bookmark server.
        saved_image: URL of the picture that the page had when it was saved.
        own: the stored fields of this job, those of `OWN_FIELDS`.
    """

    id: str
    url: str | None = None
    title: str | None = None
    description: str | None = None
    banner: str | None = None
    screenshot: str | None = None
    saved_image: str | None = None
    own: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, item: Mapping[str, object]) -> "SavedBookmark":
        """Read a bookmark; fields of a wrong type, and unsafe asset ids, count as missing."""
        found = item.get("content")
        content: Mapping[str, object] = found if isinstance(found, dict) else {}
        return cls(
            id=str(item["id"]),
            url=_text(item.get("url")),
            title=_text(item.get("title")),
            description=_text(item.get("description")),
            banner=_asset_id(content.get("imageAssetId") or _asset(item, "bannerImage")),
            screenshot=_asset_id(content.get("screenshotAssetId") or _asset(item, "screenshot")),
            saved_image=_text(content.get("imageUrl")),
            own={name: item[name] for name in OWN_FIELDS if name in item},
        )

    @property
    def image(self) -> str | None:
        """Its `ogImage`."""
        return _text(self.own.get("ogImage"))


def _asset(item: Mapping[str, object], asset_type: str) -> object:
    assets = item.get("assets")
    for asset in assets if isinstance(assets, list) else ():
        if isinstance(asset, dict) and asset.get("assetType") == asset_type:
            return asset.get("id")
    return None


def _asset_id(value: object) -> str | None:
    return value if isinstance(value, str) and is_safe_segment(value) else None


def digest_of(value: object) -> str:
    """16 hex digits of the SHA-256 of a JSON value."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
