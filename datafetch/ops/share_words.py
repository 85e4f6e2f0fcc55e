"""How the shares of a job are, in words: for the command and the page."""

from collections.abc import Iterator, Sequence

from datafetch.models.text import one_line
from datafetch.ops import spoken
from datafetch.ops.shares import Share, Shares

_MOST_NAMED = 5
_LONGEST_ERROR = 200


def share_rows(
    groups: Sequence[Shares], whole_success_at: int | None, now: float
) -> Iterator[tuple[str, str]]:
    """A row on each number of shares, and one on each that failed; nothing without any.

    Args:
        groups: the shares, by their number.
        whole_success_at: when the whole job succeeded last, epoch milliseconds; None for never.
        now: epoch seconds.
    """
    for group in groups:
        failed = [share for share in group.shares if share.fails_since(whole_success_at)]
        yield "shares", _summary(group, failed, now)
        for share in failed[:_MOST_NAMED]:
            yield "", _failure(share, now)
        if len(failed) > _MOST_NAMED:
            yield "", f"and {len(failed) - _MOST_NAMED:,} more shares failed"


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
    if never:
        named = ", ".join(str(share.shard) for share in never[:_MOST_NAMED])
        more = f" and {len(never) - _MOST_NAMED:,} more" if len(never) > _MOST_NAMED else ""
        parts.append(f"never ran: {named}{more}")
    return "; ".join(parts)


def _success(share: Share) -> int:
    return share.last_success_at or 0


def _failure(share: Share, now: float) -> str:
    runs = "" if share.failures == 1 else f" {share.failures:,} times in a row, last"
    said = f"share {share.shard} failed{runs} {spoken.when(share.last_seen_at, now)}"
    if share.died and share.state is not None:
        said = f"share {share.shard} ended without notice, begun {spoken.when(share.last_seen_at, now)}"
    error = share.state.error if share.state else None
    return f"{said}: {one_line(error, _LONGEST_ERROR)}" if error else said
