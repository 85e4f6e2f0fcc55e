"""What a run leaves for readers beside the data."""

import json
from typing import Any

import pytest

from datafetch.bookmarks.heartbeat import note_failure, public_reason, write_heartbeat
from datafetch.bookmarks.state import Snapshot, StoredIndex
from datafetch.errors import (
    BaseMoved,
    Cancelled,
    DatafetchError,
    GuardRefused,
    Inconsistent,
    LeaseLost,
    StoreUnavailable,
    UsageError,
)
from datafetch.models.run import RunOptions
from datafetch.upstream_errors import RateLimited, TransientError
from tests.bookmarks.world import KEYS, SETTINGS, World
from tests.fakes.faults import reply
from tests.stores import MemoryStore
from tests.support import make_context

PAGE = f"/lists/{SETTINGS.list_id}/bookmarks"


def snapshot_of(store: MemoryStore, fields: dict[str, object]) -> Snapshot:
    """What a run read whose index has these fields."""
    etag = store.put(KEYS.bookmarks_index(), json.dumps(fields).encode())
    return Snapshot(None, StoredIndex(fields=fields), etag, None, trusted=False)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (GuardRefused("5 of 10 are left"), "refused: 5 of 10 are left"),
        (RateLimited("host.internal"), "the bookmark server asked to wait"),
        (BaseMoved("key"), "another run changed the bookmarks meanwhile"),
        (Inconsistent("key"), "the stored bookmarks could not be read"),
        (UsageError("/home/somebody"), "the run failed"),
    ],
)
def test_the_public_reason_is_of_the_errors_kind(error: DatafetchError, reason: str) -> None:
    """Everyone may read the heartbeat: only a guard's message, which is numbers, stands there."""
    assert public_reason(error) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(503), "the bookmark server did not answer"),
        (reply(401), "the bookmark server did not accept the credentials"),
        (reply(404), "the bookmark server does not know the list"),
        (reply(200, "<html>"), "the bookmark server's answer could not be used"),
        (reply(200, '{"bookmarks":[],"nextCursor":null}'), "refused: the list came back empty"),
    ],
    ids=["down", "token", "list", "html", "empty"],
)
def test_heartbeat_tells_nothing_internal(answer: Any, reason: str) -> None:
    """Everyone reads the heartbeat, and its error named the server's address and the list."""
    world = World.of(30)
    world.run()
    world.app.inject(answer, PAGE)
    with pytest.raises(DatafetchError):
        world.run()
    error = world.json(KEYS.bookmarks_heartbeat())["error"]
    assert error.startswith(reason)
    internals = ("http", "bookmarks.test", "/api", SETTINGS.list_id)
    assert not [text for text in internals if text in error]


@pytest.mark.parametrize("error", [StoreUnavailable("x"), LeaseLost(), Cancelled()])
def test_nothing_is_noted_by_a_run_that_may_not_write(error: DatafetchError) -> None:
    """After a fault of the store, a lost lease or a signal neither index nor heartbeat is written."""
    store = MemoryStore()
    snapshot = snapshot_of(store, {"count": 1})
    before = dict(store.objects)
    note_failure(make_context(SETTINGS, store), snapshot, error)
    note_failure(
        make_context(SETTINGS, store, options=RunOptions(dry_run=True)),
        snapshot,
        TransientError("x"),
    )
    assert store.objects == before


def test_a_failure_moves_only_the_last_attempt() -> None:
    """Fields of the index that datafetch does not know, or of odd types, stay as they are."""
    store = MemoryStore()
    fields: dict[str, object] = {"count": "many", "theirs": [1], "lastAttemptedAt": 5}
    context = make_context(SETTINGS, store)
    note_failure(context, snapshot_of(store, fields), TransientError("x"))
    now = int(context.clock.now() * 1000)
    index: dict[str, Any] = json.loads(store.get(KEYS.bookmarks_index()).body)
    assert list(index.items()) == [("count", "many"), ("theirs", [1]), ("lastAttemptedAt", now)]


def test_an_index_that_another_run_wrote_stays() -> None:
    """A failed run does not write over the index of a run that succeeded meanwhile."""
    store = MemoryStore()
    snapshot = snapshot_of(store, {"count": 1})
    store.put(KEYS.bookmarks_index(), b'{"count":2}')
    note_failure(make_context(SETTINGS, store), snapshot, TransientError("x"))
    assert store.get(KEYS.bookmarks_index()).body == b'{"count":2}'
    heartbeat = json.loads(store.get(KEYS.bookmarks_heartbeat()).body)
    assert heartbeat["error"] == "the bookmark server did not answer"


def test_the_heartbeat_has_the_fields_of_the_contract() -> None:
    """`{runAt,success,changeDetected,error?}`: `error` stands there only when a run failed."""
    store = MemoryStore()
    context = make_context(SETTINGS, store)
    write_heartbeat(context, changed=True)
    run_at = int(context.clock.now() * 1000)
    body = store.get(KEYS.bookmarks_heartbeat()).body
    assert body == b'{"runAt":%d,"success":true,"changeDetected":true}' % run_at
