"""The bookmark job: reads the list, merges it over what is stored, and publishes what changed."""

from dataclasses import replace
from typing import Any

from datafetch.clock import to_ms
from datafetch.errors import (
    BaseMoved,
    Cancelled,
    DatafetchError,
    LeaseLost,
    PreconditionFailed,
    StoreError,
)
from datafetch.jobs.base import JobContext
from datafetch.jobs.bookmark_fetch import ListReader, choose_reading
from datafetch.jobs.bookmark_publish import Change, TagPages, plan_change
from datafetch.jobs.bookmark_restore import restored
from datafetch.jobs.bookmark_store import DATASET, BookmarkReader, Snapshot, StoredList
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.run import JobName, JobReport, Operation
from datafetch.rules.bookmark_changes import Fetched, Merged, is_unchanged, merge_list
from datafetch.rules.guards import GuardPolicy, check_bookmarks, check_not_empty
from datafetch.sources.karakeep import BookmarkApi
from datafetch.store.base import IfMatch, encode_json
from datafetch.store.publish import Publisher, PublishPlan, Write


class BookmarksJob:
    """Syncs the bookmark list into the store, or publishes a backup of it."""

    name = JobName.BOOKMARKS
    operation = Operation.BOOKMARKS

    def run(self, context: JobContext) -> JobReport:
        """Sync once.

        Raises:
            DatafetchError: the run failed as a whole; stored data is as good as before.
        """
        return _Run(context).run()


class _Run:
    """One run: what it was given and what it has found so far."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._settings: BookmarksSettings = context.settings
        self._tags = TagPages(self._settings.tags_enabled, self._settings.max_tags)
        self._publisher = Publisher(
            context.store,
            context.keys,
            context.clock,
            context.engine,
            context.fence,
            context.run_id,
        )
        self._reader = BookmarkReader(context, self._publisher, context.fence, self._tags.layout)
        self._list = ListReader(context, BookmarkApi(context.http, self._settings))
        self._snapshot: Snapshot | None = None

    def run(self) -> JobReport:
        try:
            report = self._restore() if self._context.options.restore else self._sync()
        except DatafetchError as error:
            self._note_failure(error)
            raise
        self._heartbeat(changed=report.change_detected)
        return report

    # ------------------------------------------------------------------- sync

    def _sync(self) -> JobReport:
        snapshot = self._snapshot = self._reader.snapshot()
        if self._context.options.force:
            snapshot = snapshot.distrusted()
        stored = None if snapshot.trusted else self._reader.items(snapshot)
        known = [item["id"] for item in stored.items] if stored else list(snapshot.sources)
        reading = choose_reading(
            self._context, len(known), snapshot.full_sync_at, trusted=snapshot.trusted
        )
        fetched = self._list.read(reading, snapshot.sources)
        check_not_empty(fetched.size, len(known))
        fetched = self._list.look_again(fetched, known)
        failed, newly_failed = self._note_items(fetched)

        def attempt(number: int) -> JobReport:
            if number == 0:
                return self._settle(fetched, snapshot, stored)
            self._snapshot = again = self._reader.snapshot().distrusted()
            return self._settle(fetched, again, self._reader.items(again))

        report = self._publisher.with_restart(attempt)
        return replace(report, failed=failed, newly_failed=newly_failed)

    def _settle(
        self,
        fetched: Fetched,
        snapshot: Snapshot,
        stored: StoredList | None,
    ) -> JobReport:
        """Bring what is stored in line with what was fetched."""
        if snapshot.trusted and is_unchanged(fetched, snapshot.sources):
            return self._confirm(fetched, snapshot)
        if stored is None:
            stored = self._reader.items(snapshot)
        merged = merge_list(fetched, stored.items, stored.sources, snapshot.retired)
        self._guard(merged, max(len(stored.items), snapshot.number("count") or 0))
        now = to_ms(self._context.clock.now())
        change = Change(
            bookmarks=merged.bookmarks,
            sources=merged.sources,
            retired=merged.retired,
            changed=_differs(merged, stored),
            gone=merged.gone,
            fetched_at=now,
            full_sync_at=now if fetched.complete else snapshot.full_sync_at,
        )
        return self._publish(snapshot, stored, change, merged, fetched)

    def _publish(
        self,
        snapshot: Snapshot,
        stored: StoredList,
        change: Change,
        merged: Merged,
        fetched: Fetched,
    ) -> JobReport:
        plan = plan_change(self._context, snapshot, stored, change, self._tags)
        report = JobReport(
            processed=len(change.bookmarks),
            changed=len(merged.changed) + len(merged.gone),
            change_detected=change.changed,
            last_fetched_at=change.fetched_at,
            full_sync=fetched.complete,
        )
        if self._context.options.dry_run:
            return self._planned(report, plan, snapshot)
        result = self._publisher.publish(plan)
        self._context.log.info(
            "bookmarks_published",
            extra={
                "written": len(result.written),
                "equal": len(result.equal),
                "deleted": len(result.deleted),
                "gone": len(merged.gone),
            },
        )
        return report

    def _confirm(self, fetched: Fetched, snapshot: Snapshot) -> JobReport:
        """Nothing changed: only the index says that it was looked at."""
        now = to_ms(self._context.clock.now())
        dry = self._context.options.dry_run
        if not dry:
            index = {
                **(snapshot.index or {}),
                "lastFetchedAt": now,
                "lastAttemptedAt": now,
                "changeDetected": False,
            }
            commit = Write(self._context.keys.bookmarks_index(), encode_json(index))
            self._publisher.publish(PublishPlan(DATASET, commit, snapshot.index_etag))
            self._remember_full_sync(fetched, snapshot, now)
        return JobReport(
            processed=len(snapshot.sources),
            last_fetched_at=snapshot.number("lastFetchedAt") if dry else now,
            full_sync=fetched.complete,
        )

    def _remember_full_sync(self, fetched: Fetched, snapshot: Snapshot, now: int) -> None:
        """A long list remembers when it was wholly read; a short one always is."""
        state = snapshot.state
        long = len(snapshot.sources) > self._settings.full_sync_max_items
        if state is None or not (fetched.complete and long):
            return
        body = encode_json(replace(state, full_sync_at=now).to_json())
        self._context.fence.check()
        self._context.store.put(self._context.keys.dataset(DATASET), body)

    def _guard(self, merged: Merged, stored: int) -> None:
        policy = GuardPolicy(
            minimum=self._settings.min_threshold,
            max_shrink_ratio=self._settings.max_shrink_ratio,
            production=self._context.production,
            allow_shrink=self._context.options.allow_shrink,
        )
        with_url = sum(1 for one in merged.bookmarks if one.url)
        check_bookmarks(stored, len(merged.bookmarks), with_url, policy)

    def _planned(self, report: JobReport, plan: PublishPlan, snapshot: Snapshot) -> JobReport:
        diff = self._publisher.preview(plan)
        note = (
            f"would write {len(diff.written)} objects, leave {len(diff.equal)} as they are "
            f"and remove {len(diff.deleted)}"
        )
        return replace(report, notes=(note,), last_fetched_at=snapshot.number("lastFetchedAt"))

    def _restore(self) -> JobReport:
        def attempt(_: int) -> JobReport:
            self._snapshot = snapshot = self._reader.snapshot().distrusted()
            stored = self._reader.items(snapshot)
            change, merged = restored(self._context, snapshot, stored)
            self._guard(merged, len(stored.items))
            return self._publish(snapshot, stored, change, merged, Fetched([], [], complete=False))

        return self._publisher.with_restart(attempt)

    # ---------------------------------------------------------------- outcome

    def _note_items(self, fetched: Fetched) -> tuple[int, int]:
        """Record what could not be read, and forget what is well again or gone."""
        letters = self._context.dead_letters
        newly = 0
        for item in fetched.unreadable:
            if not letters.waiting(item.name):
                newly += letters.failed(item.name, item.error)
                self._context.log.warning(
                    "bookmark_unreadable", extra={"item": item.name, "error": str(item.error)}
                )
        if letters.letters:
            broken = {item.name for item in fetched.unreadable}
            well = {raw.id for raw in fetched.readable}
            for letter in list(letters.letters.values()):
                left = fetched.complete and letter.item not in broken
                if letter.item in well or left:
                    letters.succeeded(letter.item)
        return len(fetched.unreadable), newly

    def _note_failure(self, error: DatafetchError) -> None:
        """Say in index and heartbeat that a run failed; data and `lastFetchedAt` stay.

        Not after a fault of the store, nor when this run may not write any more.
        """
        silent = isinstance(error, StoreError | LeaseLost | Cancelled)
        if silent or self._context.options.dry_run:
            return
        try:
            self._move_last_attempt(error)
            self._heartbeat(changed=False, error=str(error))
        except (StoreError, LeaseLost, Cancelled) as second:
            self._context.log.warning("failure_not_noted", extra={"error": str(second)})

    def _move_last_attempt(self, error: DatafetchError) -> None:
        snapshot = self._snapshot
        moved = isinstance(error, BaseMoved)
        if moved or snapshot is None or snapshot.index is None or snapshot.index_etag is None:
            return
        index = {**snapshot.index, "lastAttemptedAt": to_ms(self._context.clock.now())}
        self._context.fence.check()
        try:
            self._context.store.put(
                self._context.keys.bookmarks_index(),
                encode_json(index),
                condition=IfMatch(snapshot.index_etag),
            )
        except PreconditionFailed:
            # Somebody else's index is newer than this failure.
            self._context.log.info("index_moved_meanwhile")

    def _heartbeat(self, *, changed: bool, error: str | None = None) -> None:
        if self._context.options.dry_run:
            return
        beat: dict[str, Any] = {
            "runAt": to_ms(self._context.clock.now()),
            "success": error is None,
            "changeDetected": changed,
        }
        if error is not None:
            beat["error"] = error
        self._context.fence.check()
        self._context.store.put(self._context.keys.bookmarks_heartbeat(), encode_json(beat))


def _differs(merged: Merged, stored: StoredList) -> bool:
    """Whether the list is another one than that which is stored: items or their order."""
    before = [item["id"] for item in stored.items]
    return bool(merged.changed or merged.gone) or before != [one.id for one in merged.bookmarks]
