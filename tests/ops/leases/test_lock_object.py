"""The lease as it is stored: what other versions wrote, and whose it is."""

import json
import socket
from typing import Any

import pytest

from datafetch.ops.leases.lock_object import ADAPTER, Conditional, is_of_this_machine

FIELDS: dict[str, Any] = {
    "owner": "a",
    "host": "web-1",
    "pid": 7,
    "runId": "run-1",
    "acquiredAt": 1_795_507_200_000,
    "expiresAt": 1_795_507_500_000,
    "ttlMs": 300_000,
    "token": 4,
}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (
            {"form": "unquoted", "endpoint": "https://a.example"},
            Conditional("unquoted", "https://a.example"),
        ),
        (
            {"form": "none", "endpoint": "https://a.example"},
            Conditional("none", "https://a.example"),
        ),
        ({"form": "quoted"}, None),
        ({"form": "folded", "endpoint": "https://a.example"}, None),
        ({"form": "quoted", "endpoint": 5}, None),
        ("quoted", None),
        (None, None),
    ],
)
def test_what_another_version_knew_of_the_server_makes_no_lock_unreadable(
    stored: object, read: Conditional | None
) -> None:
    """A lock that is not understood counts as free: an odd `conditional` only means that the server is probed."""
    lock = ADAPTER.validate_json(json.dumps(FIELDS | {"conditional": stored}))
    assert (lock.owner, lock.token, lock.conditional) == ("a", 4, read)


def test_the_lock_of_an_earlier_version_is_read() -> None:
    """Versions before the probe wrote no `conditional`."""
    assert ADAPTER.validate_json(json.dumps(FIELDS)).conditional is None


def test_what_is_known_of_the_server_is_stored_as_the_contract_writes_it() -> None:
    """`conditional` is `{form, endpoint}`; null for a folder."""
    read = {"form": "quoted", "endpoint": "https://a.example"}
    for known in (read, None):
        lock = ADAPTER.validate_python(FIELDS | {"conditional": known})
        assert ADAPTER.dump_python(lock, by_alias=True) == FIELDS | {"conditional": known}


def test_the_holder_is_named_in_words() -> None:
    """Whoever is locked out reads which process of which machine has the lock, for which run, since when."""
    lock = ADAPTER.validate_python(FIELDS)
    assert lock.holder() == "process 7 on web-1 (run run-1, since 2026-11-24T08:00:00.000Z)"


def test_a_machine_is_known_by_its_name() -> None:
    """Only the locks of this machine can be judged by what runs here."""
    assert not is_of_this_machine(ADAPTER.validate_python(FIELDS | {"host": "elsewhere"}))
    assert is_of_this_machine(ADAPTER.validate_python(FIELDS | {"host": socket.gethostname()}))
