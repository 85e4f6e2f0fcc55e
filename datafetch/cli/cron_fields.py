"""What the five fields of a schedule mean, as other schedulers than cron write it.

The schedules are known to be right: `cron.py` has read them before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_SHOWN_WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
"""In systemd's order, whose weeks begin on Monday (systemd.time(7))."""

_SHORTEST_RANGE = 3


@dataclass(frozen=True, slots=True)
class CronField:
    """One field.

    Attributes:
        text: the field as it is written.
        values: the numbers that it stands for, in order; Sunday is 0.
        lowest: the least number that such a field can hold.
        highest: the greatest.
    """

    text: str
    values: tuple[int, ...]
    lowest: int
    highest: int

    @property
    def is_starred(self) -> bool:
        """Whether it begins with a star; of day and weekday only such a one narrows the other."""
        return self.text.startswith("*")

    @property
    def is_full(self) -> bool:
        """Whether it stands for every number."""
        return len(self.values) == self.highest - self.lowest + 1

    @property
    def plain(self) -> str:
        """The field in the words that every cron knows: stars, numbers, ranges, lists."""
        if not self.is_starred:
            return _listed(self.values, "-", width=1)
        if self.is_full:
            return "*"
        first = self.text.partition(",")[0]
        step = int(first.removeprefix("*/"))
        others = [value for value in self.values if (value - self.lowest) % step]
        return f"{first},{_listed(others, '-', width=1)}" if others else first

    @property
    def calendar(self) -> str:
        """The field as systemd's calendar events have it (systemd.time(7))."""
        if self.is_full:
            return "*"
        step = self._step_to_the_end()
        if step:
            return f"{self.values[0]:02}/{step}"
        return _listed(self.values, "..", width=2)

    def _step_to_the_end(self) -> int:
        """The step with which the values go on from the first of them to the highest; 0 if they do not."""
        if len(self.values) < _SHORTEST_RANGE:
            return 0
        step = self.values[1] - self.values[0]
        to_the_end = tuple(range(self.values[0], self.highest + 1, step))
        return step if step > 1 and self.values == to_the_end else 0


@dataclass(frozen=True, slots=True)
class CronFields:
    """The five fields of a schedule."""

    minute: CronField
    hour: CronField
    day: CronField
    month: CronField
    weekday: CronField

    @classmethod
    def read(cls, expression: str) -> "CronFields":
        """The fields of a schedule that is known to be right."""
        minute, hour, day, month, weekday = expression.split()
        return cls(
            _field(minute, 0, 59),
            _field(hour, 0, 23),
            _field(day, 1, 31),
            _field(month, 1, 12, _MONTHS),
            _field(weekday, 0, 6, _WEEKDAYS),
        )

    @property
    def plain(self) -> str:
        """The schedule without names, without 7 for Sunday, and without steps of single numbers.

        So Kubernetes reads it, too (github.com/robfig/cron v3: weekdays are 0 to 6). There
        `*/2` for the day beside a weekday means "or" where cron means "and": a run too many, which
        finds that its slot is done.
        """
        fields = (self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(field.plain for field in fields)

    def calendar_events(self, zone: str) -> list[str]:
        """The schedule as calendar events of systemd, which together are what cron means.

        When day and weekday are both given, cron runs on the days of either (crontab(5)); systemd
        wants both to fit, so each has an event of its own.
        """
        months = self.month.calendar
        time = f"{self.hour.calendar}:{self.minute.calendar}:00 {zone}"
        weekdays = _weekdays(self.weekday)
        dates = f"*-{months}-{self.day.calendar}"
        if self.day.is_starred or self.weekday.is_starred:
            return [f"{weekdays}{dates} {time}"]
        if self.day.is_full or self.weekday.is_full:
            return [f"*-{months}-* {time}"]
        return [f"{weekdays}*-{months}-* {time}", f"{dates} {time}"]


def _field(text: str, lowest: int, highest: int, names: Sequence[str] = ()) -> CronField:
    found: set[int] = set()
    for part in text.split(","):
        reach, _, step = part.partition("/")
        first, _, last = reach.partition("-")
        if first == "*":
            start, end = lowest, highest
        else:
            start = _number(first, lowest, names)
            end = _number(last, lowest, names) if last else highest if step else start
        found.update(range(start, end + 1, int(step or 1)))
    if names is _WEEKDAYS:
        found = {value % 7 for value in found}
    return CronField(text, tuple(sorted(found)), lowest, highest)


def _number(text: str, lowest: int, names: Sequence[str]) -> int:
    return int(text) if text.isdecimal() else names.index(text[:3].lower()) + lowest


def _weekdays(field: CronField) -> str:
    """The weekdays before the date of a calendar event, and a space; empty when it may be any."""
    if field.is_full:
        return ""
    days = sorted((value - 1) % 7 for value in field.values)
    return ",".join(_runs(days, "..", lambda day: _SHOWN_WEEKDAYS[day])) + " "


def _listed(values: Sequence[int], between: str, *, width: int) -> str:
    return ",".join(_runs(values, between, lambda value: f"{value:0{width}}"))


def _runs(values: Sequence[int], between: str, shown: Callable[[int], str]) -> list[str]:
    """The values, of which three and more that follow each other are written as a range."""
    written: list[str] = []
    start = 0
    while start < len(values):
        end = start
        while end + 1 < len(values) and values[end + 1] == values[end] + 1:
            end += 1
        if end - start + 1 >= _SHORTEST_RANGE:
            written.append(f"{shown(values[start])}{between}{shown(values[end])}")
        else:
            written += map(shown, values[start : end + 1])
        start = end + 1
    return written
