"""Reads the stored bookmarks: from the master, or from its copies when the master is broken."""

import re
from collections.abc import Mapping
from dataclasses import replace

from datafetch.bookmarks.copies import (
    Copies,
    Expected,
    Listing,
    ObjectReader,
    backup_keys,
    read_listing,
)
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.old_refresh import tell_of_old_refresh
from datafetch.bookmarks.rewritten import Published
from datafetch.bookmarks.rules.mapping import SlugMapping, left_slugs, take_slugs
from datafetch.bookmarks.state import (
    DATASET,
    INDEX,
    MAPPING,
    RETIRED,
    RETIRED_COPY,
    STATE,
    BookmarkState,
    Snapshot,
    StoredIndex,
    StoredList,
    layout_of,
    rules_in,
)
from datafetch.errors import Inconsistent, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.models.job_settings import TagPages
from datafetch.store.base import StoredObject
from datafetch.store.keys import Keys
from datafetch.store.paths import is_key
from datafetch.store.publish import Publisher, etags_by_listing

_ASIDE = Keys.corrupt("", "")

_OURS = re.compile(r".*/[^./][^/]*\.json", re.DOTALL)
"""Not what other tools leave in folders: `.DS_Store`, `Thumbs.db`, `._x.json`."""


class BookmarkReader:
    """Reads one environment's bookmarks for one run; broken objects are copied aside."""

    def __init__(
        self,
        context: AnyContext,
        publisher: Publisher,
        tags: TagPages | None,
        rules: str | None = None,
    ) -> None:
        """What the run will publish decides which state is trusted.

        `tags` are those that get pages; None when the run publishes no bookmarks. `rules` are those
        by which it makes the items (`rules_of`); None when it leaves them as they are stored.
        """
        self._context = context
        self._tags = tags
        self._rules = rules
        self._store = context.store
        self._keys = context.keys
        self._publisher = publisher
        self._objects = ObjectReader(context)
        self._copies = Copies(context, self._objects)

    def snapshot(self) -> Snapshot:
        """Read journal, index and state, from which a run starts.

        Raises:
            StoreError: the store did not answer; nothing was written.
        """
        journal = self._publisher.open_journal(DATASET)
        found = self._objects.read(self._keys.bookmarks_index(), INDEX)
        index = found.value or StoredIndex()
        state = self._objects.read(self._keys.dataset(DATASET), STATE).value
        trusted = (
            journal is None
            and state is not None
            and self._is_layout(state)
            and state.last_modified == index.last_modified
            and len(state.sources) == index.count
        )
        return Snapshot(journal, index, found.etag, state, trusted)

    def intact(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot, if the stored master still says what was published; else None.

        When another tool has written it anew with equal content, the state of the returned
        snapshot has the new ETag. Otherwise this costs one request.

        Pages and single items are not checked: `--force` compares their ETags by one listing, and
        a publish compares each object that it replaces.

        Raises:
            StoreError: the store did not answer.
        """
        key, state = self._keys.bookmarks(), snapshot.state
        try:
            etag = self._store.head(key).etag
        except ObjectNotFound:
            return None
        if state is None or etag == state.etag(key):
            return snapshot if state is not None else None
        found = self._objects.get(key)
        if found is None or self._published(state, found) is None:
            return None
        return replace(snapshot, state=state.with_etag(key, found.etag))

    def items(self, snapshot: Snapshot) -> StoredList:
        """The whole stored list; from its copies when the master cannot be read.

        Raises:
            StoreError: the store did not answer.
            Inconsistent: other objects show that there were bookmarks, and none can be read.
        """
        key, state = self._keys.bookmarks(), snapshot.state
        found = self._objects.get(key)
        listing = read_listing(found)
        if found is None or state is None:
            return self._from_the_store(snapshot, found, listing)
        known = found.etag == state.etag(key)
        if not (known and Published.has_bytes(state, found)):
            # The items as they were published have their keys in the order of all other objects.
            published = self._published(state, found)
            if published is None and not known:
                return self._from_the_store(snapshot, found, listing)
            listing = listing if published is None else Listing(published)
            state = state.with_etag(key, found.etag)
            snapshot = replace(snapshot, state=state)
        whole = listing is not None and listing.whole
        if listing is None or not (snapshot.trusted and whole):
            return self._from_the_store(snapshot, found, listing)
        if len(listing.items) != len(state.sources):
            return self._from_the_store(snapshot, found, listing)
        return StoredList(
            items=listing.items,
            counted=len(listing.items),
            master=found.body,
            etags=state.etags(),
            hashes=state.hashes(),
            sources=state.sources,
            retired=state.retired_slugs,
            mapping=SlugMapping({}),
        )

    # ------------------------------------------------------------------ steps

    def _is_layout(self, state: BookmarkState) -> bool:
        """Whether the last publish made pages and items as this run would (see `layout_of`)."""
        if self._tags is None:
            return True
        return state.layout == layout_of(self._tags, self._rules or rules_in(state))

    def _published(self, state: BookmarkState, found: StoredObject) -> list[StoredBookmark] | None:
        return Published(self._context, self._objects, state).items_of(found)

    def _from_the_store(
        self, snapshot: Snapshot, found: StoredObject | None, listing: Listing | None
    ) -> StoredList:
        """The list and its ETags, read from the store and not taken from the state."""
        keys = self._keys
        # Only here: this is the first run over what the old system left, or it has written since.
        tell_of_old_refresh(self._context)
        prefixes = (
            keys.bookmarks_by_id_prefix(),
            keys.bookmark_pages_prefix(),
            keys.tags_prefix(),
            keys.slug_shards_prefix(),
        )
        listed = etags_by_listing(self._store, prefixes)
        etags = {key: etag for key, etag in listed.items() if _ASIDE not in key}
        if found is not None:
            etags[found.info.key] = found.etag
        read_mapping = self._objects.read(keys.slug_mapping(), MAPPING)
        mapping = read_mapping.value or SlugMapping({})
        if read_mapping.etag is not None:
            etags[keys.slug_mapping()] = read_mapping.etag
        items, counted = self._gathered(snapshot, found, listing, mapping, etags)
        if not items and not self._context.options.allow_shrink:
            broken = found is not None and (listing is None or listing.odd > 0)
            self._refuse_loss(snapshot, etags, read_mapping.value, broken=broken)
        items = take_slugs(items, mapping)
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
        mapping: SlugMapping,
        etags: Mapping[str, str],
    ) -> tuple[list[StoredBookmark], int]:
        """The bookmarks, from the copies too if some are missing, and how many there should be."""
        read = listing or Listing([])
        if found is not None and (listing is None or read.odd or read.doubled):
            self._context.log.warning(
                "bookmarks_not_whole",
                extra={"read": len(read.items), "odd": read.odd, "doubled": read.doubled},
            )
            self._context.keep_aside(found)
        indexed = max(0, (snapshot.index.count or 0) - read.odd - read.doubled)
        expected = Expected(mapping.ids(), indexed)
        if expected.met_by_list(read, under_way=snapshot.journal is not None):
            return read.items, max(len(read.items), indexed)
        items = self._copies.gather(read.items, expected, etags)
        return items, max(len(read.items), indexed) or len(items)

    def _refuse_loss(
        self,
        snapshot: Snapshot,
        etags: Mapping[str, str],
        mapping: SlugMapping | None,
        *,
        broken: bool,
    ) -> None:
        """Raise `Inconsistent` when there are signs of bookmarks, though none can be read."""
        counted = snapshot.index.count
        journal = snapshot.journal
        if snapshot.index_etag is None and journal is not None and journal.base_etag is None:
            # The very first publish died before there was anything to read.
            return
        traces = [key for key in etags if self._is_trace(key, mapping)]
        if snapshot.index_etag is not None and counted != 0:
            traces.append(self._keys.bookmarks_index())
        traces += backup_keys(self._context)
        if broken:
            traces.append(self._keys.bookmarks())
        if not traces:
            return
        kept = "known slugs are kept all the same"
        if traces == [self._keys.bookmarks()]:
            kept = "slugs are then given anew, and links to bookmarks whose slugs differ end"
        what = f"the index counts {counted} bookmarks" if counted else f"{traces[0]} is stored"
        raise Inconsistent(
            f"{what}, but neither {self._keys.bookmarks()} nor a copy of any bookmark can be read",
            hint="Bring the objects back from a backup of the store, or begin anew with "
            f"`datafetch bookmarks --allow-shrink`: {kept}.",
        )

    def _is_trace(self, key: str, mapping: SlugMapping | None) -> bool:
        """Whether the presence of this object shows that bookmarks were stored."""
        if key == self._keys.bookmarks() or key.startswith(self._keys.slug_shards_prefix()):
            return False
        if not _OURS.fullmatch(key) or not is_key(key):
            return False
        return key != self._keys.slug_mapping() or mapping is None or bool(mapping.slugs)

    def _retired(self, state: BookmarkState | None) -> Mapping[str, str]:
        """The freed slugs of the state and of their copy, which a dead publish may have extended.

        When the state cannot be read, the slugs of the backups are used instead.
        """
        known = state.retired_slugs if state is not None else self._copies.backup_slugs()
        copy = self._objects.read(self._keys.dataset(RETIRED), RETIRED_COPY).value or {}
        return {**known, **copy.get("retiredSlugs", {})}


def read_bookmarks(context: AnyContext) -> list[StoredBookmark]:
    """The stored bookmarks in the list's order; from the copies when the master is broken.

    Nothing is written except a copy of each object that cannot be read.

    Raises:
        StoreError: the store did not answer.
        Inconsistent: other objects show that there were bookmarks, and none can be read.
    """
    master = read_listing(ObjectReader(context).get(context.keys.bookmarks()))
    if master is not None and master.whole:
        return master.items
    reader = BookmarkReader(context, context.publisher(), tags=None)
    return reader.items(reader.snapshot()).items
