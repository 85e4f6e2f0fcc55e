"""Reads the stored bookmarks back: cheaply when nothing changed, from every copy when one is broken."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from datafetch.clock import to_iso
from datafetch.errors import Inconsistent, ObjectNotFound
from datafetch.jobs.base import JobContext
from datafetch.jobs.bookmark_state import BookmarkState
from datafetch.models.bookmark import JsonObject, is_safe_segment
from datafetch.ops.lease import Fence
from datafetch.store.base import StoredObject
from datafetch.store.keys import Keys
from datafetch.store.publish import Journal, Publisher, etags_by_listing

DATASET = "bookmarks"

_ASIDE = Keys.corrupt("", "")


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
    def retired(self) -> Mapping[str, str]:
        """Slugs that are not used again; even an old state knows some."""
        return self.state.retired if self.state is not None else {}

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
        master: the bytes of `bookmarks.json`, None when missing or broken.
        etags: of every object, as known from the last publish or by listing.
        hashes: where known.
        sources: source hashes; empty when not trusted.
        mapping: the stored slug mapping's `slugs` and `checksum`, read only when not trusted.
        listed: whether the ETags come from a listing.
    """

    items: list[JsonObject]
    master: bytes | None
    etags: Mapping[str, str]
    hashes: Mapping[str, str]
    sources: Mapping[str, str]
    mapping: Mapping[str, Any]
    listed: bool


class BookmarkReader:
    """Reads one environment's bookmarks for one run; broken objects are kept aside."""

    def __init__(
        self, context: JobContext, publisher: Publisher, fence: Fence, layout: str
    ) -> None:
        self._context = context
        self._layout = layout
        self._store = context.store
        self._keys = context.keys
        self._publisher = publisher
        self._fence = fence

    def snapshot(self) -> Snapshot:
        """What a run starts from.

        Raises:
            StoreError: the store did not answer; nothing was written.
        """
        journal = self._publisher.open_journal(DATASET)
        found_index = self._get(self._keys.bookmarks_index())
        index = _parsed(found_index, dict)
        if found_index is not None and index is None:
            self._keep_aside(found_index)
        state = self._state()
        trusted = (
            journal is None
            and index is not None
            and state is not None
            and state.layout == self._layout
            and state.last_modified == index.get("lastModified")
            and len(state.sources) == index.get("count")
        )
        etag = found_index.etag if found_index is not None else None
        return Snapshot(journal, index, etag, state, trusted)

    def items(self, snapshot: Snapshot) -> StoredList:
        """The whole stored list; never taken as empty because a copy of it cannot be read.

        Raises:
            StoreError: the store did not answer.
            Inconsistent: the index says that there are bookmarks and no copy has any.
        """
        found = self._get(self._keys.bookmarks())
        items = items_of(found)
        state = snapshot.state
        if state is not None and snapshot.trusted and items is not None and found is not None:
            same = found.etag == state.etag(self._keys.bookmarks())
            if same and len(items) == len(state.sources):
                return StoredList(
                    items, found.body, state.etags(), state.hashes(), state.sources, {}, False
                )
        return self._from_the_store(snapshot, found, items)

    # ------------------------------------------------------------------ steps

    def _from_the_store(
        self, snapshot: Snapshot, found: StoredObject | None, items: list[JsonObject] | None
    ) -> StoredList:
        """The list and the ETags as the store has them, whatever the state says."""
        listed = etags_by_listing(self._store, self._prefixes())
        etags = {key: etag for key, etag in listed.items() if _ASIDE not in key}
        if found is not None:
            etags[found.info.key] = found.etag
        if items is None:
            if found is not None:
                self._keep_aside(found)
            items = self._rebuilt(etags)
            if not items and not self._context.options.allow_shrink:
                self._refuse_loss(snapshot.number("count") or 0)
        mapping = self._mapping(etags)
        _take_slugs(items, mapping)
        master = found.body if found is not None and items_of(found) is not None else None
        hashes = snapshot.state.hashes_of(etags) if snapshot.state is not None else {}
        return StoredList(items, master, etags, hashes, {}, mapping, True)

    def _refuse_loss(self, counted: int) -> None:
        if counted > 0:
            raise Inconsistent(
                f"the index counts {counted} bookmarks, but neither {self._keys.bookmarks()} "
                "nor a single bookmark can be read",
                hint="Publish a backup with `datafetch bookmarks --restore`, or begin anew "
                "with --allow-shrink.",
            )

    def _prefixes(self) -> tuple[str, ...]:
        keys = self._keys
        return (
            keys.bookmarks_by_id_prefix(),
            keys.bookmark_pages_prefix(),
            keys.tags_prefix(),
            keys.slug_shards_prefix(),
        )

    def _rebuilt(self, etags: Mapping[str, str]) -> list[JsonObject]:
        """The list from its single bookmarks, newest first."""
        prefix = self._keys.bookmarks_by_id_prefix()
        keys = [key for key in etags if key.startswith(prefix) and key.endswith(".json")]
        found = [item for item in self._context.engine.map(self._single, keys) if item is not None]
        found.sort(key=lambda item: (str(item.get("dateBookmarked")), item["id"]), reverse=True)
        if found:
            self._context.log.warning(
                "bookmarks_rebuilt",
                extra={"key": self._keys.bookmarks(), "items": len(found), "copies": len(keys)},
            )
        return found

    def _single(self, key: str) -> JsonObject | None:
        found = self._get(key)
        item: JsonObject | None = _parsed(found, dict)
        if found is None or (item is not None and _has_id(item)):
            return item
        self._keep_aside(found)
        return None

    def _mapping(self, etags: dict[str, str]) -> Mapping[str, Any]:
        found = self._get(self._keys.slug_mapping())
        if found is None:
            return {}
        etags[found.info.key] = found.etag
        mapping: JsonObject | None = _parsed(found, dict)
        if mapping is None or not isinstance(mapping.get("slugs"), dict):
            self._keep_aside(found)
            return {}
        return mapping

    def _state(self) -> BookmarkState | None:
        found = self._get(self._keys.dataset(DATASET))
        if found is None:
            return None
        try:
            return BookmarkState.from_json(json.loads(found.body))
        except (KeyError, TypeError, ValueError, RecursionError):
            self._keep_aside(found)
            return None

    def _get(self, key: str) -> StoredObject | None:
        try:
            return self._store.get(key)
        except ObjectNotFound:
            return None

    def _keep_aside(self, found: StoredObject) -> None:
        """Copy an object that cannot be read to a name of its own, and say so."""
        time = to_iso(self._context.clock.now()).replace(":", "-")
        aside = self._keys.corrupt(found.info.key, time)
        self._context.log.warning("object_corrupt", extra={"key": found.info.key, "kept_as": aside})
        if self._context.options.dry_run:
            return
        self._fence.check()
        self._store.put(aside, found.body)


def _parsed(found: StoredObject | None, kind: type) -> Any:
    """The object's JSON when it is of the kind, else None."""
    if found is None:
        return None
    try:
        value = json.loads(found.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, kind) else None


def items_of(found: StoredObject | None) -> list[JsonObject] | None:
    """The items of a master; None when it is missing or any of them is none."""
    values = _parsed(found, list)
    if values is None:
        return None
    if not all(isinstance(item, dict) and _has_id(item) for item in values):
        return None
    return values if len({item["id"] for item in values}) == len(values) else None


def _has_id(item: Mapping[str, Any]) -> bool:
    bookmark_id = item.get("id")
    return isinstance(bookmark_id, str) and is_safe_segment(bookmark_id)


def _take_slugs(items: list[JsonObject], mapping: Mapping[str, Any]) -> None:
    """Give each item the slug that the mapping says: that is what addresses resolve by."""
    slugs = mapping.get("slugs", {})
    for item, slug in _mapped(items, slugs):
        item["slug"] = slug


def _mapped(items: list[JsonObject], slugs: Mapping[str, Any]) -> Iterator[tuple[JsonObject, str]]:
    for item in items:
        entry = slugs.get(item["id"])
        slug = entry.get("slug") if isinstance(entry, dict) else None
        if isinstance(slug, str) and slug:
            yield item, slug
