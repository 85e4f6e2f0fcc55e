"""How the shares of a job are: which of them count, which failed, and since when all have succeeded.

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
    """One share of a job, as it was found.

    Attributes:
        state: its last run; None when it never ran, or its record cannot be read.
        has_lock: whether the run that the state tells of has the share's lock, and lives as far as
            is known.
    """

    shard: Shard
    state: JobState | None
    has_lock: bool = False

    @property
    def is_running(self) -> bool:
        """Whether a run of it is under way."""
        return self.state is not None and self.state.status == "running" and self.has_lock

    @property
    def died(self) -> bool:
        """Whether its last run ended without saying how."""
        return self.state is not None and self.state.status == "running" and not self.has_lock

    @property
    def is_unmerged(self) -> bool:
        """Whether its last run ended well, and what that has found waits for the next one.

        It did not get the lease of the dataset.
        """
        if self.state is None or self.state.status != "completed":
            return False
        return (self.last_success_at or 0) < (self.state.completed_at or 0)

    @property
    def failures(self) -> int:
        """How many runs of it failed in a row."""
        return (self.state.retry_count if self.state else 0) + (1 if self.died else 0)

    @property
    def last_success_at(self) -> int | None:
        """When its part of the data was brought up to date, epoch milliseconds; None for never."""
        return None if self.state is None else self.state.last_successful_sync_at

    @property
    def last_seen_at(self) -> int:
        """When a run of it began or ended last, epoch milliseconds; 0 for never."""
        return 0 if self.state is None else self.state.completed_at or self.state.started_at

    def fails_since(self, success: int | None) -> bool:
        """Whether its last run failed, and after this success of the whole job."""
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
    """The shares into which a job was cut, all of one number.

    Attributes:
        shares: those whose records were read, and those that never ran.
        unread: how many others there are.
    """

    count: int
    shares: tuple[Share, ...]
    unread: int = 0

    @property
    def all_succeeded_at(self) -> int | None:
        """Since when each share has had a success, epoch milliseconds: the oldest of their last ones."""
        times = [share.last_success_at for share in self.shares]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None


@dataclass(frozen=True, slots=True)
class Written:
    """When the records of the shares of one number were written, epoch seconds by the store's clock."""

    count: int
    at: Mapping[int, float]

    @property
    def is_whole(self) -> bool:
        """Whether each share has a record."""
        return len(self.at) == self.count


def that_count(found: Iterable[tuple[Shard, float]], whole_at: float | None) -> list[Written]:
    """The numbers of shares that still say something of a job, the newest first.

    Records stay when a job is cut into another number of shares, or runs as a whole again. They
    are passed over once all shares of another number have been written after all of them, or the
    whole job has succeeded since.

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
    """The shares of all numbers."""
    return [share for group in groups for share in group.shares]


def succeeded_at(groups: Sequence[Shares]) -> int | None:
    """When the job was brought up to date by its shares, epoch milliseconds; None for never."""
    times = [group.all_succeeded_at for group in groups]
    return max((time for time in times if time is not None), default=None)
