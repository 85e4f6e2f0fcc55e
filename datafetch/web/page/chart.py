"""The last runs of a job as a chart: where each bar stands and how high it is, purely.

Heights follow the logarithm of the durations, so that one long run does not flatten all others. How
a run ended is told by the form of its bar and the mark above it, never by colour alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.models.run import RunStatus
from datafetch.ops import spoken
from datafetch.ops.letter_words import counted
from datafetch.ops.past_runs import PastRun

MOST_BARS = 50
"""Runs that a chart shows."""

_FEWEST = 2
_SLOT, _BAR = 6.0, 4.0
_LEFT, _TOP, _PLOT = 44.0, 12.0, 64.0
WIDTH = _LEFT + MOST_BARS * _SLOT
HEIGHT = _TOP + _PLOT + 2.0
BASE = _TOP + _PLOT
"""Where the bars stand, from the top."""

_LOWEST = 5.0
_UNKNOWN = 2.0
"""Height of the bar of a run whose duration is not known."""

_SHORTEST_S = 0.05
_LEAST_RATIO = 8.0
"""The highest bar stands for at least so many times the duration of the lowest possible bar.

So durations that are nearly alike look alike.
"""

_MARK = 1.8
_GAP = 1.0
_TICKS = ((0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"))
_MOST_TICKS = 3

OUTCOMES = {
    RunStatus.SUCCEEDED: "a full bar",
    RunStatus.UNCHANGED: "an empty bar",
    RunStatus.PARTIAL: "a bar in two parts",
    RunStatus.FAILED: "a full bar with a cross",
    RunStatus.CANCELLED: "an empty bar with a dash",
    RunStatus.LOCKED: "an empty bar with a dash",
}
"""How the bar of each outcome looks, in words, in the order of the legend."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the chart's units, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A run in the chart.

    Attributes:
        status: how it ended, which says how the bar is drawn.
        boxes: the bar's parts: two for a partial run, else one.
        mark: the path of the sign above the bar; empty for none.
        text: the run in words.
    """

    status: str
    boxes: tuple[Box, ...]
    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart, and the duration that it stands for."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """An outcome that the chart shows: a bar as it is drawn, its word, and its form in words."""

    bar: Bar
    word: str
    form: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of the last runs, the oldest at the left.

    Attributes:
        bars: one for each run.
        ticks: lines across, the lowest first.
        legend: the outcomes that are to be seen.
        summary: the chart in a sentence, for who does not see it.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[LegendEntry, ...]
    summary: str


def chart_of(runs: Sequence[PastRun], now: float) -> Chart | None:
    """The newest 50 runs drawn; None when there are none to compare: fewer than two.

    Args:
        runs: the newest first.
        now: epoch seconds.
    """
    shown = list(reversed(runs[:MOST_BARS]))
    if len(shown) < _FEWEST:
        return None
    low, high = _bounds([run.duration_s for run in shown])
    first = MOST_BARS - len(shown)
    bars = tuple(
        _bar(run.status, first + place, _height(run.duration_s, low, high), run_words(run, now))
        for place, run in enumerate(shown)
    )
    return Chart(bars, _ticks(low, high), _legend(shown), _summary(shown))


def run_words(run: PastRun, now: float) -> str:
    """A run in one line: how it ended, when, how long it took, and of how many items."""
    took = f"took {spoken.took(run.duration_s)}" if run.duration_s else "duration unknown"
    counts = [counted(run.processed, "item")]
    counts += [f"{run.changed:,} changed"] if run.changed else []
    counts += [f"{run.failed:,} failed"] if run.failed else []
    return ", ".join([f"{run.status.value} {spoken.moment(run.ended_at, now)}", took, *counts])


def _bounds(durations: Sequence[float]) -> tuple[float, float]:
    """The durations, in seconds, of the lowest and of the highest bar."""
    known = [max(one, _SHORTEST_S) for one in durations if one > 0] or [1.0]
    low, high = min(known), max(known)
    if high < low * _LEAST_RATIO:
        low = high / _LEAST_RATIO
    return low, high


def _height(duration_s: float, low: float, high: float) -> float:
    if duration_s <= 0:
        return _UNKNOWN
    share = math.log(max(duration_s, low) / low) / math.log(high / low)
    return _LOWEST + (_PLOT - _LOWEST) * min(1.0, share)


def _bar(status: RunStatus, place: int, height: float, text: str) -> Bar:
    x = _LEFT + place * _SLOT + (_SLOT - _BAR) / 2
    y = BASE - height
    boxes: tuple[Box, ...] = (Box(x, y, _BAR, height),)
    if status is RunStatus.PARTIAL and height > 3 * _GAP:
        half = (height - _GAP) / 2
        boxes = (Box(x, y, _BAR, half), Box(x, BASE - half, _BAR, half))
    return Bar(status.value, boxes, _mark(status, x + _BAR / 2, y - 2 * _GAP - _MARK), text)


def _mark(status: RunStatus, x: float, y: float) -> str:
    left, right, up, down = x - _MARK, x + _MARK, y - _MARK, y + _MARK
    if status is RunStatus.FAILED:
        return f"M{left:.1f} {up:.1f}L{right:.1f} {down:.1f}M{right:.1f} {up:.1f}L{left:.1f} {down:.1f}"
    if status in (RunStatus.CANCELLED, RunStatus.LOCKED):
        return f"M{left:.1f} {y:.1f}H{right:.1f}"
    return ""


def _ticks(low: float, high: float) -> tuple[Tick, ...]:
    inside = [(at, text) for at, text in _TICKS if low <= at <= high]
    step = max(1, math.ceil(len(inside) / _MOST_TICKS))
    return tuple(Tick(BASE - _height(at, low, high), text) for at, text in inside[::-step][::-1])


def _legend(runs: Sequence[PastRun]) -> tuple[LegendEntry, ...]:
    """A small bar for each outcome that occurs; it stands where the bar at the far left would."""
    found = {run.status for run in runs}
    return tuple(
        LegendEntry(_bar(status, 0, 10.0, ""), status.value, form)
        for status, form in OUTCOMES.items()
        if status in found
    )


def _summary(runs: Sequence[PastRun]) -> str:
    counts = {status: sum(run.status is status for run in runs) for status in OUTCOMES}
    told = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    times = [run.duration_s for run in runs if run.duration_s]
    if not times:
        return f"The last {len(runs)} runs: {told}"
    least, most = spoken.took(min(times)), spoken.took(max(times))
    how = f"took {least}" if least == most else f"took {least} to {most}"
    return f"The last {len(runs)} runs: {told}; {how}"
