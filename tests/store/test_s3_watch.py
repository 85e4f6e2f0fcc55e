"""What is seen of an S3 client's requests: a debug event for each, and the server's time."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from datafetch.clock import ClockSkew
from datafetch.errors import ObjectNotFound, StoreError
from tests.contract.support import open_s3
from tests.fakes import faults
from tests.fakes.base import FakeServer
from tests.fakes.s3 import SECRET_ACCESS_KEY, S3Fake
from tests.support import START, FakeClock

TWO_DAYS_AGO = {"Date": "Sun, 22 Nov 2026 08:00:00 GMT"}


@pytest.fixture
def bucket(moto_server: FakeServer) -> Iterator[S3Fake]:
    """An empty bucket."""
    with S3Fake("watched", server=moto_server) as fake:
        yield fake


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of each `request` event."""
    return [vars(record) for record in caplog.records if record.message == "request"]


def test_each_request_is_an_event(bucket: S3Fake, caplog: pytest.LogCaptureFixture) -> None:
    """`-v` shows method, host, bucket and key, status and bytes of each try; no query, no credentials."""
    caplog.set_level(logging.DEBUG, "datafetch")
    with closing(open_s3(bucket)) as store:
        store.put("json/ä b.json", b"12345")
        store.get("json/ä b.json")
        list(store.list("json/"))
        with pytest.raises(ObjectNotFound):
            store.get("json/none.json")
        bucket.app.fault = lambda index, _method, _key: "before-503" if index == 4 else None
        store.head("json/ä b.json")
    events = told(caplog)
    assert [(event["method"], event["path"], event["status"]) for event in events] == [
        ("PUT", "/watched/json/ä b.json", 200),
        ("GET", "/watched/json/ä b.json", 200),
        ("GET", "/watched", 200),
        ("GET", "/watched/json/none.json", 404),
        ("HEAD", "/watched/json/ä b.json", 503),
        ("HEAD", "/watched/json/ä b.json", 200),
    ]
    assert {f"http://{event['host']}" for event in events} == {bucket.url}
    assert [event["bytes"] for event in events[:2]] == [5, 5]
    assert all(event["ms"] >= 0 for event in events)
    assert SECRET_ACCESS_KEY not in str(events)
    assert "prefix=" not in str(events)


def test_a_request_without_an_answer_has_its_error(
    bucket: S3Fake, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that hangs up, or that is not there, is told by the class of the error."""
    caplog.set_level(logging.DEBUG, "datafetch")
    bucket.app.fault = lambda _index, _method, _key: "before-drop"
    with closing(open_s3(bucket, max_retries=0)) as store, pytest.raises(StoreError):
        store.get("json/x.json")
    (event,) = told(caplog)
    assert (event["status"], event["path"]) == (None, "/watched/json/x.json")
    assert event["error"].endswith("Error")


def test_an_answer_that_is_not_of_s3_is_an_event_too(
    bucket: S3Fake, caplog: pytest.LogCaptureFixture
) -> None:
    """At the console's port every request is answered with a web page; `-v` shows its status."""
    caplog.set_level(logging.DEBUG, "datafetch")
    bucket.app.inject(faults.reply(200, "<html>", {"Content-Type": "text/html"}))
    with closing(open_s3(bucket)) as store, pytest.raises(StoreError):
        store.get("json/x.json")
    assert [event["status"] for event in told(caplog)] == [200]


def test_nobody_looks_and_nothing_is_told(bucket: S3Fake, caplog: pytest.LogCaptureFixture) -> None:
    """Without `-v` no event is made."""
    caplog.set_level(logging.INFO, "datafetch")
    with closing(open_s3(bucket)) as store:
        store.put("json/x.json", b"1")
    assert told(caplog) == []


@pytest.mark.parametrize(
    ("headers", "ahead_s"),
    [
        (TWO_DAYS_AGO, 172_800.0),
        ({**TWO_DAYS_AGO, "Age": "172800"}, None),
        ({"Date": "nonsense"}, None),
        ({"Date": "Tue, 24 Nov 2026 08:04:00 GMT"}, None),
    ],
    ids=["two-days", "cached", "nonsense", "within"],
)
def test_the_stores_time_is_compared_with_ours(
    bucket: S3Fake, headers: dict[str, str], ahead_s: float | None
) -> None:
    """A wrong clock made leases expire at once or never; also a refused request shows it."""
    skew = ClockSkew()
    bucket.app.inject(faults.reply(404, headers=headers))
    clock = FakeClock()
    assert clock.now() == START
    with closing(open_s3(bucket, clock=clock, skew=skew)) as store, pytest.raises(StoreError):
        store.get("json/x.json")
    found = skew.found()
    assert (None if found is None else found.ahead_s) == ahead_s
