"""Which of the server's times can be published."""

import pytest

from datafetch.bookmarks.rules.times import good_time


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("2026-01-01T00:00:00.000Z", True),
        ("0001-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59+02:00", True),
        ("+056789-01-01T00:00:00.000Z", False),
        ("-000001-01-01T00:00:00.000Z", False),
        ("0000-01-01T00:00:00.000Z", False),
        ("2026-13-45T00:00:00Z", False),
        ("2026-01-01T10:30", True),
        ("2026-01-01T10:30:00.123456789-08:00", True),
        ("2026-01-01", False),
        ("2026-01-01T10", False),
        ("2026-01-01T1030", False),
        ("2026-01-01T10:30:00,5Z", False),
        ("2026-01-01T10:30:00Z\n", False),
        ("٢٠٢٦-٠١-٠١T00:00:00Z", False),
        ("yesterday", False),
        ("", False),
        (None, False),
        (1_700_000_000, False),
    ],
)
def test_only_times_that_readers_can_read_are_good(value: object, good: bool) -> None:
    """`createdAt` of `+056789-01-01T00:00:00.000Z` was published, and readers took the item for broken."""
    assert good_time(value) == (value if good else None)
