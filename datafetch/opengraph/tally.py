"""Enters the result of each page into the state, the dead letters and the counts of a run."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from datafetch.errors import DatafetchError
from datafetch.job import AnyContext
from datafetch.opengraph.model import BookmarkRecord, Description
from datafetch.opengraph.pictures import PictureFound, PictureNotFound
from datafetch.opengraph.rules.plan import BookmarkedPage, picture_item
from datafetch.opengraph.state import OpenGraphState
from datafetch.opengraph.worker import PageResult, PageTask, PictureSearch
from datafetch.ops.failures import FailedItem
from datafetch.upstream_errors import BreakerOpen


class _Fault(NamedTuple):
    """The item of a dead letter, and why it failed."""

    item: str
    error: DatafetchError


class Tally:
    """What a run has found so far; only the thread that collects the results changes it.

    Attributes:
        descriptions: those of the pages that were read in this run, by page hash.
        changed: addresses of the pages with new metadata or a new picture.
        done: pages whose result is in.
        failures: pages that failed, with the reason that is told.
        skipped, newly_failed: pages, as `JobReport` counts them.
    """

    def __init__(self, context: AnyContext, state: OpenGraphState) -> None:
        self._context = context
        self._state = state
        self.descriptions: dict[str, Description] = {}
        self.changed: set[str] = set()
        self.failures: list[FailedItem] = []
        self.done = self.skipped = self.newly_failed = 0

    @property
    def failed(self) -> int:
        """Pages that failed, known dead letters included."""
        return len(self.failures)

    def record(self, result: PageResult) -> None:
        """Count a result, and bring state and dead letters up to date with it."""
        page = result.task.page
        self.done += 1
        if result.record is not None:
            self._state.pages[page.hash] = result.record
        if result.description is not None:
            self.descriptions[page.hash] = result.description
        if result.changed:
            self.changed.add(page.address)
        newly: list[bool] = []
        faults: list[_Fault] = []
        if result.error is not None:
            faults.append(_Fault(page.address, result.error))
            newly.append(self._note_failure(page.address, result.error))
        elif result.task.ask:
            self._context.dead_letters.succeeded(page.address)
        for search in result.searches:
            error = self._record_picture(page, search)
            if error is not None:
                item = picture_item(search.bookmark_id)
                faults.append(_Fault(item, error))
                newly.append(self._note_failure(item, error))
        if result.error is None:
            self.leave(result.task, searched={search.bookmark_id for search in result.searches})
        self._count(page, faults, newly)

    def leave(self, task: PageTask, searched: Collection[str] = ()) -> None:
        """Drop due dead letters of pictures that no longer have to be looked for."""
        for wanted in task.wanted:
            if not wanted.settled and wanted.bookmark.id not in searched:
                self._context.dead_letters.succeeded(picture_item(wanted.bookmark.id))

    def _record_picture(self, page: BookmarkedPage, search: PictureSearch) -> DatafetchError | None:
        known = self._state.bookmarks.get(search.bookmark_id, BookmarkRecord())
        match search.outcome:
            case PictureFound(picture, changed):
                record = BookmarkRecord(picture=picture, mark=known.mark)
                error: DatafetchError | None = None
                if changed:
                    self.changed.add(page.address)
            case PictureNotFound(error):
                record = BookmarkRecord(known.picture, search.digest, known.mark)
        self._state.bookmarks[search.bookmark_id] = record
        if error is None:
            self._context.dead_letters.succeeded(picture_item(search.bookmark_id))
        return error

    def _note_failure(self, item: str, error: DatafetchError) -> bool:
        newly = self._context.dead_letters.failed(item, error)
        fields = {"item": item, "error": str(error)}
        if isinstance(error, BreakerOpen):  # of the host a warning tells already
            self._context.log.info("opengraph_failed", extra=fields)
        else:
            self._context.log.warning("opengraph_failed", extra=fields)
        return newly

    def _count(self, page: BookmarkedPage, faults: Sequence[_Fault], newly: Sequence[bool]) -> None:
        """Count a page once, however many faults it had.

        The reason that is told is its first fault that is no open breaker. A page all of whose
        faults are open breakers is skipped, not failed.
        """
        if not faults:
            return
        told = [fault for fault in faults if not isinstance(fault.error, BreakerOpen)]
        if not told:
            self.skipped += 1
            return
        item, error = told[0]
        failed = self._context.dead_letters.failed_item(item, error, name=page.address)
        if item != page.address:
            failed = replace(failed, reason=f"picture: {failed.reason}")
        self.failures.append(failed)
        self.newly_failed += any(newly)

    def forget(self, pages: Sequence[BookmarkedPage]) -> None:
        """Drop the dead letters of all but these pages and their bookmarks' pictures."""
        pictures = {picture_item(saved.id) for page in pages for saved in page.bookmarks}
        self._context.dead_letters.keep_only({page.address for page in pages} | pictures)
