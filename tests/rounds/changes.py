"""What changes on the servers before a round: bookmarks come, go, move and are edited; commits are pushed."""

import random
from collections.abc import Callable
from datetime import date, timedelta

from tests.fakes import karakeep
from tests.fakes.world import World
from tests.fakes.world_data import NEWEST, TAGS

_FEWEST = 45
"""Bookmarks that stay on the list: two pages, whatever goes."""


def change(world: World, rng: random.Random, number: int) -> list[str]:
    """Change what the servers have, for the round of this number; returns what was done."""
    done = [_insert(world, rng, number, at) for at in range(rng.randint(0, 3))]
    acts = (_remove, _remove, _leave, _join, _move, _edit, _edit, _crawl, _push)
    return done + [act(world, rng, number) for act in acts if rng.random() < 0.5]


def _insert(world: World, rng: random.Random, number: int, at: int) -> str:
    """On top, or where an old bookmark stands that joins the list."""
    host = rng.choice([host for host in world.hosts if "xn--" not in host])
    age = timedelta(minutes=rng.choice((-37, 37 * rng.randint(1, 60))) * (number + 1) + at)
    names = rng.sample(TAGS, rng.randint(0, 3))
    key = f"round{number}n{at}"
    created = (
        NEWEST - age if age > timedelta(0) else NEWEST + timedelta(hours=number + 1, minutes=at)
    )
    tags = [karakeep.tag(name) for name in names]
    world.karakeep.add(karakeep.link(key, f"https://{host}/{key}", created, tags=tags))
    return f"insert {key}"


def _with_some(act: Callable[[World, str], None]) -> Callable[[World, random.Random, int], str]:
    """Do it to a bookmark of the list, unless few are left."""

    def do(world: World, rng: random.Random, _number: int) -> str:
        ids = sorted(world.karakeep.ids())
        if len(ids) <= _FEWEST:
            return "too few"
        chosen = rng.choice(ids)
        act(world, chosen)
        return f"{act.__name__.strip('_')} {chosen}"

    return do


@_with_some
def _remove(world: World, chosen: str) -> None:
    world.karakeep.remove(chosen)


@_with_some
def _leave(world: World, chosen: str) -> None:
    world.karakeep.leave_list(chosen)


def _join(world: World, rng: random.Random, _number: int) -> str:
    """One that left comes back."""
    away = sorted(world.karakeep.known() - set(world.karakeep.ids()))
    if not away:
        return "none is away"
    chosen = rng.choice(away)
    world.karakeep.join_list(chosen)
    return f"join {chosen}"


def _move(world: World, rng: random.Random, number: int) -> str:
    chosen = rng.choice(sorted(world.karakeep.ids()))
    world.karakeep.resave(chosen, NEWEST + timedelta(hours=number + 1, minutes=50))
    return f"move {chosen}"


def _edit(world: World, rng: random.Random, number: int) -> str:
    chosen = rng.choice(sorted(world.karakeep.ids()))
    tags = [karakeep.tag(name, "human") for name in rng.sample(TAGS, rng.randint(0, 3))]
    world.karakeep.edit(chosen, title=f"Edited before round {number}", tags=tags)
    return f"edit {chosen}"


def _crawl(world: World, rng: random.Random, number: int) -> str:
    ids = [key for key in world.karakeep.ids() if key.startswith(("b", "round"))]
    chosen = rng.choice(sorted(ids))
    if world.karakeep.bookmark(chosen)["content"]["type"] == "link":
        world.karakeep.crawl(chosen, description=f"Crawled before round {number}.")
    return f"crawl {chosen}"


def _push(world: World, rng: random.Random, number: int) -> str:
    repository = rng.choice([it for it in world.github.activity.repositories if it.pushed_at])
    assert repository.pushed_at is not None
    pushed_at = repository.pushed_at
    repository.commit(date.today() - timedelta(days=20 + number % 300), 1, 7, 3)  # noqa: DTZ011
    # A second push on one day moves the time, too.
    repository.pushed_at = max(repository.pushed_at, pushed_at) + timedelta(minutes=1)
    return f"push {repository.full_name}"
