"""Reads the records of the shares of a job, to show how they are."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from datafetch.models.run import JobName
from datafetch.models.shard import Shard, lease_name, read_shard
from datafetch.ops.eyes import STATE, Eyes
from datafetch.ops.shares import Share, Shares, Written, that_count
from datafetch.ops.state import JobState
from datafetch.runtime.engine import Engine
from datafetch.store.keys import Keys

_WIDTH = 16

MOST_READ = 500
"""Records that are read for one job and one N, at most: those that were written first."""


def read_shares(
    eyes: Eyes,
    keys: Keys,
    job: JobName,
    listed: Iterable[tuple[str, datetime | None]],
    whole: JobState | None,
    now: float,
) -> tuple[Shares, ...]:
    """The shares that count now (see `that_count`), a `Shares` for each N; none for a whole job.

    Args:
        eyes: read the records, and the locks of shares that seem to be running.
        keys: name them.
        job: the job.
        listed: key and time of all objects under `shards_prefix`.
        whole: the state of the whole job.
        now: epoch seconds.

    Raises:
        StoreError: the store did not answer.
    """
    prefix = f"{keys.shards_prefix()}{job.value}{keys.suffix}/"
    found = []
    for key, written in listed:
        shard = _shard_in(key.removeprefix(prefix)) if key.startswith(prefix) else None
        if shard is not None:
            found.append((shard, 0.0 if written is None else written.timestamp()))
    success = None if whole is None else whole.last_successful_sync_at
    return tuple(
        _read(eyes, keys, job, written, now)
        for written in that_count(found, None if success is None else success / 1000)
    )


def _read(eyes: Eyes, keys: Keys, job: JobName, written: Written, now: float) -> Shares:
    oldest: Sequence[int] = sorted(written.at, key=lambda index: (written.at[index], index))
    unread = len(oldest) - MOST_READ
    if unread > 0:
        eyes.notes.append(
            f"{job.value} has so many shares that the {unread} of {written.count} that ran last are "
            "not looked at"
        )

    def see(index: int) -> Share:
        return _see(eyes, keys, job, Shard(index, written.count), now)

    read = list(Engine(_WIDTH).map(see, oldest[:MOST_READ]))
    never = [
        Share(Shard(index, written.count), None)
        for index in range(1, written.count + 1)
        if index not in written.at
    ]
    return Shares(
        written.count,
        tuple(sorted([*read, *never], key=lambda share: share.shard.index)),
        max(0, unread),
    )


def _see(eyes: Eyes, keys: Keys, job: JobName, shard: Shard, now: float) -> Share:
    state = eyes.see(keys.shard(job, shard), STATE, None)
    if state is None or state.status != "running":
        return Share(shard, state)
    if not _has_lock(eyes, keys, job, shard, state, now):
        # State and lock are written one after the other: the run may just have begun or ended.
        state = eyes.see(keys.shard(job, shard), STATE, None)
    has_lock = state is not None and _has_lock(eyes, keys, job, shard, state, now)
    return Share(shard, state, has_lock)


def _has_lock(
    eyes: Eyes, keys: Keys, job: JobName, shard: Shard, state: JobState, now: float
) -> bool:
    holder = eyes.see_lock(keys.lock(lease_name(job, shard)), now)
    return holder is not None and holder.is_alive and holder.run_id == state.id


def _shard_in(name: str) -> Shard | None:
    """The share whose record has this name, such as `2-of-4.json`; None for other names."""
    try:
        shard = read_shard(name.removesuffix(".json").replace("-of-", "/"))
    except ValueError:
        return None
    return shard if name == f"{shard.name}.json" else None
