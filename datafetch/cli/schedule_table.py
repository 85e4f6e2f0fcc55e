"""The table of all jobs and their times, for terminals of any width and for pipes, and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo

from datafetch.clock import PACIFIC
from datafetch.cron import Schedule
from datafetch.models.text import one_line
from datafetch.printable import printable

_GAP = "  "
_HEADINGS = ("job", "schedule", "from", "last run", "next runs (Pacific time)", "pause")
_FROM, _PAUSE = 2, 5
_LONGEST_REASON = 80


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a job's last run went.

    Attributes:
        began: when it began.
        ended: when it ended; None while it goes on, or when it never said.
        status: `running`, `completed`, `failed` or `cancelled`.
    """

    began: datetime
    ended: datetime | None
    status: str


@dataclass(frozen=True, slots=True)
class JobPause:
    """A job's pause that goes on.

    Attributes:
        until: when it ends; None when somebody has to end it.
        reason: why, in the words of whoever began it; may be empty.
    """

    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class JobTimes:
    """A row of the table: a job, its schedule and its runs.

    Attributes:
        schedule: None when it is off.
        setting: the name of the setting that says the schedule.
        place: where that is set, in words; empty when it is set nowhere.
        next_runs: the times at which it will run next, the soonest first.
        is_configured: whether any of the settings that it needs is set; without them `run-due`
            leaves it out, and it has no next runs.
    """

    job: str
    schedule: Schedule | None
    setting: str
    place: str
    last_run: LastRun | None
    next_runs: Sequence[datetime]
    pause: JobPause | None
    is_configured: bool = True

    @property
    def runs(self) -> tuple[str, ...]:
        """The next runs in words."""
        if self.schedule is not None and not self.is_configured:
            return ("not configured",)
        return tuple(map(pacific, self.next_runs)) or ("none",)

    @property
    def origin(self) -> str:
        """Where the schedule comes from."""
        return f"{self.setting} {self.place}" if self.place else f"default of {self.setting}"

    def to_json(self) -> dict[str, object]:
        """The row as `--json` shows it; times as ISO 8601 in Pacific time."""
        last, pause = self.last_run, self.pause
        return {
            "job": self.job,
            "expression": self.schedule.expression if self.schedule else None,
            "setting": self.setting,
            "source": self.place or "default",
            "isConfigured": self.is_configured,
            "lastRun": last
            and {
                "status": last.status,
                "startedAt": _iso(last.began),
                "completedAt": last.ended and _iso(last.ended),
            },
            "nextRuns": [_iso(moment) for moment in self.next_runs],
            "pause": pause and {"until": pause.until and _iso(pause.until), "reason": pause.reason},
        }


def table(rows: Sequence[JobTimes], width: int | None) -> list[str]:
    """The lines of the table, its headings first; a job has one line if `width` columns are enough.

    Where they are not, the times of a job stand below each other. `width` is None in a pipe, whose
    lines may have any length.
    """
    cells = [_HEADINGS, *map(_cells, rows)]
    if not any(row.pause for row in rows):
        cells = [line[:_PAUSE] for line in cells]
    lines = _aligned(cells)
    if width is None or max(map(len, lines)) <= width:
        return lines
    return _stacked(rows, width)


def _cells(row: JobTimes) -> tuple[str, ...]:
    last = row.last_run
    return (
        row.job,
        row.schedule.expression if row.schedule else "off",
        printable(row.origin),
        f"{pacific(last.began)}, {last.status}" if last else "never",
        ", ".join(row.runs),
        _pause(row.pause),
    )


def _pause(pause: JobPause | None) -> str:
    if pause is None:
        return ""
    until = f"until {pacific(pause.until)}" if pause.until else "until it is resumed"
    reason = printable(one_line(pause.reason, _LONGEST_REASON))
    return f"{until}: {reason}" if reason else until


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        _GAP.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _stacked(rows: Sequence[JobTimes], width: int) -> list[str]:
    """The table in which a job's times stand below each other, and its other words below these."""
    columns = [index for index in range(_PAUSE) if index != _FROM]
    cells: list[tuple[str, ...]] = [tuple(_HEADINGS[index] for index in columns)]
    below: dict[int, list[str]] = {}
    for row in rows:
        cells += _stack(row)
        words = [printable(row.origin)]
        if row.pause:
            words.append(f"on pause {_pause(row.pause)}")
        below[len(cells) - 1] = words
    margin = " " * (max(len(line[0]) for line in cells) + len(_GAP))
    written: list[str] = []
    for index, line in enumerate(_aligned(cells)):
        written.append(line)
        for sentence in below.get(index, ()):
            written += _wrapped(sentence, margin, width)
    return written


def _stack(row: JobTimes) -> Iterator[tuple[str, ...]]:
    job, schedule, *_ = _cells(row)
    last = (pacific(row.last_run.began), row.last_run.status) if row.last_run else ("never",)
    yield from zip_longest((job,), (schedule,), last, row.runs, fillvalue="")


def _wrapped(sentence: str, margin: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(
        sentence,
        max(width, len(margin) * 2),
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def pacific(moment: datetime) -> str:
    """A time as `Sun 2026-11-01 01:00`; with ` PDT` or ` PST` in the hour that comes twice."""
    local = moment.astimezone(ZoneInfo(PACIFIC))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    # Names of weekdays from a list: `%a` follows the locale.
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[local.weekday()]
    return f"{day} {local:%Y-%m-%d %H:%M}{f' {local:%Z}' if twice else ''}"


def _iso(moment: datetime) -> str:
    local = moment.astimezone(ZoneInfo(PACIFIC))
    return (local - timedelta(microseconds=local.microsecond)).isoformat()
