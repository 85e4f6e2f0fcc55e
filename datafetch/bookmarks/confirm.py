"""Confirms the stored list, after a reading of the server's list that found no change."""

from collections.abc import Mapping
from dataclasses import replace

from datafetch.bookmarks.state import DATASET, Snapshot
from datafetch.clock import to_ms
from datafetch.job import JobContext
from datafetch.models.job_settings import BookmarksSettings
from datafetch.store.base import encode_json
from datafetch.store.publish import Publisher, PublishPlan, Write


def confirm(
    context: JobContext[BookmarksSettings],
    publisher: Publisher,
    snapshot: Snapshot,
    left_out: Mapping[str, str],
    *,
    full: bool,
    changed: bool,
    adopted: bool,
) -> int:
    """Set the times in the stored index, and remember what the reading found.

    Args:
        context: the run's.
        publisher: the run's.
        snapshot: what the run read first; its state is trusted.
        left_out: the items of the list that are not published (`left_out_of`).
        full: whether the whole list was read.
        changed: what the index tells readers: whether this run has published a change before.
        adopted: whether the snapshot's state has the ETag of a master that another tool wrote.

    Returns:
        The new `lastFetchedAt`.

    Raises:
        BaseMoved, LeaseLost, StoreError: as `Publisher.publish`.
    """
    now = to_ms(context.clock.now())
    index = {
        **(snapshot.index.fields or {}),
        "lastFetchedAt": now,
        "lastAttemptedAt": now,
        "changeDetected": changed,
    }
    commit = Write(context.keys.bookmarks_index(), encode_json(index))
    publisher.publish(PublishPlan(DATASET, commit, snapshot.index_etag))
    # A short list is read in full by every run, so that neither the time of that need be stored,
    # nor what is left out of it.
    long = len(snapshot.sources) > context.settings.full_sync_max_items
    news = full or left_out != snapshot.left_out
    if snapshot.state is not None and (adopted or (long and news)):
        state = replace(snapshot.state, left_out={**left_out})
        if full:
            state = replace(state, full_sync_at=now)
        context.store.put(context.keys.dataset(DATASET), state.encoded())
    return now
