"""Rounds follow from their seed."""

import pytest

from tests.acceptance.test_rounds import GAMES, SEED
from tests.rounds.plan import CLOCKS, KINDS, Need, StoreKind, draw, kinds_of


def drawn(store: StoreKind, seed: int, *lacks: Need) -> list[str]:
    """Twenty rounds, in words."""
    rounds = [draw(seed, number, store, lacks=lacks) for number in range(20)]
    return [f"{it} {it.ttl_ms} {it.early}" for it in rounds]


@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_a_seed_draws_the_same_rounds_again(store: StoreKind) -> None:
    """A round that went wrong can be played again."""
    assert drawn(store, 7) == drawn(store, 7) != drawn(store, 8)


@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_all_kinds_come_before_one_comes_again(store: StoreKind) -> None:
    """Fifteen rounds in a row leave no kind out."""
    kinds = kinds_of(store)
    rounds = [draw(3, number, store) for number in range(len(kinds))]
    assert {it.kind for it in rounds} == {*kinds}


def test_the_rounds_that_are_always_played_leave_no_kind_out() -> None:
    """Fifteen of them, on folders and buckets: each kind of disturbance, each place for leases."""
    rounds = [draw(SEED, number, store) for store, numbers in GAMES for number in numbers]
    assert len(rounds) == 15
    assert {it.kind for it in rounds} == {*KINDS}
    assert {it.lock for it in rounds} == {"store", "file", "redis", "dynamodb"}


def test_without_a_library_for_clocks_the_others_stay_as_they_are() -> None:
    """A machine without libfaketime plays the same rounds, but for those."""
    for number in range(30):
        with_clocks = draw(5, number, "bucket")
        without = draw(5, number, "bucket", lacks=["libfaketime"])
        assert without.kind not in CLOCKS
        assert without == with_clocks or with_clocks.kind in CLOCKS


def test_without_a_redis_the_same_is_played_with_other_leases() -> None:
    """A machine without redis-server plays the same rounds, with leases in the store."""
    locks = set()
    for number in range(30):
        with_redis = draw(5, number, "folder")
        without = draw(5, number, "folder", lacks=["redis-server"])
        assert without.lock != "redis"
        assert without == with_redis or with_redis.lock == "redis"
        locks.add(with_redis.lock)
    assert "redis" in locks
