"""Stored times: whatever number stands there, it can be told, or its object cannot be read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from datafetch.models.stored_times import LATEST_MS, EndMs, NearestMs, StoredMs

STORED: TypeAdapter[int] = TypeAdapter(StoredMs)
NEAREST: TypeAdapter[int] = TypeAdapter(NearestMs)
END: TypeAdapter[int | None] = TypeAdapter(EndMs)

ABSURD = ["-1", "3093527980799000", "1e300", str(10**400), "-1e300", "221845392000001"]
FIFTY_YEARS = timedelta(days=50 * 366)


def test_the_bound_is_the_year_9000():
    """Fifty years after it there are dates still."""
    latest = datetime.fromtimestamp(LATEST_MS / 1000, UTC)
    assert latest == datetime(9000, 1, 1, tzinfo=UTC)
    assert latest + FIFTY_YEARS


@pytest.mark.parametrize("text", ABSURD)
def test_a_time_that_nobody_can_tell_cannot_be_read(text):
    """It is told as what it is: a broken object."""
    with pytest.raises(ValidationError):
        STORED.validate_json(text)


@pytest.mark.parametrize(("text", "read"), [("0", 0), ("1763971200000", 1763971200000)])
def test_a_time_is_read(text, read):
    """Times of this century are what they were."""
    assert [adapter.validate_json(text) for adapter in (STORED, NEAREST, END)] == [read] * 3


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_has_a_nearest_time(number):
    """Whatever number it is, its date can be told, and that of an end, if it has one."""
    for value in (NEAREST.validate_python(number), END.validate_python(number)):
        assert value is None or datetime.fromtimestamp(value / 1000, UTC) + FIFTY_YEARS


@pytest.mark.parametrize(
    ("text", "read"), [("3093527980799000", None), ("1e300", None), ("-5", 0), ("null", None)]
)
def test_an_end_that_never_comes_is_none(text, read):
    """Who put a job on pause for ever did not mean that it runs on."""
    assert END.validate_json(text) == read


@pytest.mark.parametrize("text", ['"soon"', "[]", "{}"])
def test_what_is_no_number_is_no_time(text):
    """Nobody knows what was meant."""
    with pytest.raises(ValidationError):
        END.validate_json(text)
