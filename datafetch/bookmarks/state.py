"""The values that stand for what is stored of the bookmarks: the last publish's state, and the list.

The state says what each source item and each written object was, so that the next run need
not read them to see that nothing changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datafetch.models.job_settings import TagPages
from datafetch.models.json import JsonObject
from datafetch.store.keys import BOOKMARKS_PREFIX
from datafetch.store.publish import Journal

DATASET = "bookmarks"
RETIRED = f"{DATASET}-retired"
"""A copy of the freed slugs, which the loss of the dataset's state does not reach."""

RETIRED_FIELD = "retiredSlugs"

_VERSION = 1
RULES = 2
"""Raised when normalising changes, so that every item is read and made again."""


@dataclass(frozen=True, slots=True)
class BookmarkState:
    """The dataset's state object.

    Attributes:
        last_modified: that of the index which this state belongs to.
        layout: what decided the shape of pages and tags; another one means a new publish.
        mapping: hash of the slug mapping without its time.
        full_sync_at: when the whole list was last read, epoch ms.
        sources: source hash of each stored item before merging, in the list's order.
        retired: slugs that nobody has any more, and who had them.
        objects: ETag and SHA-256 of each object, by its key without `json/bookmarks/`.
    """

    last_modified: str
    layout: str
    mapping: str
    full_sync_at: int | None
    sources: Mapping[str, str]
    retired: Mapping[str, str]
    objects: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def etags(self) -> dict[str, str]:
        """ETags by key."""
        return {BOOKMARKS_PREFIX + short: pair[0] for short, pair in self.objects.items()}

    def hashes(self) -> dict[str, str]:
        """SHA-256 by key, where known."""
        return {
            BOOKMARKS_PREFIX + short: pair[1] for short, pair in self.objects.items() if pair[1]
        }

    def hashes_of(self, etags: Mapping[str, str]) -> dict[str, str]:
        """SHA-256 of the objects that still have the ETag which they had then."""
        return {
            key: found for key, found in self.hashes().items() if etags.get(key) == self.etag(key)
        }

    def etag(self, key: str) -> str | None:
        """The ETag of one object."""
        pair = self.objects.get(key.removeprefix(BOOKMARKS_PREFIX))
        return pair[0] if pair is not None else None

    def to_json(self) -> dict[str, Any]:
        """The object that is stored."""
        return {
            "version": _VERSION,
            "lastModified": self.last_modified,
            "layout": self.layout,
            "mapping": self.mapping,
            "fullSyncAt": self.full_sync_at,
            "retiredSlugs": self.retired,
            "sources": self.sources,
            "objects": self.objects,
        }

    @classmethod
    def from_json(cls, value: Any) -> "BookmarkState":
        """Read it back; its two large maps are taken as they are, item by item would cost too much.

        Raises:
            KeyError, TypeError, ValueError: it is no such state.
        """
        if value["version"] != _VERSION:
            raise ValueError("a state of another version")
        full = value["fullSyncAt"]
        maps = (value["retiredSlugs"], value["sources"], value["objects"])
        if not all(isinstance(one, dict) for one in maps):
            raise TypeError("a state without its maps")
        return cls(
            last_modified=str(value["lastModified"]),
            layout=str(value["layout"]),
            mapping=str(value["mapping"]),
            full_sync_at=None if full is None else int(full),
            sources=value["sources"],
            retired=value["retiredSlugs"],
            objects=value["objects"],
        )


def objects_of(etags: Mapping[str, str], hashes: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """ETag and hash of every object of the dataset, as the state keeps them."""
    return {
        key.removeprefix(BOOKMARKS_PREFIX): (etag, hashes.get(key, ""))
        for key, etag in etags.items()
        if key.startswith(BOOKMARKS_PREFIX)
    }


def layout_of(tags: TagPages) -> str:
    """What decides the shape of the published objects."""
    shown = "off" if not tags.enabled else "all" if tags.maximum is None else str(tags.maximum)
    return f"rules={RULES} tags={shown}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a run starts from: three small reads.

    Attributes:
        journal: a publish that somebody began and did not end.
        index: the commit object's fields; None when there is none or it cannot be read.
        index_etag: None only when there is no index.
        state: what the last publish knew, if it can be read.
        trusted: whether the state describes what is stored now.
    """

    journal: Journal | None
    index: Mapping[str, Any] | None
    index_etag: str | None
    state: BookmarkState | None
    trusted: bool

    def distrusted(self) -> "Snapshot":
        """The same, to be read from the store itself."""
        return replace(self, trusted=False)

    @property
    def sources(self) -> Mapping[str, str]:
        """Source hashes that change may be judged by."""
        return self.state.sources if self.state is not None and self.trusted else {}

    @property
    def full_sync_at(self) -> int | None:
        """When the whole list was last read, epoch ms."""
        return self.state.full_sync_at if self.state is not None and self.trusted else None

    def number(self, name: str) -> int | None:
        """A number of the index."""
        value = self.index.get(name) if self.index is not None else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def text(self, name: str) -> str:
        """A text of the index; empty when it has none."""
        value = self.index.get(name) if self.index is not None else None
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class StoredList:
    """The whole stored list.

    Attributes:
        items: in the list's order; each has a safe id.
        counted: how many there were, as far as can be known: what a loss is measured by.
        master: the bytes of `bookmarks.json`, None when missing or not whole.
        etags: of every object, as known from the last publish or by listing.
        hashes: where known.
        sources: source hashes; empty when not trusted.
        retired: slugs that nobody has any more, and who had them.
        mapping: the stored slug mapping, read only when not trusted.
        listed: whether the ETags come from a listing.
    """

    items: list[JsonObject]
    counted: int
    master: bytes | None
    etags: Mapping[str, str]
    hashes: Mapping[str, str]
    sources: Mapping[str, str]
    retired: Mapping[str, str]
    mapping: Mapping[str, Any]
    listed: bool
