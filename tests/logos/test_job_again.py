"""What `--force` does to logos that are as they were, and the blog's manifest beside theirs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.logos.world import KEYS, World

FOUND, LOST, DOWN = "a.example.com", "b.example.com", "c.example.com"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Three domains with a logo each."""
    with World.started(tmp_path, monkeypatch) as world:
        world.bookmark(FOUND, LOST, DOWN)
        for domain in (FOUND, LOST, DOWN):
            world.at_google(domain, 128)
        world.run()
        yield world


def test_force_writes_equal_pictures_again(world: World) -> None:
    """What was fetched, and what nobody has any more, as it is stored; nothing counts as changed."""
    keys = [KEYS.logo(domain, "google", "png") for domain in (FOUND, LOST, DOWN)]
    before = [world.store.get(key).body for key in keys]
    del world.google.icons[LOST]
    report = world.run(force=True)
    assert world.calls is not None
    puts = world.calls.keys("put")
    assert sorted(key for key in puts if key in keys) == sorted(keys)
    assert KEYS.logo_manifest() in puts
    assert [world.store.get(key).body for key in keys] == before
    assert (report.changed, report.change_detected) == (0, False)


def test_force_reaches_logos_of_domains_that_are_bookmarked_no_longer(world: World) -> None:
    """The manifest names their pictures, so visitors load them: a new ACL has to reach them too."""
    gone = {KEYS.logo(domain, "google", "png") for domain in (LOST, DOWN)}
    world.bookmark(FOUND)
    named = world.run(FOUND, force=True)
    assert world.calls is not None
    assert gone.isdisjoint(world.calls.keys("put"))
    report = world.run(force=True)
    assert gone < set(world.calls.keys("put"))
    assert world.google.log.count(lambda request: DOWN in request.target) == 0
    assert (named.changed, report.changed, report.change_detected) == (0, 0, False)


def test_the_blogs_manifest_is_made_by_every_run(world: World) -> None:
    """Its readers demand an array; in a store of an earlier release it is missing beside ours."""
    assert world.store.get(KEYS.blog_manifest()).body == b"[]"
    world.store.delete(KEYS.blog_manifest())
    world.run()
    assert world.store.get(KEYS.blog_manifest()).body == b"[]"
    assert world.calls is not None
    assert KEYS.logo_manifest() not in world.calls.keys("put")


def test_a_manifest_of_the_blogs_owner_stays(world: World) -> None:
    """It is never written over, forced or not."""
    world.store.put(KEYS.blog_manifest(), b'["https://example.com/a.png"]')
    world.run(force=True)
    assert world.store.get(KEYS.blog_manifest()).body == b'["https://example.com/a.png"]'
