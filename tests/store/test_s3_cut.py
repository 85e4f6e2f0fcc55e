"""Calls to a bucket that are cut off because the run has to end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.store.s3 import S3Store
from tests.contract.support import open_s3
from tests.fakes.base import FakeServer
from tests.fakes.faults import dripping, held
from tests.fakes.s3 import MotoApp, S3Fake

KEY = "json/bookmarks/index-test.json"
LONGEST_S = 20
"""Less than the time-out of one attempt, 30 s, of which a call makes four."""

CALLS: dict[str, Callable[[S3Store], Any]] = {
    "get": lambda store: store.get(KEY),
    "head": lambda store: store.head(KEY),
    "list": lambda store: list(store.list("json/")),
    "put": lambda store: store.put(KEY, b"2"),
    "delete": lambda store: store.delete(KEY),
}


@pytest.fixture
def bucket() -> Iterator[S3Fake]:
    """A bucket with one object."""
    with FakeServer(MotoApp()) as server, S3Fake("cut", server=server) as fake:
        fake.put(KEY, b"1")
        fake.app.count_from_here()
        yield fake


@pytest.fixture
def gate(bucket: S3Fake) -> Iterator[threading.Event]:
    """Until it is set, the bucket's server says nothing."""
    del bucket  # the server is stopped after the gate is open
    event = threading.Event()
    yield event
    event.set()


def _begun(call: Callable[[], object]) -> "Future[object]":
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - handed to the test
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_under_way_ends_at_once_and_is_not_repeated(
    bucket: S3Fake, gate: threading.Event, call: Callable[[S3Store], object]
) -> None:
    """Each call kept a stopped run for four times 30 seconds; nothing in botocore ends that sooner."""
    store = open_s3(bucket)
    store.head(KEY)
    bucket.app.count_from_here()
    bucket.app.inject(held(gate))
    under_way = _begun(lambda: call(store))
    bucket.app.log.wait_for(1)
    store.cut()
    error = under_way.exception(LONGEST_S)
    assert isinstance(error, StoreUnavailable)
    assert "until the run had to end" in str(error)
    assert len(bucket.requests()) == 1


def test_a_body_that_drips_is_cut_off_and_not_asked_for_again(bucket: S3Fake) -> None:
    """A body that broke off is read once more, but not when the run has to end."""
    store, drops = open_s3(bucket), threading.Semaphore(1)
    bucket.put(KEY, b"a body of several bytes")
    bucket.app.count_from_here()
    bucket.app.inject(dripping(drops))
    under_way = _begun(lambda: store.get(KEY))
    bucket.app.log.wait_for(1)
    # The head of the answer came: boto3 has handed out the body, which is being read.
    while drops.acquire(blocking=False):
        drops.release()
    store.cut()
    error = under_way.exception(LONGEST_S)
    drops.release(100)
    assert isinstance(error, StoreUnavailable)
    assert len(bucket.requests()) == 1


def test_later_calls_are_made_as_ever(bucket: S3Fake, gate: threading.Event) -> None:
    """How the run ended is stored, and its lock given back, once the store answers again."""
    store = open_s3(bucket)
    bucket.app.inject(held(gate), times=1)
    under_way = _begun(lambda: store.get(KEY))
    bucket.app.log.wait_for(1)
    store.cut()
    assert isinstance(under_way.exception(LONGEST_S), StoreUnavailable)
    store.put(KEY, b"3")
    assert store.get(KEY).body == b"3"
    assert not store.is_over


def test_after_the_last_cut_nothing_is_sent_any_more(bucket: S3Fake) -> None:
    """A thread that was left by its run wakes up, and writes nothing."""
    store = open_s3(bucket)
    store.head(KEY)
    bucket.app.count_from_here()
    store.cut(for_good=True)
    with pytest.raises(StoreUnavailable):
        store.put(KEY, b"late")
    assert (store.is_over, bucket.requests()) == (True, [])
