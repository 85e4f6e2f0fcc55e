"""The OpenGraph job: reads pages' metadata, stores pictures, and merges both into the bookmarks."""

from collections.abc import Sequence

from datafetch.bookmarks.stored import read_bookmarks
from datafetch.clock import to_ms
from datafetch.errors import Cancelled, LeaseLost, ObjectNotFound, StoreError, UsageError
from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.run import JobName, JobReport
from datafetch.opengraph import report as words
from datafetch.opengraph.batch import item_work
from datafetch.opengraph.dataset import Finished, OpenGraphDataset
from datafetch.opengraph.model import BookmarkRecord, SavedBookmark
from datafetch.opengraph.pictures import PictureFinder
from datafetch.opengraph.rules.merge import override_of
from datafetch.opengraph.rules.plan import (
    Asked,
    BookmarkedPage,
    named_pages,
    page_is_due,
    pages_of,
    picture_item,
    spread,
)
from datafetch.opengraph.sharing import ShareOfPages
from datafetch.opengraph.tally import Tally
from datafetch.opengraph.webpage import WebPages
from datafetch.opengraph.worker import PageTask, PageWorker, WantedPicture
from datafetch.ops.failures import failed_note
from datafetch.runtime.lanes import Lanes
from datafetch.store.keys import IMAGES_PREFIX
from datafetch.urls import page_address

CHECKPOINT_EVERY = 200
CHECKPOINTS = 20
"""The state is stored after each 200 pages, so that a run that is killed resumes from there.

Of long lists it is stored 20 times at most: it grows with the list, and so does the time to
store it.
"""

_SHORT_WAIT_S = 30.0
"""Seconds that a share which ends with an error waits for its dataset's lease, to save progress."""


def checkpoint_every(pages: int) -> int:
    """How many pages lie between two checkpoints of a run that works on so many `pages`."""
    return max(CHECKPOINT_EVERY, -(-pages // CHECKPOINTS))


def refresh_opengraph(context: JobContext[OpenGraphSettings]) -> JobReport:
    """Fetch the metadata and pictures of the stored bookmarks that are due, and merge them in.

    Raises:
        DatafetchError: the run failed as a whole; stored data is as good as before.
    """
    return _OpenGraphRun(context).run()


class _OpenGraphRun:
    """One run: what it was given and what it has counted so far."""

    def __init__(self, context: JobContext[OpenGraphSettings]) -> None:
        self._context = context
        web = WebPages(context.http, context.settings, context.urls.own_hosts)
        self._dataset = OpenGraphDataset(context)
        self._state = self._dataset.state
        shard = context.options.shard
        self._share = None if shard is None else ShareOfPages(context, shard, self._dataset)
        self._finder = PictureFinder(context, web)
        self._web = web
        self._tally = Tally(context, self._state)
        self._notes: tuple[str, ...] = ()
        self._due = self._left = 0
        self._merged = False
        context.so_far.told_by(self._done_so_far)

    def run(self) -> JobReport:
        bookmarks = self._bookmarks()
        pages = pages_of(bookmarks)
        if not pages:
            return JobReport(
                notes=(words.no_pages(dry_run=self._context.options.dry_run),),
                too_early=not bookmarks and self._no_bookmarks(),
            )
        asked = self._asked(pages)
        shard = self._context.options.shard
        own = pages if shard is None else [page for page in pages if shard.has(page.address)]
        self._load(own)
        worker = PageWorker(self._context, self._web, self._dataset.metadata, self._finder, asked)
        tasks = self._tasks(spread(own), worker, asked)
        self._context.progress.total(len(tasks))
        self._due = len(tasks)
        if self._context.options.dry_run:
            return self._dry_report(own, tasks, worker)
        self._work_on(tasks, worker, asked, pages)
        self._tally.forget(pages)
        finish = self._dataset.finish if self._share is None else self._share.finish
        try:
            finished = finish(pages, bookmarks, self._tally.descriptions)
        except Cancelled:  # while a share waited for the lease
            if self._share is not None:
                self._save_what_there_is(pages)
            raise
        self._merged = finished.unsaved is None
        return self._report(own, finished)

    # ------------------------------------------------------------------- plan

    def _bookmarks(self) -> list[SavedBookmark]:
        """The stored bookmarks, from the master, or from its copies when it cannot be read."""
        return [SavedBookmark.of(item.fields) for item in read_bookmarks(self._context)]

    def _no_bookmarks(self) -> bool:
        """Whether no list of bookmarks is stored, not even an empty one."""
        try:
            self._context.store.head(self._context.keys.bookmarks())
        except ObjectNotFound:
            return True
        return False

    def _asked(self, pages: Sequence[BookmarkedPage]) -> Asked:
        options = self._context.options
        named, unknown = named_pages(options.only, pages)
        unknown = tuple(name for name in unknown if not self._forget_letter(name))
        notes = tuple(f"no stored bookmark has the URL {name}" for name in unknown)
        if unknown and not named:
            self._notes = notes[1:]  # the error says the first
            raise UsageError(notes[0], hint=words.stored_instead(unknown[0], pages))
        self._notes = notes
        older = options.older_than_s
        return Asked(
            force=options.force,
            missing=options.missing,
            older_than_ms=None if older is None else to_ms(older),
            named=named if options.only else None,
        )

    def _forget_letter(self, name: str) -> bool:
        """Drop the dead letter of a page that is bookmarked no longer; return whether there was one."""
        letters = self._context.dead_letters
        item = name if letters.get(name) is not None else page_address(name) or name
        if letters.get(item) is None:
            return False
        letters.succeeded(item)
        goes = "would be" if self._context.options.dry_run else "is"
        self._context.remarks.say(f"{item} is bookmarked no longer: its dead letter {goes} dropped")
        return True

    def _load(self, own: Sequence[BookmarkedPage]) -> None:
        """Read what is stored; a share writes nothing of the dataset before it has its lease."""
        self._dataset.load(own, recalled=own, keep=self._share is None)
        if not self._context.options.dry_run:
            self._dataset.mend(own)

    def _tasks(
        self, pages: Sequence[BookmarkedPage], worker: PageWorker, asked: Asked
    ) -> list[PageTask]:
        """The pages that are due, or have a bookmark whose picture is; at most `limit`."""
        limit = self._context.options.limit
        tasks = []
        for page in pages:
            if asked.named is None or page.address in asked.named:
                task = self._task(page, asked)
                if task.ask or worker.picture_is_due(task):
                    tasks.append(task)
                elif not self._context.options.dry_run:
                    self._tally.leave(task)
        tasks.sort(key=lambda task: not self._has_due_letter(task))
        if limit is not None and len(tasks) > limit:
            self._left = len(tasks) - limit
            return tasks[:limit]
        return tasks

    def _has_due_letter(self, task: PageTask) -> bool:
        return self._context.dead_letters.due(task.page.address) or not all(
            wanted.settled for wanted in task.wanted
        )

    def _lanes(self, tasks: Sequence[PageTask]) -> Lanes[PageTask]:
        """The tasks; those whose dead letters are due come first, in half of the places at most."""
        due = [task for task in tasks if self._has_due_letter(task)]
        rest = tasks[len(due) :]  # they come after those in `tasks`
        most = self._context.engine.width // 2
        return Lanes(due, rest, most, lambda task: task.page.address)

    def _task(self, page: BookmarkedPage, asked: Asked) -> PageTask:
        letters = self._context.dead_letters
        waiting = letters.waiting(page.address)
        record = self._state.pages.get(page.hash)
        now = to_ms(self._context.clock.now())
        due = letters.due(page.address)
        ask = page_is_due(page.address, record, asked, now, waiting=waiting, due=due)
        self._tally.skipped += waiting and not ask
        return PageTask(
            page=page,
            record=record,
            override=override_of(page.address, self._state.overrides, self._context.urls.own_hosts),
            wanted=tuple(self._wanted(bookmark, asked) for bookmark in page.bookmarks),
            ask=ask,
            conditionally=not asked.force,
        )

    def _wanted(self, bookmark: SavedBookmark, asked: Asked) -> WantedPicture:
        letters = self._context.dead_letters
        record = self._state.bookmarks.get(bookmark.id, BookmarkRecord())
        name = picture_item(bookmark.id)
        own = self._context.urls.key_of(bookmark.image) if bookmark.image else None
        known = record.picture.key if record.picture is not None else None
        keys = {key for key in (known, own) if key is not None and key.startswith(IMAGES_PREFIX)}
        return WantedPicture(
            bookmark=bookmark,
            record=record,
            stored_keys=tuple(sorted(keys)),
            settled=letters.get(name) is None or (asked.named is None and letters.waiting(name)),
        )

    def _dry_report(
        self, pages: Sequence[BookmarkedPage], tasks: Sequence[PageTask], worker: PageWorker
    ) -> JobReport:
        asks = sum(task.ask for task in tasks)
        pictures = sum(worker.picture_is_due(task) for task in tasks)
        note = words.planned_note(asks, pictures, self._left)
        return JobReport(
            processed=len(pages),
            skipped=self._tally.skipped,
            last_fetched_at=self._newest(),
            notes=(*self._notes, note),
        )

    # ------------------------------------------------------------------- work

    def _work_on(
        self,
        tasks: Sequence[PageTask],
        worker: PageWorker,
        asked: Asked,
        pages: Sequence[BookmarkedPage],
    ) -> None:
        every, lanes = checkpoint_every(len(tasks)), self._lanes(tasks)
        work = item_work(self._context, asked, len(tasks))
        try:
            for done, result in enumerate(self._context.spread(work, worker, lanes), 1):
                lanes.ended(result.task.page.address)
                self._tally.record(result)
                self._context.progress.advance()
                if done % every == 0:
                    self._checkpoint(pages)
        except Exception:
            self._save_what_there_is(pages)
            raise

    def _checkpoint(self, pages: Sequence[BookmarkedPage]) -> None:
        if self._share is None:
            self._state.save()
        else:
            self._share.checkpoint(pages)

    def _save_what_there_is(self, pages: Sequence[BookmarkedPage]) -> None:
        """Save the state of a run that ends early, so that the next one fetches nothing twice.

        When that fails as well, the error that ended the run is the one to report.
        """
        wait_s = 0.0 if self._context.cancel.cancelled else _SHORT_WAIT_S
        waits = None
        try:
            if self._share is None:
                self._state.save()
            else:
                waits = self._share.save(pages, wait_s)
        except (Cancelled, StoreError, LeaseLost) as error:
            self._context.log.warning("progress_not_saved", extra={"error": str(error)})
            waits = str(error)
        if waits is not None:
            self._context.remarks.say(words.not_remembered(waits, self._context.options.shard))

    # ----------------------------------------------------------------- report

    def _newest(self) -> int | None:
        """When a page last answered, or a picture was last fetched; epoch ms."""
        # Lists, because a run that is being stopped may still add to the state.
        pages = [record.fetched_at for record in list(self._state.pages.values())]
        pictures = (record.picture for record in list(self._state.bookmarks.values()))
        times = pages + [picture.fetched_at for picture in pictures if picture is not None]
        return max((time for time in times if time is not None), default=None)

    def _failed_notes(self) -> tuple[str, ...]:
        # A list, because a run that is being stopped may still add to it.
        failures, now = list(self._tally.failures), self._context.clock.now()
        return (failed_note(failures, JobName.OPENGRAPH, now),) if failures else ()

    def _done_so_far(self) -> JobReport:
        """What a run that is stopped now has done: each page's metadata and picture is stored."""
        done, changed = self._tally.done, len(self._tally.changed)
        notes = (*self._notes, *self._failed_notes())
        if self._due:
            notes += (f"{done} of {self._due} due pages were done before the run ended",)
        if changed and not self._merged:
            notes += (words.UNMERGED,)
        return JobReport(
            processed=done,
            changed=changed,
            skipped=self._tally.skipped,
            failed=self._tally.failed,
            newly_failed=self._tally.newly_failed,
            change_detected=changed > 0,
            last_fetched_at=self._newest(),
            notes=notes,
        )

    def _report(self, pages: Sequence[BookmarkedPage], finished: Finished) -> JobReport:
        options = self._context.options
        narrowed = options.only or options.missing or options.older_than_s is not None
        partial = None
        if finished.unsaved is not None:
            partial = words.not_remembered(finished.unsaved, options.shard)
        elif finished.waits is not None:
            partial = words.unmerged_reason(finished.waits)
        elif self._left:
            partial = words.left_reason(self._left, options.shard)
        return JobReport(
            processed=len(pages),
            changed=len(self._tally.changed),
            skipped=self._tally.skipped,
            failed=self._tally.failed,
            newly_failed=self._tally.newly_failed,
            change_detected=bool(self._tally.changed or finished.merged or finished.listed),
            last_fetched_at=self._newest(),
            partial=partial,
            notes=(*self._notes, *self._failed_notes()),
            full_sync=not (narrowed or self._left or options.shard),
            unmerged=finished.unsaved is not None,
        )
