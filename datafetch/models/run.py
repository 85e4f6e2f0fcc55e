"""A run of a job from the request to the result: what was asked, and how it went."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from datafetch.models.json import JsonObject
from datafetch.models.shard import Shard


class JobName(StrEnum):
    """The jobs, by the name they have in keys, locks, settings and commands."""

    BOOKMARKS = "bookmarks"
    OPENGRAPH = "opengraph"
    GITHUB = "github"
    LOGOS = "logos"


class Operation(StrEnum):
    """The operations, by the name they have in results."""

    BOOKMARKS = "bookmarks"
    GITHUB = "github-activity"
    LOGOS = "logos"
    OPENGRAPH = "opengraph"
    BOOKMARKS_PREFETCH = "bookmarks-prefetch"
    GITHUB_PREFETCH = "github-activity-prefetch"
    LOGOS_PREFETCH = "logos-prefetch"
    OPENGRAPH_PREFETCH = "opengraph-prefetch"


class RunStatus(StrEnum):
    """How an operation ended."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    PARTIAL = "partial"
    FAILED = "failed"
    LOCKED = "locked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user asked of one operation.

    Attributes:
        force: ignore freshness and change detection; safety guards stay on.
        dry_run: read upstream and store, write nothing.
        limit: fetch at most so many items; nothing is deleted.
        allow_shrink: accept a dataset that shrank past the guard.
        only: the items that were named (domains, URLs, `OWNER/NAME`); empty for all. For the bookmark
            job they are items that it could not read: it reads the whole list for them.
        missing: only items that have nothing stored yet.
        older_than_s: the age in seconds from which a stored copy is fetched again, instead of the
            job's own. Where there is no copy, pages are fetched as always, logos only when
            `missing` is set too.
        restore: publish the N-th newest backup instead of syncing (bookmarks).
        wait_s: seconds to wait, at most, while another run has the job's lock.
        scheduled: run the newest slot of the job's schedule, if it was not run yet.
        shard: the share of the items that this run works on; None for all of them.
        full: read the whole list of bookmarks, also where only its news would be due. Unlike with
            `force`, objects that are equal are not written again.
    """

    force: bool = False
    dry_run: bool = False
    limit: int | None = None
    allow_shrink: bool = False
    only: tuple[str, ...] = ()
    missing: bool = False
    older_than_s: float | None = None
    restore: int | None = None
    wait_s: float = 0.0
    scheduled: bool = False
    full: bool = False
    shard: Shard | None = None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One job to run, with its options."""

    job: JobName
    options: RunOptions = RunOptions()


@dataclass(frozen=True, slots=True)
class JobReport:
    """How a job's work went; the manager makes the `RunResult` from it.

    Attributes:
        processed: items in scope, unchanged ones included.
        changed: items whose stored form changed.
        skipped: items that were neither fetched nor failed: not due yet, waiting as dead letters,
            or without a usable answer.
        failed: items that failed, known dead letters included.
        newly_failed: items that failed and were no dead letter before this run.
        last_fetched_at: epoch ms of the last successful fetch of this dataset.
        change_detected: whether the job found that the dataset differs from what was stored
            before the run, or that it would differ if this were no dry run.
        partial: why part of the work is left for a later run, as a sentence for the result's
            `error`, such as GitHub's rate limit; None when the job has no such reason.
        notes: sentences for the user, shown with the result.
        full_sync: whether this run read everything.
        too_early: whether the job goes by the stored bookmarks, and none were stored yet.
        unmerged: whether a share's results are not in the dataset yet; its next run lays them in.
        failure: why the run failed or did not take place. A job raises its errors; it returns
            one here only to give the numbers above with it.
    """

    processed: int = 0
    changed: int = 0
    skipped: int = 0
    failed: int = 0
    newly_failed: int = 0
    change_detected: bool = False
    last_fetched_at: int | None = None
    partial: str | None = None
    notes: tuple[str, ...] = ()
    full_sync: bool = False
    too_early: bool = False
    unmerged: bool = False
    failure: Exception | None = None

    def noting(self, *notes: str) -> "JobReport":
        """The same report with these notes after its own."""
        return replace(self, notes=(*self.notes, *notes))

    def over_budget(self, max_failure_ratio: float) -> bool:
        """Whether more than this ratio of the items newly failed: the run then counts as failed.

        Dead letters of earlier runs that failed again do not count as newly failed; unchanged
        items count as processed.
        """
        return self.newly_failed > max_failure_ratio * max(self.processed, self.newly_failed)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How an operation ended; `to_json` makes its JSON.

    Attributes:
        hint: what to do about the error, as a sentence; empty for nothing.
        dry_run: whether nothing was to be written.
        unseen: whether the run's process ended without saying how the run went, so that nobody
            knows what it did.
        upstreams: for each upstream, its counts in this run by name (`requests`, `bytes`,
            `retries`, `status_200`, …); only the history has them.
        shard: the share that the run worked on; None for the whole job.
    """

    operation: Operation
    status: RunStatus
    run_id: str
    items_processed: int = 0
    items_changed: int = 0
    items_skipped: int = 0
    items_failed: int = 0
    newly_failed: int = 0
    duration_s: float = 0.0
    change_detected: bool = False
    last_fetched_at: int | None = None
    error: str | None = None
    hint: str = ""
    exit_code: int = 0
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    unseen: bool = False
    upstreams: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    shard: Shard | None = None

    @property
    def success(self) -> bool:
        """Whether the operation ended with exit code 0."""
        return self.exit_code == 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What users are told with the result: the notes and, after an error, what to do."""
        return (*self.notes, self.hint) if self.error and self.hint else self.notes

    def to_json(self) -> JsonObject:
        """The object that `--json` prints; it has the field `shard` only for a share."""
        return {
            "operation": self.operation.value,
            **({"shard": str(self.shard)} if self.shard else {}),
            "success": self.success,
            "status": self.status.value,
            "runId": self.run_id,
            "itemsProcessed": self.items_processed,
            "itemsChanged": self.items_changed,
            "itemsSkipped": self.items_skipped,
            "itemsFailed": self.items_failed,
            "duration": round(self.duration_s, 3),
            "changeDetected": self.change_detected,
            "lastFetchedAt": self.last_fetched_at,
            "error": self.error,
            "dryRun": self.dry_run,
            "notes": list(self.sentences),
        }


SHARED_JOBS = frozenset({JobName.LOGOS, JobName.OPENGRAPH, JobName.GITHUB})
"""The jobs that can be done in shares."""

OPERATIONS: Mapping[JobName, Operation] = {
    JobName.BOOKMARKS: Operation.BOOKMARKS,
    JobName.GITHUB: Operation.GITHUB,
    JobName.LOGOS: Operation.LOGOS,
    JobName.OPENGRAPH: Operation.OPENGRAPH,
}
"""What each job's operation is called in results."""
