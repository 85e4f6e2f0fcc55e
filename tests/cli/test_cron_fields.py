"""Schedules in the words of Kubernetes and of systemd mean what they mean to cron."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from datafetch.cli.cron_fields import CronFields
from datafetch.cron import Schedule
from tests.programs import program

ZONE = "America/Los_Angeles"
EXPRESSIONS = [
    *("0 */2 * * *", "0 0 * * *", "0 1 * * 0", "30 3 1,15 * MON-FRI", "*/15 * * * *"),
    *("5-59/20 1-5 * JAN,MAR 5-7", "0 0 */2 * 1", "0 0 1 * 0-6", "0,30 8,9 * 1-3 6,7"),
    *("7 4 29 2 *", "0 12 1-7 * 1", "0 6 * * */2", "10,20,30 0-23/6 10-20/5 * *"),
    *("1 4 */24,12 * 1", "5 4 10 2-2/4 *", "53 0 29 * MON-MON/4"),
]
SWITCHES = ("2026-03-08", "2026-11-01")


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        ("0 */2 * * *", "0 */2 * * *"),
        ("0 1 * * 7", "0 1 * * 0"),
        ("0 1 * * 5-7", "0 1 * * 0,5,6"),
        ("0 1 * JAN-MAR MON-FRI", "0 1 * 1-3 1-5"),
        ("0 0 1 * 0-6", "0 0 1 * 0-6"),
        ("0 0 1 * */1", "0 0 1 * *"),
        ("0 0 */24,12,13,14 * */5,FRI", "0 0 */24,12-14 * */5"),
    ],
)
def test_plain_fields_are_read_everywhere(expression, plain):
    """Kubernetes knows no 7 for Sunday; a star stays a star, which decides between and and or."""
    assert CronFields.read(expression).plain == plain


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_plain_fields_mean_the_same(expression):
    """What is printed for other schedulers has the slots of what is set."""
    after, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)
    plain = Schedule.parse(CronFields.read(expression).plain)
    assert plain.slots_between(after, until) == Schedule.parse(expression).slots_between(
        after, until
    )


@pytest.mark.parametrize(
    ("expression", "events"),
    [
        ("0 */2 * * *", [f"*-*-* 00/2:00:00 {ZONE}"]),
        ("0 1 * * 0", [f"Sun *-*-* 01:00:00 {ZONE}"]),
        (
            "30 3 1,15 * MON-FRI",
            [f"Mon..Fri *-*-* 03:30:00 {ZONE}", f"*-*-01,15 03:30:00 {ZONE}"],
        ),
        ("0 0 */2 * 1", [f"Mon *-*-01/2 00:00:00 {ZONE}"]),
        ("0 0 1 * 0-6", [f"*-*-* 00:00:00 {ZONE}"]),
    ],
)
def test_day_and_weekday_are_two_events_where_cron_means_or(expression, events):
    """Systemd wants both to fit, cron either, unless one of them begins with a star."""
    assert CronFields.read(expression).calendar_events(ZONE) == events


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_events_of_systemd_are_the_slots_of_a_year(expression):
    """Each time of 2026 that the events name is a slot, and each slot is named.

    The days on which clocks change are left out: run-due makes good what systemd leaves out there.
    """
    events = [event(text) for text in CronFields.read(expression).calendar_events(ZONE)]
    begin = datetime(2026, 1, 1, 8, tzinfo=UTC)
    slots = set(
        Schedule.parse(expression).slots_between(
            begin - timedelta(minutes=1), datetime(2027, 1, 1, 7, 59, tzinfo=UTC)
        )
    )
    named = set()
    for number in range(365):
        day = datetime(2026, 1, 1, tzinfo=ZoneInfo(ZONE)) + timedelta(days=number)
        for _, _, _, hours, minutes in (one for one in events if falls_on(day, one)):
            named |= {
                day.replace(hour=hour, minute=minute).astimezone(UTC)
                for hour in hours
                for minute in minutes
            }
    usual = [
        {moment for moment in found if f"{moment.astimezone(ZoneInfo(ZONE)):%F}" not in SWITCHES}
        for found in (named, slots)
    ]
    assert usual[0] == usual[1]
    assert usual[0] or expression == "7 4 29 2 *"


Event = tuple[set[int], set[int], set[int], set[int], set[int]]


def event(text: str) -> Event:
    """Weekdays from Monday, months, days, hours and minutes of a calendar event (systemd.time(7))."""
    found = re.fullmatch(r"(?:(\S+) )?\*-(\S+)-(\S+) (\S+):(\S+):00 (\S+)", text)
    assert found is not None, text
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    days = found[1] or "*"
    for number, name in enumerate(names):
        days = days.replace(name, str(number))
    assert found[6] == ZONE
    return (
        numbers(days, 0, 6),
        numbers(found[2], 1, 12),
        numbers(found[3], 1, 31),
        numbers(found[4], 0, 23),
        numbers(found[5], 0, 59),
    )


def numbers(text: str, low: int, high: int) -> set[int]:
    """What one component of a calendar event stands for."""
    found: set[int] = set()
    for part in text.split(","):
        if part == "*":
            found.update(range(low, high + 1))
        elif "/" in part:
            first, step = part.split("/")
            found.update(range(int(first), high + 1, int(step)))
        else:
            first, _, last = part.partition("..")
            found.update(range(int(first), int(last or first) + 1))
    return found


def falls_on(day: datetime, one_event: Event) -> bool:
    """Whether an event names times of this day."""
    weekdays, months, days, _, _ = one_event
    return day.day in days and day.month in months and day.weekday() in weekdays


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_systemd_reads_the_events_so(expression):
    """Systemd itself names the same next times, from a day without a change of clocks."""
    start = datetime(2026, 4, 1, tzinfo=UTC)
    named: set[datetime] = set()
    for text in CronFields.read(expression).calendar_events(ZONE):
        shown = subprocess.run(
            [
                *(program("systemd-analyze"), "calendar", "--iterations=20"),
                *("--base-time=2026-04-01 00:00:00 UTC", text),
            ],
            capture_output=True,
            text=True,
            check=True,
            env={"TZ": "UTC", "PATH": "/usr/bin:/bin", "LANG": "C"},
        ).stdout
        times = re.findall(r"(?:elapse|#\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", shown)
        assert times, shown
        named |= {datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times}
    slots = Schedule.parse(expression).next_slots(start, 20)
    usual = [slot for slot in slots if slot < datetime(2026, 11, 1, tzinfo=UTC)]
    assert sorted(named)[: len(usual)] == usual
