"""Shares of the OpenGraph job: together they leave what one run leaves, in any order, at once, killed or late."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from datafetch.models.run import JobName, JobReport
from datafetch.models.shard import Shard
from datafetch.store.base import ObjectStore, encode_json
from datafetch.urls import page_address
from tests.fakes import faults
from tests.fakes.sites import Site
from tests.opengraph.world import KEYS, World, world
from tests.shares import FOUR, at_once, dies_at, keeper, left_in, one_by_one, played
from tests.stores import Call, Killed, MemoryStore
from tests.support import FakeClock

PATHS = [f"page{number}" for number in range(10)]
BROKEN = "page3"
DAY = 86_400.0

Way = Callable[..., None]


@pytest.fixture
def it() -> Iterator[World]:
    """A store with pages that are due, one that left the list, some that are new, and one that fails."""
    with world(["old", *PATHS[:5]]) as made:
        made.sites.inject(faults.reply(404), f"/{BROKEN}")
        made.run()
        made.add(*PATHS[5:])
        made.karakeep.remove("b0")
        made.clock.advance(40 * DAY)
        made.sync()
        yield made


@pytest.fixture
def whole(it: World) -> Callable[..., dict[str, object]]:
    """What one whole run with these options leaves in a copy of the store."""
    copy = MemoryStore()
    assert isinstance(it.store, MemoryStore)
    copy.objects.update(it.store.objects)

    def run(*, lost: bool = False, **options: Any) -> dict[str, object]:
        shares: ObjectStore = it.store
        it.store = copy
        if lost:
            copy.delete(KEYS.dataset("opengraph"))
        try:
            it.run(after_s=0.0, **options)
            return left(copy)
        finally:
            it.store = shares

    return run


def left(store: ObjectStore) -> dict[str, object]:
    """What is stored but backups, and what shares remember of theirs."""
    found = left_in(store).items()
    return {key: value for key, value in found if not re.search("/backup[/.]", key)}


def backups(store: ObjectStore) -> list[bytes]:
    """The lists that are kept as backups, the oldest first."""
    keys = sorted(info.key for info in store.list(KEYS.bookmarks_backup_prefix()))
    return [store.get(key).body for key in keys]


def share_of(it: World, path: str) -> Shard:
    """The share that has a page; the pages' addresses have another port each time."""
    address = page_address(it.url(path))
    assert address is not None
    return next(shard for shard in FOUR if shard.has(address))


def restyle(it: World, style: int) -> None:
    """Have the heads of all pages say something else."""
    it.sites.sites["alone.example.com"] = Site("alone.example.com", style)


def run_share(
    it: World, folder: Path, shard: Shard, *, clock: FakeClock | None = None, **options: Any
) -> JobReport:
    """One run of a share, with real leases of dataset and bookmarks, at the time of all others."""
    leases = keeper(it.store, KEYS, folder, f"run-{shard.name}", clock=clock)
    return it.run(shard=shard, wait_for_lease=leases.wait_for, after_s=0.0, **options)


def run_shares(
    it: World, folder: Path, way: Way = one_by_one, order: Any = FOUR, **options: Any
) -> None:
    """Run the shares."""
    way([lambda shard=shard: run_share(it, folder, shard, **options) for shard in order])


@pytest.mark.parametrize(
    ("way", "order", "options"),
    [
        (one_by_one, FOUR, {}),
        (one_by_one, FOUR[::-1], {"missing": True}),
        (at_once, FOUR, {}),
        (at_once, FOUR, {"force": True}),
    ],
)
def test_four_shares_leave_what_one_run_leaves(
    it: World,
    whole: Callable[..., dict[str, object]],
    tmp_path: Path,
    way: Way,
    order: list[Shard],
    options: Any,
) -> None:
    """Metadata, pictures, state, manifest, bookmarks and dead letters are those of a whole run."""
    run_shares(it, tmp_path, way, order, **options)
    assert left(it.store) == whole(**options)


def test_shares_leave_one_backup_together(it: World, tmp_path: Path) -> None:
    """The list as it was before the first: four of each week would push out all that are older."""
    before, first = backups(it.store), it.store.get(KEYS.bookmarks()).body
    run_shares(it, tmp_path)
    assert backups(it.store) == [*before, first][-5:]
    restyle(it, 3)
    it.clock.advance(2 * 3600.0)
    run_shares(it, tmp_path, force=True)
    assert backups(it.store) == [*before, first][-5:]


def test_what_others_have_published_between_shares_is_a_backup(it: World, tmp_path: Path) -> None:
    """A share never takes the place of a list that nobody has kept; nor does it rely on one of another week."""
    run_shares(it, tmp_path)
    count = len(backups(it.store))
    restyle(it, 3)
    it.karakeep.add(it.link("late", "late"))
    it.sync()
    theirs = it.store.get(KEYS.bookmarks()).body
    run_shares(it, tmp_path, force=True)
    assert len(backups(it.store)) == min(5, count + 2)
    assert backups(it.store)[-1] == theirs
    it.clock.advance(DAY + 1)
    restyle(it, 1)
    last = it.store.get(KEYS.bookmarks()).body
    run_shares(it, tmp_path, force=True)
    assert backups(it.store)[-1] == last


def test_shares_beside_a_whole_run_leave_what_it_leaves(
    it: World, whole: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    """The whole run has the dataset's lease all the time: the shares wait for its end."""
    expected = whole()

    def beside() -> None:
        leases = keeper(it.store, KEYS, tmp_path, "whole")
        with leases.wait_for(JobName.OPENGRAPH, 900.0):
            it.run(wait_for_lease=leases.wait_for, after_s=0.0)

    at_once([beside, *[lambda s=s: run_share(it, tmp_path, s) for s in FOUR]])
    assert left(it.store) == expected


def test_shares_make_the_state_that_is_lost(
    it: World, whole: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    """The first to end makes the records of all pages from their metadata, as a whole run does."""
    expected = whole(lost=True)
    it.store.delete(KEYS.dataset("opengraph"))
    run_shares(it, tmp_path)
    assert left(it.store) == expected


@pytest.mark.parametrize(
    "fatal",
    [KEYS.dataset("opengraph"), KEYS.opengraph_manifest(), KEYS.bookmarks()],
    ids=["state", "manifest", "bookmarks"],
)
def test_a_share_that_is_killed_is_run_again(
    it: World, whole: Callable[..., dict[str, object]], tmp_path: Path, fatal: str
) -> None:
    """Wherever it died, and although others went on meanwhile.

    What the bookmark job remembers of its sources is left out: it is forgotten when somebody finds
    an open publish of the bookmarks, so that the job looks at all of them again.
    """
    killed = share_of(it, PATHS[7])
    with pytest.raises(Killed):
        run_share(
            it,
            tmp_path,
            killed,
            fault=lambda call, _: "kill" if call == Call("put", fatal) else None,
        )
    run_shares(it, tmp_path, order=[*(shard for shard in FOUR if shard != killed), killed])
    found, expected = left(it.store), whole()
    found.pop(KEYS.dataset("bookmarks"))
    expected.pop(KEYS.dataset("bookmarks"))
    assert found == expected


@pytest.mark.parametrize("seed", range(3))
def test_whoever_dies_where_the_store_is_that_of_one_run(
    it: World, whole: Callable[..., dict[str, object]], tmp_path: Path, seed: int
) -> None:
    """Shares and a whole run in any order, some of which die at any write.

    Without the sources of the bookmarks, as above, and without journals and letters of the dead.
    """
    expected, it.width = whole(), 1
    for shard, fatal in played(seed):
        with suppress(Killed):
            if shard is not None:
                run_share(it, tmp_path, shard, fault=dies_at(fatal))
            else:
                leases = keeper(it.store, KEYS, tmp_path, "whole")
                it.run(fault=dies_at(fatal), wait_for_lease=leases.wait_for, after_s=0.0)
    found = left(it.store)
    # The next sync ends a publish of the bookmarks that somebody began and did not live to end.
    journal = KEYS.publish_journal("bookmarks")
    for stored in (found, expected):
        for key in (KEYS.dataset("bookmarks"), KEYS.dead_letters("opengraph"), journal):
            stored.pop(key, None)
    assert found == expected


def test_a_share_that_does_not_get_the_lease_says_what_waits(it: World, tmp_path: Path) -> None:
    """It is partial, and the next run of the share looks at its pages again."""
    before, clock = it.json(KEYS.dataset("opengraph")), FakeClock()
    leases = keeper(it.store, KEYS, tmp_path, "other")
    with leases.wait_for(JobName.OPENGRAPH, 0.0):
        report = run_share(it, tmp_path, shard := share_of(it, PATHS[7]), clock=clock)
    assert sum(clock.slept) == 900.0
    again = f"the next `datafetch refresh-opengraph --shard {shard}` looks at those pages again"
    assert again in (report.partial or "")
    assert report.unmerged
    assert it.json(KEYS.dataset("opengraph")) == before
    assert run_share(it, tmp_path, share_of(it, PATHS[7])).partial is None
    assert it.json(KEYS.dataset("opengraph")) != before


def test_a_share_with_a_limit_says_what_brings_the_rest(it: World, tmp_path: Path) -> None:
    """The whole job would ask for the pages of all shares."""
    report = run_share(it, tmp_path, Shard(1, 1), limit=1)
    assert "run `datafetch refresh-opengraph --shard 1/1` again" in (report.partial or "")
    assert not report.unmerged


def test_a_share_forgets_by_the_list_as_it_is_at_its_end(it: World, tmp_path: Path) -> None:
    """What other shares know of bookmarks that were added meanwhile is not forgotten by one that began before."""
    clock = FakeClock()
    leases = keeper(it.store, KEYS, tmp_path, "other")
    added = False

    def wait(seconds: float) -> None:
        nonlocal added
        clock.time += seconds
        if not added:
            added = True
            it.karakeep.add(it.link("late", "late"))
            it.sync()
            holder.__exit__(None, None, None)
            run_shares(it, tmp_path, order=FOUR[1:])

    clock.sleep = wait  # type: ignore[method-assign]
    holder = leases.wait_for(JobName.OPENGRAPH, 0.0)
    holder.__enter__()
    run_share(it, tmp_path, FOUR[0], clock=clock)
    run_share(it, tmp_path, FOUR[0])
    assert added
    assert len(it.json(KEYS.dataset("opengraph"))["pages"]) == len(PATHS) + 1


def test_a_share_of_nothing_is_content(it: World, tmp_path: Path) -> None:
    """Of 10,000 shares most have no page, and none of them waits for a lease in vain."""
    leases = keeper(it.store, KEYS, tmp_path, "other")
    run_shares(it, tmp_path)
    with leases.wait_for(JobName.OPENGRAPH, 0.0):
        report = run_share(it, tmp_path, Shard(1, 9999), clock=FakeClock())
    assert (report.processed, report.partial) == (0, None)


def test_one_lost_override_is_for_all(it: World, tmp_path: Path) -> None:
    """What people wrote by hand is read by whoever brings something into the dataset."""
    run_shares(it, tmp_path)
    name = next(iter(it.json(KEYS.dataset("opengraph"))["pages"]))
    it.store.put(KEYS.opengraph_override(name), encode_json({"title": "By hand"}))
    run_share(it, tmp_path, FOUR[2])
    titles = [item.get("ogTitle") for item in it.json(KEYS.bookmarks())]
    assert titles.count("By hand") == 1
