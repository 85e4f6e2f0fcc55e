"""Makes the leases of the kind that `DATAFETCH_LOCK` names; its libraries are loaded only then."""

from collections.abc import Callable
from pathlib import Path

from datafetch.clock import Clock, ClockSkew
from datafetch.models.lock_place import LockPlace, RedisPlace, TablePlace
from datafetch.ops.lease import LeaseBackend
from datafetch.ops.leases.account import Account
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


def leases_at(
    place: LockPlace,
    store: ObjectStore,
    keys: Keys,
    clock: Clock,
    ttl_s: Callable[[str], float],
    runtime_dir: Path | None,
    *,
    account: Account,
    skew: ClockSkew,
) -> LeaseBackend:
    """The leases that live there; no service is asked yet.

    Args:
        place: where they live.
        store: where the lock objects are, whatever the kind.
        keys: the names of objects.
        clock: tells the time.
        ttl_s: a job's lease time in seconds.
        runtime_dir: see `RuntimeFolder`.
        account: whose keys a table of DynamoDB is asked with.
        skew: is told the times in the answers of DynamoDB.
    """
    if isinstance(place, TablePlace):
        from datafetch.ops.leases.dynamodb import DynamoDbLeases
        from datafetch.ops.leases.dynamodb_table import Table

        table = Table(place.table, account, clock, skew)
        return DynamoDbLeases(table, place.name, store, keys, clock, ttl_s, runtime_dir)
    if isinstance(place, RedisPlace):
        from datafetch.ops.leases.redis import RedisLeases
        from datafetch.ops.leases.redis_server import RedisServer

        return RedisLeases(RedisServer(place), store, keys, clock, ttl_s, runtime_dir)
    if place == "file":
        from datafetch.ops.leases.file import FileLeases

        return FileLeases(store, keys, clock, ttl_s, runtime_dir)
    from datafetch.ops.leases.store import StoreLeases

    return StoreLeases(store, keys, clock, ttl_s, runtime_dir)
