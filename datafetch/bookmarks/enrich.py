"""Lays fields of other jobs into the stored bookmarks, as the one writer of that dataset would."""

from collections.abc import Callable, Mapping
from typing import Any

from datafetch.bookmarks.publish import TagPages, plan_stored
from datafetch.bookmarks.stored import BookmarkReader, Snapshot
from datafetch.job import JobContext
from datafetch.models.json import JsonObject
from datafetch.ops.lease import Fence
from datafetch.store.publish import Publisher

Patch = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""Gets a stored bookmark and returns the fields to set in it, None to leave it alone."""


def read_bookmarks(context: JobContext) -> list[JsonObject]:
    """The stored bookmarks in the list's order, from whichever copy can be read.

    Nothing is written but a copy of what cannot be read.

    Raises:
        StoreError: the store did not answer.
        Inconsistent: there are traces of bookmarks and none can be read.
    """
    reader, _ = _reader(context, context.fence, TagPages(enabled=True, maximum=None))
    return reader.items(reader.snapshot()).items


def enrich_bookmarks(context: JobContext, fence: Fence, tags: TagPages, patch: Patch) -> int:
    """Apply a patch to every stored bookmark and publish; says how many changed.

    `fence` is that of the bookmarks' own lease, which the caller holds
    (`context.wait_for_lease`). The dataset is read again under it; slugs, order, source
    hashes and `lastFetchedAt` stay as they are. Nothing is written when nothing changes,
    unless a publish that somebody else began has to be ended.

    Raises:
        BaseMoved: the dataset changed twice meanwhile.
        LeaseLost: the bookmarks' lease ended.
        StoreError: the store failed; the next bookmark run ends what was begun.
    """
    reader, publisher = _reader(context, fence, tags)

    def attempt(number: int) -> int:
        snapshot = reader.snapshot()
        return _apply(
            context, reader, publisher, snapshot.distrusted() if number else snapshot, tags, patch
        )

    return publisher.with_restart(attempt)


def _apply(
    context: JobContext,
    reader: BookmarkReader,
    publisher: Publisher,
    snapshot: Snapshot,
    tags: TagPages,
    patch: Patch,
) -> int:
    stored = reader.items(snapshot)
    changed = 0
    for item in stored.items:
        fields = patch(item)
        if fields and any(item.get(name) != value for name, value in fields.items()):
            item.update(fields)
            changed += 1
    idle = changed == 0 and snapshot.journal is None
    if not (idle or context.options.dry_run):
        publisher.publish(plan_stored(context, snapshot, stored, tags))
    return changed


def _reader(context: JobContext, fence: Fence, tags: TagPages) -> tuple[BookmarkReader, Publisher]:
    publisher = Publisher(
        context.store, context.keys, context.clock, context.engine, fence, context.run_id
    )
    return BookmarkReader(context, publisher, fence, tags.layout), publisher
