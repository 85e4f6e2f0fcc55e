"""Pauses: who is on pause until when, and what is remembered of a pause that is over."""

import json

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.models.run import JobName
from datafetch.ops.pauses import Pauses
from datafetch.store.keys import Keys
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import START, FakeClock

KEY = "json/datafetch/paused-test.json"
LOGOS, GITHUB = JobName.LOGOS, JobName.GITHUB
HOUR = 3600.0


@pytest.fixture
def store() -> FaultyStore:
    """An empty store."""
    return FaultyStore(MemoryStore())


def _load(store: FaultyStore) -> Pauses:
    return Pauses.load(store, Keys("-test"), FakeClock())


def _stored(store: FaultyStore):
    return json.loads(store.inner.get(KEY).body)


def test_a_pause_is_stored_with_its_end_and_its_reason(store: FaultyStore) -> None:
    """`status` shows them, on every machine; times are epoch milliseconds."""
    _load(store).set(LOGOS, START, until=START + HOUR, reason="the site moves")
    _load(store).set(GITHUB, START)
    at = int(START) * 1000
    assert _stored(store) == {
        "logos": {"pausedAt": at, "until": at + 3_600_000, "reason": "the site moves"},
        "github": {"pausedAt": at, "until": None, "reason": ""},
    }
    pause = _load(store).of(LOGOS, START + 60)
    assert pause is not None
    assert (pause.until, pause.reason) == (at + 3_600_000, "the site moves")


def test_a_job_without_pause_has_none(store: FaultyStore) -> None:
    """No object at all means that every job runs, and is read by one request."""
    pauses = _load(store)
    assert (pauses.of(LOGOS, START), pauses.resumed_at(LOGOS, START)) == (None, None)
    assert store.calls == [Call("get", KEY)]


def test_a_pause_ends_by_itself_and_its_end_is_remembered(store: FaultyStore) -> None:
    """Slots before the end are not caught up, so it must be known after the end."""
    _load(store).set(LOGOS, START, until=START + HOUR)
    pauses = _load(store)
    assert pauses.of(LOGOS, START + HOUR - 1) is not None
    assert pauses.resumed_at(LOGOS, START + HOUR - 1) is None
    assert pauses.of(LOGOS, START + HOUR) is None
    assert pauses.resumed_at(LOGOS, START + HOUR) == START + HOUR


def test_a_pause_without_end_lasts_until_it_is_removed(store: FaultyStore) -> None:
    """`resume` ends it at that moment, and says what it ended."""
    _load(store).set(LOGOS, START, reason="why")
    assert _load(store).of(LOGOS, START + 1e9) is not None
    ended = _load(store).remove(LOGOS, START + HOUR)
    assert ended is not None
    assert ended.reason == "why"
    pauses = _load(store)
    assert pauses.of(LOGOS, START + HOUR) is None
    assert pauses.resumed_at(LOGOS, START + HOUR) == START + HOUR


def test_what_is_not_on_pause_is_not_resumed_twice(store: FaultyStore) -> None:
    """A second `resume` must not move the end, which would drop slots, and writes nothing."""
    assert _load(store).remove(LOGOS, START) is None
    _load(store).set(LOGOS, START, until=START + HOUR)
    assert _load(store).remove(LOGOS, START + 2 * HOUR) is None
    assert _load(store).resumed_at(LOGOS, START + 2 * HOUR) == START + HOUR
    assert store.count("put") == 1


def test_a_pause_that_goes_on_gets_another_end(store: FaultyStore) -> None:
    """`pause` once more makes it longer or shorter; it began when it began."""
    _load(store).set(LOGOS, START, until=START + HOUR, reason="a")
    _load(store).set(LOGOS, START + 60, until=START + 9 * HOUR, reason="b")
    at = int(START) * 1000
    assert _stored(store)["logos"] == {
        "pausedAt": at,
        "until": at + 9 * 3_600_000,
        "reason": "b",
    }
    _load(store).set(LOGOS, START + 10 * HOUR)
    assert _stored(store)["logos"]["pausedAt"] == at + 36_000_000


def test_pauses_of_two_jobs_set_at_once_are_both_kept(store: FaultyStore) -> None:
    """One object holds all: who was slower reads it again before writing."""
    slower = _load(store)
    _load(store).set(LOGOS, START)
    slower.set(GITHUB, START)
    assert set(_stored(store)) == {"github", "logos"}


def test_pauses_that_cannot_be_read_are_kept_aside(store: FaultyStore) -> None:
    """What was there is copied before it is written over, and users are told."""
    store.inner.put(KEY, b"{broken")
    pauses = _load(store)
    assert pauses.of(LOGOS, START) is None
    assert pauses.broken.startswith(f"{KEY} could not be read (")
    pauses.set(LOGOS, START)
    assert set(_stored(store)) == {"logos"}
    (copy,) = store.inner.list(f"{KEY}.corrupt-")
    assert store.inner.get(copy.key).body == b"{broken"


def test_a_store_that_does_not_answer_is_no_empty_store(store: FaultyStore) -> None:
    """A paused job must not run because its pause could not be read."""
    _load(store).set(LOGOS, START)
    store.fault = lambda call, _number: "fail" if call.method == "get" else None
    with pytest.raises(StoreUnavailable):
        _load(store)
