"""Reads a backup of the list, and says what publishing it changes in the stored one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from datafetch.addresses import NO_HOSTS, OwnHosts
from datafetch.bookmarks.copies import backup_keys, read_listing
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.plan import Change
from datafetch.bookmarks.rules.changes import NOTHING_FETCHED, Policy, merge_list
from datafetch.bookmarks.rules.mapping import slug_owners
from datafetch.bookmarks.state import StoredList, rules_of
from datafetch.clock import log_time
from datafetch.errors import CorruptObject, UsageError
from datafetch.job import AnyContext
from datafetch.models.text import one_line


class Backup(NamedTuple):
    """A kept backup of the list.

    Attributes:
        time: when it was made, for people.
    """

    time: str
    items: list[StoredBookmark]


def read_backup(context: AnyContext) -> Backup:
    """The backup that `--restore` names: 1 is the newest.

    Raises:
        UsageError: there are not so many backups.
        CorruptObject: the backup cannot be read.
        StoreError: the store did not answer.
    """
    number = context.options.restore or 1
    backups = backup_keys(context)
    if number > len(backups):
        raise _no_backup(number, backups)
    key = backups[number - 1]
    listing = read_listing(context.store.get(key))
    items = listing.items if listing is not None else []
    if not items:
        others = "There is no other backup."
        if len(backups) > 1:
            other = number + 1 if number < len(backups) else number - 1
            others = f"Try another one: `datafetch bookmarks --restore {other}`."
        raise CorruptObject(f"{key} is not a list of bookmarks", key=key, hint=others)
    context.log.info("backup_read", extra={"key": key, "items": len(items)})
    return Backup(_time_of(key), items)


def _no_backup(number: int, backups: Sequence[str]) -> UsageError:
    if not backups:
        return UsageError(
            "there is no backup: none is made before a publish replaces a stored list",
            hint="`datafetch bookmarks` syncs the list from the server.",
        )
    kept = ", ".join(f"{at} of {_time_of(key)}" for at, key in enumerate(backups, 1))
    return UsageError(
        f"there is no backup {number}: {len(backups)} are kept ({kept})",
        hint=f"Give a number from 1, the newest, to {len(backups)}.",
    )


def _time_of(key: str) -> str:
    """When a backup was made, which its key says: `…/2026-11-26T15-32-34.000Z.json`."""
    text = key.rpartition("/")[2].removesuffix(".json")
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H-%M-%S.%fZ").replace(tzinfo=UTC)
    except ValueError:  # somebody else has named it
        return one_line(text, 40)
    return log_time(moment.timestamp())


def restored(
    items: list[StoredBookmark],
    stored: StoredList,
    *,
    include_unlinked: bool,
    own: OwnHosts = NO_HOSTS,
) -> Change:
    """The list of a backup as a change of the stored one; pure.

    The items are made over by the present rules, since older ones may have made the backup.
    The slugs of bookmarks that are not in the backup are not used again. Source hashes are
    forgotten, so that the next sync reads and merges everything; `lastFetchedAt` stays, since
    nothing was fetched.
    """
    # Not compared as values: to Python, true and 1 are equal.
    before = {item.id: json.dumps(item.fields, sort_keys=True) for item in stored.items}
    gone = before.keys() - {item.id for item in items}
    freed = slug_owners(item for item in stored.items if item.id in gone)
    policy = Policy(unlinked=include_unlinked, refit=True, own=own)
    merged = merge_list(NOTHING_FETCHED, items, {}, {**freed, **stored.retired}, {}, policy)
    changed = frozenset(
        item.id
        for item in merged.bookmarks
        if before.get(item.id) != json.dumps(json.loads(item.body), sort_keys=True)
    )
    merged = merged._replace(
        changed=changed,
        gone=frozenset(gone),
        withdrawn=frozenset(merged.withdrawn & before.keys()),
    )
    return Change(
        merged,
        differs=bool(changed or gone or merged.withdrawn),
        fetched_at=None,
        full_sync_at=None,
        rules=rules_of(include_unlinked=include_unlinked, own=own),
    )
