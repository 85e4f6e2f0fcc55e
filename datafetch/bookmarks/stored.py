"""Reads the stored bookmarks: cheaply when nothing changed, from every copy when one is broken."""

import json
from collections.abc import Mapping
from typing import Any

from datafetch.bookmarks.copies import Copies, Expected, Listing, ObjectReader, parsed, read_listing
from datafetch.bookmarks.rules.mapping import left_slugs, mapped_ids, take_slugs
from datafetch.bookmarks.state import (
    DATASET,
    RETIRED,
    RETIRED_FIELD,
    BookmarkState,
    Snapshot,
    StoredList,
    layout_of,
)
from datafetch.errors import Inconsistent, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.models.job_settings import TagPages
from datafetch.models.json import JsonObject
from datafetch.store.base import StoredObject
from datafetch.store.keys import Keys
from datafetch.store.publish import Publisher, etags_by_listing

_ASIDE = Keys.corrupt("", "")


class BookmarkReader:
    """Reads one environment's bookmarks for one run; broken objects are kept aside."""

    def __init__(self, context: AnyContext, publisher: Publisher, layout: str) -> None:
        self._context = context
        self._layout = layout
        self._store = context.store
        self._keys = context.keys
        self._publisher = publisher
        self._objects = ObjectReader(context)
        self._copies = Copies(context, self._objects)

    def snapshot(self) -> Snapshot:
        """What a run starts from.

        Raises:
            StoreError: the store did not answer; nothing was written.
        """
        journal = self._publisher.open_journal(DATASET)
        found_index = self._objects.get(self._keys.bookmarks_index())
        index = parsed(found_index, dict)
        if found_index is not None and index is None:
            self._context.keep_aside(found_index)
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

    def is_intact(self, snapshot: Snapshot) -> bool:
        """Whether the list is there as the last publish left it; costs one request.

        Pages and single items are not looked at: they are compared by one listing on
        `--force`, and each one before it is replaced.

        Raises:
            StoreError: the store did not answer.
        """
        key = self._keys.bookmarks()
        try:
            found = self._store.head(key)
        except ObjectNotFound:
            return False
        return snapshot.state is not None and found.etag == snapshot.state.etag(key)

    def items(self, snapshot: Snapshot) -> StoredList:
        """The whole stored list; never taken as empty because a copy of it cannot be read.

        Raises:
            StoreError: the store did not answer.
            Inconsistent: there are traces of bookmarks and no copy of any can be read.
        """
        found = self._objects.get(self._keys.bookmarks())
        listing = read_listing(found)
        state = snapshot.state
        if found is not None and listing is not None and state is not None and snapshot.trusted:
            same = found.etag == state.etag(self._keys.bookmarks())
            if same and listing.whole and len(listing.items) == len(state.sources):
                return StoredList(
                    items=listing.items,
                    counted=len(listing.items),
                    master=found.body,
                    etags=state.etags(),
                    hashes=state.hashes(),
                    sources=state.sources,
                    retired=state.retired,
                    mapping={},
                    listed=False,
                )
        return self._from_the_store(snapshot, found, listing)

    # ------------------------------------------------------------------ steps

    def _from_the_store(
        self, snapshot: Snapshot, found: StoredObject | None, listing: Listing | None
    ) -> StoredList:
        """The list and the ETags as the store has them, whatever the state says."""
        listed = etags_by_listing(self._store, self._prefixes())
        etags = {key: etag for key, etag in listed.items() if _ASIDE not in key}
        if found is not None:
            etags[found.info.key] = found.etag
        mapping = self._mapping(etags)
        items, counted = self._gathered(snapshot, found, listing, mapping, etags)
        if not items and not self._context.options.allow_shrink:
            self._refuse_loss(snapshot, etags, mapping)
        take_slugs(items, mapping)
        whole = found is not None and listing is not None and listing.whole
        state = snapshot.state
        return StoredList(
            items=items,
            counted=counted,
            master=found.body if found is not None and whole else None,
            etags=etags,
            hashes=state.hashes_of(etags) if state is not None else {},
            sources={},
            retired={**self._retired(state), **left_slugs(items, mapping)},
            mapping=mapping,
            listed=True,
        )

    def _gathered(
        self,
        snapshot: Snapshot,
        found: StoredObject | None,
        listing: Listing | None,
        mapping: Mapping[str, Any],
        etags: Mapping[str, str],
    ) -> tuple[list[JsonObject], int]:
        """The bookmarks, from other copies where the list lacks some, and how many there were."""
        read = listing or Listing([], 0, 0)
        if found is not None and (listing is None or read.odd or read.doubled):
            self._context.log.warning(
                "bookmarks_not_whole",
                extra={"read": len(read.items), "odd": read.odd, "doubled": read.doubled},
            )
            self._context.keep_aside(found)
        indexed = max(0, (snapshot.number("count") or 0) - read.odd - read.doubled)
        expected = Expected(mapped_ids(mapping), indexed)
        if expected.met_by_list(read, under_way=snapshot.journal is not None):
            return read.items, max(len(read.items), indexed)
        items = self._copies.gather(read.items, expected, etags)
        return items, max(len(read.items), indexed) or len(items)

    def _refuse_loss(
        self, snapshot: Snapshot, etags: Mapping[str, str], mapping: Mapping[str, Any]
    ) -> None:
        """Nothing can be read: that is fine only where nothing ever was."""
        counted = snapshot.number("count")
        journal = snapshot.journal
        if snapshot.index_etag is None and journal is not None and journal.base_etag is None:
            # The very first publish died before there was anything to read.
            return
        traces = [key for key in etags if self._is_trace(key, mapping)]
        if snapshot.index_etag is not None and counted != 0:
            traces.append(self._keys.bookmarks_index())
        traces += self._copies.backup_keys()
        if not traces:
            return
        what = f"the index counts {counted} bookmarks" if counted else f"{traces[0]} is stored"
        raise Inconsistent(
            f"{what}, but neither {self._keys.bookmarks()} nor a copy of any bookmark can be read",
            hint="Bring the objects back from a backup of the store, or begin anew with "
            "--allow-shrink: known slugs are kept all the same.",
        )

    def _is_trace(self, key: str, mapping: Mapping[str, Any]) -> bool:
        """Whether an object says that there were bookmarks, though none can be read from it."""
        if key == self._keys.bookmarks() or key.startswith(self._keys.slug_shards_prefix()):
            return False
        return key != self._keys.slug_mapping() or not mapping or bool(mapping["slugs"])

    def _prefixes(self) -> tuple[str, ...]:
        keys = self._keys
        return (
            keys.bookmarks_by_id_prefix(),
            keys.bookmark_pages_prefix(),
            keys.tags_prefix(),
            keys.slug_shards_prefix(),
        )

    def _mapping(self, etags: dict[str, str]) -> Mapping[str, Any]:
        found = self._objects.get(self._keys.slug_mapping())
        if found is None:
            return {}
        etags[found.info.key] = found.etag
        mapping: JsonObject | None = parsed(found, dict)
        if mapping is None or not isinstance(mapping.get("slugs"), dict):
            self._context.keep_aside(found)
            return {}
        return mapping

    def _retired(self, state: BookmarkState | None) -> Mapping[str, str]:
        """Freed slugs by the state and their copy, which is newer after a publish that died.

        Without a state the backups tell of more.
        """
        known = state.retired if state is not None else self._copies.backup_slugs()
        return {**known, **read_retired(self._context, self._objects)}

    def _state(self) -> BookmarkState | None:
        found = self._objects.get(self._keys.dataset(DATASET))
        if found is None:
            return None
        try:
            return BookmarkState.from_json(json.loads(found.body))
        except (KeyError, TypeError, ValueError, RecursionError):
            self._context.keep_aside(found)
            return None


def items_of(found: StoredObject | None) -> list[JsonObject] | None:
    """The items of a master; None when it is missing, empty or not whole."""
    listing = read_listing(found)
    return listing.items if listing is not None and listing.whole else None


def read_retired(context: AnyContext, objects: ObjectReader) -> dict[str, str]:
    """Freed slugs from the copy that is kept beside the dataset's state.

    Raises:
        StoreError: the store did not answer.
    """
    found = objects.get(context.keys.dataset(RETIRED))
    value = parsed(found, dict)
    slugs = value.get(RETIRED_FIELD) if value is not None else None
    if found is not None and not isinstance(slugs, dict):
        context.keep_aside(found)
        return {}
    return {slug: one for slug, one in (slugs or {}).items() if isinstance(one, str)}


def read_bookmarks(context: AnyContext) -> list[JsonObject]:
    """The stored bookmarks in the list's order, from whichever copy can be read.

    Nothing is written but a copy of what cannot be read.

    Raises:
        StoreError: the store did not answer.
        Inconsistent: there are traces of bookmarks and none can be read.
    """
    reader, _ = reader_and_publisher(context, layout_of(TagPages(enabled=True, maximum=None)))
    return reader.items(reader.snapshot()).items


def reader_and_publisher(context: AnyContext, layout: str) -> tuple[BookmarkReader, Publisher]:
    """What another job reads the bookmarks with, and what it publishes them with.

    `layout` is that of the pages (see `layout_of`).
    """
    publisher = context.publisher()
    return BookmarkReader(context, publisher, layout), publisher
