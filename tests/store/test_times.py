"""Times in a server's answers: missing, doubled, in other forms, or nonsense."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.store.times import age_s, read_time, written_at

WRITTEN = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("Tue, 24 Nov 2026 08:00:00 GMT", WRITTEN),
        ("Tue, 24 Nov 2026 08:00:00 -0000", WRITTEN),
        ("24 Nov 2026 08:00:00 UTC", WRITTEN),
        ("Tue, 24 Nov 2026 10:00:00 +0200", WRITTEN),
        ("2026-11-24T08:00:00.000Z", WRITTEN),
        (" 2026-11-24T08:00:00+00:00\n", WRITTEN),
        ("2026-11-24T08:00:00", WRITTEN),
        (WRITTEN.timestamp(), WRITTEN),
    ],
)
def test_a_time_is_read_in_each_form_that_servers_send(value: object, time: datetime) -> None:
    """Headers have one form, listings another, credentials a third."""
    assert read_time(value) == time


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "0", "Tue, 31 Feb 2026 08:00:00 GMT", "Tue, 24 Nov 2026 08:00:00 +9999",
     "2026-13-01T00:00:00Z", "9" * 400, 1e300, float("nan"), None, [], b"2026"],
)  # fmt: skip
def test_a_time_that_is_none_is_unknown(value: object) -> None:
    """A date that could not be read ended the run with a traceback."""
    assert read_time(value) is None


def test_of_two_times_the_later_counts() -> None:
    """A proxy added its own Last-Modified: a lease that seems too old would be taken over."""
    both = "Tue, 24 Nov 2026 08:00:00 GMT, Tue, 24 Nov 2026 07:00:00 GMT"
    assert read_time(both) == WRITTEN


@given(st.text() | st.floats() | st.integers())
def test_no_value_is_too_strange_to_be_read(value: object) -> None:
    """Whatever a server sends as a time is a time of some zone, or none."""
    time = read_time(value)
    assert time is None or time.tzinfo is not None


@pytest.mark.parametrize(
    ("modified", "expected"),
    [
        (WRITTEN, WRITTEN),
        (datetime(1970, 1, 1, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), None),
        (None, None),
    ],
)
def test_an_object_is_not_older_than_s3(
    modified: datetime | None, expected: datetime | None
) -> None:
    """Servers that do not know when an object was written send the first day that they can name."""
    assert written_at(modified) == expected


@pytest.mark.parametrize(
    ("date", "age"),
    [
        ("Tue, 24 Nov 2026 08:05:00 GMT", 300),
        ("Tue, 24 Nov 2026 08:05:00 -0000", 300),
        ("Tue, 24 Nov 2026 10:05:00 +0200", 300),
        ("Tue, 24 Nov 2026 07:59:00 GMT", 0),
        ("Tue, 24 Nov 2026 09:00:00 GMT, Tue, 24 Nov 2026 08:05:00 GMT", 300),
        ("Mon, 23 Nov 2026 07:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_an_object_is_as_old_as_its_server_says(date: str | None, age: float | None) -> None:
    """This machine's clock decides nothing; a server that tells no time says no age."""
    assert age_s(date, WRITTEN) == age


def test_an_object_of_an_unknown_time_has_no_age() -> None:
    """Neither 0, which would keep a dead lease for ever, nor an age since 1970."""
    assert age_s("Tue, 24 Nov 2026 08:05:00 GMT", None) is None
