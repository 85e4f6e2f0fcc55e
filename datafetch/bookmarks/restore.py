"""A backup of the master, made ready to be published again."""

import json

from datafetch.bookmarks.copies import read_listing
from datafetch.bookmarks.publish import Change
from datafetch.bookmarks.rules.changes import Fetched, Merged, merge_list
from datafetch.bookmarks.slugs import slug_owners
from datafetch.bookmarks.stored import StoredList
from datafetch.errors import CorruptObject, UsageError
from datafetch.job import JobContext
from datafetch.models.json import JsonObject
from datafetch.store.publish import etags_by_listing


def read_backup(context: JobContext) -> list[JsonObject]:
    """The list of the N-th newest backup.

    Raises:
        UsageError: there are not so many backups.
        CorruptObject: the backup cannot be read.
        StoreError: the store did not answer.
    """
    number = context.options.restore or 1
    backups = sorted(
        etags_by_listing(context.store, (context.keys.bookmarks_backup_prefix(),)), reverse=True
    )
    if number > len(backups):
        raise UsageError(
            f"there is no backup {number}: {len(backups)} are kept",
            hint="Backups are counted from 1, the newest.",
        )
    key = backups[number - 1]
    listing = read_listing(context.store.get(key))
    items = listing.items if listing is not None else []
    if not items:
        raise CorruptObject(f"{key} is not a list of bookmarks", key=key)
    context.log.info("backup_read", extra={"key": key, "items": len(items)})
    return items


def restored(items: list[JsonObject], stored: StoredList) -> tuple[Change, Merged]:
    """The list of a backup as a change of the stored one; pure.

    Slugs that it does not have are not used again; source hashes are forgotten, so that the
    next sync reads and merges everything; `lastFetchedAt` stays, since nothing was fetched.
    """
    back = {item["id"] for item in items}
    gone = {item["id"]: item for item in stored.items if item["id"] not in back}
    freed = slug_owners(gone.values())
    nothing = Fetched([], [], complete=False)
    merged = merge_list(nothing, items, {}, {**freed, **stored.retired})
    before = {item["id"]: json.dumps(item, sort_keys=True) for item in stored.items}
    changed = frozenset(
        item["id"] for item in items if before.get(item["id"]) != json.dumps(item, sort_keys=True)
    )
    merged = merged._replace(changed=merged.changed | changed, gone=frozenset(gone))
    change = Change(
        bookmarks=merged.bookmarks,
        sources=merged.sources,
        retired=merged.retired,
        changed=bool(merged.changed or gone),
        gone=merged.gone,
        fetched_at=None,
        full_sync_at=None,
    )
    return change, merged
