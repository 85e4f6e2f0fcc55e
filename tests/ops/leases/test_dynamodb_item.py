"""A lease as an item of a table, and the conditions of its writes."""

from dataclasses import replace

import pytest

from datafetch.ops.leases.dynamodb_item import (
    Item,
    Owned,
    Unchanged,
    expression_of,
    item_of,
    key_of,
    read_item,
)
from datafetch.ops.leases.lock_object import LockObject

LOCK = LockObject("a1", "host", 7, "run-1", 1_000, 301_000, 300_000, 5, "boot/1", 99)


@pytest.mark.parametrize(
    "lock", [LOCK, replace(LOCK, owner=None), replace(LOCK, boot=None, started=None)]
)
def test_an_item_is_read_as_it_was_written(lock: LockObject) -> None:
    """What is not known, and the owner of a lease that was given back, has no attribute."""
    item = item_of("k", lock)
    assert item["id"] == {"S": "k"}
    assert ("owner" in item) is (lock.owner is not None)
    assert read_item(item) == lock


@pytest.mark.parametrize(
    "broken",
    [
        {"token": {"N": "-1"}},
        {"token": {"N": "1.5"}},
        {"token": {"N": "9" * 5000}},
        {"token": {"S": "x"}},
        {"token": {"M": {"a": {"N": "1"}}}},
        {"pid": {"N": "4294967296"}},
        {"owner": {"N": "1"}},
        {"host": {"NULL": True}},
    ],
)
def test_what_somebody_else_wrote_cannot_be_read(broken: Item) -> None:
    """Every type and number that the API may give is looked at, and none is an error."""
    assert read_item({**item_of("k", LOCK), **broken}) is None


def test_a_key_tells_store_environment_and_job() -> None:
    """People can read it; where the place is too long for DynamoDB, its hash stands for it."""
    lock = "json/datafetch/locks/logos-dev.json"
    assert key_of("s3://host/bucket", lock) == f"s3://host/bucket {lock}"
    a, b = key_of("file:/" + "ä" * 800, lock), key_of("file:/" + "ä" * 801, lock)
    assert a != b
    for key in (a, b):
        assert len(key.encode()) < 2048
        assert key.endswith(f" {lock}")


def test_conditions_are_about_what_changes_with_each_write() -> None:
    """Absent; exactly as it was read, what is missing included; our own, and not older than what is stored."""
    absent = expression_of(Unchanged(None))
    assert (absent.text, absent.names, absent.values) == (
        "attribute_not_exists(#id)",
        {"#id": "id"},
        {},
    )
    released = expression_of(Unchanged(item_of("k", replace(LOCK, owner=None))))
    assert released.text == (
        "attribute_exists(#id) AND attribute_not_exists(#owner) AND #token = :token"
        " AND #expiresAt = :expiresAt"
    )
    assert released.values == {":token": {"N": "5"}, ":expiresAt": {"N": "301000"}}
    own = expression_of(Owned("a1", 301_000))
    assert own.text == "#owner = :owner AND #expiresAt <= :expiresAt"
    assert own.values == {":owner": {"S": "a1"}, ":expiresAt": {"N": "301000"}}
