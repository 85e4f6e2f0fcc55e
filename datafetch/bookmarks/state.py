"""What the last publish of the bookmarks knew, so that the next run need not look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DATASET = "bookmarks"

_VERSION = 1
_PREFIX = "json/bookmarks/"
"""What every key begins with; left out in the stored object."""

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
        return {_PREFIX + short: pair[0] for short, pair in self.objects.items()}

    def hashes(self) -> dict[str, str]:
        """SHA-256 by key, where known."""
        return {_PREFIX + short: pair[1] for short, pair in self.objects.items() if pair[1]}

    def hashes_of(self, etags: Mapping[str, str]) -> dict[str, str]:
        """SHA-256 of the objects that still have the ETag which they had then."""
        return {
            key: found for key, found in self.hashes().items() if etags.get(key) == self.etag(key)
        }

    def etag(self, key: str) -> str | None:
        """The ETag of one object."""
        pair = self.objects.get(key.removeprefix(_PREFIX))
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
        key.removeprefix(_PREFIX): (etag, hashes.get(key, ""))
        for key, etag in etags.items()
        if key.startswith(_PREFIX)
    }


def layout_of(*, tags_enabled: bool, max_tags: int | None) -> str:
    """What decides the shape of the published objects."""
    tags = "off" if not tags_enabled else "all" if max_tags is None else str(max_tags)
    return f"rules={RULES} tags={tags}"
