"""Logos as values: a picture that is offered as one, a stored one, and a domain that has none."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.errors import CorruptObject
from datafetch.models.json import compact_json
from datafetch.models.problems import first_problem

LogoSource = Literal["google", "duckduckgo", "direct"]

SOURCES: tuple[LogoSource, ...] = ("google", "duckduckgo", "direct")
"""The providers, in the order in which they are asked."""

ON_DEMAND = "onDemand"
"""The field that is true in entries of domains that nobody but visitors of `GET /api/logo` named.

It stands among the entry's `others`; a run of the job that knows the domain removes it.
"""

_EARLIER = {"ddg": "duckduckgo"}
"""Sources as datafetch wrote them once, with what readers call them."""

_IMAGE = "image/"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHORT_SHA256 = re.compile(r"[0-9A-Za-z+/]{43}=")
_TEXT = ("utf-8", "surrogatepass")

_Text = Annotated[str, Field(min_length=1, strict=True)]
_Count = Annotated[int, Field(ge=0, strict=True)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that a provider offers as a logo.

    Attributes:
        size: bytes.
        sha256: hex.
        spread: the least red, green and blue of a sample of its pixels, on white, and then the
            most, a byte each; empty when no pixels were looked at.
    """

    source: LogoSource
    url: str
    format: str
    width: int
    height: int
    size: int
    sha256: str
    spread: bytes = b""


def source_name(text: str) -> str:
    """What readers call a source."""
    return _EARLIER.get(text, text)


def _source(value: object) -> object:
    return source_name(value) if isinstance(value, str) else value


def _etag(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """One stored logo; with its public URL it is an entry of the manifest.

    Attributes:
        key: the object that holds the picture.
        original_source: where it came from: one of `SOURCES`, or, when the old site stored it,
            what that calls its source, such as `clearbit`.
        size: bytes.
        sha256: hex, of the stored bytes.
        etag: the provider's validator, for conditional requests.
        fetched_at: epoch ms of the last time the provider confirmed it; 0 when none ever did.
        others: the entry's fields that datafetch does not make, as a JSON object; empty when
            there are none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    key: _Text
    original_source: Annotated[_Text, BeforeValidator(_source)]
    content_type: _Text
    size: Annotated[_Count, Field(alias="bytes")]
    width: _Count
    height: _Count
    sha256: _Text
    etag: Annotated[str | None, BeforeValidator(_etag)] = None
    fetched_at: _Count
    others: str = ""

    @property
    def provider(self) -> LogoSource | None:
        """The provider to ask whether it still has this logo; None when it came from elsewhere."""
        return next((source for source in SOURCES if source == self.original_source), None)

    @property
    def is_on_demand(self) -> bool:
        """Whether it was fetched because visitors asked for it, and for no other reason."""
        return bool(self.others) and json.loads(self.others).get(ON_DEMAND) is True

    def claimed(self) -> "Logo":
        """The same logo without the mark `ON_DEMAND`."""
        others = {key: value for key, value in json.loads(self.others).items() if key != ON_DEMAND}
        return replace(self, others=compact_json(others) if others else "")

    @property
    def version(self) -> str:
        """The end of its URL, which changes with the bytes: caches fetch a new picture anew."""
        return self.sha256[:8]

    def to_json(self, cdn_url: str) -> str:
        """Its entry in the manifest."""
        entry = _LOGO.dump_python(self, by_alias=True, exclude_none=True, exclude={"others"})
        text = compact_json({"cdnUrl": cdn_url, **entry})
        return f"{text[:-1]},{self.others[1:]}" if self.others else text

    @classmethod
    def from_json(cls, value: object) -> "Logo":
        """Read an entry of the manifest back, without its `others`.

        Raises:
            CorruptObject: it is not a logo's entry.
        """
        if isinstance(value, dict):
            value = {name: field for name, field in value.items() if name != "others"}
        try:
            return _LOGO.validate_python(value)
        except ValidationError as error:
            raise CorruptObject(first_problem(error)) from error

    def packed(self, key_start: str) -> bytes:
        """The logo in few bytes, because a run holds every stored logo in memory.

        Args:
            key_start: the start of the keys of the domain's logos from this source; it is left out.
        """
        # Measured with 10,000 logos: 242 bytes each instead of 594. The peak of a run is 5 % less,
        # and from 100 to 10,000 logos it grows by 7 % instead of 13 %.
        values = (
            self.key.removeprefix(key_start),
            self.original_source,
            self.content_type.removeprefix(_IMAGE),
            self.size,
            self.width,
            self.height,
            _shorter(self.sha256),
            self.etag,
            self.fetched_at,
        )
        held = (*values, self.others) if self.others else values
        return compact_json(held).encode(*_TEXT)

    @classmethod
    def unpacked(cls, packed: bytes, key_start: Callable[[str], str]) -> "Logo":
        """The logo that was packed; `key_start` gives the start of its domain's keys by source."""
        key, source, kind, size, width, height, sha256, etag, fetched_at, *others = json.loads(
            packed.decode(*_TEXT)
        )
        return cls(
            key=key if "/" in key else key_start(source) + key,
            original_source=source,
            content_type=kind if "/" in kind else _IMAGE + kind,
            size=size,
            width=width,
            height=height,
            sha256=_longer(sha256),
            etag=etag,
            fetched_at=fetched_at,
            others=others[0] if others else "",
        )


_LOGO: TypeAdapter[Logo] = TypeAdapter(Logo)

OWN_FIELDS = frozenset(("key", "contentType", "bytes", "width", "height", "sha256", "fetchedAt"))
"""Fields that only entries of ours have."""


def _shorter(sha256: str) -> str:
    """A hex SHA-256 in base64, which is a third shorter; any other text as it is."""
    return b64encode(bytes.fromhex(sha256)).decode() if _SHA256.fullmatch(sha256) else sha256


def _longer(text: str) -> str:
    """The text that was given to `_shorter`."""
    return b64decode(text).hex() if _SHORT_SHA256.fullmatch(text) else text


def _is_false(value: object) -> bool:
    return value is False


def _reason_text(value: object) -> str:
    return str(value or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLogoRecord:
    """What is remembered of a domain for which every provider answered and none had a logo.

    Attributes:
        item: the domain.
        attempts: how often all providers have answered so.
        last_attempt: epoch ms.
        permanent_failure: whether it is asked again only after half a year.
        reason: why the providers had no logo, for people.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    item: Annotated[str, Field(strict=True)]
    attempts: Annotated[int, Field(strict=True)]
    last_attempt: Annotated[int, Field(strict=True)]
    permanent_failure: Annotated[bool, BeforeValidator(bool), Field(exclude_if=_is_false)] = False
    reason: Annotated[str, BeforeValidator(_reason_text)] = ""
