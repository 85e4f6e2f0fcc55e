"""The values that are read of the stored bookmarks: state, index, and the whole list.

The state has a hash of each item and each object of the last publish, by which the next run sees
what changed without reading them.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, OnErrorOmit, TypeAdapter

from datafetch.addresses import NO_HOSTS, OwnHosts
from datafetch.bookmarks.model import CamelCase, StoredBookmark
from datafetch.bookmarks.rules.mapping import SlugMapping
from datafetch.models.job_settings import TagPages
from datafetch.store.base import encode_json
from datafetch.store.keys import BOOKMARKS_PREFIX
from datafetch.store.publish import Journal

DATASET = "bookmarks"
RETIRED = f"{DATASET}-retired"
"""The dataset name of a copy of the freed slugs, which stays when the dataset's state is lost."""

RULES = 4
"""Raise this number when the normalising changes: every item is then read and made again."""

_UNKNOWN_RULES = "0"
"""Stands for rules of which it is not known which they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookmarkState(CamelCase):
    """The dataset's state object.

    Attributes:
        version: the version of this shape.
        last_modified: `lastModified` of the index that was published with this state.
        layout: see `layout_of`; when it differs, everything is published anew.
        mapping: hash of the slug mapping without its time.
        full_sync_at: epoch ms of the last full reading that was noted; None when none is known.
        retired_slugs: freed slugs, which no bookmark has any more, and the ids that had them.
        left_out: source hashes of the items that are not published, see `Merged.left_out`.
        sources: hash of each item as the server sent it (`source_hash`), by id, in the list's
            order; an empty text where it is not known.
        objects: ETag and SHA-256 of each object, by its key without `json/bookmarks/`.
    """

    version: Literal[1] = 1
    last_modified: str
    layout: str
    mapping: str
    full_sync_at: int | None
    retired_slugs: dict[str, str]
    sources: dict[str, str]
    objects: dict[str, tuple[str, str]]
    left_out: dict[str, str] = field(default_factory=dict)

    def etags(self) -> dict[str, str]:
        """ETags by key."""
        return {BOOKMARKS_PREFIX + short: etag for short, (etag, _) in self.objects.items()}

    def hashes(self) -> dict[str, str]:
        """SHA-256 by key, where known."""
        return {
            BOOKMARKS_PREFIX + short: sha256
            for short, (_, sha256) in self.objects.items()
            if sha256
        }

    def hashes_of(self, etags: Mapping[str, str]) -> dict[str, str]:
        """SHA-256 by key of those objects whose ETag in `etags` is the one in this state."""
        return {
            key: sha256 for key, sha256 in self.hashes().items() if etags.get(key) == self.etag(key)
        }

    def etag(self, key: str) -> str | None:
        """The ETag of an object at the last publish; None when it is not known."""
        pair = self.objects.get(key.removeprefix(BOOKMARKS_PREFIX))
        return pair[0] if pair is not None else None

    def with_etag(self, key: str, etag: str) -> "BookmarkState":
        """The same state with another ETag of an object that still says what was published."""
        short = key.removeprefix(BOOKMARKS_PREFIX)
        sha256 = self.objects[short][1] if short in self.objects else ""
        return replace(self, objects={**self.objects, short: (etag, sha256)})

    def encoded(self) -> bytes:
        """The bytes that are stored."""
        return encode_json(STATE.dump_python(self, by_alias=True))


_Number = Annotated[int | None, BeforeValidator(lambda it: it if type(it) is int else None)]
_Time = Annotated[int | None, BeforeValidator(lambda it: it if type(it) is int and it else None)]
_Text = Annotated[str, BeforeValidator(lambda it: it if isinstance(it, str) else "")]


@dataclass(frozen=True, slots=True)
class StoredIndex(CamelCase):
    """The index of the list, as it was read. Fields of the wrong type count as missing.

    Attributes:
        fields: the whole object; None when there is none or it cannot be read.
    """

    fields: Mapping[str, object] | None = None
    count: _Number = None
    last_modified: _Text = ""
    last_fetched_at: _Time = None
    last_attempted_at: _Time = None
    checksum: _Text = ""


def _with_itself(value: object) -> object:
    return {**value, "fields": value} if isinstance(value, dict) else value


STATE = TypeAdapter(BookmarkState)
RETIRED_COPY = TypeAdapter(dict[Literal["retiredSlugs"], dict[str, OnErrorOmit[str]]])
"""The copy of the freed slugs that is kept beside the state."""

INDEX: TypeAdapter[StoredIndex] = TypeAdapter(Annotated[StoredIndex, BeforeValidator(_with_itself)])
MAPPING = TypeAdapter(SlugMapping)


def objects_of(etags: Mapping[str, str], hashes: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """ETag and hash of every object of the dataset, as the state keeps them."""
    return {
        key.removeprefix(BOOKMARKS_PREFIX): (etag, hashes.get(key, ""))
        for key, etag in etags.items()
        if key.startswith(BOOKMARKS_PREFIX)
    }


def rules_of(*, include_unlinked: bool, own: OwnHosts = NO_HOSTS) -> str:
    """A text that differs when the items would be made, or chosen, in another way.

    Of the user's `own` hosts those count that the settings allow by name: when one more is
    allowed, or one less, its pictures come and go.
    """
    unlinked = "+unlinked" if include_unlinked else ""
    names = " ".join(sorted(own.names))
    hosts = f"+hosts={hashlib.sha256(names.encode()).hexdigest()[:8]}" if names else ""
    return f"{RULES}{unlinked}{hosts}"


def layout_of(tags: TagPages, rules: str) -> str:
    """A text that differs when pages, tag pages or items would be made in another way.

    `rules` is what `rules_of` gives.
    """
    shown = "off" if not tags.enabled else "all" if tags.maximum is None else str(tags.maximum)
    return f"rules={rules} tags={shown}"


def rules_in(state: BookmarkState | None) -> str:
    """The rules by which the items of the last publish were made, as `rules_of` names them."""
    found = re.match(r"rules=(\S+)", state.layout) if state is not None else None
    return found[1] if found is not None else _UNKNOWN_RULES


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The small objects that a run reads first.

    Attributes:
        journal: of a publish that was begun and not ended; None when there is none.
        index: the dataset's commit object; empty when it is missing or cannot be read.
        index_etag: None only when there is no index.
        state: of the last publish; None when it is missing or cannot be read.
        trusted: whether the state describes what is stored now.
    """

    journal: Journal | None
    index: StoredIndex
    index_etag: str | None
    state: BookmarkState | None
    trusted: bool

    def distrusted(self) -> "Snapshot":
        """The same snapshot with an untrusted state, so that the store itself is read."""
        return replace(self, trusted=False)

    @property
    def sources(self) -> Mapping[str, str]:
        """The source hashes by which change can be judged; empty when the state is not trusted."""
        return self.state.sources if self.state is not None and self.trusted else {}

    @property
    def left_out(self) -> Mapping[str, str]:
        """`BookmarkState.left_out`; empty when the state is not trusted."""
        return self.state.left_out if self.state is not None and self.trusted else {}

    @property
    def full_sync_at(self) -> int | None:
        """`BookmarkState.full_sync_at`; None when the state is not trusted."""
        return self.state.full_sync_at if self.state is not None and self.trusted else None


@dataclass(frozen=True, slots=True)
class StoredList:
    """The whole stored list.

    Attributes:
        items: in the list's order.
        counted: how many bookmarks there should be; the shrink guard compares with it.
        master: the bytes of `bookmarks.json`; None when it is missing or not whole.
        etags: of every object, as known from the last publish or by listing.
        hashes: SHA-256 of the objects of which it is known.
        sources: source hashes; empty when `listed`.
        retired: freed slugs, and the ids that had them.
        mapping: the stored slug mapping; empty when it cannot be read, or not `listed`.
        listed: whether the ETags come from a listing of the store. If not, the master still is
            that of the last publish, and all but the items is taken from the state.
    """

    items: list[StoredBookmark]
    counted: int
    master: bytes | None
    etags: Mapping[str, str]
    hashes: Mapping[str, str]
    sources: Mapping[str, str]
    retired: Mapping[str, str]
    mapping: SlugMapping
    listed: bool = False
