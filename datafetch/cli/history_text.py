"""What `datafetch history` shows to people: a table of past runs, and all that is known of one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from datafetch.cli.paper import Paper
from datafetch.models.run import JobName, RunStatus
from datafetch.models.shard import in_tables, with_share
from datafetch.ops import spoken
from datafetch.ops.past_runs import BARS, PLAIN_BARS, PastRun, Streak, sparkline
from datafetch.printable import printable

TIMES = "\u00d7"
"""Before the number of runs that are shown as one: the sign of multiplication."""

_HEADINGS = ("Pacific time", "run", "job", "status", "took", "items", "changed", "failed")
_AGE = "age"
_RIGHT = frozenset({"took", "items", "changed", "failed", _AGE})
_GAP = "  "
_BELOW = "    "
_BOLD, _DIM = "1", "2"
_COLOURS = {
    RunStatus.SUCCEEDED: "32",
    RunStatus.UNCHANGED: "32",
    RunStatus.PARTIAL: "33",
    RunStatus.CANCELLED: "33",
    RunStatus.FAILED: "31",
}
_BARS = 30
_LABEL = 10
_SHORT_ID = 8
_YEAR = len("2026-")
_UNKNOWN = "?"
"""Shown as the duration of a run that ended without notice."""


def table(streaks: Sequence[Streak], now: float, paper: Paper) -> list[str]:
    """The lines of the table, its headings first; a run's error, and how long a streak is, below it.

    Where there is room for it, each line says how long ago its run was; where there is not enough
    for the rest, the years are left out.
    """
    cells: list[Sequence[str]] = [_HEADINGS, *(_cells(streak.newest) for streak in streaks)]
    if paper.width is not None and _width_of(cells) > paper.width:
        cells = [_HEADINGS, *((day[_YEAR:], *rest) for day, *rest in cells[1:])]
    ages = [_AGE, *(spoken.distance(streak.newest.ended_at, now) for streak in streaks)]
    widths = _widths(cells)
    longest = max(map(len, ages))
    has_ages = paper.width is None or _width_of(cells) + len(_GAP) + longest <= paper.width
    lines = []
    for place, line in enumerate(cells):
        text = _GAP.join(map(_aligned, line, widths, _HEADINGS))
        if has_ages:
            text += _GAP + ages[place].rjust(longest)
        if place == 0:
            lines.append(paper.paint(text.rstrip(), _BOLD))
            continue
        streak = streaks[place - 1]
        status = streak.newest.status
        lines.append(
            text.rstrip().replace(status, paper.paint(status, _COLOURS.get(status, "0")), 1)
        )
        lines += _below(streak, now, paper)
    return lines


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _width_of(cells: Sequence[Sequence[str]]) -> int:
    return sum(_widths(cells)) + len(_GAP) * (len(_HEADINGS) - 1)


def _cells(run: PastRun) -> tuple[str, ...]:
    return (
        spoken.day_and_time(run.began_at),
        printable(short_id(run)),
        in_tables(run.job.value, run.shard),
        run.status.value,
        spoken.took(run.duration_s) if run.duration_s else _UNKNOWN,
        f"{run.processed:,}",
        f"{run.changed:,}",
        f"{run.failed:,}",
    )


def short_id(run: PastRun) -> str:
    """The last part of a run's id, by which it can be named."""
    return run.run_id.rpartition("-")[2][:_SHORT_ID]


def _aligned(cell: str, width: int, heading: str) -> str:
    return cell.rjust(width) if heading in _RIGHT else cell.ljust(width)


def _below(streak: Streak, now: float, paper: Paper) -> Iterator[str]:
    if streak.count > 1:
        since = spoken.when(streak.oldest.began_at, now)
        sign = TIMES if paper.signs else "x"
        said = f"{sign}{streak.count} {streak.newest.status.value}, since {since}"
        yield from (paper.paint(line, _DIM) for line in paper.wrapped(said, _BELOW))
    if streak.newest.error:
        yield from paper.wrapped(streak.newest.error, _BELOW)


def bars(runs: Sequence[PastRun], paper: Paper) -> list[str]:
    """A line for each job: how long its newest 30 runs took, the oldest at the left.

    Runs whose duration is not known are left out, and so are jobs without any other runs.
    """
    by_job: dict[JobName, list[PastRun]] = defaultdict(list)
    for run in runs:
        if run.duration_s and len(by_job[run.job]) < _BARS:
            by_job[run.job].append(run)
    longest = max((len(job.value) for job in by_job), default=0)
    lines = []
    for job, known in by_job.items():
        times = [run.duration_s for run in reversed(known)]
        line = sparkline(times, BARS if paper.signs else PLAIN_BARS)
        least, most = spoken.took(min(times)), spoken.took(max(times))
        how = least if least == most else f"{least} to {most}"
        lines.append(f"{job.value:<{longest}}  {line}  {how}")
    return lines


def details(run: PastRun, now: float, paper: Paper) -> list[str]:
    """All that is known of a run."""
    title = f"{with_share(run.job.value, run.shard)}  {paper.paint(run.status.value, _COLOURS.get(run.status, '0'))}"
    lines = [f"{title}  {printable(run.run_id)}"]
    for label, text in _rows(run, now):
        lines += paper.wrapped(text, f"  {label:<{_LABEL}} ")
    return lines


def _rows(run: PastRun, now: float) -> Iterator[tuple[str, str]]:
    began = spoken.when(run.began_at, now)
    yield "began", f"{began}, took {spoken.took(run.duration_s)}" if run.duration_s else began
    counts = {
        "processed": run.processed,
        "changed": run.changed,
        "skipped": run.skipped,
        "failed": run.failed,
    }
    yield "items", ", ".join(f"{number:,} {what}" for what, number in counts.items())
    if run.host:
        yield "where", f"process {run.pid} on {run.host}"
    if run.exit_code is not None:
        yield "exit code", str(run.exit_code)
    if run.error:
        yield "error", run.error
    for place, note in enumerate(run.notes):
        yield "" if place else "notes", note
    for place, (item, why) in enumerate(run.failed_items):
        yield "" if place else "failed", f"{item}: {why}" if why else item
    more = run.failed - len(run.failed_items)
    if run.failed_items and more > 0:
        yield "", f"and {more:,} more: datafetch dead-letters list {run.job.value}"
    for place, (name, asked) in enumerate(sorted((run.upstreams or {}).items())):
        yield "" if place else "upstreams", f"{name}: {_counts(asked)}"
    yield "log", f"grep {short_id(run)} FILE finds its lines in the file that --log-file names"


def _counts(counts: Mapping[str, int]) -> str:
    first = [name for name in ("requests", "retries", "bytes") if name in counts]
    rest = sorted(name for name in counts if name not in first)
    said = [f"{counts[name]:,} {name}" for name in first]
    said += [f"{counts[name]:,} with {name.removeprefix('status_')}" for name in rest]
    return ", ".join(said) or "no requests"
