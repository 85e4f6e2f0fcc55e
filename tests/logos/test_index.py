"""What the store knows of logos, held in memory: read when it changed, and only then."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.logos.index import LogoIndex
from datafetch.logos.model import Logo
from datafetch.logs import bound_logger
from datafetch.store.base import encode_json
from datafetch.store.public_urls import PublicUrls
from tests.logos.world import KEYS, World
from tests.stores import FaultyStore

A, B = "a.example.com", "b.example.org"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A store with the logo of one domain."""
    with World.started(tmp_path, monkeypatch) as world:
        world.bookmark(A)
        world.at_google(A)
        world.run()
        yield world


def indexed(world: World) -> tuple[LogoIndex, FaultyStore]:
    """An index, and the store that counts how often it asks."""
    store = FaultyStore(world.store)
    urls = PublicUrls("https://cdn.example.com", store.url)
    return LogoIndex(store, KEYS, urls, world.clock, bound_logger()), store


def test_it_is_read_when_its_etag_changes(world: World) -> None:
    """In a minute the store is asked for nothing; then for ETags, and for what has changed."""
    index, store = indexed(world)
    index.refresh()
    assert isinstance(index.entry(A), Logo)
    calls = len(store.calls)
    index.refresh()
    assert len(store.calls) == calls
    world.clock.advance(61)
    index.refresh()
    assert store.keys("get").count(KEYS.logo_manifest()) == 1
    world.bookmark(A, B)
    world.at_google(B)
    world.run()
    world.clock.advance(61)
    index.refresh()
    assert isinstance(index.entry(B), Logo)
    assert store.keys("get").count(KEYS.logo_manifest()) == 2


def test_a_store_that_fails_leaves_what_was_read(world: World) -> None:
    """Known logos are served while the store is away; it is asked again after a few seconds."""
    index, store = indexed(world)
    index.refresh()
    world.clock.advance(61)
    store.fault = lambda _call, _number: "fail"
    index.refresh()
    assert isinstance(index.entry(A), Logo)
    calls = len(store.calls)
    index.refresh()
    assert len(store.calls) == calls
    world.clock.advance(6)
    store.fault = None
    index.refresh()
    assert len(store.calls) > calls


def test_without_anything_read_nobody_knows(world: World) -> None:
    """That is told as such, never as "no logo"."""
    index, store = indexed(world)
    store.fault = lambda _call, _number: "fail"
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="not known"):
            index.refresh()
    assert not index.was_read


def test_a_missing_manifest_is_empty(world: World) -> None:
    """Nothing is stored yet: that is known."""
    for key in (KEYS.logo_manifest(), KEYS.logo_failed_domains()):
        world.store.delete(key)
    index, _ = indexed(world)
    index.refresh()
    assert index.was_read
    assert index.entry(A) is None


def test_of_a_broken_manifest_the_rest_counts(world: World) -> None:
    """One bad entry costs itself; nothing is written."""
    stored = {**world.manifest, B: {"key": 7}}
    world.store.put(KEYS.logo_manifest(), encode_json(stored))
    before = world.snapshot()
    index, _ = indexed(world)
    index.refresh()
    assert isinstance(index.entry(A), Logo)
    assert index.entry(B) is None
    assert world.snapshot() == before


def test_logos_of_strangers_are_counted(world: World) -> None:
    """By their mark, once each; others' fields that are called alike do not count."""
    entry = world.manifest[A]
    stored = {
        A: {**entry, "onDemand": True},
        B: {**entry, "onDemand": "yes"},
        "c.example.net": {**entry, "note": "onDemand"},
    }
    world.store.put(KEYS.logo_manifest(), encode_json(stored))
    index, _ = indexed(world)
    index.refresh()
    assert index.on_demand_count == 1
    marked = index.entry(A)
    assert marked is not None
    index.note(A, marked)
    assert index.on_demand_count == 1
