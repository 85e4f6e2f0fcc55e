"""How conditions are sent: remembered, probed once, refused, or checked."""

from typing import ClassVar

import pytest

from datafetch.errors import UnsafeStore
from datafetch.ops.leases.conditions import Conditions
from datafetch.ops.leases.lock_object import Conditional
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import Condition, EtagForm
from datafetch.store.checked import CheckedStore
from tests.stores import MemoryStore, ServerMemory

HERE = "https://s3.example.com"


def test_a_folder_is_never_probed() -> None:
    """Its conditions are our own code: nothing is asked, nothing known, nothing to tell."""
    store = MemoryStore()
    conditions = Conditions(store)
    conditions.settle(None)
    conditions.probe()
    assert (conditions.known, conditions.note, store.objects) == (None, "", {})


def test_what_the_lock_object_says_costs_no_request() -> None:
    """The form that works is kept in the lock object, so later runs pay nothing."""
    server = ServerMemory("unquoted")
    conditions = Conditions(server)
    conditions.settle(Conditional("unquoted", HERE))
    assert server.etag_form is EtagForm.UNQUOTED
    assert conditions.known == Conditional("unquoted", HERE)
    assert server.puts == []


@pytest.mark.parametrize(
    "stored", [None, Conditional("quoted", "https://elsewhere.example"), Conditional("none", HERE)]
)
def test_a_server_that_is_not_known_is_probed(stored: Conditional | None) -> None:
    """A lock without `conditional`, one of another endpoint, and what only `file` could live with."""
    server = ServerMemory("unquoted")
    conditions = Conditions(server)
    conditions.settle(stored)
    assert server.probes == 1
    assert conditions.known == Conditional("unquoted", HERE)
    assert server.etag_form is EtagForm.UNQUOTED


def test_a_process_probes_once_whatever_its_lock_objects_say() -> None:
    """`update` runs four jobs with a lock each: the second needs no probe of its own."""
    server = ServerMemory()
    conditions = Conditions(server)
    for stored in (None, None, Conditional("unquoted", "https://elsewhere.example")):
        conditions.settle(stored)
    assert server.probes == 1


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("ignoring", "ignores the conditions of writes"),
        ("unsupported", "does not know conditional writes"),
        ("unsupported-400", "does not know conditional writes"),
    ],
)
def test_a_server_without_conditions_is_refused_each_time(dialect, said) -> None:
    """Stores that ignore conditions or answer 501: never silently unsafe, and probed once a process."""
    server = ServerMemory(dialect)
    conditions = Conditions(server)
    for _ in range(3):
        with pytest.raises(UnsafeStore) as caught:
            conditions.settle(None)
        assert str(caught.value) == f"s3://memory at {HERE} {said}"
        assert caught.value.exit_code == 78
        assert "DATAFETCH_LOCK=file" in caught.value.hint
    assert server.probes == 1
    assert conditions.note == ""


def test_with_a_file_lock_such_a_server_is_checked_and_remembered() -> None:
    """What was found is kept in the lock object, so that later runs do not probe again."""
    first = Conditions(CheckedStore(ServerMemory("ignoring"), RuntimeFolder()))
    first.settle(None)
    assert first.known == Conditional("none", HERE)
    server = ServerMemory("ignoring")
    store = CheckedStore(server, RuntimeFolder())
    later = Conditions(store)
    later.settle(first.known)
    assert store.checks
    assert server.puts == []
    assert (
        later.note
        == first.note
        == (
            "the publish is checked, not atomic: the conditional writes of s3://memory cannot be"
            " relied on, so run datafetch on this machine only"
        )
    )


def test_with_a_file_lock_conditions_that_work_are_used() -> None:
    """A server that keeps conditions publishes atomically, whatever the lock."""
    server = ServerMemory("unquoted")
    store = CheckedStore(server, RuntimeFolder())
    conditions = Conditions(store)
    conditions.settle(None)
    assert (store.checks, server.etag_form, conditions.note) == (False, EtagForm.UNQUOTED, "")


def test_a_server_that_has_learned_conditions_is_not_checked_any_more() -> None:
    """Asked anew, the server itself is asked, not what was known of it."""
    server = ServerMemory("ignoring")
    store = CheckedStore(server, RuntimeFolder())
    conditions = Conditions(store)
    conditions.settle(None)
    server.dialect = "quoted"
    conditions.probe()
    assert (store.checks, conditions.known) == (False, Conditional("quoted", HERE))


def test_what_others_write_while_the_server_is_asked_anew_is_still_checked() -> None:
    """For the time of a second probe all writes of the process went out unchecked."""

    class Watched(ServerMemory):
        seen: ClassVar[set[bool]] = set()

        def put_once(self, key: str, body: bytes, condition: Condition) -> str:
            self.seen.add(store.checks)
            return super().put_once(key, body, condition)

    store = CheckedStore(Watched("ignoring"), RuntimeFolder())
    conditions = Conditions(store)
    conditions.settle(Conditional("none", HERE))
    conditions.probe()
    assert Watched.seen == {True}
