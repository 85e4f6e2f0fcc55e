"""Decides which shares of a job count, which of them failed, and since when all have succeeded.

Pure: what was read from the store comes in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datafetch.models.json import JsonObject
from datafetch.models.shard import Shard
from datafetch.models.text import one_line
from datafetch.ops.state import JobState
from datafetch.redaction import redact

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Share:
    """One share of a job, as its record and its lock say.

    Attributes:
        shard: which share it is.
        state: its last run; None when it never ran, or its record cannot be read.
        has_lock: whether the run of `state` has the share's lock, and is alive as far as is known.
    """

    shard: Shard
    state: JobState | None
    has_lock: bool = False

    @property
    def is_running(self) -> bool:
        """Whether a run of this share is under way."""
        return self.state is not None and self.state.status == "running" and self.has_lock

    @property
    def died(self) -> bool:
        """Whether its last run ended without saying how."""
        return self.state is not None and self.state.status == "running" and not self.has_lock

    @property
    def is_unmerged(self) -> bool:
        """Whether its last run ended well, but its results are not in the dataset yet.

        That run did not get the lease of the dataset. The share's next run lays the results in.
        """
        if self.state is None or self.state.status != "completed":
            return False
        return (self.last_success_at or 0) < (self.state.completed_at or 0)

    @property
    def failures(self) -> int:
        """How many runs of this share failed in a row."""
        return (self.state.retry_count if self.state else 0) + (1 if self.died else 0)

    @property
    def last_success_at(self) -> int | None:
        """When its part of the data was brought up to date, epoch milliseconds; None for never."""
        return None if self.state is None else self.state.last_successful_sync_at

    @property
    def last_seen_at(self) -> int:
        """When its last run ended, or began if it has not ended, epoch milliseconds; 0 for never."""
        return 0 if self.state is None else self.state.completed_at or self.state.started_at

    def fails_since(self, success: int | None) -> bool:
        """Whether its last run failed, and did so after the whole job succeeded at `success`.

        `success`: epoch milliseconds; None when the whole job never succeeded.
        """
        return self.failures > 0 and (success is None or self.last_seen_at > success)

    def to_json(self) -> JsonObject:
        """The share as `status --json` shows it; times are epoch milliseconds."""
        state = self.state
        return {
            "shard": str(self.shard),
            "status": "never" if state is None else "died" if self.died else state.status,
            "runId": one_line(state.id, _LONGEST) if state else None,
            "startedAt": state.started_at if state else None,
            "completedAt": state.completed_at if state else None,
            "lastSuccessAt": self.last_success_at,
            "failures": self.failures,
            "error": redact(one_line(state.error, _LONGEST)) if state and state.error else None,
        }


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of a job for one N, the number into which it was cut.

    Attributes:
        count: N.
        shares: the shares whose records were read, and those that never ran.
        unread: how many shares have a record that was not read.
    """

    count: int
    shares: tuple[Share, ...]
    unread: int = 0

    @property
    def all_succeeded_at(self) -> int | None:
        """The oldest of the shares' last successes, epoch milliseconds; None when one never had any."""
        times = [share.last_success_at for share in self.shares]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None


@dataclass(frozen=True, slots=True)
class Written:
    """When the records of a job's shares were written, for one N.

    Attributes:
        count: N.
        at: by the index of the share, epoch seconds by the store's clock.
    """

    count: int
    at: Mapping[int, float]

    @property
    def is_whole(self) -> bool:
        """Whether each share has a record."""
        return len(self.at) == self.count


def that_count(found: Iterable[tuple[Shard, float]], whole_at: float | None) -> list[Written]:
    """The groups of records that still count, one for each N, the newest first.

    Old records stay in the store when a job is cut into another number of shares, or runs as a
    whole again. They no longer count once the whole job has succeeded after them, or once there is
    another N all of whose records were written after them.

    Args:
        found: the shares that have a record, and when it was written, epoch seconds.
        whole_at: when the whole job succeeded last, epoch seconds; None for never.
    """
    times: dict[int, dict[int, float]] = {}
    for shard, at in found:
        times.setdefault(shard.count, {})[shard.index] = at
    known = [Written(count, at) for count, at in times.items()]
    newest = {one.count: max(one.at.values()) for one in known}
    whole = max((min(one.at.values()) for one in known if one.is_whole), default=0.0)
    kept = [
        one
        for one in known
        if newest[one.count] >= whole and (whole_at is None or newest[one.count] > whole_at)
    ]
    return sorted(kept, key=lambda one: -newest[one.count])


def all_of(groups: Sequence[Shares]) -> list[Share]:
    """The shares of all groups."""
    return [share for group in groups for share in group.shares]


def succeeded_at(groups: Sequence[Shares]) -> int | None:
    """When all shares of a group had brought the job up to date, epoch milliseconds; None for never."""
    times = [group.all_succeeded_at for group in groups]
    return max((time for time in times if time is not None), default=None)
