"""A run writes no more than it may: a publish is refused as a whole, single writes one by one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import pytest

from datafetch.errors import OutputRefused
from datafetch.runtime.engine import Engine
from datafetch.store.base import FilePart
from datafetch.store.keys import Keys
from datafetch.store.output_limit import LimitedStore, OutputLimit
from datafetch.store.publish import Publisher, PublishPlan, Write, etags_by_listing
from datafetch.store.writes import Spooled
from tests.stores import FaultyStore, MemoryStore
from tests.support import FakeClock

MEGABYTE = b"x" * 1_000_000
HALF = (b"y" * 250_000, b"y" * 250_000)
PLAN = PublishPlan(
    dataset="set",
    commit=Write("commit", b"c"),
    base_etag=None,
    content=[Write("a", MEGABYTE), Write("b", HALF)],
    chains=[[Write("p", HALF)]],
)


def publisher(store: FaultyStore, megabytes: int) -> Publisher:
    """A publisher of a run that may write so much."""
    return Publisher(
        store, Keys("-test"), FakeClock(), Engine(1), "r1", limit=OutputLimit(megabytes)
    )


def test_a_publish_past_the_limit_writes_nothing() -> None:
    """2,000,001 bytes where 2 MB are allowed: refused before the first write, journal included."""
    store = FaultyStore(MemoryStore())
    with pytest.raises(
        OutputRefused, match=r"2\.0 MB or more, and DATAFETCH_MAX_OUTPUT_MB allows 2"
    ):
        publisher(store, 2).publish(PLAN)
    assert not {call.method for call in store.calls} & {"put", "delete"}


def test_a_publish_that_fits_is_not_refused_half_way() -> None:
    """Journal and state come on top of the sum that was asked for; what follows is refused."""
    store = FaultyStore(MemoryStore())
    limit = OutputLimit(2)
    limited = LimitedStore(store, limit)
    fitting = replace(
        PLAN,
        chains=[[Write("p", b"y" * 499_999)]],
        state=lambda _etags, _hashes: Write("state", MEGABYTE),
    )
    Publisher(limited, Keys("-test"), FakeClock(), Engine(4), "r1", limit=limit).publish(fitting)
    assert {"a", "b", "p", "commit", "state"} <= etags_by_listing(store.inner, [""]).keys()
    with pytest.raises(OutputRefused):
        limited.put("c", b"1")


def test_equal_objects_that_are_written_again_count() -> None:
    """With --force all of a dataset is written: it is refused as a whole, and not in its middle."""
    store = FaultyStore(MemoryStore())
    publisher(store, 3).publish(PLAN)
    etags = etags_by_listing(store.inner, [""])
    plan = replace(PLAN, etags=etags, base_etag=etags["commit"])
    store.calls.clear()
    limit = OutputLimit(1)
    forced = Publisher(
        LimitedStore(store, limit),
        Keys("-test"),
        FakeClock(),
        Engine(1),
        "r2",
        again=lambda _: None,
        limit=limit,
    )
    with pytest.raises(OutputRefused):
        forced.publish(plan)
    assert store.count("put") == 0


def test_what_could_not_be_read_again_is_not_written() -> None:
    """An object of more than 512 MiB is refused before the first write, whatever a run may write."""
    store = FaultyStore(MemoryStore())
    large = Spooled(BytesIO(), 512 * 2**20 + 1, "0" * 64)
    plan = replace(PLAN, content=[Write("large", large)])
    for publish in (publisher(store, 20_000).publish, publisher(store, 20_000).preview):
        with pytest.raises(OutputRefused, match=r"large would have 536\.9 MB"):
            publish(plan)
    assert store.calls == []


def test_a_plan_past_the_limit_is_refused_too() -> None:
    """A dry run says what the real one would say."""
    with pytest.raises(OutputRefused):
        publisher(FaultyStore(MemoryStore()), 2).preview(PLAN)


def test_only_what_differs_counts() -> None:
    """A store that is larger than the limit is kept up to date by runs that write little of it."""
    store = FaultyStore(MemoryStore())
    assert publisher(store, 3).publish(PLAN).written == ("a", "b", "p", "commit")
    etags = etags_by_listing(store.inner, [""])
    plan = replace(
        PLAN, etags=etags, base_etag=etags["commit"], content=[*PLAN.content, Write("n", b"1")]
    )
    assert publisher(store, 1).publish(plan).written == ("n", "commit")


def test_single_writes_are_counted_together() -> None:
    """What would pass the limit is not sent; a smaller object still is."""
    store = FaultyStore(MemoryStore())
    limited = LimitedStore(store, OutputLimit(2))
    limited.put("a", MEGABYTE)
    limited.put("b", FilePart(BytesIO(MEGABYTE), 999_999))
    with pytest.raises(OutputRefused):
        limited.put("c", b"22")
    limited.put("d", b"1")
    limited.delete("d")
    assert [call.key for call in store.calls if call.method == "put"] == ["a", "b", "d"]


def test_no_thread_slips_past_the_limit() -> None:
    """Of 40 writes at once, as many are made as fit."""
    limited = LimitedStore(MemoryStore(), OutputLimit(1))

    def put(number: int) -> bool:
        try:
            limited.put(f"k{number}", b"z" * 100_000)
        except OutputRefused:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(put, range(40))) == 10
