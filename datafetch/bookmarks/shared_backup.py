"""Has shares that change the bookmarks one after the other leave one backup, not one each.

Dozens of shares would push all older backups out within an hour. What one share has published is no
list that anybody wants back while the next one adds to it: the list as it was before the first of
them is kept. A list that anybody else has published meanwhile is kept as always.
"""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from datafetch.bookmarks.copies import backup_keys
from datafetch.clock import to_iso
from datafetch.job import AnyContext
from datafetch.ops.record import Record
from datafetch.store.publish import PublishPlan, PublishResult

TOGETHER_S = 86_400.0
"""Seconds for which a backup counts as that of the shares that come after it."""


@dataclass(frozen=True, slots=True)
class SharedBackup:
    """What is remembered of the last share that published.

    Attributes:
        backup: the key of the backup that the first of the shares has made.
        master: the ETag of the list that the last of them has published.
    """

    backup: str
    master: str


_SHARED: TypeAdapter[SharedBackup | None] = TypeAdapter(SharedBackup | None)


class BackupOfShares:
    """The backup that shares make together, for one publish of a share."""

    def __init__(self, context: AnyContext) -> None:
        """Read what is remembered.

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
        """The plan, without a new backup where it replaces what another share has published.

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
        """Remember whose backup the published list has.

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
