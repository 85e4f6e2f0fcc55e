"""The job on a store that the old site has filled: what it takes over, and when something gives way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datafetch.store.base import encode_json
from tests.fakes import faults
from tests.fakes.base import Action
from tests.fakes.pictures import globe, picture
from tests.logos.world import KEYS, Json, World

A, B, C = "a.example.com", "b.example.org", "c.example.net"
OLD_CDN = "https://old-cdn.example.net/bucket"
INVERTED = f"{OLD_CDN}/images/logos/inverted/a_example_com_google_1.png"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: Any) -> Iterator[World]:
    """The logo providers behind their proxy, and a folder."""
    with World.started(tmp_path, monkeypatch) as made:
        yield made


def old_key(domain: str, source: str = "google") -> str:
    """Where the old site kept a logo."""
    return KEYS.logo(domain, source, "png")


def old_entry(domain: str, source: str = "google", **fields: Any) -> Json:
    """The old site's entry of a domain."""
    return {"cdnUrl": f"{OLD_CDN}/{old_key(domain, source)}", "originalSource": source, **fields}


def leave(world: World, *domains: str, source: str = "google", size: int = 128) -> dict[str, Json]:
    """Bookmarks of these domains, their logos and the manifest, as the old site left them."""
    world.bookmark(*domains)
    manifest = {domain: old_entry(domain, source) for domain in domains}
    manifest[domains[0]]["invertedCdnUrl"] = INVERTED
    for domain in domains:
        body = picture("png", size, size, (9, 99, 199))
        world.store.put(old_key(domain, source), body, content_type="image/png")
    world.store.put(KEYS.logo_manifest(), encode_json(manifest))
    return manifest


def asides(world: World) -> list[str]:
    """Objects that were kept aside as corrupt."""
    return [key for key in world.snapshot() if ".corrupt-" in key]


def test_the_old_manifest_is_taken_over(world: World) -> None:
    """It was taken for corrupt and its entries were lost: now each is due, and fetched anew."""
    leave(world, A, B)
    world.at_google(A, 256)
    world.at_google(B, 256)
    report = world.run()
    assert (report.changed, report.failed) == (2, 0)
    assert asides(world) == []
    assert {entry["width"] for entry in world.manifest.values()} == {256}
    assert world.manifest[A]["invertedCdnUrl"] == INVERTED
    assert world.manifest[A]["cdnUrl"].startswith(f"https://cdn.example.com/{old_key(A)}?v=")
    world.run()
    assert world.asked == 0


@pytest.mark.parametrize("fault", [faults.reply(500), faults.dropped(), faults.reply(429)])
def test_a_failure_keeps_what_the_old_site_stored(world: World, fault: Action) -> None:
    """Nobody answers: entry and picture are as they were, and a dead letter waits."""
    before = leave(world, A)
    snapshot = world.store.get(old_key(A)).body
    for app in (world.google, world.ddg, world.sites):
        app.inject(fault)
    report = world.run()
    assert (report.changed, report.failed) == (0, 1)
    assert world.manifest == before
    assert world.store.get(old_key(A)).body == snapshot
    assert list(world.letters) == [A]


@pytest.mark.parametrize("source", ["google", "clearbit"])
def test_a_lesser_picture_keeps_what_the_old_site_stored(world: World, source: str) -> None:
    """A smaller picture, however good, does not replace it; it is measured and named as it is."""
    leave(world, A, source=source)
    world.at_google(A, 64)
    report = world.run()
    assert report.changed == 0
    entry = world.manifest[A]
    assert (entry["width"], entry["key"]) == (128, old_key(A, source))
    assert (entry["originalSource"], entry["invertedCdnUrl"]) == (source, INVERTED)
    assert entry["fetchedAt"] == round(world.clock.now() * 1000)
    world.run()
    assert world.asked == 0


def test_a_logo_of_a_service_that_is_gone_gives_way_to_one_as_large(world: World) -> None:
    """The old picture stays in the store: other objects of the old site may name it."""
    leave(world, A, source="clearbit")
    world.at_google(A, 128)
    world.run()
    assert world.manifest[A]["originalSource"] == "google"
    assert world.pictures == {old_key(A, "clearbit"), old_key(A)}


def test_without_any_logo_the_old_one_stays(world: World) -> None:
    """Every provider answers that it has none: that removes nothing that is good."""
    leave(world, A)
    assert world.run().changed == 0
    assert (world.manifest[A]["width"], world.manifest[A]["key"]) == (128, old_key(A))
    assert world.negative == {}


@pytest.mark.parametrize("left", [None, b"<html>", globe(256)], ids=["none", "page", "globe"])
def test_an_entry_without_a_good_picture_gives_way_to_any(world: World, left: bytes | None) -> None:
    """What its entry names is not there, or no logo: then even a small one is better."""
    before = leave(world, A)
    world.store.delete(old_key(A))
    if left is not None:
        world.store.put(old_key(A), left, content_type="image/png")
    world.run(width=1)
    assert world.manifest == before
    assert list(world.negative) == [A]
    world.at_ddg(A, 32)
    world.run(width=1)
    assert (world.manifest[A]["width"], world.manifest[A]["invertedCdnUrl"]) == (32, INVERTED)


def test_the_negative_cache_and_missing_hold_for_old_entries(world: World) -> None:
    """What the old site noted of a domain without a logo is obeyed; `--missing` leaves entries alone."""
    before = leave(world, A)
    now = round(world.clock.now() * 1000)
    record = {"item": A, "attempts": 3, "lastAttempt": now}
    world.store.put(KEYS.logo_failed_domains(), encode_json({A: record}))
    for options in ({}, {"missing": True}, {"missing": True, "force": True}):
        world.run(**options)
        assert (world.asked, world.manifest) == (0, before)
    world.at_google(A, 256)
    world.run(force=True)
    assert world.manifest[A]["width"] == 256


def test_entries_of_other_domains_stay(world: World) -> None:
    """A run for one domain keeps what it does not know, entries without a picture included."""
    before = leave(world, A, B)
    dark = {"cdnUrl": "", "originalSource": "unknown", "invertedCdnUrl": INVERTED}
    world.store.put(KEYS.logo_manifest(), encode_json({**before, "dark_only": dark}))
    world.at_google(A, 256)
    world.run(A)
    assert world.manifest[A]["width"] == 256
    shown = {**dark, "cdnUrl": INVERTED}
    assert {**world.manifest, A: None} == {A: None, B: before[B], "dark_only": shown}


def test_an_entry_without_an_address_is_mended_once(world: World) -> None:
    """Readers refuse the whole manifest for it; with all else unchanged one write mends it."""
    world.bookmark(A)
    world.at_google(A, 256)
    world.run()
    dark = {"cdnUrl": "", "originalSource": "unknown", "invertedCdnUrl": INVERTED}
    world.store.put(KEYS.logo_manifest(), encode_json({**world.manifest, "dark_only": dark}))
    for writes in (1, 0):
        world.run()
        assert world.calls is not None
        assert world.calls.keys("put").count(KEYS.logo_manifest()) == writes
    assert world.manifest["dark_only"] == {**dark, "cdnUrl": INVERTED}


def test_an_interrupted_takeover_goes_on(world: World) -> None:
    """Some of the entries are ours already, the others still the old site's."""
    leave(world, A, B)
    for domain in (A, B):
        world.at_google(domain, 256)
    world.run(limit=1)
    assert [("key" in world.manifest[domain]) for domain in (A, B)] == [True, False]
    world.run()
    assert {entry["width"] for entry in world.manifest.values()} == {256}


def test_ddg_is_rewritten_once_without_asking(world: World) -> None:
    """`originalSource` is what readers know; the key still says `ddg`, and nothing is fetched."""
    world.bookmark(A)
    world.at_ddg(A)
    world.run()
    key = world.manifest[A]["key"]
    assert "_ddg_" in key
    stale = {**world.manifest[A], "originalSource": "ddg", "x": 1}
    world.store.put(KEYS.logo_manifest(), encode_json({A: stale}))
    report = world.run()
    assert (world.asked, report.changed) == (0, 0)
    assert world.manifest[A] == {**stale, "originalSource": "duckduckgo"}
    before = world.snapshot()
    world.run()
    assert world.snapshot() == before


def test_a_dry_run_rewrites_nothing(world: World) -> None:
    """It reads the old manifest, says what it would do, and leaves it as it is."""
    before = leave(world, A, B)
    report = world.run(dry_run=True)
    assert "look again at 2" in report.notes[0]
    assert world.manifest == before


def test_a_picture_that_another_environments_old_manifest_names_stays(world: World) -> None:
    """Environments share pictures, and those that the old site's manifest names are told by URL."""
    world.bookmark(A)
    world.at_google(A)
    world.run()
    theirs = {A: old_entry(A), "dark": {"cdnUrl": "", "invertedCdnUrl": INVERTED}}
    world.store.put("json/image-data/logos/manifest.json", encode_json(theirs))
    del world.google.icons[A]
    world.at_ddg(A)
    world.later()
    world.run()
    assert world.pictures == {old_key(A), KEYS.logo(A, "duckduckgo", "png")}
