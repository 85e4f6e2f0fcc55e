"""Logos as values: what is stored of one, what was offered for one, and domains without one."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from datafetch.errors import CorruptObject

LogoSource = Literal["google", "ddg", "direct"]

SOURCES: tuple[LogoSource, ...] = ("google", "ddg", "direct")
"""In the order in which they are asked."""

_NUMBERS = ("bytes", "width", "height", "fetchedAt")
_TEXTS = ("key", "contentType", "sha256")

_IMAGE = "image/"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHORT_SHA256 = re.compile(r"[0-9A-Za-z+/]{43}=")
_TEXT = ("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that a provider offers as a logo; `size` in bytes, `sha256` in hex.

    `spread`: of some of its pixels, on white, the least red, green and blue and then the most;
    empty where nobody looked.
    """

    source: LogoSource
    url: str
    format: str
    width: int
    height: int
    size: int
    sha256: str
    spread: bytes = b""


class Logo(NamedTuple):
    """One stored logo.

    Attributes:
        original_source: the provider that it came from.
        size: bytes.
        sha256: hex, of the stored bytes.
        etag: the provider's validator, for conditional requests.
        fetched_at: epoch ms of the last time the provider confirmed it.
    """

    key: str
    original_source: LogoSource
    content_type: str
    size: int
    width: int
    height: int
    sha256: str
    etag: str | None
    fetched_at: int

    @property
    def version(self) -> str:
        """What its URL ends in, so that caches see a new picture under an old key."""
        return self.sha256[:8]

    def to_json(self, cdn_url: str) -> dict[str, Any]:
        """Its entry in the manifest."""
        entry: dict[str, Any] = {
            "cdnUrl": cdn_url,
            "key": self.key,
            "originalSource": self.original_source,
            "contentType": self.content_type,
            "bytes": self.size,
            "width": self.width,
            "height": self.height,
            "sha256": self.sha256,
        }
        if self.etag:
            entry["etag"] = self.etag
        entry["fetchedAt"] = self.fetched_at
        return entry

    @classmethod
    def from_json(cls, value: Any) -> "Logo":
        """Read an entry of the manifest back.

        Raises:
            CorruptObject: it is not a logo's entry.
        """
        if not isinstance(value, Mapping):
            raise CorruptObject("an entry that is not an object")
        source, etag = value.get("originalSource"), value.get("etag")
        texts = [value.get(name) for name in _TEXTS]
        numbers = [value.get(name) for name in _NUMBERS]
        if source not in SOURCES or not all(isinstance(text, str) and text for text in texts):
            raise CorruptObject("an entry without its texts")
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise CorruptObject("an entry without its numbers")
        return cls(
            key=value["key"],
            original_source=source,
            content_type=value["contentType"],
            size=value["bytes"],
            width=value["width"],
            height=value["height"],
            sha256=value["sha256"],
            etag=etag if isinstance(etag, str) else None,
            fetched_at=value["fetchedAt"],
        )

    def packed(self) -> bytes:
        """Its bytes in memory, a fraction of the object's: a run holds every stored logo."""
        kind = self.content_type.removeprefix(_IMAGE)
        shorter = self._replace(sha256=_shorter(self.sha256), content_type=kind)
        return json.dumps(shorter, ensure_ascii=False, separators=(",", ":")).encode(*_TEXT)

    @classmethod
    def unpacked(cls, packed: bytes) -> "Logo":
        """The logo of `packed`."""
        logo = cls(*json.loads(packed.decode(*_TEXT)))
        kind = logo.content_type if "/" in logo.content_type else _IMAGE + logo.content_type
        return logo._replace(sha256=_longer(logo.sha256), content_type=kind)


def _shorter(sha256: str) -> str:
    """A hash in two thirds of its hex digits; other texts as they are."""
    return b64encode(bytes.fromhex(sha256)).decode() if _SHA256.fullmatch(sha256) else sha256


def _longer(text: str) -> str:
    return b64decode(text).hex() if _SHORT_SHA256.fullmatch(text) else text


@dataclass(frozen=True, slots=True)
class NoLogoRecord:
    """A domain for which every provider answered and none had a logo; times are epoch ms."""

    item: str
    attempts: int
    last_attempt: int
    reason: str
    permanent: bool = False

    def to_json(self) -> dict[str, Any]:
        """Its entry in the negative cache."""
        entry: dict[str, Any] = {
            "item": self.item,
            "attempts": self.attempts,
            "lastAttempt": self.last_attempt,
        }
        if self.permanent:
            entry["permanentFailure"] = True
        entry["reason"] = self.reason
        return entry

    @classmethod
    def from_json(cls, value: Any) -> "NoLogoRecord":
        """Read it back.

        Raises:
            CorruptObject: it is not such an entry.
        """
        if not isinstance(value, Mapping):
            raise CorruptObject("an entry that is not an object")
        item, attempts, last = value.get("item"), value.get("attempts"), value.get("lastAttempt")
        if not (isinstance(item, str) and isinstance(attempts, int) and isinstance(last, int)):
            raise CorruptObject("an entry without its fields")
        return cls(
            item=item,
            attempts=attempts,
            last_attempt=last,
            reason=str(value.get("reason") or ""),
            permanent=bool(value.get("permanentFailure")),
        )
