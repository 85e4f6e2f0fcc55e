"""Asks the service that keeps the locks whether it answers, and takes none."""

from datafetch.clock import Clock, ClockSkew
from datafetch.models.lock_place import RedisPlace, TablePlace
from datafetch.ops.leases.account import Account

_NOBODY = "doctor"
"""The key of an item that nobody writes."""


def reach(place: RedisPlace | TablePlace, account: Account, clock: Clock, skew: ClockSkew) -> None:
    """Ask the service for something that changes nothing; the arguments are as in `leases_at`.

    Raises:
        ConfigurationError: its library is missing, there is no such table, or it refuses for good.
        StoreError: it did not answer.
    """
    if isinstance(place, TablePlace):
        from datafetch.ops.leases.dynamodb_table import Table

        table = Table(place.table, account, clock, skew, max_retries=1)
        try:
            table.get(_NOBODY)
        finally:
            table.close()
        return
    from datafetch.ops.leases.redis_server import RedisServer

    RedisServer(place).run("return {1}", [])
