"""Times as they are said."""

import pytest

from datafetch.ops import spoken
from tests.ops.overviews import NOW, at


@pytest.mark.parametrize(
    ("hours_ago", "said"),
    [
        (0, "12:05 PST (now)"),
        (3, "09:05 PST (3 h ago)"),
        (13, "yesterday 23:05 PST (13 h ago)"),
        (49, "Sun 2026-11-22 11:05 PST (2 d ago)"),
        (-20, "tomorrow 08:05 PST (in 20 h)"),
        (-1.5, "13:35 PST (in 90 min)"),
        (24 * 60, "Fri 2026-09-25 13:05 PDT (60 d ago)"),
    ],
)
def test_moments(hours_ago, said):
    """The day where it is another one, the time in Pacific time, and the distance."""
    assert spoken.when(at(hours_ago), NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12, "12 s"),
        (119, "119 s"),
        (600, "10 min"),
        (9000, "2 h"),
    ],
)
def test_how_long_a_run_took(seconds, said):
    """Short ones with a tenth of a second."""
    assert spoken.took(seconds) == said


@pytest.mark.parametrize(
    ("seconds_ago", "said"),
    [
        (0.4, "just now"),
        (1, "1 second ago"),
        (59.9, "59 seconds ago"),
        (60, "1 minute ago"),
        (12 * 60 + 59, "12 minutes ago"),
        (3600, "1 hour ago"),
        (-(3600 + 48 * 60), "in 1 h 48 min"),
        (-24 * 3600, "in 1 day"),
        (30 * 3600, "1 day 6 h ago"),
        (2 * 86_400 + 5 * 3600, "2 days ago"),
        (-4.9 * 86_400, "in 4 days"),
    ],
)
def test_distances_on_a_page(seconds_ago, said):
    """As a person reads it, and never later than it is."""
    assert spoken.ago(at(seconds_ago / 3600), NOW) == said
