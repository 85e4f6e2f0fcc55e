"""Runs that overlap, die and come back: fifteen seeded rounds, healed by one clean run each."""

from pathlib import Path

import pytest

from tests.rounds.plan import StoreKind
from tests.rounds.play import Played, play_game

SEED = 356
"""With it the fifteen rounds leave out no kind of disturbance, nor any place for leases."""

GAMES: tuple[tuple[StoreKind, range], ...] = (
    ("folder", range(5)),
    ("bucket", range(10)),
)


@pytest.mark.timeout(900)  # some fifty processes, one after the other
@pytest.mark.parametrize(("store", "numbers"), GAMES, ids=["folder", "bucket"])
def test_one_clean_run_heals_whatever_happened(
    store: StoreKind, numbers: range, tmp_path: Path
) -> None:
    """Killed, stopped, paused, cut off, with a wrong clock, two at once: nothing lost, doubled or left over.

    `scripts/rounds` plays hundreds of such rounds.
    """
    played: list[Played] = []
    at_the_end = play_game(store, tmp_path, SEED, numbers, played.append)
    told = [f"{it.round}: {it.runs}: {fault}" for it in played for fault in it.faults]
    assert told + at_the_end == [], (
        "play it again with scripts/rounds "
        f"--store {store} --seed {SEED} --first {numbers[0]} --count {len(numbers)}"
    )
    assert len(played) == len(numbers)
