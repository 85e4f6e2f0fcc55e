"""Says in words how the shares of a job are, for `datafetch status` and the status page."""

from collections.abc import Iterator, Sequence

from datafetch.models.text import one_line
from datafetch.ops import spoken
from datafetch.ops.shares import Share, Shares

_MOST_NAMED = 5
_LONGEST_ERROR = 200


def share_rows(
    groups: Sequence[Shares], whole_success_at: int | None, now: float
) -> Iterator[tuple[str, str]]:
    """Rows of label and text: a summary for each group, then its failed shares.

    Shares that failed with the same error are one row.

    Args:
        groups: the shares, one `Shares` for each N into which the job was cut.
        whole_success_at: when the whole job succeeded last, epoch milliseconds; None for never.
        now: epoch seconds.
    """
    for group in groups:
        failed = [share for share in group.shares if share.fails_since(whole_success_at)]
        yield "shares", _summary(group, failed, now)
        alike: dict[tuple[bool, str], list[Share]] = {}
        for share in failed:
            alike.setdefault((share.died, _error(share)), []).append(share)
        rows = list(alike.values())
        for shares in rows[:_MOST_NAMED]:
            yield "", _failure(shares[0], now) if len(shares) == 1 else _failures(shares, now)
        more = sum(map(len, rows[_MOST_NAMED:]))
        if more:
            yield "", f"and {more:,} more share{'' if more == 1 else 's'} failed"


def _summary(group: Shares, failed: Sequence[Share], now: float) -> str:
    never = [share for share in group.shares if share.state is None]
    running = sum(share.is_running for share in group.shares)
    unmerged = sum(share.is_unmerged for share in group.shares)
    good = [
        share
        for share in group.shares
        if share.last_success_at and share not in failed and not share.is_unmerged
    ]
    parts = [f"{len(good):,} of {group.count:,} succeeded"]
    if good:
        parts[0] += f", the first of them {spoken.when(min(map(_success, good)), now)}"
    parts += [f"{len(failed):,} failed"] if failed else []
    parts += [f"{running:,} running"] if running else []
    parts += [f"{unmerged:,} to be run again, to lay in what was found"] if unmerged else []
    parts += [f"never ran: {_named(never)}"] if never else []
    return "; ".join(parts)


def _success(share: Share) -> int:
    return share.last_success_at or 0


def _failure(share: Share, now: float) -> str:
    runs = "" if share.failures == 1 else f" {share.failures:,} times in a row, last"
    said = f"share {share.shard} failed{runs} {spoken.when(share.last_seen_at, now)}"
    if share.died and share.state is not None:
        said = f"share {share.shard} ended without notice, begun {spoken.when(share.last_seen_at, now)}"
    return f"{said}{_error(share)}"


def _failures(shares: Sequence[Share], now: float) -> str:
    """The row of several shares that failed with the same error."""
    last = spoken.when(max(share.last_seen_at for share in shares), now)
    end = "ended without notice, begun" if shares[0].died else "failed, last"
    return f"shares {_named(shares)} {end} {last}{_error(shares[0])}"


def _error(share: Share) -> str:
    error = share.state.error if share.state else None
    return f": {one_line(error, _LONGEST_ERROR)}" if error else ""


def _named(shares: Sequence[Share]) -> str:
    more = len(shares) - _MOST_NAMED
    named = ", ".join(str(share.shard) for share in shares[:_MOST_NAMED])
    return f"{named} and {more:,} more" if more > 0 else named
