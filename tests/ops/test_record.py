"""One stored object: read, changed, written on its condition, kept aside when it cannot be read."""

import logging
from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from datafetch.errors import PreconditionFailed, StoreUnavailable
from datafetch.ops.record import Record, keep_aside
from datafetch.store.keys import Keys
from tests.stores import Call, FaultyStore, MemoryStore
from tests.support import FakeClock

KEYS = Keys("-test")
KEY = "json/datafetch/thing-test.json"


@dataclass
class Lenient:
    """A record that overlooks fields that it does not know."""

    a: int = 0


NUMBERS = TypeAdapter(dict[str, int])


def record(store: MemoryStore | FaultyStore) -> Record[dict[str, int]]:
    """The record, read."""
    made = Record(store, KEYS, FakeClock(), KEY, NUMBERS, empty={})
    made.load()
    return made


def copies(store: MemoryStore) -> list[bytes]:
    """What was kept aside."""
    return [body for key, body in sorted(store.objects.items()) if ".corrupt-" in key]


def with_one(name: str):
    """An edit that adds a name."""
    return lambda value: {**value, name: 1}


def test_what_is_not_there_is_empty_and_made() -> None:
    """The first run finds nothing, and the second what the first wrote."""
    store = MemoryStore()
    assert record(store).value == {}
    record(store).save({"a": 1})
    assert store.objects[KEY] == b'{"a":1}'
    assert record(store).value == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"[]", b'{"a":"x"}', b"\xff", b"[" * 100_000),
        *(b'{"a":' + b"1" * 5000 + b"}", b'{"a":1,"b":NaN}', b'{"a":-Infinity}'),
    ],
    ids=lambda body: body[:8],
)
def test_what_cannot_be_read_is_kept_aside_before_it_is_written_over(body, caplog) -> None:
    """A corrupt object in the store crashed the run, or was taken as empty."""
    store = MemoryStore()
    store.put(KEY, body)
    with caplog.at_level(logging.WARNING):
        found = record(store)
    assert found.value == {}
    assert found.is_corrupt
    assert [one.message for one in caplog.records] == ["object_corrupt"]
    assert found.broken.startswith(f"{KEY} could not be read (")
    assert f"kept as {KEY}.corrupt-" in found.broken
    assert found.broken.isprintable()
    assert copies(store) == []
    found.save({"a": 1})
    assert copies(store) == [body]
    assert not record(store).is_corrupt
    assert store.objects[KEY] == b'{"a":1}'


def test_what_would_be_many_times_as_large_in_memory_is_not_read() -> None:
    """Objects without content, in a field that nobody knows, are not even made to be forgotten."""
    store = MemoryStore()
    for objects, corrupt in ((50_000, False), (200_000, True)):
        store.put(KEY, b'{"a":1,"unknown":[' + b"{}," * objects + b"{}]}")
        made = Record(store, KEYS, FakeClock(), KEY, TypeAdapter(Lenient), empty=Lenient())
        made.load()
        assert made.is_corrupt is corrupt


def test_a_secret_value_does_not_reach_the_log(caplog) -> None:
    """The reason says where and what is wrong, never the value that is there."""
    store = MemoryStore()
    store.put(KEY, b'{"a":"hunter2"}')
    with caplog.at_level(logging.WARNING):
        record(store)
    assert "hunter2" not in str(vars(caplog.records[0]))
    assert vars(caplog.records[0])["error"].startswith("a: ")


def test_the_same_bytes_are_kept_once() -> None:
    """A run that fails again and again leaves one copy."""
    store, clock = MemoryStore(), FakeClock()
    store.put(KEY, b"{")
    first = keep_aside(store, KEYS, clock, store.get(KEY))
    clock.advance(5)
    assert keep_aside(store, KEYS, clock, store.get(KEY)) == first
    store.put(KEY, b"}")
    assert keep_aside(store, KEYS, clock, store.get(KEY)) != first
    assert copies(store) == [b"{", b"}"]


def test_a_copy_writes_over_no_other_copy() -> None:
    """Copies are made outside the fence: a run that is late destroys nothing that another one kept."""
    store, clock = MemoryStore(), FakeClock()
    store.put(KEY, b"{broken")
    keep_aside(store, KEYS, clock, store.get(KEY))
    store.put(KEY, b"{broken otherwise")
    with pytest.raises(PreconditionFailed):
        keep_aside(store, KEYS, clock, store.get(KEY))
    assert copies(store) == [b"{broken"]


def test_somebody_elses_write_is_not_overwritten() -> None:
    """Who saves what was read before another wrote is told, and the other's word stands."""
    store = MemoryStore()
    early, late = record(store), record(store)
    late.save({"b": 2})
    with pytest.raises(PreconditionFailed):
        early.save({"a": 1})
    assert store.objects[KEY] == b'{"b":2}'


def test_a_change_is_made_to_what_somebody_else_wrote_meanwhile() -> None:
    """Two that change at the same time end with both changes."""
    store = MemoryStore()
    early, late = record(store), record(store)
    late.change(with_one("b"))
    early.change(with_one("a"))
    assert record(store).value == {"a": 1, "b": 1}


def test_an_equal_value_is_not_written() -> None:
    """A change that changes nothing costs no request."""
    store = FaultyStore(MemoryStore())
    store.inner.put(KEY, b'{"a":1}')
    found = record(store)
    found.change(with_one("a"))
    assert [call.method for call in store.calls] == ["get"]


def test_what_was_mended_meanwhile_is_kept() -> None:
    """What could not be read at the start may be whole at the end."""
    store = MemoryStore()
    store.put(KEY, b"{")
    found = record(store)
    store.put(KEY, b'{"b":2}')
    found.change(with_one("a"))
    assert record(store).value == {"a": 1, "b": 2}
    assert copies(store) == []


@pytest.mark.parametrize("tries", [1, 3])
def test_who_is_always_outrun_says_so(tries: int) -> None:
    """A store on which every write meets another one is an error, not an endless loop."""
    store = FaultyStore(MemoryStore())
    found = record(store)

    def outrun(call: Call) -> None:
        if call.method == "put":
            store.inner.put(call.key, b'{"n":%d}' % store.count())

    store.before = outrun
    with pytest.raises(PreconditionFailed):
        found.change(with_one("a"), tries=tries)
    assert len(store.keys("put")) == tries


def test_a_store_that_does_not_answer_is_no_empty_record() -> None:
    """A store error was read as "not found"."""
    store = FaultyStore(MemoryStore(), fault=lambda _call, _number: "fail")
    with pytest.raises(StoreUnavailable):
        record(store)


def test_a_number_that_json_has_not_got_makes_an_object_corrupt(caplog) -> None:
    """`NaN` in an object was read, and the write of what had been read ended the run."""
    store = MemoryStore()
    adapter = TypeAdapter(list[object])
    store.put(KEY, b'[{"a":NaN}]')
    found = Record(store, KEYS, FakeClock(), KEY, adapter, empty=[])
    with caplog.at_level(logging.WARNING):
        assert found.load() == []
    assert [one.message for one in caplog.records] == ["object_corrupt"]
    store.put(KEY, b'["not a NaN, an Infinity of text"]')
    assert found.load() == ["not a NaN, an Infinity of text"]
    store.put(KEY, b"[1e999]")
    found.load()
    found.save(found.value)
    assert store.objects[KEY] == b"[null]"
