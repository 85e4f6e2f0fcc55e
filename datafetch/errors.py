"""The errors of datafetch: one root, an exit code and a hint for each class.

Retries, breakers and dead letters decide by an error's class, never by its text. The message says
what happened; the hint says what the user can do next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command; 75 and 78 are from BSD's sysexits.h."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOCKED = 75
    CONFIGURATION = 78
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


class DatafetchError(Exception):
    """Root of all errors that datafetch raises on purpose."""

    exit_code: ExitCode = ExitCode.FAILED
    hint: str = ""
    permanent: bool = False
    """Whether trying again is pointless until somebody changes something."""

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").partition("\n")[0])
        if hint is not None:
            self.hint = hint


class ConfigurationError(DatafetchError):
    """Settings are missing or invalid.

    Attributes:
        problems: one sentence for each problem, with the setting's name.
    """

    exit_code = ExitCode.CONFIGURATION
    hint = (
        "Correct it where it is set, in the environment or in .env; the README says under Settings "
        "what it may be."
    )

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems), hint=hint)


class UnsafeStore(ConfigurationError):
    """The store's server does not keep the conditions of writes, so nothing may be written to it."""

    hint = (
        "Two runs could overwrite each other there. Where datafetch runs on one machine only, set "
        "DATAFETCH_LOCK=file; where it runs on several, DATAFETCH_LOCK=redis://HOST or "
        "dynamodb://TABLE keeps their locks. Else use a store that keeps If-Match and If-None-Match on PUT."
    )


class UsageError(DatafetchError):
    """The command was called with values that do not fit."""

    exit_code = ExitCode.USAGE


class Unexpected(DatafetchError):
    """An error that nobody foresaw; its message is one line that names the original."""

    hint = (
        "If nothing on this machine explains it (memory, disk, permissions), run it again with "
        "--verbose and report what it says: https://github.com/datafetch/datafetch/issues"
    )

    @classmethod
    def of(cls, error: BaseException) -> "Unexpected":
        """The error that stands for this one."""
        text = " ".join(str(error).split())
        return cls(f"unexpected: {type(error).__name__}{': ' if text else ''}{text}")


class Cancelled(DatafetchError):
    """The run was asked to stop.

    Attributes:
        signal: SIGHUP, SIGINT or SIGTERM when one of them asked for it, None when something else did.
    """

    hint = "What was stored before stays; the next run goes on from there."

    def __init__(
        self,
        message: str = "stopped before it was done",
        *,
        signal: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.signal = signal
        if signal is not None:
            self.exit_code = ExitCode(128 + signal)  # as shells say it
        super().__init__(message, hint=hint)


# --------------------------------------------------------------------- store


class StoreError(DatafetchError):
    """The store did not do what it was asked.

    Attributes:
        key: the key of the object, or the prefix of the objects that were listed.
    """

    def __init__(self, message: str = "", *, key: str = "", hint: str | None = None) -> None:
        self.key = key
        super().__init__(message, hint=hint)


class ObjectNotFound(StoreError):
    """There is no such object: the store answered 404, and only that."""


class NotShown(ObjectNotFound):
    """A web address does not show an object: it is not there, or not for everyone to read (403).

    Only a store that cannot be written raises it, so nothing is ever made anew because of it.
    """


class PreconditionFailed(StoreError):
    """The object is not, or no longer, as the condition of the write demands (412)."""

    hint = "Somebody else changed it meanwhile; the next run starts from what is stored now."


class StoreConflict(StoreError):
    """Another write to the same object was under way (409); try again."""

    hint = "Try again in a minute, when the other write has ended."


class NotSupported(StoreError):
    """The store does not know a feature that the request needs (501, or 400 `NotImplemented`)."""


class LockingNotSupported(NotSupported):
    """The folder is in a place whose file system keeps no locks, so that it cannot be a store."""

    exit_code = ExitCode.CONFIGURATION
    hint = (
        "Set DATAFETCH_STORE to a folder on a local disk, or to a bucket; "
        "NFS needs its lock service (lockd), or to be mounted as version 4."
    )


class StoreUnavailable(StoreError):
    """The store could not be reached, or failed."""

    hint = (
        "Check DATAFETCH_STORE, S3_SERVER_URL and the network. What was written before stays, "
        "and the next run ends what this one began."
    )


class StoreDenied(StoreError):
    """The store does not allow the call.

    It does not accept the credentials, the permissions of the folder forbid it, or the store is
    open for reading only.
    """

    hint = "Check S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and the bucket's policy."


class OutputRefused(StoreError):
    """The run would write more than one run may (`DATAFETCH_MAX_OUTPUT_MB`)."""

    hint = (
        "If your data is really so large, raise DATAFETCH_MAX_OUTPUT_MB; else look for items of "
        "very many tags or very much text where the data comes from. What is stored stays."
    )


class ObjectTooLarge(StoreError):
    """A stored object is larger than any that is read; none of ours is."""

    hint = (
        "No job stores so large an object: look at what wrote it, and move it away. The limit "
        "protects this machine and cannot be set."
    )


# ---------------------------------------------------------------------- data


class CorruptObject(DatafetchError):
    """A stored object does not have the form that it should have.

    Attributes:
        key: the object's key.
    """

    hint = (
        "Run the job that stores it with --force, such as `datafetch bookmarks --force`: it keeps "
        "the broken object aside and makes it anew."
    )

    def __init__(self, message: str = "", *, key: str = "", hint: str | None = None) -> None:
        self.key = key
        super().__init__(message, hint=hint)


class Inconsistent(DatafetchError):
    """Stored objects do not agree with each other."""

    hint = (
        "Run the job that stores them with --force, such as `datafetch bookmarks --force`: it "
        "stores its dataset anew."
    )


class GuardRefused(DatafetchError):
    """A new dataset looks worse than the stored one, so it is refused."""

    hint = "If this is right, run again with --allow-shrink."


class Stale(DatafetchError):
    """Stored data is older than was asked for."""

    hint = "Run the job that fetches it, or accept older data with a larger --max-age."


# --------------------------------------------------------------------- locks


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """The run that holds a lock; times are epoch seconds.

    Attributes:
        host, pid: the machine and the process that it runs in.
        since: when it took the lock.
        until: when the lock ends at the latest if the run is dead; a living one renews it. None
            when it ends together with the process.
        seen_here: whether the process, if it is alive, has this number here too, where somebody
            can look at it.
    """

    host: str
    pid: int
    run_id: str
    since: float
    until: float | None
    seen_here: bool = False


class LeaseHeld(DatafetchError):
    """Another run holds the lock of this job.

    Attributes:
        holder: that run; None when it is not known.
    """

    exit_code = ExitCode.LOCKED
    hint = (
        "This run did nothing; run it again when the other one has ended, or let it wait for that "
        "with --wait SECONDS."
    )

    def __init__(
        self, message: str = "", *, hint: str | None = None, holder: LeaseHolder | None = None
    ) -> None:
        self.holder = holder
        super().__init__(message, hint=hint)


class LeaseLost(DatafetchError):
    """This run's lease ended before its work did; nothing more is written."""

    hint = (
        "What was stored before stays; the next run goes on from there. A lock is lost when the "
        "machine sleeps or the store does not answer for longer than DATAFETCH_LOCK_TTL_MS says "
        "(for bookmarks BOOKMARKS_LOCK_TTL_MS): raise it if this comes again."
    )


class ClusterFailed(DatafetchError):
    """The cluster that was to do the work cannot be reached, or was lost during the run."""

    hint = (
        "What was stored before stays; the next run goes on from there. See that the scheduler of "
        "DATAFETCH_CLUSTER is up, that its address begins as the scheduler's own (tls:// or "
        "tcp://), and that `datafetch worker` runs somewhere; without that setting jobs run on "
        "this machine."
    )


class BaseMoved(DatafetchError):
    """The dataset was changed by another run while this one prepared its own change."""

    hint = "Run it again: it starts from what is stored now."
