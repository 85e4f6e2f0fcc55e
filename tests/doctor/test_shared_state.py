"""The services that keep locks, and the jobs on pause."""

import pytest

from datafetch.clock import ClockSkew, SystemClock
from datafetch.doctor.shared_state import LockServiceCheck, PausesCheck
from datafetch.errors import ConfigurationError, StoreUnavailable
from datafetch.models.lock_place import TablePlace, read_lock
from datafetch.models.run import JobName
from datafetch.ops.leases.account import Account
from datafetch.ops.leases.reach import reach
from datafetch.ops.pauses import Pauses
from datafetch.store.keys import Keys
from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from tests.redis_servers import real_redis
from tests.stores import MemoryStore
from tests.support import START, FakeClock

KEYS = Keys("-test")
NOBODY = Account((None, None, None), None, None, None, "S3_REGION")


def test_a_redis_that_answers_is_told_and_stays_empty(tmp_path):
    """A script without keys changes nothing."""
    with real_redis(tmp_path) as server:
        check = LockServiceCheck(
            server.place.address,
            lambda: reach(server.place, NOBODY, SystemClock(), ClockSkew()),
        )
        (found,) = check.look()
        assert found.detail == f"{server.place.address} answers"
        assert server.find("*") == ""


def test_a_redis_that_is_away_is_an_error_with_a_hint():
    """It becomes the line of this check."""
    place = read_lock("redis://127.0.0.1:9")
    assert not isinstance(place, str)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9") as caught:
        reach(place, NOBODY, SystemClock(), ClockSkew())
    assert "DATAFETCH_LOCK" in caught.value.hint


def account(server: str) -> Account:
    """The account of the fake."""
    keys = (ACCESS_KEY_ID, SECRET_ACCESS_KEY, None)
    return Account(keys, REGION, server, REGION, "S3_REGION")


def test_a_table_that_answers_tells_the_time_as_well(lock_table, moto_server, monkeypatch):
    """The keys and the table are right; nothing is written."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", moto_server.url)
    skew = ClockSkew()
    reach(TablePlace(lock_table.name), account(moto_server.url), SystemClock(), skew)
    assert skew.is_told
    with pytest.raises(ConfigurationError, match="no-such-table"):
        reach(TablePlace("no-such-table"), account(moto_server.url), SystemClock(), skew)


def test_jobs_on_pause_are_named_with_their_end():
    """Who wonders why nothing runs finds it here."""
    clock, store = FakeClock(START), MemoryStore()
    assert [one.detail for one in PausesCheck(store, KEYS, clock).look()] == ["no job is on pause"]
    pauses = Pauses.load(store, KEYS, clock)
    pauses.set(JobName.LOGOS, START, until=START + 3600, reason="the bucket\nmoves")
    pauses.set(JobName.GITHUB, START, until=None, reason="")
    (found,) = PausesCheck(store, KEYS, clock).look()
    assert found.detail == ("github until it is resumed; logos until 09:00 UTC (the bucket moves)")
