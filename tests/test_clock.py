"""Time texts and the cancel token."""

import time
from datetime import UTC, datetime

import pytest

from datafetch.clock import (
    CancelToken,
    ClockSkew,
    SystemClock,
    http_date,
    log_time,
    pacific_text,
    stopped_by,
    to_iso,
    to_ms,
    utc_text,
)
from datafetch.errors import Cancelled
from tests.support import FakeClock


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


NOW = 1_795_707_154.0  # 2026-11-26 15:32:34Z
DAY = 86_400.0
STORE, API, SITE = "s3.example.com", "api.github.com", "site.example.org"


def test_a_clock_that_is_wrong_is_told_in_a_sentence():
    """How far, which way, by whose clock, what to type, and what is wrong until then."""
    skew = ClockSkew()
    skew.observe(API, NOW, NOW + 2 * DAY, "named")
    skew.observe(SITE, NOW, NOW + 2 * DAY)
    assert str(skew.found()) == (
        "this machine's clock is 2 d ahead of api.github.com (Date: 2026-11-26 15:32:34Z): set it, "
        "for example with `timedatectl set-ntp true`; times in results and schedules are wrong "
        "until then"
    )


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (300, None),
        (-300, None),
        (301, "5 min ahead of"),
        (-3600, "60 min behind"),
        (-25 * 3600, "25 h behind"),
        (400 * DAY, "400 d ahead of"),
    ],
)
def test_five_minutes_are_the_limit(ahead, said):
    """Up to 300 seconds either way are no fault; more is told in a unit that people read."""
    skew = ClockSkew()
    skew.observe(STORE, NOW, NOW + ahead, "store")
    found = skew.found()
    assert (found is None) == (said is None)
    assert said is None or f"{said} {STORE}" in str(found)


def test_one_witness_may_be_wrong_itself():
    """When only one host says so, the sentence leaves open whose clock is wrong."""
    skew = ClockSkew()
    skew.observe("karakeep.lan", NOW, NOW + DAY, "named")
    assert "(or karakeep.lan's, if that is wrong)" in str(skew.found())


def test_the_store_is_believed_before_others():
    """Leases and schedules are judged beside its times."""
    skew = ClockSkew()
    skew.observe(API, NOW, NOW + 2 * DAY, "named")
    skew.observe(STORE, NOW, NOW + 3 * DAY, "store")
    found = skew.found()
    assert found is not None
    assert found.host == STORE


def test_of_foreign_sites_two_must_say_so():
    """A web site's clock is often wrong; two that are wrong alike are not to be expected."""
    skew = ClockSkew()
    skew.observe(SITE, NOW, NOW + DAY)
    skew.observe(SITE, NOW, NOW + DAY)
    assert skew.found() is None
    skew.observe("other.example.org", NOW, NOW + DAY)
    assert skew.found() is not None


@pytest.mark.parametrize("first", [True, False])
def test_a_host_that_agrees_clears_this_machine(first):
    """A single upstream whose own clock is wrong must not blame ours, whoever came first."""
    skew = ClockSkew()
    if first:
        skew.observe(SITE, NOW, NOW)
    skew.observe("karakeep.example.net", NOW, NOW + DAY, "named")
    if not first:
        skew.observe(SITE, NOW, NOW)
    assert skew.found() is None


@pytest.mark.parametrize(
    "near", ["127.0.0.1", "[::1]", "192.168.1.5", "karakeep", "minio.local", "localhost"]
)
def test_a_server_on_this_machine_clears_nothing(near):
    """Karakeep in a container has this machine's clock: that it agrees proves nothing."""
    skew = ClockSkew()
    skew.observe(near, NOW, NOW, "named")
    skew.observe(API, NOW, NOW + 2 * DAY, "named")
    found = skew.found()
    assert found is not None
    assert found.host == API


@pytest.mark.parametrize("order", [(10.0, 5000.0), (5000.0, 10.0)])
def test_the_smallest_difference_of_a_host_counts(order):
    """An answer may have been on the way, or in a cache that does not say so, for an hour."""
    skew = ClockSkew()
    for late in order:
        skew.observe("karakeep", NOW, NOW + late, "named")
    assert skew.found() is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 26 Nov 2026 15:32:34 GMT", NOW),
        ("", None),
        ("yesterday", None),
        ("Thu, 99 Nov 2026 15:32:34 GMT", None),
        ("Thu, 26 Nov 99999999999999999999 15:32:34 GMT", None),
    ],
)
def test_a_date_header_is_read_or_left(text, seconds):
    """Servers send anything as `Date`; nothing of it ends a run."""
    assert http_date(text) == seconds


def test_a_date_without_a_zone_is_utc(monkeypatch):
    """`-0000` says that the zone is not known (RFC 5322, 3.3); the machine's own zone is not meant."""
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    assert http_date("Thu, 26 Nov 2026 15:32:34 -0000") == NOW
    monkeypatch.undo()
    time.tzset()


def test_a_part_of_a_command_is_stopped_with_it_and_by_itself_alone() -> None:
    """A lost lease ended the whole command; a signal still ends every job of it, also one to come."""
    command = CancelToken()
    first, second = command.child(), command.child()
    first.cancel(Cancelled("its lock was lost"))
    assert (first.cancelled, second.cancelled, command.cancelled) == (True, False, False)
    assert command.any_cancelled
    command.cancel(Cancelled("stopped by SIGTERM", signal=15))
    for token in (second, command.child()):
        with pytest.raises(Cancelled, match="SIGTERM") as caught:
            token.raise_if_cancelled()
        assert caught.value.signal == 15
    assert str(first.reason) == "its lock was lost"


def test_who_listens_hears_of_every_stop_also_of_an_earlier_one() -> None:
    """The thread that waits for a run must not sleep through its stop, whenever that came."""
    command, heard = CancelToken(), []
    part = command.child()
    part.listen(lambda: heard.append("part"))
    unlisten = command.listen(lambda: heard.append("gone"))
    unlisten()
    command.cancel(Cancelled("stop"))
    command.cancel(Cancelled("again"))
    assert heard == ["part"]
    part.listen(lambda: heard.append("late"))
    assert heard == ["part", "late"]
    command.abandon()
    assert (part.abandoned, heard) == (True, ["part", "late", "part", "late"])


def test_a_clock_wakes_for_the_part_that_it_was_made_for() -> None:
    """What waits for an hour ends with its job; told clocks of tests stay as they are."""
    command = CancelToken()
    job = command.child()
    clock = stopped_by(SystemClock(command), job)
    job.cancel(Cancelled("its lock was lost"))
    with pytest.raises(Cancelled, match="its lock was lost"):
        clock.sleep(3600)
    told = FakeClock()
    assert stopped_by(told, job) is told
