"""Plays rounds in one world, over one store: disturbs runs, heals, and looks at what is left."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.base import FakeServer
from tests.fakes.s3 import MotoApp
from tests.fakes.world import World
from tests.faketime import fake_clock, wrong_clock
from tests.rounds.changes import change
from tests.rounds.disturb import Disturbed
from tests.rounds.locks import Locks, has_redis
from tests.rounds.looks import tags_by_id
from tests.rounds.places import BucketPlace, FolderPlace, age, temporary_files
from tests.rounds.plan import BUILD, Need, Round, StoreKind, draw
from tests.rounds.runs import Run
from tests.rounds.verdict import GOOD, MASTER, Promises, Told, recorded, running, unlike, wrong

QUICK = {
    "GITHUB_STATS_PENDING_DELAY_MS": "1",
    "LOGO_BATCH_DELAY_MS": "0",
    "OG_RETRY_DELAY_MS": "1",
    "DATAFETCH_RETRY_MAX_SECONDS": "2",
    "DATAFETCH_BREAKER_COOLDOWN_SECONDS": "0",
    "S3_CDN_URL": "https://cdn.example.org",
}
"""Nobody is waited for longer than need be."""

HEAL = ("update",)

_LONGEST_S = 300.0
"""Machines that play may be busy."""


@dataclass(frozen=True)
class Played:
    """A round that was played.

    Attributes:
        round: it.
        was_hit: whether the moment came before its run had ended.
        faults: what is wrong; nothing when all is well.
        runs: its processes, with their exit codes.
    """

    round: Round
    was_hit: bool
    faults: tuple[str, ...]
    runs: str


class Game:
    """One world and one store, in which rounds follow each other.

    Attributes:
        place: the store.
    """

    def __init__(
        self, folder: Path, world: World, place: FolderPlace | BucketPlace, locks: Locks
    ) -> None:
        """What programs write goes to `folder`; `place` and `locks` are open."""
        self._folder = folder
        self._world = world
        self.place = place
        self._locks = locks
        self._promises = Promises()
        self._count = 0

    def begin(self) -> list[str]:
        """Fill the store by a run that nobody disturbs; returns what is wrong."""
        run = self._start(HEAL, "first")
        run.wait(_LONGEST_S)
        faults = [*self._ended_well(run)]
        if faults:
            return faults
        objects = self.place.objects()
        there = self._world.karakeep.ids()
        self._promises.unlinked = frozenset(set(there) - tags_by_id(objects[MASTER]).keys())
        told = Told(run.begun(), run.results(), {})
        return [*self._wrong({}, told), *self._promises.broken(objects)]

    def play(self, played: Round) -> Played:
        """Play one round, with what heals it."""
        rng = random.Random(f"changes {played.seed} {played.number}")
        change(self._world, rng, played.number)
        before = self.place.objects()
        self.place.looks.begin()
        disturbed = Disturbed(played, self._world, self.place, self._start)
        try:
            disturbed.play()
        finally:
            disturbed.end()
        faults = [*disturbed.faults]
        left = self.place.objects()
        self.place.let_a_day_pass()
        age(*temporary_files(self._folder / "generated"))
        healing = [self._start(HEAL, "heal", played, hurried=False)]
        healing[0].wait(_LONGEST_S)
        if played.kind == "build":
            healing.append(self._start(BUILD, "build", played, hurried=False))
            healing[1].wait(_LONGEST_S)
        for run in healing:
            faults += self._ended_well(run)
        runs = [*disturbed.runs, *healing]
        told = Told(
            {key: job for run in runs for key, job in run.begun().items()},
            [result for run in runs for result in _results(run, faults)],
            running(left),
            recorded(left),
        )
        faults += self._wrong(before, told)
        faults += self._promises.broken(self.place.objects())
        shown = ", ".join(map(str, disturbed.runs))
        return Played(played, disturbed.fired.is_set(), tuple(faults), shown)

    def compare(self, fresh: FolderPlace | BucketPlace) -> list[str]:
        """Fill another store in the same world; returns where the two differ.

        What failed in a round and waits for another attempt is tried before.
        """
        last = self._start(("update", "--force"), "force")
        last.wait(_LONGEST_S)
        other = self._start(HEAL, "fresh", place=fresh)
        other.wait(_LONGEST_S)
        faults = [*self._ended_well(last), *self._ended_well(other)]
        return faults or [*unlike(self.place.objects(), fresh.objects())]

    def _start(
        self,
        command: tuple[str, ...],
        name: str,
        played: Round | None = None,
        *,
        hurried: bool = True,
        machine: str = "here",
        clock_s: int = 0,
        place: FolderPlace | BucketPlace | None = None,
    ) -> Run:
        """Start a run; `hurried`: with the lease time of the round."""
        self._count += 1
        variables = {
            **self._world.environment(),
            **QUICK,
            **(place or self.place).settings,
            "DATAFETCH_RUNTIME_DIR": str(_made(self._folder / machine)),
            **wrong_clock(clock_s),
        }
        if played is not None:
            variables |= self._locks.of(played.lock)
        if played is not None and hurried:
            variables["DATAFETCH_LOCK_TTL_MS"] = str(played.ttl_ms)
        logs = _made(self._folder / "logs")
        arguments = tuple(
            str(self._folder / word) if word == BUILD[-1] else word for word in command
        )
        return Run(arguments, logs, f"{self._count:04}-{name}", variables)

    def _ended_well(self, run: Run) -> Iterator[str]:
        if run.code != 0:
            run.end()
            yield f"{run}, which nobody disturbed, did not end well: {run.err[-1500:]}"
            return
        for result in run.results():
            if result["status"] not in GOOD:
                yield f"{run}, which nobody disturbed: {result['status']}: {result['error']}"

    def _wrong(self, before: dict[str, bytes], told: Told) -> Iterator[str]:
        unlinked = self._promises.unlinked
        published = [key for key in self._world.karakeep.ids() if key not in unlinked]
        after, looks = self.place.objects(), self.place.looks
        yield from wrong(before, after, looks=looks, published=published, told=told)
        yield from (f"left over: {name}" for name in self.place.left_over())
        yield from (
            f"left over: {path.name}" for path in temporary_files(self._folder / "generated")
        )


def _results(run: Run, faults: list[str]) -> list[dict[str, Any]]:
    try:
        return run.results()
    except ValueError as error:
        faults.append(f"{run} printed no array of results: {error}")
        return []


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)  # noqa: PTH101 - as a session's folder is
    return folder


def lacking() -> frozenset[Need]:
    """What rounds may need and this machine does not have."""
    lacks: set[Need] = set() if fake_clock() else {"libfaketime"}
    return frozenset(lacks if has_redis() else lacks | {"redis-server"})


@contextmanager
def open_place(kind: StoreKind, folder: Path, name: str) -> Iterator[FolderPlace | BucketPlace]:
    """An empty store that is watched."""
    if kind == "folder":
        place = FolderPlace(folder / name)
        with place.open():
            yield place
        return
    with FakeServer(MotoApp()) as server:
        bucket = BucketPlace(server, name)
        with bucket.open():
            yield bucket


@contextmanager
def open_game(kind: StoreKind, folder: Path, seed: int) -> Iterator[Game]:
    """A world of this seed, and an empty store in `folder`, or a bucket."""
    with (
        World(bookmarks=60, domains=12, repositories=6, seed=seed) as world,
        open_place(kind, folder, "store") as place,
        Locks(_made(folder / "redis"), place) as locks,
    ):
        yield Game(folder, world, place, locks)


def play_game(
    kind: StoreKind, folder: Path, seed: int, numbers: range, on_played: Callable[[Played], None]
) -> list[str]:
    """Play the rounds of these numbers over a new store; returns what is wrong at the end of all.

    `on_played` is told of each round as it ends.
    """
    with open_game(kind, folder, seed) as game:
        faults = game.begin()
        if faults:
            return faults
        for number in numbers:
            on_played(game.play(draw(seed, number, kind, lacks=lacking())))
        with open_place(kind, folder, "fresh") as fresh:
            return game.compare(fresh)
