"""The store that looks after conditions itself, since its server does not."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from datafetch.errors import PreconditionFailed, StoreUnavailable
from datafetch.store.base import Condition, EtagForm, IfAbsent, IfMatch, ServerStore
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
def checked(server: ServerMemory) -> CheckedStore:
    """A store on it that checks."""
    store = CheckedStore(server)
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


def test_what_cannot_be_compared_is_not_written() -> None:
    """A store error was read as "not found": only a 404 means that there is no object."""
    silent = _Silent("ignoring")
    store = CheckedStore(silent)
    store.checks = True
    with pytest.raises(StoreUnavailable):
        store.put(KEY, b"new", condition=IfAbsent())
    assert silent.puts == []


def test_conditions_are_left_to_a_server_that_keeps_them() -> None:
    """Unless it is told to check, the store costs no request and takes no guarantee away."""
    server = ServerMemory()
    store = CheckedStore(server)
    etag = store.put(KEY, b"old", condition=IfAbsent())
    with pytest.raises(PreconditionFailed):
        store.put(KEY, b"new", condition=IfAbsent())
    store.put(KEY, b"new", condition=IfMatch(etag))
    assert [condition for _, condition in server.puts] == [IfAbsent(), IfAbsent(), IfMatch(etag)]


def test_it_can_be_probed_like_the_store_behind_it(server: ServerMemory) -> None:
    """The form of ETags that works reaches the store that sends them."""
    store: ServerStore = CheckedStore(server)
    assert isinstance(store, ServerStore)
    assert store.endpoint == "https://s3.example.com"
    store.etag_form = EtagForm.UNQUOTED
    assert (store.etag_form, server.etag_form) == (EtagForm.UNQUOTED, EtagForm.UNQUOTED)


def test_deleting_needs_no_condition(server: ServerMemory, checked: CheckedStore) -> None:
    """A publish removes what is stale."""
    checked.delete(KEY)
    assert server.objects == {}
