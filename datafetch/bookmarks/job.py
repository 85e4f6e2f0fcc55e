"""The bookmark job: reads the list, merges it over what is stored, and publishes what changed."""

from collections.abc import Mapping
from dataclasses import replace

from datafetch.bookmarks import report as words
from datafetch.bookmarks.allowance import check_length
from datafetch.bookmarks.confirm import confirm
from datafetch.bookmarks.fetch import ListReader, note_items
from datafetch.bookmarks.heartbeat import note_failure, write_heartbeat
from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.bookmarks.plan import Change, differs
from datafetch.bookmarks.publish import keep_retired, plan_change, plan_stored
from datafetch.bookmarks.restore import read_backup, restored
from datafetch.bookmarks.rules.changes import (
    NOTHING_FETCHED,
    Fetched,
    Merged,
    Policy,
    is_unchanged,
    leave_out,
    left_out_of,
    merge_list,
)
from datafetch.bookmarks.rules.guards import check_bookmarks, check_failures, check_not_empty
from datafetch.bookmarks.state import Snapshot, StoredList, rules_of
from datafetch.bookmarks.stored import BookmarkReader
from datafetch.clock import to_ms
from datafetch.errors import DatafetchError, GuardRefused, OutputRefused
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings
from datafetch.models.run import JobReport


def sync_bookmarks(context: JobContext[BookmarksSettings]) -> JobReport:
    """Sync the bookmark list into the store once, or publish a backup of it.

    Raises:
        DatafetchError: the run failed as a whole; stored data is as good as before.
    """
    return _BookmarkRun(context).run()


class _BookmarkRun:
    """One run of the job: the parts that it works with, and its report so far."""

    def __init__(self, context: JobContext[BookmarksSettings]) -> None:
        self._context = context
        self._settings = context.settings
        self._publisher = context.publisher()
        self._own = context.urls.own_hosts
        self._rules = rules_of(include_unlinked=self._settings.include_unlinked, own=self._own)
        self._reader = BookmarkReader(context, self._publisher, self._settings.tags, self._rules)
        self._list = ListReader(context, BookmarkApi(context.http, self._settings))
        self._snapshot: Snapshot | None = None
        self._ended_publish = False
        self._so_far = JobReport()
        self._unfinished = False
        context.so_far.told_by(self._done_so_far)

    def _done_so_far(self) -> JobReport:
        """What a run that is stopped now has done: a list that is half read changes nothing."""
        so_far = self._so_far
        return replace(
            so_far,
            processed=max(so_far.processed, self._list.came),
            last_fetched_at=so_far.last_fetched_at or self._stored_fetched_at(),
            notes=(*so_far.notes, *([words.UNFINISHED] if self._unfinished else ())),
        )

    def run(self) -> JobReport:
        if self._context.options.restore:
            report = self._restore()
        else:
            try:
                report = self._sync()
            except (GuardRefused, OutputRefused) as refused:
                note_failure(self._context, self._snapshot, refused)
                return replace(
                    self._so_far, last_fetched_at=self._stored_fetched_at(), failure=refused
                )
            except DatafetchError as error:
                note_failure(self._context, self._snapshot, error)
                raise
        write_heartbeat(self._context, changed=report.change_detected)
        return report

    def _stored_fetched_at(self) -> int | None:
        """The stored `lastFetchedAt`; None before the store was read."""
        return self._snapshot.index.last_fetched_at if self._snapshot is not None else None

    def _sync(self) -> JobReport:
        snapshot, stored = self._start(self._end_dead_publish(self._reader.snapshot()))
        if self._must_repair_master(stored):
            snapshot, stored = self._start(self._republish())
        known = [item.id for item in stored.items] if stored else list(snapshot.sources)
        full = self._list.is_full(snapshot, len(known))
        fetched = self._list.read(snapshot, full=full, limit=self._context.options.limit)
        self._so_far = JobReport(processed=max(len(known), fetched.size))
        check_not_empty(fetched.size, len(known), self._settings.list_id)
        fetched = self._list.look_again(fetched, known)
        newly = note_items(self._context, fetched)
        if not self._settings.include_unlinked:
            fetched = leave_out(fetched, snapshot.sources)
        left_out = left_out_of(fetched, snapshot.left_out)
        self._so_far = replace(
            self._so_far,
            failed=len(fetched.unreadable),
            newly_failed=newly,
            notes=(
                *fetched.notes,
                *words.unreadable_note(fetched),
                *words.tags_note(fetched),
            ),
            partial=words.undecided_reason(fetched),
        )

        def attempt(number: int) -> JobReport:
            if number == 0:
                return self._settle(fetched, left_out, snapshot, stored)
            self._snapshot = again = self._reader.snapshot().distrusted()
            return self._settle(fetched, left_out, again, self._reader.items(again))

        report = self._publisher.with_restart(attempt)
        return replace(report, change_detected=report.change_detected or self._ended_publish)

    def _start(self, snapshot: Snapshot) -> tuple[Snapshot, StoredList | None]:
        """Keep the snapshot for this run; read the stored list too if the state is not trusted."""
        if self._context.options.force:
            snapshot = snapshot.distrusted()
        self._snapshot = snapshot
        return snapshot, None if snapshot.trusted else self._reader.items(snapshot)

    def _end_dead_publish(self, snapshot: Snapshot) -> Snapshot:
        """Publish the stored list again when an earlier run died in the middle of its publish.

        The list is taken from the stored master, not from the other objects that the dead run
        wrote. It comes first, so that readers get one whole list even when this run fails later.
        """
        if snapshot.journal is None:
            return snapshot
        if self._context.options.dry_run:
            self._context.remarks.say(words.OPEN_PUBLISH)
            return snapshot
        self._context.log.warning("publish_taken_over", extra={"run": snapshot.journal.run_id})
        again = self._republish()
        said = words.ended_publish(snapshot.journal.run_id, again.index.count or 0)
        self._context.remarks.say(said)
        return again

    def _republish(self) -> Snapshot:
        """Publish the stored list again, without the bookmark server; return the new snapshot."""
        # Not with `again`: with --force the publish that follows writes equal objects, once.
        publisher = self._context.publisher(own=False)

        def attempt(_: int) -> bool:
            found = self._reader.snapshot()
            stored = self._reader.items(found)
            if stored.items:
                publisher.publish(plan_stored(self._context, found, stored, self._settings.tags))
            return bool(stored.items)

        self._ended_publish |= publisher.with_restart(attempt)
        return self._reader.snapshot()

    def _must_repair_master(self, stored: StoredList | None) -> bool:
        """Whether to repair the master: it is missing or broken, and copies have every bookmark."""
        if stored is None or stored.master is not None or self._context.options.dry_run:
            return False
        return bool(stored.items) and len(stored.items) >= stored.counted

    def _settle(
        self,
        fetched: Fetched,
        left_out: Mapping[str, str],
        snapshot: Snapshot,
        stored: StoredList | None,
    ) -> JobReport:
        """Publish the new list, or only confirm the stored one when nothing changed."""
        if snapshot.trusted and is_unchanged(fetched, snapshot.sources):
            intact = self._reader.intact(snapshot)
            if intact is not None:
                return self._confirm(fetched, left_out, intact, adopted=intact is not snapshot)
            self._context.log.warning(
                "bookmarks_touched", extra={"key": self._context.keys.bookmarks()}
            )
        if stored is None:
            stored = self._reader.items(snapshot)
        # The state of a stored list that was read from the store says nothing of its items' rules.
        policy = Policy(self._settings.include_unlinked, refit=stored.listed, own=self._own)
        merged = merge_list(fetched, stored.items, stored.sources, stored.retired, left_out, policy)
        check_length(len(merged.bookmarks) + len(merged.left_out), self._settings.max_items)
        self._guard(merged, stored.counted)
        now = to_ms(self._context.clock.now())
        change = Change(
            merged,
            differs=differs(merged, stored),
            fetched_at=now,
            full_sync_at=now if fetched.complete else snapshot.full_sync_at,
            rules=self._rules,
        )
        return self._publish(snapshot, stored, change, fetched)

    def _publish(
        self, snapshot: Snapshot, stored: StoredList, change: Change, fetched: Fetched
    ) -> JobReport:
        merged = change.merged
        report = replace(
            self._checked(len(merged.bookmarks), fetched, merged.left_out),
            changed=len(merged.changed) + len(merged.gone) + len(merged.withdrawn),
            change_detected=change.differs,
            last_fetched_at=change.fetched_at or self._stored_fetched_at(),
        )
        plan = plan_change(self._context, snapshot, stored, change, self._settings.tags)
        if self._context.options.dry_run:
            planned = report.noting(words.planned_note(self._publisher.preview(plan)))
            return replace(planned, last_fetched_at=self._stored_fetched_at())
        known = snapshot.state.retired_slugs if snapshot.state is not None else {}
        keep_retired(self._context, known, merged.retired)
        self._unfinished = True
        result = self._publisher.publish(plan)
        self._so_far, self._unfinished = report, False
        self._context.log.info(
            "bookmarks_published",
            extra={
                "written": len(result.written),
                "equal": len(result.equal),
                "deleted": len(result.deleted),
                "gone": len(merged.gone),
                "left_out": len(merged.left_out),
            },
        )
        return report

    def _confirm(
        self,
        fetched: Fetched,
        left_out: Mapping[str, str],
        snapshot: Snapshot,
        *,
        adopted: bool,
    ) -> JobReport:
        """Set the times in the stored index, unless this is a dry run (see `confirm`)."""
        report = self._checked(len(snapshot.sources), fetched, left_out)
        if self._context.options.dry_run:
            planned = report.noting(words.UNCHANGED_PLAN)
            return replace(planned, last_fetched_at=self._stored_fetched_at())
        now = confirm(
            self._context,
            self._publisher,
            snapshot,
            left_out,
            full=fetched.complete,
            changed=self._ended_publish,
            adopted=adopted,
        )
        return replace(report, last_fetched_at=now)

    def _checked(self, planned: int, fetched: Fetched, left_out: Mapping[str, str]) -> JobReport:
        """The report of a list of `planned` items, beside those that are left out.

        Raises:
            GuardRefused: too many items newly failed.
        """
        report = replace(
            self._so_far,
            processed=max(planned + len(left_out), fetched.size),
            skipped=len(left_out),
            full_sync=fetched.complete,
        ).noting(*words.left_out_note(list(left_out)))
        check_failures(report, self._context.max_failure_ratio)
        return report

    def _guard(self, merged: Merged, stored: int) -> None:
        check_bookmarks(
            stored,
            len(merged.bookmarks),
            sum(1 for bookmark in merged.bookmarks if bookmark.url),
            self._settings,
            left_out=len(merged.left_out),
            withdrawn=len(merged.withdrawn),
            production=self._context.production,
            allow_shrink=self._context.options.allow_shrink,
            unreadable=self._so_far.failed,
            command=words.command_of(self._context.options),
        )

    def _restore(self) -> JobReport:
        """Publish a backup. When that fails, heartbeat and index are not touched."""
        backup = read_backup(self._context)

        def attempt(_: int) -> JobReport:
            self._snapshot = snapshot = self._reader.snapshot().distrusted()
            stored = self._reader.items(snapshot)
            change = restored(
                backup.items,
                stored,
                include_unlinked=self._settings.include_unlinked,
                own=self._own,
            )
            self._guard(change.merged, stored.counted)
            return self._publish(snapshot, stored, change, NOTHING_FETCHED)

        report = self._publisher.with_restart(attempt)
        return report.noting(words.restored_note(self._context.options, backup))
