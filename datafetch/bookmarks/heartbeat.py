"""Tells readers how a run ended: the heartbeat object, and `lastAttemptedAt` in the index."""

from datafetch.bookmarks.state import Snapshot
from datafetch.clock import to_ms
from datafetch.errors import (
    BaseMoved,
    Cancelled,
    DatafetchError,
    GuardRefused,
    Inconsistent,
    LeaseLost,
    OutputRefused,
    PreconditionFailed,
    StoreError,
)
from datafetch.job import AnyContext
from datafetch.store.base import IfMatch, encode_json
from datafetch.upstream_errors import Denied, Missing, RateLimited, TransientError, UpstreamError


def write_heartbeat(
    context: AnyContext, *, changed: bool, error: DatafetchError | None = None
) -> None:
    """Write when this run ended, and how; a dry run writes nothing.

    Raises:
        StoreError: it could not be written.
        LeaseLost: this run may not write any more.
    """
    if context.options.dry_run:
        return
    beat: dict[str, object] = {
        "runAt": to_ms(context.clock.now()),
        "success": error is None,
        "changeDetected": changed,
    }
    if error is not None:
        beat["error"] = public_reason(error)
    context.store.put(context.keys.bookmarks_heartbeat(), encode_json(beat))


def public_reason(error: DatafetchError) -> str:
    """Why a run failed, for an object that everyone may read: no host, no path, no id.

    The message of a guard or of the output's limit holds nothing private, and is published as it is.
    """
    if isinstance(error, GuardRefused | OutputRefused):
        return f"refused: {error}"
    return next(text for kind, text in _PUBLIC if isinstance(error, kind))


_PUBLIC: tuple[tuple[type[DatafetchError], str], ...] = (
    (RateLimited, "the bookmark server asked to wait"),
    (TransientError, "the bookmark server did not answer"),
    (Denied, "the bookmark server did not accept the credentials"),
    (Missing, "the bookmark server does not know the list"),
    (UpstreamError, "the bookmark server's answer could not be used"),
    (BaseMoved, "another run changed the bookmarks meanwhile"),
    (Inconsistent, "the stored bookmarks could not be read"),
    (DatafetchError, "the run failed"),
)


def note_failure(context: AnyContext, snapshot: Snapshot | None, error: DatafetchError) -> None:
    """Note in index and heartbeat that a run failed; data and `lastFetchedAt` stay.

    Nothing is written in a dry run, or after a lost lease, a cancellation, or an error of the store
    itself.
    """
    silent = isinstance(error, StoreError | LeaseLost | Cancelled)
    silent = silent and not isinstance(error, OutputRefused)
    if silent or context.options.dry_run:
        return
    try:
        if not isinstance(error, BaseMoved) and snapshot is not None:
            _move_last_attempt(context, snapshot)
        write_heartbeat(context, changed=False, error=error)
    except (StoreError, LeaseLost, Cancelled) as second:
        context.log.warning("failure_not_noted", extra={"error": str(second)})


def _move_last_attempt(context: AnyContext, snapshot: Snapshot) -> None:
    fields, etag = snapshot.index.fields, snapshot.index_etag
    if fields is None or etag is None:
        return
    body = encode_json({**fields, "lastAttemptedAt": to_ms(context.clock.now())})
    try:
        context.store.put(context.keys.bookmarks_index(), body, condition=IfMatch(etag))
    except PreconditionFailed:
        # Somebody else's index is newer than this failure.
        context.log.info("index_moved_meanwhile")
