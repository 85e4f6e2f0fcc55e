"""What is kept of breakers between runs, and what keeping it costs."""

import json
import logging
from typing import Any

import pytest

from datafetch.errors import StoreConflict
from datafetch.ops.breakers import BreakerBook
from datafetch.runtime.breaker import BreakerPolicy, Outcome
from datafetch.store.base import Condition, ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.store.readonly import ReadOnlyStore
from datafetch.upstream_errors import BreakerOpen
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import START, FakeClock

KEYS = Keys("-test")
KEY = "json/datafetch/breakers-test.json"


def book(store: ObjectStore, clock: FakeClock | None = None, cooldown_s: float = 60) -> BreakerBook:
    """The breakers of a new process; one failure opens one."""
    return BreakerBook(store, KEYS, clock or FakeClock(), BreakerPolicy(1, cooldown_s))


def fail(breakers: BreakerBook, *hosts: str) -> None:
    """Requests to these hosts fail."""
    _end(breakers, hosts, Outcome.FAILED)


def answer(breakers: BreakerBook, *hosts: str) -> None:
    """These hosts answer."""
    _end(breakers, hosts, Outcome.ANSWERED)


def _end(breakers: BreakerBook, hosts: tuple[str, ...], outcome: Outcome) -> None:
    for host in hosts:
        breakers.allow(host, visit := object())
        breakers.record(host, outcome, visit)


def stored(store: ObjectStore) -> dict[str, Any]:
    """The stored object."""
    value: dict[str, Any] = json.loads(store.get(KEY).body)
    return value


def test_the_next_process_knows(tmp_path: Any) -> None:
    """A breaker outlives a short process: the next one does not ask, then probes, then forgets."""
    clock = FakeClock()
    store = LocalStore(tmp_path, clock)
    first = book(store, clock)
    fail(first, "bad.example")
    first.save()
    assert stored(store) == {
        "bad.example": {"state": "open", "failures": 1, "openedAt": START * 1000}
    }
    second = book(store, clock)
    with pytest.raises(BreakerOpen, match="60 s"):
        second.allow("bad.example", object())
    clock.advance(60)
    fail(second, "bad.example")
    second.save()
    assert stored(store)["bad.example"]["openedAt"] == (START + 60) * 1000
    clock.advance(60)
    third = book(store, clock)
    answer(third, "bad.example")
    third.save()
    assert stored(store) == {}


def test_it_is_read_once_and_written_on_a_change_of_state_only() -> None:
    """No upstream, no request; upstreams that answer, one; each further failure, none."""
    store = FaultyStore(MemoryStore())
    breakers = BreakerBook(store, KEYS, FakeClock(), BreakerPolicy(3, 60))
    breakers.save()
    assert store.calls == []
    answer(breakers, "a", "b", "c")
    fail(breakers, "a", "a")
    breakers.save()
    assert store.calls == [Call("get", KEY)]
    fail(breakers, "a")
    breakers.save()
    breakers.save()
    assert store.keys("put") == [KEY]


def test_opened_and_closed_again_is_no_change() -> None:
    """What is over by the end of the run needs no writing."""
    store = FaultyStore(MemoryStore())
    breakers = book(store, cooldown_s=0)
    fail(breakers, "a")
    answer(breakers, "a")
    breakers.save()
    assert store.count("put") == 0


def test_hosts_of_other_jobs_survive() -> None:
    """Two processes that end at the same time do not wipe out each other's hosts."""
    store = MemoryStore()
    first, second = book(store, cooldown_s=0), book(store, cooldown_s=0)
    fail(first, "a", "both")
    fail(second, "b", "both")
    first.save()
    second.save()
    assert stored(store).keys() == {"a", "b", "both"}
    answer(first, "a")
    first.save()
    assert stored(store).keys() == {"b", "both"}


def test_another_write_under_way_is_waited_out() -> None:
    """A conflict (409) is not the end of it, but a store that has nothing else is."""

    class Busy(MemoryStore):
        conflicts = 2

        def put_once(self, key: str, body: bytes, condition: Condition) -> str:
            if self.conflicts:
                self.conflicts -= 1
                raise StoreConflict(f"{key} is being written", key=key)
            return super().put_once(key, body, condition)

    store = Busy()
    breakers = book(store)
    fail(breakers, "a")
    breakers.save()
    assert stored(store).keys() == {"a"}
    store.conflicts = 9
    fail(breakers, "b")
    breakers.save()
    assert stored(store).keys() == {"a"}
    store.conflicts = 0
    breakers.save()
    assert stored(store).keys() == {"a", "b"}


def test_a_store_that_does_not_answer_stops_nothing(caplog: Any) -> None:
    """Breakers help: without them hosts are asked, and nothing of the others' is overwritten."""
    inner = MemoryStore()
    before = book(inner)
    fail(before, "known")
    before.save()
    store = FaultyStore(inner, fault=lambda _call, number: "fail" if number in (0, 1) else None)
    breakers = book(store)
    fail(breakers, "known", "new")
    breakers.save()
    events = [record.message for record in caplog.records]
    assert events.count("breakers_not_read") == 1
    assert events.count("breakers_not_saved") == 1
    breakers.save()
    assert stored(inner).keys() == {"known", "new"}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"a":1}', b'{"a":{"state":"open"}}', b'{"a":{"failures":1}}']
)
def test_what_cannot_be_read_is_kept_aside(body: bytes, caplog: Any) -> None:
    """A broken object costs its content only: it is kept, and the next run finds a good one."""
    store = MemoryStore()
    store.put(KEY, body)
    breakers = book(store)
    answer(breakers, "a")
    breakers.save()
    assert "object_corrupt" in [record.message for record in caplog.records]
    assert stored(store) == {}
    assert [store.objects[key] for key in store.objects if ".corrupt-" in key] == [body]
    fail(breakers, "a")
    breakers.save()
    assert stored(store).keys() == {"a"}


def test_a_dry_run_reads_only() -> None:
    """Loading alone writes nothing, not even a broken object's copy."""
    inner = MemoryStore()
    inner.put(KEY, b"{")
    store = FaultyStore(ReadOnlyStore(inner))
    breakers = book(store)
    fail(breakers, "a")
    assert store.calls == [Call("get", KEY)]


def test_the_object_stays_small() -> None:
    """A run over a million dead sites keeps the newest 500 breakers."""
    clock = FakeClock()
    store = MemoryStore()
    breakers = book(store, clock)
    for number in range(520):
        clock.advance(1)
        fail(breakers, f"h{number}")
    breakers.save()
    assert len(stored(store)) == 500
    assert "h19" not in stored(store)
    assert "h20" in stored(store)


def test_openings_and_closings_are_told(caplog: Any) -> None:
    """The log says once when a host is not asked any more, and once when it is asked again."""
    caplog.set_level(logging.INFO)
    breakers = book(MemoryStore(), cooldown_s=0)
    answer(breakers, "a")
    fail(breakers, "a")
    assert [(event.message, event.host) for event in caplog.records] == [("breaker_opened", "a")]
    answer(breakers, "a")
    answer(breakers, "a")
    assert [event.message for event in caplog.records] == ["breaker_opened", "breaker_closed"]


def test_a_host_that_nobody_asked_for_is_forgotten() -> None:
    """A breaker that opened 30 days ago, or earlier, goes when others are stored."""
    clock = FakeClock()
    store = MemoryStore()
    breakers = book(store, clock)
    fail(breakers, "older")
    clock.advance(1)
    fail(breakers, "old")
    clock.advance(1)
    fail(breakers, "less old")
    breakers.save()
    clock.advance(30 * 86_400 - 1)
    later = book(store, clock)
    fail(later, "new")
    later.save()
    assert stored(store).keys() == {"less old", "new"}


def test_who_loads_early_loads_once() -> None:
    """A run reads the breakers with its other records; the first host then waits for nothing."""
    store = FaultyStore(MemoryStore())
    breakers = BreakerBook(store, KEYS, FakeClock(), BreakerPolicy(3, 60))
    breakers.load()
    breakers.load()
    answer(breakers, "a")
    assert store.calls == [Call("get", KEY)]


def test_an_opening_says_why_and_until_when(caplog: Any) -> None:
    """Who reads the warning need not look for the errors before it; a probe that fails is no news."""
    caplog.set_level(logging.INFO, "datafetch")
    clock = FakeClock()
    breakers = book(MemoryStore(), clock)
    for visit in (object(), object()):
        breakers.allow("a.example", visit)
        breakers.record("a.example", Outcome.FAILED, visit, "https://a.example/: status 503")
        clock.advance(60)
    (record,) = (vars(record) for record in caplog.records)
    assert record["message"] == "breaker_opened"
    assert (record["host"], record["reason"]) == ("a.example", "https://a.example/: status 503")
    assert record["until"] == "2026-11-24 08:01:00Z"
