"""Publishes a list of bookmarks over the stored one, and keeps the replaced list as a backup.

Every job that changes bookmarks uses it. The new list comes from a sync, from the store with
fields of another job set in it (`enrich_bookmarks`), or from a backup (`restore.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from datafetch.bookmarks.copies import ObjectReader, backup_keys, read_listing
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.page_sets import PageSet, Paging, page_sets, published_pages
from datafetch.bookmarks.plan import Change, Tidying, build_plan
from datafetch.bookmarks.rules.changes import AS_IT_IS, NOTHING_FETCHED, merge_list
from datafetch.bookmarks.rules.list import Times, checksum
from datafetch.bookmarks.rules.mapping import shard_agrees
from datafetch.bookmarks.rules.times import is_utc
from datafetch.bookmarks.shared_backup import BackupOfShares
from datafetch.bookmarks.state import RETIRED, Snapshot, StoredIndex, StoredList, rules_in
from datafetch.bookmarks.stored import BookmarkReader
from datafetch.clock import to_iso, to_ms
from datafetch.job import AnyContext
from datafetch.models.job_settings import TagPages
from datafetch.models.json import says_the_same
from datafetch.store.base import StoredObject, encode_json
from datafetch.store.publish import Publisher, PublishPlan, Write, etags_by_listing
from datafetch.store.writes import etag_says_equal

KEPT_BACKUPS = 5
"""How many replaced masters are kept as backups."""


def plan_change(
    context: AnyContext, snapshot: Snapshot, stored: StoredList, change: Change, tags: TagPages
) -> PublishPlan:
    """The plan that publishes a change over what `snapshot` and `stored` found in the store.

    Raises:
        StoreError: the store did not answer; nothing was written.
    """
    now = context.clock.now()
    change = replace(change, differs=change.differs or _index_disagrees(snapshot, change))
    before = snapshot.index
    times = Times(
        last_modified=_last_modified(before, change) or to_iso(now),
        last_fetched_at=change.fetched_at or before.last_fetched_at,
        last_attempted_at=change.fetched_at or before.last_attempted_at or to_ms(now),
    )
    tidying = _tidying(context, stored, change, now)
    sets = page_sets(context.keys, change.merged.bookmarks, tags)
    if stored.listed:
        paging, equal = _read_pages(context, sets, stored)
        stored = replace(stored, hashes={**stored.hashes, **equal})
    else:
        shown = published_pages(sets, stored.items)
        paging = Paging(sets, {key: ids for key, ids in shown.items() if key in stored.etags})
    return build_plan(context.keys, change, tags, paging, snapshot, stored, times, tidying)


def _last_modified(index: StoredIndex, change: Change) -> str:
    """The time of the stored index, if the list is the same and readers can read that time."""
    kept = "" if change.differs else index.last_modified
    return kept if is_utc(kept) else ""


def _read_pages(
    context: AnyContext, sets: Sequence[PageSet], stored: StoredList
) -> tuple[Paging, dict[str, str]]:
    """The stored pages, read from the store where they differ from the new ones.

    Returned, too, by their keys: SHA-256 of the new bytes of those that another tool wrote anew
    with equal content. Added to the hashes of the stored objects, it makes them count as equal.
    """

    def read(write: Write) -> tuple[Write, StoredObject | None]:
        return write, ObjectReader(context).get(write.key)

    planned = (page for pages in sets for page in pages.planned())
    shown = {key: ids for key, ids in planned if key in stored.etags}
    differing = [write for pages in sets for write in pages.pages if _differs(write, stored)]
    equal: dict[str, str] = {}
    for write, found in context.engine.map(read, differing):
        if found is not None and _says_the_same(write, found, stored):
            equal[write.key] = write.sha256()
        else:
            listing = read_listing(found)
            shown[write.key] = tuple(item.id for item in listing.items) if listing else ()
    return Paging(sets, shown), equal


def _says_the_same(write: Write, found: StoredObject, stored: StoredList) -> bool:
    """Whether an object that we have not published has the planned content, in other bytes."""
    body = write.sendable()
    unknown = write.key not in stored.hashes
    return unknown and isinstance(body, bytes) and says_the_same(found.body, body)


def _differs(write: Write, stored: StoredList) -> bool:
    """Whether an object is there, but perhaps not with the planned bytes."""
    etag = stored.etags.get(write.key)
    if etag is None:
        return False
    sha256 = write.sha256()
    known = stored.hashes.get(write.key)
    return known != sha256 if known is not None else not etag_says_equal(etag, write, sha256)


def plan_stored(
    context: AnyContext, snapshot: Snapshot, stored: StoredList, tags: TagPages
) -> PublishPlan:
    """The plan that publishes the stored items again, enriched or after a publish that died.

    `lastFetchedAt` stays, since nothing was fetched. The state says by which rules the items were
    made, so that the next sync makes them over if these are older.

    Raises:
        StoreError: the store did not answer; nothing was written.
    """
    merged = merge_list(
        NOTHING_FETCHED,
        stored.items,
        stored.sources,
        stored.retired,
        snapshot.left_out,
        AS_IT_IS,
    )
    change = Change(
        merged,
        differs=True,
        fetched_at=None,
        full_sync_at=snapshot.full_sync_at,
        rules=rules_in(snapshot.state),
    )
    return plan_change(context, snapshot, stored, change, tags)


def _index_disagrees(snapshot: Snapshot, change: Change) -> bool:
    """Whether the index may describe another list, so that readers must be told of a change."""
    return (
        snapshot.journal is not None
        or snapshot.index.count != len(change.merged.bookmarks)
        or snapshot.index.checksum != checksum(change.merged.bookmarks)
    )


def _tidying(context: AnyContext, stored: StoredList, change: Change, now: float) -> Tidying:
    kept = backup_keys(context)
    while (key := context.keys.bookmarks_backup(to_iso(now).replace(":", "-"))) in kept:
        now += 0.001
    shards = list(_old_shards(context, stored, change))
    return Tidying(key, kept[KEPT_BACKUPS - 1 :][::-1], shards)


def _old_shards(context: AnyContext, stored: StoredList, change: Change) -> Iterator[str]:
    """The keys of old systems' slug shards that disagree with the slugs of the new list.

    They are looked for when the store was listed anyway, and when a bookmark is gone: that is
    when a shard can begin to disagree.
    """
    prefix = context.keys.slug_shards_prefix()
    if stored.listed:
        keys = [key for key in stored.etags if key.startswith(prefix)]
    elif change.merged.gone:
        keys = list(etags_by_listing(context.store, (prefix,)))
    else:
        return
    owners = {item.slug: item.id for item in change.merged.bookmarks}
    objects = ObjectReader(context)

    def judged(key: str) -> tuple[str, bool]:
        found = objects.get(key)
        return key, found is not None and shard_agrees(found.body, key, owners)

    yield from sorted(key for key, agrees in context.engine.map(judged, keys) if not agrees)


def keep_retired(context: AnyContext, known: Mapping[str, str], retired: Mapping[str, str]) -> None:
    """Store a copy of the freed slugs in an object of their own, in case the state is lost.

    `known` are the freed slugs in the stored state, `retired` those of the new list. Nothing is
    written when `known` has all of `retired`. The copy is written before the publish that frees
    them. When that publish fails, the copy names slugs that are not free, which does no harm: a
    bookmark that has such a slug keeps it.

    Raises:
        StoreError: it could not be written.
        LeaseLost: this run may not write any more.
    """
    if known.items() >= retired.items():
        return
    context.store.put(context.keys.dataset(RETIRED), encode_json({"retiredSlugs": retired}))


Patch = Callable[[Mapping[str, object]], Mapping[str, object] | None]
"""Takes a stored bookmark's fields; returns the fields to set in it, or None to leave it alone."""


def enrich_bookmarks(context: AnyContext, tags: TagPages, patch: Patch) -> int:
    """Apply a patch to every stored bookmark, publish the list, and return how many changed.

    The caller holds the bookmark job's lease (`context.wait_for_lease`), and the context's store
    checks it before each write (`context.under`). The dataset is read anew; slugs, order, source
    hashes and `lastFetchedAt` stay as they are. Nothing is written when no bookmark changes,
    unless another run left its publish unfinished.

    Raises:
        BaseMoved: the dataset changed twice meanwhile.
        LeaseLost: the bookmarks' lease ended.
        StoreError: the store failed; the next bookmark run finishes the publish.
    """
    publisher = context.publisher(own=False)
    reader = BookmarkReader(context, publisher, tags)

    def attempt(number: int) -> int:
        snapshot = reader.snapshot()
        if number > 0:
            snapshot = snapshot.distrusted()
        stored = reader.items(snapshot)
        enriched = [_enriched(item, patch(item.fields)) for item in stored.items]
        changed = sum(new is not old for new, old in zip(enriched, stored.items, strict=True))
        idle = changed == 0 and snapshot.journal is None
        if not (idle or context.options.dry_run):
            stored = replace(stored, items=enriched)
            _publish_enriched(context, publisher, plan_stored(context, snapshot, stored, tags))
        return changed

    return publisher.with_restart(attempt)


def _publish_enriched(context: AnyContext, publisher: Publisher, plan: PublishPlan) -> None:
    if context.options.shard is None:
        publisher.publish(plan)
        return
    backup = BackupOfShares(context)
    backup.note(publisher.publish(backup.planned(plan)))


def _enriched(item: StoredBookmark, fields: Mapping[str, object] | None) -> StoredBookmark:
    if fields and any(item.fields.get(name) != value for name, value in fields.items()):
        return item.with_fields(fields)
    return item
