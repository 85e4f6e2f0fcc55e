"""Publishes a list of bookmarks over what is stored; every job that changes bookmarks uses it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datafetch.bookmarks.model import Bookmark
from datafetch.bookmarks.plan import NewList, Tidying, build_plan, hash_stored_mapping
from datafetch.bookmarks.rules.changes import Fetched, merge_list
from datafetch.bookmarks.rules.list import Times, checksum
from datafetch.bookmarks.state import layout_of
from datafetch.bookmarks.stored import Snapshot, StoredList
from datafetch.clock import to_iso, to_ms
from datafetch.errors import ObjectNotFound
from datafetch.job import JobContext
from datafetch.store.publish import PublishPlan, etags_by_listing

KEPT_BACKUPS = 5
"""Masters that a publish replaced and that are kept."""


@dataclass(frozen=True, slots=True)
class TagPages:
    """Which tags get pages."""

    enabled: bool
    maximum: int | None

    @property
    def layout(self) -> str:
        """As the dataset's state remembers it."""
        return layout_of(tags_enabled=self.enabled, max_tags=self.maximum)


@dataclass(frozen=True, slots=True)
class Change:
    """What a run wants the list to be.

    Attributes:
        changed: whether items differ from the stored ones.
        gone: ids that are stored no longer.
        fetched_at: epoch ms of this run's successful fetch; None leaves `lastFetchedAt` alone.
    """

    bookmarks: Sequence[Bookmark]
    sources: Mapping[str, str]
    retired: Mapping[str, str]
    changed: bool
    gone: frozenset[str]
    fetched_at: int | None
    full_sync_at: int | None


def plan_change(
    context: JobContext, snapshot: Snapshot, stored: StoredList, change: Change, tags: TagPages
) -> PublishPlan:
    """The publish of a change, from the store's state in `snapshot` and `stored`.

    Raises:
        StoreError: the store did not answer; nothing was written.
    """
    now = context.clock.now()
    changed = change.changed or _index_disagrees(snapshot, change)
    before = snapshot.text("lastModified")
    times = Times(
        last_modified=to_iso(now) if changed or not before else before,
        last_fetched_at=change.fetched_at or snapshot.number("lastFetchedAt"),
        last_attempted_at=change.fetched_at or snapshot.number("lastAttemptedAt") or to_ms(now),
    )
    new = NewList(
        bookmarks=change.bookmarks,
        sources=change.sources,
        retired=change.retired,
        full_sync_at=change.full_sync_at,
        changed=changed,
        layout=tags.layout,
        tags_enabled=tags.enabled,
        max_tags=tags.maximum,
    )
    state = snapshot.state
    known_mapping = hash_stored_mapping(stored.mapping)
    if not stored.listed and state is not None:
        known_mapping = state.mapping
    tidying = _tidying(context, stored, change, now)
    return build_plan(context.keys, new, stored, snapshot.index_etag, times, tidying, known_mapping)


def plan_stored(
    context: JobContext, snapshot: Snapshot, stored: StoredList, tags: TagPages
) -> PublishPlan:
    """The publish of the stored items as they are in memory: enriched, or begun by a dead run.

    `lastFetchedAt` stays, since nothing was fetched.

    Raises:
        StoreError: the store did not answer; nothing was written.
    """
    nothing = Fetched([], [], complete=False)
    merged = merge_list(nothing, stored.items, stored.sources, stored.retired)
    change = Change(
        bookmarks=merged.bookmarks,
        sources=merged.sources,
        retired=merged.retired,
        changed=True,
        gone=frozenset(),
        fetched_at=None,
        full_sync_at=snapshot.full_sync_at,
    )
    return plan_change(context, snapshot, stored, change, tags)


def _index_disagrees(snapshot: Snapshot, change: Change) -> bool:
    """Whether the index vouches for another list: readers must be told of a new one."""
    return (
        snapshot.journal is not None
        or snapshot.number("count") != len(change.bookmarks)
        or snapshot.text("checksum") != checksum(change.bookmarks)
    )


def _tidying(context: JobContext, stored: StoredList, change: Change, now: float) -> Tidying:
    prefix = context.keys.bookmarks_backup_prefix()
    kept = sorted(etags_by_listing(context.store, (prefix,)))
    key = context.keys.bookmarks_backup(_file_time(now))
    while key in kept:
        now += 0.001
        key = context.keys.bookmarks_backup(_file_time(now))
    shards = list(_old_shards(context, stored, change))
    surplus = kept[: max(0, len(kept) - KEPT_BACKUPS + 1)]
    return Tidying(key, surplus, shards)


def _file_time(now: float) -> str:
    return to_iso(now).replace(":", "-")


def _old_shards(context: JobContext, stored: StoredList, change: Change) -> Iterator[str]:
    """Old systems' slug shards that disagree with the mapping.

    They are looked for only when they can be wrong anew: nothing is known of the store, or
    a slug lost its owner.
    """
    prefix = context.keys.slug_shards_prefix()
    if stored.listed:
        keys = [key for key in stored.etags if key.startswith(prefix)]
    elif change.gone:
        keys = list(etags_by_listing(context.store, (prefix,)))
    else:
        return
    owners = {one.slug: one.id for one in change.bookmarks}

    def judged(key: str) -> tuple[str, bool]:
        return key, _agrees(_read(context, key), key, owners)

    yield from sorted(key for key, agrees in context.engine.map(judged, keys) if not agrees)


def _read(context: JobContext, key: str) -> bytes:
    try:
        return context.store.get(key).body
    except ObjectNotFound:
        return b""


def _agrees(body: bytes, key: str, owners: Mapping[str, str]) -> bool:
    """Whether every slug of a shard belongs to whom the mapping says.

    A shard is one entry `{id, slug}` named by its slug, or a map of slugs to ids or entries.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    name = key.rpartition("/")[2].removesuffix(".json")
    entries: Iterable[tuple[Any, Any]] = value.items()
    if "id" in value:
        entries = [(value.get("slug") or name, value["id"])]
    return all(
        owners.get(slug) == (entry.get("id") if isinstance(entry, dict) else entry)
        for slug, entry in entries
    )
