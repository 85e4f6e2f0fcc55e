"""Rounds follow from their seed."""

import pytest

from tests.rounds.plan import BUCKET_ONLY, CLOCKS, KINDS, StoreKind, draw


def drawn(store: StoreKind, seed: int, *, can_set_clocks: bool = True) -> list[str]:
    """Twenty rounds, in words."""
    rounds = [draw(seed, number, store, can_set_clocks=can_set_clocks) for number in range(20)]
    return [f"{it} {it.ttl_ms} {it.early}" for it in rounds]


@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_a_seed_draws_the_same_rounds_again(store: StoreKind) -> None:
    """A round that went wrong can be played again."""
    assert drawn(store, 7) == drawn(store, 7) != drawn(store, 8)


@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_all_kinds_come_before_one_comes_again(store: StoreKind) -> None:
    """Fifteen rounds in a row leave no kind out."""
    kinds = set(KINDS) - (BUCKET_ONLY if store == "folder" else set())
    rounds = [draw(3, number, store, can_set_clocks=True) for number in range(len(kinds))]
    assert {it.kind for it in rounds} == kinds


def test_without_a_library_for_clocks_the_others_stay_as_they_are() -> None:
    """A machine without libfaketime plays the same rounds, but for those."""
    for number in range(30):
        with_clocks = draw(5, number, "bucket", can_set_clocks=True)
        without = draw(5, number, "bucket", can_set_clocks=False)
        assert without.kind not in CLOCKS
        assert without == with_clocks or with_clocks.kind in CLOCKS
