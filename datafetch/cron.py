"""Cron expressions: which they are, and the slots, in Pacific time, at which they start a job.

A slot is a minute at which a schedule is due. It is known by its time in UTC, so that the two
hours of an autumn night that have one name on the clock stay two.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from datafetch.clock import PACIFIC as ZONE

__all__ = ["OFF", "ZONE", "Schedule", "slot_moment", "slot_name"]

OFF = "off"
"""What the setting of a job says that has no schedule."""

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""What crons take these for: crontab(5), EXTENSIONS."""

_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_BOUNDS = ("0-59", "0-23", "1-31", "1-12 or JAN-DEC", "0-7 or SUN-SAT")

_TERM = r"(?:(?:\*|[0-9]{1,3}-[0-9]{1,3}|[A-Z]{3}-[A-Z]{3})(?:/[0-9]{1,3})?|[0-9]{1,3}|[A-Z]{3})"
_FIELD = re.compile(rf"{_TERM}(?:,{_TERM})*+")
"""What every cron takes in a field: not `L`, `#`, `?` and `W`, nor a step after a single number."""

_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")

_STEPPED = re.compile(r"(?<![0-9A-Z])([0-9A-Z]+)-([0-9A-Z]+)/[0-9]+")
"""A range with a step."""

_LONGEST = 1000
"""Characters of an expression; one that names all minutes, hours and days one by one has 330."""

_NAME = "%Y-%m-%dT%H-%MZ"
_SHORTEST_LOOK = timedelta(hours=2)
_LONGEST_LOOK = timedelta(days=50 * 366)
"""How far back a slot is looked for: 29 February falls on one weekday each 28 years, or 40."""

_EXAMPLE = "`0 */2 * * *` or @daily"


class Schedule:
    """When a job is due, by a cron expression that is read in Pacific time.

    The clock's changes are taken as Debian's cron takes them (cron(8)): when minute or hour begin
    with a star, slots follow the time that passes; every other slot comes once, and one in the
    hour that is left out in spring comes right after it.

    Attributes:
        source: the expression as it was given.
        expression: its five fields, as every cron reads them; equal for equal times of day that
            are written differently, such as with a nickname.
    """

    __slots__ = ("_known", "expression", "source")

    def __init__(self, source: str, expression: str) -> None:
        """For `parse` alone: the expression is not checked."""
        self.source = source
        self.expression = expression
        self._known: tuple[datetime, datetime] | None = None
        """A slot and the one after it, so that asking again soon costs nothing."""

    def __repr__(self) -> str:
        return f"Schedule({self.expression!r})"

    @staticmethod
    def parse(expression: str) -> "Schedule":
        """Read a cron expression of five fields, or a nickname such as `@daily`.

        Raises:
            ValueError: it is none; the message says what it should be.
        """
        text = expression.strip()
        plain = _NICKNAMES.get(text.lower(), text)
        if plain.startswith("@"):
            names = ", ".join(_NICKNAMES)
            raise ValueError(f"should be five fields, or one of {names}")
        fields = plain.upper().split() if len(plain) <= _LONGEST else []
        if len(fields) != len(_FIELDS):
            raise ValueError(
                f"should be five fields ({', '.join(_FIELDS)}), such as {_EXAMPLE}, and this has "
                f"{len(plain.split())}"
            )
        for name, bounds, field in zip(_FIELDS, _BOUNDS, fields, strict=True):
            if not _FIELD.fullmatch(field):
                raise ValueError(_wrong_field(name, bounds))
        normal = _STEPPED.sub(_without_step, _LEADING_ZEROS.sub("", " ".join(fields)))
        _check_by_cronsim(normal, fields)
        return Schedule(expression, normal)

    def slot_at_or_before(self, moment: datetime) -> datetime | None:
        """The newest slot that is not after the moment; None when 50 years have none."""
        known = self._known
        if known is not None and known[0] <= moment < known[1]:
            return known[0]
        look = _SHORTEST_LOOK
        while look <= _LONGEST_LOOK:
            newest = None
            for slot in self._after(moment - look):
                if slot > moment:
                    if newest is not None:
                        self._known = (newest, slot)
                    break
                newest = slot
            if newest is not None:
                return newest
            look *= 2
        return None

    def slots_between(self, after: datetime, until: datetime) -> list[datetime]:
        """All slots after one moment and not after the other, oldest first."""
        found = []
        for slot in self._after(after):
            if slot > until:
                break
            found.append(slot)
        return found

    def next_slots(self, after: datetime, count: int) -> list[datetime]:
        """The next so many slots after the moment, fewer when 50 years have no more."""
        slots = self._after(after)
        return [slot for slot, _ in zip(slots, range(count), strict=False)]

    def _after(self, moment: datetime) -> Iterator[datetime]:
        """The slots after the moment, in UTC, each later than the one before."""
        # Imported here: commands that know no schedule do not need it.
        from cronsim import CronSim

        last = moment
        # cronsim goes by the clock on the wall, on which an hour of autumn comes twice, and puts
        # all slots of the hour that spring leaves out at its end: some come again, or too early.
        for slot in CronSim(self.expression, moment.astimezone(ZoneInfo(ZONE))):
            utc = slot.astimezone(UTC)
            if utc > last:
                last = utc
                yield utc


@lru_cache(maxsize=64)
def slot_name(slot: datetime) -> str:
    """The name of a slot, by its time in UTC: `2026-11-01T08-00Z`; in order as the times are."""
    return slot.astimezone(UTC).strftime(_NAME)


def slot_moment(name: str) -> datetime:
    """The time, in UTC, of the slot with this name.

    Raises:
        ValueError: it is no slot's name.
    """
    return datetime.strptime(name, _NAME).replace(tzinfo=UTC)


def _without_step(stepped: re.Match[str]) -> str:
    """A range of one value is to crons that value, whatever its step; cronsim takes 2-2/4 for 2/4."""
    first, last = stepped.groups()
    return first if first == last else stepped[0]


def _wrong_field(name: str, bounds: str) -> str:
    return (
        f"the {name} should be `*`, or numbers and ranges of {bounds}, with commas between them, "
        "and steps such as `*/2`"
    )


def _check_by_cronsim(expression: str, fields: list[str]) -> None:
    """Refuse values out of range, and days that no month has.

    Raises:
        ValueError: there are some.
    """
    from cronsim import CronSim, CronSimError

    start = datetime(2026, 1, 1, tzinfo=UTC)
    for index, name in enumerate(_FIELDS):
        alone = ["*"] * len(_FIELDS)
        alone[index] = fields[index]
        try:
            CronSim(" ".join(alone), start)
        except CronSimError as error:
            raise ValueError(_wrong_field(name, _BOUNDS[index])) from error
    try:
        next(CronSim(expression, start))
    except (CronSimError, StopIteration, RuntimeError) as error:
        raise ValueError("never comes: no month in it has such a day") from error
