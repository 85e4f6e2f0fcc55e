"""The store that looks after conditions itself, since its server does not."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from datafetch.errors import PreconditionFailed, StoreUnavailable
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import Condition, IfAbsent, IfMatch, ObjectInfo
from datafetch.store.checked import CheckedStore
from tests.stores import ServerMemory, as_file, etag_of

KEY = "json/x.json"


@pytest.fixture
def server() -> ServerMemory:
    """A server that ignores conditions and has one object."""
    server = ServerMemory("ignoring")
    server.put(KEY, b"old")
    server.puts.clear()
    return server


@pytest.fixture
def machine(tmp_path: Path) -> RuntimeFolder:
    """Where this machine's locks are."""
    (tmp_path / "locks").mkdir()
    return RuntimeFolder(tmp_path / "locks")


@pytest.fixture
def checked(server: ServerMemory, machine: RuntimeFolder) -> CheckedStore:
    """A store on it that checks."""
    store = CheckedStore(server, machine)
    store.checks = True
    return store


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        (KEY, IfAbsent()),
        (KEY, IfMatch(etag_of(b"other"))),
        ("json/missing.json", IfMatch(etag_of(b"old"))),
    ],
    ids=["create again", "stale", "missing"],
)
def test_a_condition_that_does_not_hold_is_refused(
    server: ServerMemory, checked: CheckedStore, key: str, condition: Condition
) -> None:
    """A server that ignores conditions would overwrite what another run has published: nothing is sent."""
    with pytest.raises(PreconditionFailed) as caught:
        checked.put(key, b"new", condition=condition)
    assert caught.value.key == key
    assert server.objects == {KEY: b"old"}
    assert server.puts == []


@pytest.mark.parametrize(
    ("key", "condition"),
    [(KEY, IfMatch(etag_of(b"old"))), ("json/missing.json", IfAbsent()), (KEY, None)],
    ids=["fresh", "create", "none"],
)
@pytest.mark.parametrize("form", [bytes, as_file], ids=["bytes", "file"])
def test_a_condition_that_holds_is_not_sent(
    server: ServerMemory,
    checked: CheckedStore,
    key: str,
    condition: Condition,
    form: Callable[[bytes], bytes],
) -> None:
    """A server that answers 501 to conditions stores what comes without them; the ETag is that of the write."""
    server.dialect = "unsupported"
    assert checked.put(key, form(b"new"), condition=condition) == etag_of(b"new")
    assert server.objects[key] == b"new"


class _Silent(ServerMemory):
    """A server that does not say what it has."""

    def head(self, key: str) -> NoReturn:
        """Fail."""
        raise StoreUnavailable(key)


def test_what_cannot_be_compared_is_not_written(machine: RuntimeFolder) -> None:
    """A store error was read as "not found": only a 404 means that there is no object."""
    silent = _Silent("ignoring")
    store = CheckedStore(silent, machine)
    store.checks = True
    with pytest.raises(StoreUnavailable):
        store.put(KEY, b"new", condition=IfAbsent())
    assert silent.puts == []


def test_conditions_are_left_to_a_server_that_keeps_them(machine: RuntimeFolder) -> None:
    """Unless it is told to check, the store costs no request and takes no guarantee away."""
    server = ServerMemory()
    store = CheckedStore(server, machine)
    etag = store.put(KEY, b"old", condition=IfAbsent())
    with pytest.raises(PreconditionFailed):
        store.put(KEY, b"new", condition=IfAbsent())
    store.put(KEY, b"new", condition=IfMatch(etag))
    assert [condition for _, condition in server.puts] == [IfAbsent(), IfAbsent(), IfMatch(etag)]


class _Watched(ServerMemory):
    """A server at which something happens between the look at an object and its write."""

    meanwhile: Callable[[], None] | None = None

    def head(self, key: str) -> ObjectInfo:
        """Tell, and let the other thing happen, once."""
        found = super().head(key)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return found


def test_no_other_process_writes_between_the_look_and_the_write(machine: RuntimeFolder) -> None:
    """Two jobs of one machine have records in common: the update of neither is lost, the later one waits."""
    server = _Watched("ignoring")
    etag = server.put(KEY, b"old")
    mine, theirs = CheckedStore(server, machine), CheckedStore(server, machine, wait_s=0)
    mine.checks = theirs.checks = True
    refused: list[StoreUnavailable] = []

    def write_too() -> None:
        with pytest.raises(StoreUnavailable) as caught:
            theirs.put(KEY, b"theirs", condition=IfMatch(etag))
        refused.append(caught.value)

    def meanwhile() -> None:
        thread = threading.Thread(target=write_too)
        thread.start()
        thread.join()

    server.meanwhile = meanwhile
    mine.put(KEY, b"mine", condition=IfMatch(etag))
    assert [error.key for error in refused] == [KEY]
    assert server.objects == {KEY: b"mine"}
    with pytest.raises(PreconditionFailed):
        theirs.put(KEY, b"theirs", condition=IfMatch(etag))


def test_the_locks_of_writes_are_few(
    checked: CheckedStore, server: ServerMemory, tmp_path: Path
) -> None:
    """A folder in memory is not filled by a file for each of ten thousand objects."""
    for number in range(600):
        checked.put(f"json/{number}.json", b"x", condition=IfAbsent())
    assert len(server.objects) == 601
    assert 1 < len([*(tmp_path / "locks").rglob("write-*")]) <= 256


def test_deleting_needs_no_condition(server: ServerMemory, checked: CheckedStore) -> None:
    """A publish removes what is stale."""
    checked.delete(KEY)
    assert server.objects == {}
