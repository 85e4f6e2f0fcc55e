"""The lease as it is stored: what other versions wrote, and whose it is."""

import json
import socket
from typing import Any

import pytest

from datafetch.errors import LeaseHolder
from datafetch.ops.leases.lock_object import (
    ADAPTER,
    Conditional,
    held_by,
    is_dead_here,
)
from datafetch.ops.leases.process import this_process

NOW = 1_795_507_260.0

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
    """Versions before the probe wrote no `conditional`, and later ones no `boot` and `started`."""
    lock = ADAPTER.validate_json(json.dumps(FIELDS))
    assert (lock.conditional, lock.boot, lock.started) == (None, None, None)


@pytest.mark.parametrize("odd", [{"boot": 5}, {"started": "soon"}, {"started": -1}, {"boot": None}])
def test_a_process_in_another_form_makes_no_lock_unreadable(odd: dict[str, object]) -> None:
    """A lock that is not understood counts as free: what another version wrote only judges nobody."""
    process = {"boot": "b/1", "started": 5}
    lock = ADAPTER.validate_json(json.dumps(FIELDS | process | odd))
    assert (lock.owner, lock.token) == ("a", 4)
    assert None in (lock.boot, lock.started)
    assert not is_dead_here(lock)


def test_the_lock_of_a_process_before_ours_is_dead() -> None:
    """Numbers are given again: our own number with another start is that of one who has ended."""
    here = this_process()
    mine = {"host": here.host, "pid": here.pid, "boot": here.boot, "started": here.started}
    assert here.started is not None
    assert not is_dead_here(ADAPTER.validate_python(FIELDS | mine))
    assert is_dead_here(ADAPTER.validate_python(FIELDS | mine | {"started": here.started - 1}))
    for other in ({"host": "elsewhere"}, {"boot": "b/1"}, {"boot": None}, {"started": None}):
        gone = mine | {"started": here.started - 1} | other
        assert not is_dead_here(ADAPTER.validate_python(FIELDS | gone)), other


def test_what_is_known_of_the_server_is_stored_as_the_contract_writes_it() -> None:
    """`conditional` is `{form, endpoint}`; null for a folder."""
    read = {"form": "quoted", "endpoint": "https://a.example"}
    for known in (read, None):
        lock = ADAPTER.validate_python(FIELDS | {"conditional": known})
        assert ADAPTER.dump_python(lock, by_alias=True) == FIELDS | {
            "boot": None,
            "started": None,
            "conditional": known,
        }


def test_the_holder_is_named_in_words() -> None:
    """Whoever is locked out reads which process of which machine has the lock, for which run, since when."""
    lock = ADAPTER.validate_python(FIELDS)
    held = held_by("logos", lock.holder(NOW + 300), NOW)
    assert str(held) == ("logos is being run by process 7 on web-1 since 08:00 UTC (run run-1)")
    assert held.hint.startswith("This run did nothing; run it again when the other one has ended")
    assert held.hint.endswith("If it is dead, its lock ends by 08:06 UTC.")
    assert "ps -p" not in held.hint
    assert held.holder == LeaseHolder("web-1", 7, "run-1", NOW - 60, NOW + 300)


def test_a_holder_of_this_machine_can_be_looked_at() -> None:
    """Whether it still lives is one command away; a lock that ends with its process has no time."""
    here = this_process()
    mine = {"host": here.host, "boot": here.boot, "started": 5}
    lock = ADAPTER.validate_python(FIELDS | mine)
    held = held_by("logos", lock.holder(None), NOW + 24 * 3600)
    assert "since 2026-11-24 08:00 UTC" in str(held)
    assert "`ps -p 7`" in held.hint
    assert "its lock ends" not in held.hint


def test_a_holder_is_one_short_line() -> None:
    """Who may write to the bucket chooses the names in it: they forge no line of a terminal or log."""
    lock = ADAPTER.validate_python(FIELDS | {"host": "a\n\x1b[2J" * 5000, "runId": "b\u2028c"})
    said = str(held_by("logos", lock.holder(None), NOW))
    assert said.isprintable()
    assert len(said) < 300


def test_a_holder_of_our_name_in_another_container_cannot_be_looked_at() -> None:
    """A container that was started again met its own lock: it is told until when, not to look at itself."""
    lock = ADAPTER.validate_python(FIELDS | {"host": socket.gethostname(), "pid": 1})
    held = held_by("logos", lock.holder(NOW + 300), NOW)
    assert "ps -p" not in held.hint
    assert "Whether it is alive cannot be seen from here" in held.hint
    assert held.hint.endswith("If it is dead, its lock ends by 08:06 UTC.")
