"""Builds the publish plan of a list: which objects are written, and which removed."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from datafetch.bookmarks.page_sets import Paging
from datafetch.bookmarks.rules.changes import Merged
from datafetch.bookmarks.rules.list import (
    Times,
    as_array,
    checksum,
    index,
    mapping_checksum,
    mapping_entries,
    slug_mapping,
)
from datafetch.bookmarks.rules.mapping import SlugMapping
from datafetch.bookmarks.state import (
    DATASET,
    BookmarkState,
    Snapshot,
    StoredList,
    layout_of,
    objects_of,
)
from datafetch.models.job_settings import TagPages
from datafetch.models.json import says_the_same
from datafetch.store.base import encode_json
from datafetch.store.keys import Keys
from datafetch.store.publish import PublishPlan, StateWriter, Write


@dataclass(frozen=True, slots=True)
class Change:
    """The list as a run wants to publish it.

    Attributes:
        merged: the whole list.
        differs: whether the index tells readers that the list changed.
        fetched_at: epoch ms of this run's successful fetch; None leaves `lastFetchedAt` alone.
        full_sync_at: epoch ms of the last time that the whole list was read.
        rules: those by which the items were made, as `rules_of` names them.
    """

    merged: Merged
    differs: bool
    fetched_at: int | None
    full_sync_at: int | None
    rules: str


@dataclass(frozen=True, slots=True)
class Tidying:
    """Keys of the new backup, the backups beyond `KEPT_BACKUPS`, and slug shards to remove."""

    backup_key: str
    surplus: Sequence[str] = ()
    shards: Sequence[str] = ()


def differs(merged: Merged, stored: StoredList) -> bool:
    """Whether an item of the list is new, changed or gone, or the order is another than stored."""
    before = [item.id for item in stored.items]
    after = [bookmark.id for bookmark in merged.bookmarks]
    return bool(merged.changed or merged.gone or merged.withdrawn) or before != after


def build_plan(
    keys: Keys,
    change: Change,
    tags: TagPages,
    paging: Paging,
    snapshot: Snapshot,
    stored: StoredList,
    times: Times,
    tidying: Tidying,
) -> PublishPlan:
    """Everything that one publish of the bookmarks writes and removes; pure.

    The publish itself leaves out objects whose bytes are equal. The slug mapping and the tags'
    indexes hold times, and are not written when only their times would change: the mapping is
    left out of the plan, and the indexes are marked with `follows`, so that the publish skips them.
    """
    bookmarks = change.merged.bookmarks
    master = Write(keys.bookmarks(), as_array(bookmarks))
    list_checksum = checksum(bookmarks)
    list_index = index(bookmarks, times, list_checksum, changed=change.differs)
    singles = [Write(keys.bookmark_by_id(item.id), item.body) for item in bookmarks]
    named = mapping_entries(bookmarks)
    entries = encode_json(named)
    pairs = mapping_checksum(bookmarks)
    mapping_hash = hash_mapping(entries, pairs)
    stale_mapping = keys.slug_mapping() not in stored.etags or not (
        _is_current(stored.mapping, named, pairs)
        if stored.listed or snapshot.state is None
        else mapping_hash == snapshot.state.mapping
    )
    mapping = slug_mapping(bookmarks, entries, times.last_modified, pairs)
    hashes = _known_hashes(master, stored)
    chains = list(_chains(keys, paging, stored, times))
    backup = _backup(master, stored, hashes, tidying)
    planned = {write.key for write in singles} | {write.key for chain in chains for write in chain}
    return PublishPlan(
        dataset=DATASET,
        commit=Write(keys.bookmarks_index(), encode_json(list_index)),
        base_etag=snapshot.index_etag,
        content=[
            *singles,
            *([Write(keys.slug_mapping(), mapping)] if stale_mapping else []),
            *backup,
        ],
        chains=chains,
        master=master,
        deletes=[
            *_stale(keys, stored, planned),
            *(tidying.surplus if backup else ()),
            *tidying.shards,
        ],
        etags=stored.etags,
        hashes=hashes,
        kept=() if stale_mapping else (keys.slug_mapping(),),
        state=_state_writer(keys, change, tags, times, mapping_hash),
    )


def hash_mapping(entries: bytes, checksum_of_pairs: str) -> str:
    """A hash of the slug mapping, without the time at which it was generated."""
    digest = hashlib.sha256(checksum_of_pairs.encode())
    digest.update(entries)
    return digest.hexdigest()


def _is_current(
    mapping: SlugMapping, entries: Mapping[str, Mapping[str, str]], checksum_of_pairs: str
) -> bool:
    """Whether the stored mapping says what a new one would; the order of its keys is no matter."""
    owners = {slug: bookmark_id for bookmark_id, slug in mapping.by_id().items()}
    return (
        owners == mapping.reverse_map
        and mapping.slugs == entries
        and mapping.checksum == checksum_of_pairs
    )


def _known_hashes(master: Write, stored: StoredList) -> Mapping[str, str]:
    """The known hashes, and that of the master if the stored one says the same in other bytes."""
    if stored.master is None or master.key in stored.hashes:
        return stored.hashes
    body = master.sendable()
    if not isinstance(body, bytes) or not says_the_same(stored.master, body):
        return stored.hashes
    return {**stored.hashes, master.key: master.sha256()}


def _chains(keys: Keys, paging: Paging, stored: StoredList, times: Times) -> Iterator[list[Write]]:
    """The writes of all pages; those of a chain are made in order, chains side by side.

    The pages of a tag are one chain, at whose end is the tag's index: it is written only when one
    of them changes.
    """
    for pages in paging.sets:
        chains = pages.chains(paging.shown)
        if pages.tag is None:
            yield from chains
            continue
        # A tag that lost its last page changed, though none of the others did.
        shrank = pages.key(len(pages.pages) + 1) in stored.etags
        body = encode_json(index(pages.bookmarks, times, checksum(pages.bookmarks), changed=True))
        follower = Write(keys.tag_index(pages.tag), body, follows=not shrank)
        yield [*(write for chain in chains for write in chain), follower]


def _backup(
    master: Write, stored: StoredList, hashes: Mapping[str, str], tidying: Tidying
) -> list[Write]:
    """The backup of the stored master; none when it says what the new one does, or is broken."""
    old = stored.master if stored.items else None
    if old is None:
        return []
    sha256 = master.sha256()
    same = hashes.get(master.key) == sha256 or hashlib.sha256(old).hexdigest() == sha256
    return [] if same else [Write(tidying.backup_key, old)]


def _stale(keys: Keys, stored: StoredList, planned: set[str]) -> Iterator[str]:
    """The stored objects of items, pages and tags that the new list does not have."""
    prefixes = (keys.bookmarks_by_id_prefix(), keys.bookmark_pages_prefix(), keys.tags_prefix())
    return (key for key in stored.etags if key not in planned and key.startswith(prefixes))


def _state_writer(
    keys: Keys, change: Change, tags: TagPages, times: Times, mapping_hash: str
) -> StateWriter:
    def write(etags: Mapping[str, str], hashes: Mapping[str, str]) -> Write:
        state = BookmarkState(
            last_modified=times.last_modified,
            layout=layout_of(tags, change.rules),
            mapping=mapping_hash,
            full_sync_at=change.full_sync_at,
            sources=change.merged.sources,
            retired_slugs=change.merged.retired,
            left_out=change.merged.left_out,
            objects=objects_of(etags, hashes),
        )
        return Write(keys.dataset(DATASET), state.encoded())

    return write
