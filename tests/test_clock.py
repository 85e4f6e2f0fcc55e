"""Time texts and the cancel token."""

import time
from datetime import UTC, datetime

import pytest

from datafetch.clock import (
    CancelToken,
    SystemClock,
    log_time,
    pacific_text,
    to_iso,
    to_ms,
    utc_text,
)
from datafetch.errors import Cancelled


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 4, 3, 12, 16, 45, tzinfo=UTC), "04/03/2025, 05:16:45 AM PDT"),
        (datetime(2026, 11, 24, 8, 0, 5, tzinfo=UTC), "11/24/2026, 12:00:05 AM PST"),
        (datetime(2026, 7, 1, 19, 3, 9, tzinfo=UTC), "07/01/2026, 12:03:09 PM PDT"),
        (datetime(2026, 11, 1, 8, 30, 0, tzinfo=UTC), "11/01/2026, 01:30:00 AM PDT"),
        (datetime(2026, 11, 1, 9, 30, 0, tzinfo=UTC), "11/01/2026, 01:30:00 AM PST"),
    ],
)
def test_pacific_text_is_as_the_site_shows_it(moment, text):
    """The site shows this text as it is, summer time included."""
    assert pacific_text(moment.timestamp()) == text


def test_a_time_in_a_sentence_has_its_date_only_on_another_day():
    """`16:37 UTC` is read at a glance, and one of tomorrow is not taken for today's."""
    now = datetime(2026, 11, 26, 23, 59, tzinfo=UTC).timestamp()
    assert utc_text(now - 60, now) == "23:58 UTC"
    assert utc_text(now + 60, now) == "2026-11-27 00:00 UTC"


def test_iso_is_as_javascript_writes_it():
    """Readers in JavaScript compare these texts."""
    assert to_iso(1_795_507_200.0427) == "2026-11-24T08:00:00.042Z"
    assert to_ms(1.2345) == 1234


def test_a_log_has_one_form_of_time(monkeypatch):
    """Lines of machines in several time zones, and of jobs run by hand and by cron, sort together."""
    for zone in ("America/Los_Angeles", "Asia/Kolkata"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert log_time(1_795_707_154.9) == "2026-11-26 15:32:34Z"
    monkeypatch.undo()
    time.tzset()


def test_a_wait_longer_than_a_lock_can_is_as_long_as_it_can(monkeypatch):
    """A pause of more than 292 years, from a setting or a server, was an OverflowError."""
    monkeypatch.setattr("threading.TIMEOUT_MAX", 0.0)
    assert not CancelToken().wait(1e300)


def test_a_sleep_ends_when_the_run_is_asked_to_stop():
    """A stop does not wait for a backoff to end; the first reason counts."""
    token = CancelToken()
    token.cancel(Cancelled("stopped by SIGTERM", signal=15))
    token.cancel(Cancelled("later"))
    with pytest.raises(Cancelled) as caught:
        SystemClock(token).sleep(3600)
    assert caught.value.signal == 15


def test_what_to_do_about_a_stop_is_told_wherever_it_is_noticed():
    """A lost lock has its own hint, which every part of the run hands on."""
    token = CancelToken()
    token.cancel(Cancelled("the lock ran out", hint="Raise it."))
    with pytest.raises(Cancelled) as caught:
        token.raise_if_cancelled()
    assert caught.value.hint == "Raise it."
