"""Cron expressions: which are taken, and their slots where the clocks in Los Angeles change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.cron import Schedule, slot_moment, slot_name

PACIFIC = ZoneInfo("America/Los_Angeles")


def _at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _names(expression: str, after: str, until: str) -> list[str]:
    slots = Schedule.parse(expression).slots_between(_at(after), _at(until))
    return [f"{slot:%m-%d %H:%M}" for slot in slots]


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("0 */2 * * *", "0 */2 * * *"),
        ("  0   1\t* *  0 ", "0 1 * * 0"),
        ("00 01 * * sun", "0 1 * * SUN"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("0-59/5,7 8-18 1,15 jan-mar MON-FRI", "0-59/5,7 8-18 1,15 JAN-MAR MON-FRI"),
        ("0 0 * * 7", "0 0 * * 7"),
        ("02-2/4 0 10,12-12/5 * MON-MON/2", "2 0 10,12 * MON"),
        ("2-22/4 0 * * MON-TUE/2", "2-22/4 0 * * MON-TUE/2"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("10 10 * * *", "10 10 * * *"),
    ],
)
def test_an_expression_is_five_fields(written: str, fields: str) -> None:
    """Nicknames are translated, and what means the same times is the same expression."""
    schedule = Schedule.parse(written)
    assert (schedule.expression, schedule.source) == (fields, written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("* * * *", "should be five fields"),
        ("0 0 * * * *", "and this has 6"),
        ("", "and this has 0"),
        ("9" * 10_000, "should be five fields"),
        ("* " * 5000, "should be five fields"),
        ("@reboot", "one of @yearly"),
        ("@every 1h", "one of @yearly"),
        ("60 * * * *", "the minute should be"),
        ("*/0 * * * *", "the minute should be"),
        ("5/15 * * * *", "the minute should be"),
        ("30-10 * * * *", "the minute should be"),
        ("1,,2 * * * *", "the minute should be"),
        ("\u0661 * * * *", "the minute should be"),
        ("0 24 * * *", "the hour should be"),
        ("0 0 L * *", "the day of the month should be"),
        ("0 0 LW * *", "the day of the month should be"),
        ("0 0 0 * *", "the day of the month should be"),
        ("0 0 ? * *", "the day of the month should be"),
        ("0 0 * 13 *", "the month should be"),
        ("0 0 * * 5#2", "the day of the week should be"),
        ("0 0 * * 5L", "the day of the week should be"),
        ("0 0 * * 8", "the day of the week should be"),
        ("0 0 * * FOO", "the day of the week should be"),
        ("0 0 * JAN,FOO *", "the month should be"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_sentence(written: str, said: str) -> None:
    """What one cron takes and the next refuses, or takes for another time, is no schedule."""
    with pytest.raises(ValueError, match=said) as refused:
        Schedule.parse(written)
    assert len(str(refused.value)) < 200


def test_the_slots_of_two_years_are_counted() -> None:
    """In 2026 and 2027, after the first midnight; croniter has 106 for the weekly one."""
    start, end = "2026-01-01T08:00", "2028-01-01T07:59"
    assert len(_names("0 */2 * * *", start, end)) == 8757
    assert len(_names("0 0 * * *", start, end)) == 729
    assert len(_names("0 1 * * 0", start, end)) == 104


@pytest.mark.parametrize(
    ("expression", "slots"),
    [
        # 2026-11-01: at 09:00 UTC the clock goes back from two to one.
        ("0 1 * * *", ["11-01 08:00"]),
        ("45 1 * * *", ["11-01 08:45"]),
        ("0 1,2 * * *", ["11-01 08:00", "11-01 10:00"]),
        ("0 * * * *", ["11-01 08:00", "11-01 09:00", "11-01 10:00"]),
        ("*/30 1 * * *", ["11-01 08:00", "11-01 08:30", "11-01 09:00", "11-01 09:30"]),
    ],
)
def test_in_autumn_only_stars_come_twice(expression: str, slots: list[str]) -> None:
    """Debian's rule: a time comes once, what follows the clock goes on with it."""
    assert _names(expression, "2026-11-01T07:00", "2026-11-01T10:00") == slots


@pytest.mark.parametrize(
    ("expression", "slots"),
    [
        # 2026-03-08: at 10:00 UTC the clock goes on from two to three.
        ("30 2 * * *", ["03-08 10:00"]),
        ("0,30 2 * * *", ["03-08 10:00"]),
        ("0 2,3 * * *", ["03-08 10:00"]),
        ("0 */2 * * *", ["03-08 11:00"]),
        ("0 * * * *", ["03-08 10:00", "03-08 11:00"]),
    ],
)
def test_in_spring_a_time_that_is_left_out_comes_right_after(
    expression: str, slots: list[str]
) -> None:
    """No day without its run, and not two runs in one minute."""
    assert _names(expression, "2026-03-08T09:30", "2026-03-08T11:00") == slots


EXPRESSIONS = st.sampled_from(
    [
        *("0 */2 * * *", "0 0 * * *", "0 1 * * 0", "*/7 * * * *", "30 2 * * *", "45 1 * * *"),
        *("0,30 1-3 * * *", "15 3 1 * 0", "0 12 13 * 5", "@monthly", "59 23 * * *"),
    ]
)


def _within(start: str, end: str) -> st.SearchStrategy[datetime]:
    seconds = st.integers(int(_at(start).timestamp()), int(_at(end).timestamp()))
    return seconds.map(lambda second: datetime.fromtimestamp(second, UTC))


MOMENTS = st.one_of(
    _within("2026-01-01", "2027-12-31"),
    _within("2026-03-08T06:00", "2026-03-08T14:00"),
    _within("2026-11-01T05:00", "2026-11-01T13:00"),
)


@settings(deadline=None, max_examples=50)
@given(EXPRESSIONS, MOMENTS)
def test_looking_back_finds_what_looking_forward_does(expression: str, moment: datetime) -> None:
    """From wherever one looks the slots are the same, also within an hour that comes twice."""
    schedule = Schedule.parse(expression)
    wide = schedule.slots_between(moment - timedelta(days=40), moment + timedelta(days=40))
    assert schedule.slot_at_or_before(moment) == max(slot for slot in wide if slot <= moment)
    later = [slot for slot in wide if slot > moment]
    assert schedule.next_slots(moment, len(later)) == later
    assert schedule.slots_between(moment, moment + timedelta(days=40)) == later
    assert wide == sorted(set(wide))
    assert schedule.slot_at_or_before(wide[0]) == wide[0]


def test_a_slot_of_another_century_is_found_or_none() -> None:
    """29 February on a Sunday comes each 28 years: it is looked for, not for ever."""
    slot = Schedule.parse("0 0 29 2 */7").slot_at_or_before(_at("2026-11-01T00:00"))
    assert slot == _at("2004-02-29T08:00")


def test_a_slot_has_the_name_of_its_time_in_utc() -> None:
    """Two machines in two zones mean the same slot by it."""
    slot = datetime(2026, 11, 1, 1, tzinfo=PACIFIC)
    assert slot_name(slot) == "2026-11-01T08-00Z"
    assert slot_moment("2026-11-01T08-00Z") == _at("2026-11-01T08:00")
    with pytest.raises(ValueError, match="does not match"):
        slot_moment("yesterday")
