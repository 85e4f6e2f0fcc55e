"""The lock of the system before datafetch: told while it holds, and only where it costs nothing much."""

import json
import os
import time
from pathlib import Path

import pytest

from datafetch.errors import StoreUnavailable
from datafetch.store.local import LocalStore
from tests.bookmarks.world import KEYS, World

LOCK = "json/bookmarks/refresh-lock-test.json"


def old_world(folder: Path, lock: bytes, age_s: float = 10.0) -> World:
    """A world whose folder holds what the old system left: bookmarks, no state of ours, its lock."""
    world = World.of(12, store=LocalStore(folder))
    world.run()
    for key in world.stored("json/datafetch/"):
        world.store.delete(key)
    world.store.put(LOCK, lock)
    written = time.time() - age_s
    os.utime(folder / LOCK, (written, written))
    return world


def told(world: World) -> tuple[str, ...]:
    """What the last run told the user from inside its work."""
    assert world.context is not None
    return world.context.remarks.notes()


def body(**fields: object) -> bytes:
    """A lock as the old system writes it, for five minutes."""
    held = {"instanceId": "instance-7-1", "acquiredAt": 1795507200000, "ttlMs": 300_000}
    return json.dumps({**held, **fields}).encode()


@pytest.mark.parametrize("options", [{}, {"dry_run": True}], ids=["run", "dry run"])
def test_a_lock_that_holds_is_told(tmp_path, options):
    """Two systems that write the same objects undo each other's work: the user is told which to stop."""
    world = old_world(tmp_path, body())
    world.run(**options)
    (note,) = told(world)
    assert note.startswith(f"the old system is refreshing these bookmarks, too: its lock {LOCK} ")
    assert "datafetch guide migrate" in note
    assert world.store.get(LOCK).body == body()  # nobody but its owner removes it


@pytest.mark.parametrize(
    ("lock", "age_s"),
    [
        (body(), 301.0),
        (body(ttlMs=1_800_000), 1801.0),
        (body(ttlMs=0), 0.0),
        (body(ttlMs="soon"), 1.0),
        (body(ttlMs=10**15), 1.0),
        (b"[]", 1.0),
        (b"not JSON", 1.0),
        (b"", 1.0),
    ],
    ids=["over", "a longer one, over", "0", "no number", "for ever", "array", "text", "empty"],
)
def test_a_lock_that_nobody_holds_says_nothing(tmp_path, lock, age_s):
    """What a process that died has left, or what is no lock, neither stops a run nor warns of one."""
    world = old_world(tmp_path, lock, age_s)
    report = world.run()
    assert told(world) == ()
    assert report.processed == 12


def test_a_longer_lock_is_told_for_longer(tmp_path):
    """The last versions of the old system took theirs for half an hour."""
    world = old_world(tmp_path, body(ttlMs=1_800_000), 1700.0)
    world.run()
    assert len(told(world)) == 1


def test_an_unchanged_run_does_not_look(tmp_path):
    """A run that finds all as it left it makes no request for a lock that it would not obey."""
    world = old_world(tmp_path, body())
    world.run()
    world.run()
    assert told(world) == ()
    assert world.faulty is not None
    assert LOCK not in world.faulty.keys("get")


def test_when_the_old_system_has_written_it_is_looked_for_again(tmp_path):
    """The old system was not switched off: the run that finds its traces says so."""
    world = old_world(tmp_path, body())
    world.run()
    world.store.put(KEYS.bookmarks_index(), b'{"count":12,"lastModified":"2026-11-24T08:00:00Z"}')
    world.run()
    assert len(told(world)) == 1


def test_a_store_that_fails_there_ends_the_run_before_it_writes(tmp_path):
    """Only "not found" means that there is no lock."""
    world = old_world(tmp_path, body())
    before = {key: world.store.get(key).body for key in world.stored()}
    with pytest.raises(StoreUnavailable):
        world.run(fault=lambda call, _: "fail" if call.key == LOCK else None)
    kept = {key: world.store.get(key).body for key in before if "heartbeat" not in key}
    assert kept == {key: value for key, value in before.items() if "heartbeat" not in key}
