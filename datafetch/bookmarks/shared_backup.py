"""Lets the shares of a job that change the bookmarks leave one backup together, not one each.

With a backup for each, dozens of shares would push out all older backups within an hour. So only the
list as it was before the first share is backed up, not the lists that other shares published since.
A list that a sync or another whole run published in between is backed up as always.
"""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from datafetch.bookmarks.copies import backup_keys
from datafetch.clock import to_iso
from datafetch.job import AnyContext
from datafetch.ops.record import Record
from datafetch.store.publish import PublishPlan, PublishResult

TOGETHER_S = 86_400.0
"""Seconds for which later shares make no further backup, as they have this one."""


@dataclass(frozen=True, slots=True)
class SharedBackup:
    """What the store remembers of the last share that published the bookmarks.

    Attributes:
        backup: the key of the backup that the first of the shares made.
        master: the ETag of the list that the last of the shares published.
    """

    backup: str
    master: str


_SHARED: TypeAdapter[SharedBackup | None] = TypeAdapter(SharedBackup | None)


class BackupOfShares:
    """The backup that shares make together; an object for one publish of one share."""

    def __init__(self, context: AnyContext) -> None:
        """Read what the store remembers of earlier shares.

        Raises:
            StoreError: the store did not answer.
        """
        self._context = context
        keys = context.keys
        self._prefix = keys.bookmarks_backup_prefix()
        self._record = Record(
            context.store, keys, context.clock, keys.shared_backup(), _SHARED, empty=None
        )
        self._made = ""
        self._record.load()

    def planned(self, plan: PublishPlan) -> PublishPlan:
        """The plan; without its backup when the list that it replaces was published by another share.

        Raises:
            StoreError: the store did not answer.
        """
        new = [write.key for write in plan.content if write.key.startswith(self._prefix)]
        self._made = new[0] if new else ""
        known = self._record.value
        if not new or known is None or not self._is_good(known, plan):
            return plan
        self._made = known.backup
        return replace(
            plan,
            content=[write for write in plan.content if write.key not in new],
            deletes=[key for key in plan.deletes if not key.startswith(self._prefix)],
        )

    def note(self, published: PublishResult) -> None:
        """Remember in the store the list that was published, and the backup that counts for it.

        Raises:
            PreconditionFailed: another run has written since.
            StoreError: it could not be written.
        """
        master = published.etags.get(self._context.keys.bookmarks())
        if self._made and master is not None:
            self._record.save(SharedBackup(self._made, master))

    def _is_good(self, known: SharedBackup, plan: PublishPlan) -> bool:
        if plan.etags.get(self._context.keys.bookmarks()) != known.master:
            return False
        since = to_iso(self._context.clock.now() - TOGETHER_S).replace(":", "-")
        is_recent = known.backup >= self._context.keys.bookmarks_backup(since)
        return is_recent and known.backup in backup_keys(self._context)
