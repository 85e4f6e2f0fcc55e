"""Lays the results of a share of the pages into the dataset, under the dataset's lease."""

from collections.abc import Sequence

from datafetch.bookmarks.stored import read_bookmarks
from datafetch.errors import LeaseHeld
from datafetch.job import SHARE_WAIT_S, JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.run import JobName
from datafetch.models.shard import Shard
from datafetch.opengraph.dataset import Finished, OpenGraphDataset
from datafetch.opengraph.model import Description, SavedBookmark
from datafetch.opengraph.rules.plan import BookmarkedPage, pages_of
from datafetch.opengraph.rules.settle import settled_bookmarks, settled_pages
from datafetch.runtime.checkpoints import Checkpoints

_PAUSE_S = 5.0
"""Seconds between two checkpoints, at least."""


class ShareOfPages:
    """The share of one run.

    `own` is its copy of the dataset, which it has read and changed. That is not stored: only what
    changed in it is laid into the stored dataset.
    """

    def __init__(
        self, context: JobContext[OpenGraphSettings], shard: Shard, own: OpenGraphDataset
    ) -> None:
        self._context = context
        self._shard = shard
        self._own = own
        self._checkpoints = Checkpoints(context.clock, _PAUSE_S)

    def checkpoint(self, pages: Sequence[BookmarkedPage]) -> None:
        """Lay the records so far into the stored state, if it is time and no other run has the lease.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
        """
        if self._checkpoints.due():
            with self._checkpoints.timed():
                self.save(pages, 0.0)

    def save(self, pages: Sequence[BookmarkedPage], wait_s: float) -> str | None:
        """Lay the records into the stored state; return why that has to wait, or None.

        `pages` are those of all shares. The lease is waited for at most `wait_s` seconds.

        Raises:
            Cancelled: the run was asked to stop while it waited.
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
        """
        if not self._own.state.has_own_results:
            return None
        try:
            with self._context.wait_for_lease(JobName.OPENGRAPH, wait_s) as fence:
                self._brought(self._context.under(fence), pages).state.save()
        except LeaseHeld as held:
            return self._put_off(held)
        self._own.state.note_saved()
        return None

    def finish(
        self,
        pages: Sequence[BookmarkedPage],
        bookmarks: Sequence[SavedBookmark],
        descriptions: dict[str, Description],
    ) -> Finished:
        """Lay all results into the dataset, and finish it as `OpenGraphDataset.finish` does.

        The bookmarks are read again: they may have changed while this share worked.

        Raises:
            Cancelled: the run was asked to stop while it waited for the lease.
            BaseMoved, LeaseLost, StoreError: as `OpenGraphDataset.finish`.
        """
        try:
            with self._context.wait_for_lease(JobName.OPENGRAPH, SHARE_WAIT_S) as fence:
                context = self._context.under(fence)
                newer = [SavedBookmark.of(item.fields) for item in read_bookmarks(context)]
                if there := pages_of(newer):
                    pages, bookmarks = there, newer
                finished = self._brought(context, pages).finish(pages, bookmarks, descriptions)
        except LeaseHeld as held:
            reason = self._put_off(held)
            return Finished(unsaved=reason if self._own.state.has_own_results else None)
        self._own.state.note_saved()
        return finished

    def _brought(
        self, context: JobContext[OpenGraphSettings], pages: Sequence[BookmarkedPage]
    ) -> OpenGraphDataset:
        """What is stored now, with this share's records in it."""
        dataset = OpenGraphDataset(context)
        others = [page for page in pages if not self._shard.has(page.address)]
        dataset.load(pages, recalled=others)
        state, own = dataset.state, self._own.state
        state.pages.update(settled_pages(own.own_pages(), state.pages))
        state.bookmarks.update(settled_bookmarks(own.own_bookmarks(), state.bookmarks))
        return dataset

    def _put_off(self, held: LeaseHeld) -> str:
        self._context.log.warning("merge_put_off", extra={"reason": str(held)})
        return str(held)
