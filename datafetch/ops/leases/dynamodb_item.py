"""The lease of a job as an item of a DynamoDB table, and the conditions under which one is written."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from datafetch.ops.leases.lock_object import ADAPTER, LockObject

KEY = "id"
"""The table's partition key, a string; there is no sort key."""

Attribute = Mapping[str, object]
"""A value and its type, as the API writes them: `{"S": "text"}`, `{"N": "12"}`."""

Item = Mapping[str, Attribute]

_TIDY = "tidyAt"
_TIDY_S = 90 * 86_400
"""Seconds after which an item that nobody writes may go, in a table whose time to live is `tidyAt`.

DynamoDB deletes such items within days, and returns them until then.
"""

_WHOLE = re.compile(r"[0-9]{1,38}")
"""As many digits as DynamoDB keeps."""

_VERSION = ("owner", "token", "expiresAt")
"""The attributes of which one changes with each write."""

_LONGEST_KEY = 1500
"""Bytes; DynamoDB takes 2048 (developer guide, "Quotas in Amazon DynamoDB")."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Write only when the item is as it was read; None for an item that was not there."""

    item: Item | None


@dataclass(frozen=True, slots=True)
class Owned:
    """Write only when this grant still has the lease, and no later write of its own is stored.

    A request that a network held up may arrive after the one that repeated it, and after the next.
    """

    owner: str
    expires_at: int


Condition = Unchanged | Owned


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition as the API takes it: a text, and the names and values that it stands for."""

    text: str
    names: dict[str, str]
    values: dict[str, Attribute]


def key_of(place: str, lock: str) -> str:
    """The key of a lease's item.

    Args:
        place: a text that no other store has that shares the table.
        lock: the key of the lock object, which names job and environment.
    """
    whole = f"{place} {lock}"
    if len(whole.encode()) <= _LONGEST_KEY:
        return whole
    return f"{hashlib.sha256(place.encode()).hexdigest()} {lock}"


def item_of(key: str, lock: LockObject) -> Item:
    """The item to store; `expiresAt` is by DynamoDB's clock."""
    fields = ADAPTER.dump_python(lock, by_alias=True) | {_TIDY: lock.expires_at // 1000 + _TIDY_S}
    return {KEY: {"S": key}} | {
        name: {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
        for name, value in fields.items()
        if value is not None
    }


def read_item(item: Item) -> LockObject | None:
    """The lease that an item holds; None when it cannot be read."""
    fields: dict[str, object] = {"owner": None}
    for name, attribute in item.items():
        number = attribute.get("N")
        if isinstance(number, str):
            fields[name] = int(number) if _WHOLE.fullmatch(number) else None
        else:
            fields[name] = attribute.get("S")
    try:
        return ADAPTER.validate_python(fields)
    except ValidationError:
        return None


def expression_of(condition: Condition) -> Expression:
    """The condition as the API takes it."""
    if isinstance(condition, Owned):
        return Expression(
            "#owner = :owner AND #expiresAt <= :expiresAt",
            {"#owner": "owner", "#expiresAt": "expiresAt"},
            {":owner": {"S": condition.owner}, ":expiresAt": {"N": str(condition.expires_at)}},
        )
    item = condition.item
    if item is None:
        return Expression("attribute_not_exists(#id)", {"#id": KEY}, {})
    parts = ["attribute_exists(#id)"] + [
        f"#{name} = :{name}" if name in item else f"attribute_not_exists(#{name})"
        for name in _VERSION
    ]
    return Expression(
        " AND ".join(parts),
        {"#id": KEY} | {f"#{name}": name for name in _VERSION},
        {f":{name}": item[name] for name in _VERSION if name in item},
    )
