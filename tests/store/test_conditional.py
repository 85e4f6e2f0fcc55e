"""One conditional write: sent again after a conflict, read back after a refusal."""

import io

import pytest

from datafetch.errors import PreconditionFailed, StoreConflict, StoreUnavailable
from datafetch.store.base import FilePart, StoredObject
from datafetch.store.conditional import put_conditionally
from datafetch.store.streams import Window
from tests.stores import MemoryStore, etag_of
from tests.support import FakeClock

BODY = b'{"run":"mine"}'


def put(answers: list[Exception | str], store: MemoryStore, clock: FakeClock | None = None) -> str:
    """Write `BODY` to a store that gives these answers, one to each attempt."""

    def send() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    window = Window("key", FilePart(io.BytesIO(BODY), len(BODY)))
    return put_conditionally(send, store.get, clock or FakeClock(), window)


def test_a_conflict_is_waited_for() -> None:
    """A 409 says that another write is under way, not that this one lost."""
    clock = FakeClock()
    conflicts: list[Exception | str] = [StoreConflict(), StoreConflict(), StoreConflict(), "etag"]
    assert put(conflicts, MemoryStore(), clock) == "etag"
    assert clock.slept == [0.1, 0.2, 0.4]


def test_conflicts_without_end_are_given_up() -> None:
    """There are four attempts, and the last conflict is raised."""
    conflicts: list[Exception | str] = [StoreConflict() for _ in range(5)]
    with pytest.raises(StoreConflict):
        put(conflicts, MemoryStore())
    assert len(conflicts) == 1


def test_a_refusal_by_the_own_write_is_a_success() -> None:
    """The first attempt was stored and its answer lost; the second meets it as a 412."""
    store = MemoryStore()
    store.put("key", BODY)
    assert put([PreconditionFailed(key="key")], store) == etag_of(BODY)


@pytest.mark.parametrize("theirs", [b'{"run":"them"}', b"longer than ours, and another", b"", None])
def test_a_refusal_by_somebody_elses_write_stays(theirs: bytes | None) -> None:
    """Another object, of equal length or not, or none at all, is a lost race."""
    store = MemoryStore()
    if theirs is not None:
        store.put("key", theirs)
    with pytest.raises(PreconditionFailed):
        put([PreconditionFailed(key="key")], store)


def test_a_refusal_after_a_conflict_is_read_back_too() -> None:
    """The attempt that met the conflict may have been stored all the same."""
    store = MemoryStore()
    store.put("key", BODY)
    assert put([StoreConflict(), PreconditionFailed(key="key")], store) == etag_of(BODY)


def test_a_read_back_that_fails_is_neither_success_nor_a_lost_race() -> None:
    """When the store does not say who wrote, nobody claims to know."""

    class Silent(MemoryStore):
        def get(self, key: str) -> StoredObject:
            raise StoreUnavailable(key=key)

    with pytest.raises(StoreUnavailable):
        put([PreconditionFailed(key="key")], Silent())
