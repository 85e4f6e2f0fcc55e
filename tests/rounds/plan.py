"""What a round does, drawn from a seed: the same seed draws the same rounds."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

StoreKind = Literal["folder", "bucket"]
Kind = Literal[
    "kill",  # SIGKILL
    "term",
    "int",
    "pause",  # SIGSTOP past the lease; another run takes over; SIGCONT
    "hang",  # the store says nothing for a while
    "hang-term",  # SIGTERM meanwhile
    "cut",  # connections to the store are cut for a while
    "slow",  # the store answers late
    "upstream",  # a server cuts its connections for a while
    "clock",  # the machine's clock is wrong, and the run is killed
    "clock-pair",  # two machines, one of which has a wrong clock
    "build",  # prefetch-build is killed
    "pair",  # two runs at once
    "pair-kill",  # one of which is killed
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Lock = Literal["store", "file", "redis", "dynamodb"]
Need = Literal["libfaketime", "redis-server"]

BUCKET_ONLY: frozenset[Kind] = frozenset({"cut", "slow"})
"""What a folder cannot do."""

CLOCKS: frozenset[Kind] = frozenset({"clock", "clock-pair"})
"""What needs libfaketime."""

BUILD = ("prefetch-build", "--output", "generated")
_JOBS = (
    ("bookmarks",),
    ("bookmarks", "--force"),
    ("refresh-opengraph",),
    ("logos",),
    ("github",),
    ("update",),
    ("update", "github", "logos"),
    ("update", "bookmarks", "opengraph", "--force"),
)
_PAIRS = (
    (("bookmarks",), ("bookmarks",)),
    (("bookmarks", "--force"), ("refresh-opengraph", "--force")),
    (("update",), ("update",)),
    (("logos",), ("bookmarks", "--wait", "5")),
    (("github",), ("github", "--wait", "5")),
)
_LONG = {"update", "--force", "bookmarks"}
"""Words of the commands that make many requests."""

_HALF_AN_HOUR = 1800
_SKEWS_S = (-86_400, -3600, -_HALF_AN_HOUR, _HALF_AN_HOUR, 3600, 86_400)


@dataclass(frozen=True)
class Moment:
    """When a round's disturbance begins.

    Attributes:
        of: `start`: milliseconds after the process was started; `upstream`: before the n-th
            request to the servers; `store`: before the n-th request to a bucket, or after the n-th
            change that was seen of a folder.
        number: how many.
    """

    of: Literal["start", "upstream", "store"]
    number: int


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        seed, number: what it was drawn from.
        kind: what happens to it.
        commands: of the run that is disturbed, and of the other one.
        moment: when.
        lasts_s: how long a store that hangs, is cut or is slow stays so.
        clock_s: seconds by which the first run's clock is ahead; 0 for a right one.
        ttl_ms: lease time of the runs that are disturbed.
        lock: where all runs of the round have their leases.
        apart: whether the two runs have folders for locks of their own, as two machines have.
        early: whether a paused run wakes while the other one is at work, not after it.
    """

    seed: int
    number: int
    kind: Kind
    commands: tuple[tuple[str, ...], ...]
    moment: Moment
    lasts_s: float = 0.0
    clock_s: int = 0
    ttl_ms: int = 300_000
    lock: Lock = "store"
    apart: bool = False
    early: bool = False

    def __str__(self) -> str:
        runs = " beside ".join(" ".join(command) for command in self.commands)
        extras = [f"lock {self.lock}"] if self.lock != "store" else []
        extras += [f"clock {self.clock_s:+} s"] if self.clock_s else []
        extras += [f"for {self.lasts_s:g} s"] if self.lasts_s else []
        when = f"{self.moment.of} {self.moment.number}"
        return f"round {self.number}: {self.kind} at {when} of {runs}" + "".join(
            f", {extra}" for extra in extras
        )


def kinds_of(store: StoreKind) -> tuple[Kind, ...]:
    """The kinds of rounds that can be played on such a store."""
    return tuple(kind for kind in KINDS if store == "bucket" or kind not in BUCKET_ONLY)


def draw(seed: int, number: int, store: StoreKind, *, lacks: Collection[Need] = ()) -> Round:
    """The round of this number; all kinds come before one comes again.

    On a machine that `lacks` something, the rounds that need it are other ones; the rest is the
    same.
    """
    # Text, since the hash of a tuple is no seed that every Python reads alike.
    kinds = list(kinds_of(store))
    random.Random(f"{seed} {store} {number // len(kinds)}").shuffle(kinds)
    kind = kinds[number % len(kinds)]
    rng = random.Random(f"{seed} {store} {number}")
    if kind in CLOCKS and "libfaketime" in lacks:
        kind = "kill"
    commands = _commands(rng, kind)
    lock = _lock(rng, kind, store)
    return Round(
        seed,
        number,
        kind,
        commands=commands,
        moment=_moment(rng, kind, store, commands[0]),
        lasts_s=rng.choice((0.2, 0.6, 2.5)) if kind in ("hang", "cut", "slow") else 0.0,
        clock_s=rng.choice(_SKEWS_S) if kind in CLOCKS else 0,
        # A run that is paused, or whose store hangs, is to lose its lease soon.
        ttl_ms=1000 if kind in ("pause", "hang") else 300_000,
        lock="store" if lock == "redis" and "redis-server" in lacks else lock,
        apart=kind == "clock-pair",
        early=rng.random() < 0.5,
    )


def _lock(rng: random.Random, kind: Kind, store: StoreKind) -> Lock:
    others: list[Lock] = ["redis", "dynamodb"] if store == "bucket" else ["redis"]
    if kind in ("kill", "term", "pair", "pair-kill"):
        # Leases of this machine keep only runs apart that share its folder for locks.
        others.append("file")
    return rng.choice(others) if rng.random() < 0.4 else "store"


def _commands(rng: random.Random, kind: Kind) -> tuple[tuple[str, ...], ...]:
    if kind == "build":
        return (BUILD,)
    if kind in ("pair", "pair-kill", "clock-pair"):
        return rng.choice(_PAIRS)
    command = rng.choice(_JOBS)
    if kind == "pause":
        # It would wait for what the one that is paused holds, such as the lock of a folder store.
        return (command, (*command, "--wait", "4", "--timeout", "6"))
    return (command,)


def _moment(rng: random.Random, kind: Kind, store: StoreKind, command: tuple[str, ...]) -> Moment:
    # Small numbers more often: a run that finds little changed makes few requests.
    number = 1 + int(rng.random() ** 2 * (80 if _LONG & {*command} else 25))
    if kind == "upstream":
        return Moment("upstream", 1 + number // 4)
    if kind == "build" and store == "folder":
        return Moment("start", rng.randint(150, 900))
    if kind == "build":
        return Moment("store", 1 + number // 2)
    if kind in ("kill", "term", "int") and rng.random() < 0.2:
        return Moment("start", rng.randint(0, 600))
    if kind in ("hang", "hang-term", "cut", "slow"):
        return Moment("store", number)
    return Moment("upstream", 1 + number // 4) if rng.random() < 0.25 else Moment("store", number)
