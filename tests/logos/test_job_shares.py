"""Shares of the logo job: together they leave what one run leaves, at once, in any order, killed or late."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import Cancelled
from datafetch.job import JobContext
from datafetch.logos.manifest import LogoManifest
from datafetch.logos.model import Logo
from datafetch.logos.negative_cache import NegativeCache
from datafetch.logos.saving import ShareSaving
from datafetch.models.job_settings import LogoSettings
from datafetch.models.run import JobName
from datafetch.models.shard import Shard
from datafetch.store.base import encode_json
from datafetch.store.local import LocalStore
from datafetch.store.s3 import S3Store
from tests.fakes import faults
from tests.fakes.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Fake
from tests.logos.world import KEYS, World
from tests.shares import FOUR, at_once, dies_at, keeper, left_in, one_by_one, played
from tests.stores import Call, Killed
from tests.support import FakeClock

DOMAINS = [f"{name}.example.com" for name in "abcdefghijkl"]
"""Each of the four shares has some of them."""

GONE = "gone.example.net"
"""Bookmarked once: its logo stays."""

Way = Callable[..., None]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A store with logos that are due, some without a logo, some new, and one that moved."""
    with World.started(tmp_path, monkeypatch) as world:
        world.settings = replace(world.settings, batch_size=1000)
        world.bookmark(GONE, *DOMAINS[:8])
        for domain in (GONE, *DOMAINS[:6]):
            world.at_google(domain)
        world.run()
        world.bookmark(*DOMAINS)
        del world.google.icons[DOMAINS[0]]
        world.at_ddg(DOMAINS[0])
        world.at_google(DOMAINS[1], 256)
        for domain in DOMAINS[8:11]:
            world.at_google(domain)
        world.google.inject(faults.reply(403, "blocked"), DOMAINS[11])
        world.later()
        yield world


def share(
    world: World, shard: Shard, *, clock: FakeClock | None = None, **options: Any
) -> JobContext[LogoSettings]:
    """The context of a share's run, with the lease of the dataset in the world's store."""
    context = world.context(shard=shard, **options)
    leases = keeper(world.store, KEYS, world.folder.parent, context.run_id, context.cancel, clock)
    return replace(context, wait_for_lease=leases.wait_for)


def run_shares(world: World, way: Way = one_by_one, order: Any = FOUR, **options: Any) -> None:
    """Run the shares, each as the manager does."""
    way([lambda shard=shard: world.run_in(share(world, shard, **options)) for shard in order])


@pytest.fixture
def twice(world: World) -> tuple[World, Callable[[], dict[str, object]]]:
    """The world, and what one whole run with these options leaves in a copy of its store."""
    copy = world.folder.parent / "copy"
    shutil.copytree(world.folder, copy)

    def whole(**options: Any) -> dict[str, object]:
        shares, world.store = world.store, LocalStore(copy, world.clock)
        try:
            world.run(**options)
            return left_in(world.store)
        finally:
            world.store = shares

    return world, whole


@pytest.mark.parametrize(
    ("way", "order", "options"),
    [
        (one_by_one, FOUR, {}),
        (one_by_one, FOUR[::-1], {"force": True}),
        (at_once, FOUR, {"missing": True}),
        (one_by_one, FOUR, {"older_than_s": 3600.0}),
    ],
)
def test_four_shares_leave_what_one_run_leaves(
    twice: tuple[World, Callable[..., dict[str, object]]],
    way: Way,
    order: list[Shard],
    options: Any,
) -> None:
    """Pictures, entries, negative cache and dead letters are those of a run for all domains."""
    world, whole = twice
    run_shares(world, way, order, **options)
    assert left_in(world.store) == whole(**options)


def test_shares_in_a_bucket_leave_what_one_run_leaves(
    twice: tuple[World, Callable[..., dict[str, object]]], s3_fake: S3Fake
) -> None:
    """As in a folder: with the leases and conditions of a bucket."""
    world, whole = twice
    expected, folder = whole(), world.store
    world.store = S3Store(
        s3_fake.bucket,
        endpoint=s3_fake.url,
        access_key=ACCESS_KEY_ID,
        secret_key=SECRET_ACCESS_KEY,
    )
    for info in folder.list(""):
        world.store.put(info.key, folder.get(info.key).body)
    run_shares(world, at_once)
    found = left_in(world.store)
    world.store.close()
    assert found == expected


def test_shares_beside_a_whole_run_leave_what_it_leaves(
    twice: tuple[World, Callable[..., dict[str, object]]],
) -> None:
    """The whole run has the dataset's lease all the time: the shares wait for its end."""
    world, whole = twice
    expected = whole()

    def beside() -> None:
        leases = keeper(world.store, KEYS, world.folder.parent, "whole")
        with leases.wait_for(JobName.LOGOS, 900.0):
            world.run_in(world.context())

    at_once([beside, *[lambda s=s: world.run_in(share(world, s)) for s in FOUR]])
    assert left_in(world.store) == expected


def test_shares_with_a_limit_come_to_the_same_end(
    twice: tuple[World, Callable[..., dict[str, object]]],
) -> None:
    """`--limit` bounds each share; what is left is for the next run of the share."""
    world, whole = twice
    reports = [world.run_in(share(world, shard, limit=2)) for shard in FOUR]
    assert [report.processed for report in reports] == [4, 3, 3, 2]
    assert "`datafetch logos --shard 1/4` again" in (reports[0].partial or "")
    run_shares(world)
    asked_twice = KEYS.logo_failed_domains()
    found, expected = left_in(world.store), whole()
    assert found.pop(asked_twice) != expected.pop(asked_twice)
    assert found == expected


@pytest.mark.parametrize(
    ("number", "fatal"),
    [
        (2, Call("put", KEYS.logo(DOMAINS[0], "duckduckgo", "png"))),
        (2, Call("put", KEYS.logo_manifest())),
        (2, Call("delete", KEYS.logo(DOMAINS[0], "google", "png"))),
        (1, Call("put", KEYS.logo_failed_domains())),
    ],
    ids=["picture", "manifest", "removal", "negative"],
)
def test_a_share_that_is_killed_is_run_again(
    twice: tuple[World, Callable[..., dict[str, object]]], number: int, fatal: Call
) -> None:
    """Wherever it died, and although others went on meanwhile."""
    world, whole = twice
    killed = Shard(number, 4)
    with pytest.raises(Killed):
        world.run_and_die_in(
            share(world, killed, fault=lambda call, _: "kill" if call == fatal else None, width=1)
        )
    run_shares(world, order=[*(shard for shard in FOUR if shard != killed), killed])
    assert left_in(world.store) == whole()


@pytest.mark.parametrize("seed", range(2))
def test_whoever_dies_where_the_store_is_that_of_one_run(
    twice: tuple[World, Callable[..., dict[str, object]]], seed: int
) -> None:
    """Shares and a whole run in any order, some of which die at any write.

    How often a domain was asked in vain differs, as one that died may have asked.
    """
    world, whole = twice
    for shard, fatal in played(seed):
        context = world.context(fault=dies_at(fatal), width=1)
        if shard is not None:
            context = share(world, shard, fault=dies_at(fatal), width=1)
        with suppress(Killed):
            world.run_and_die_in(context) if fatal else world.run_in(context)
    found, expected = left_in(world.store), whole()
    for stored in (found, expected):
        for key in (KEYS.logo_failed_domains(), KEYS.dead_letters("logos")):
            stored.pop(key, None)
    assert found == expected


def test_a_picture_that_no_entry_names_yet_stays(
    twice: tuple[World, Callable[..., dict[str, object]]],
) -> None:
    """A share that ends an open publish of another does not take a third one's picture for an old one."""
    world, whole = twice
    leases = keeper(world.store, KEYS, world.folder.parent, "other")
    with leases.wait_for(JobName.LOGOS, 0.0):
        late = world.run_in(share(world, FOUR[1], clock=FakeClock()))
    assert late.partial is not None
    moved = KEYS.logo(DOMAINS[0], "duckduckgo", "png")
    world.at_google(DOMAINS[4], 256, "jpeg")
    with pytest.raises(Killed):
        world.run_and_die_in(
            share(
                world,
                FOUR[2],
                fault=lambda call, _: "kill" if call.method == "delete" else None,
                width=1,
            )
        )
    assert KEYS.publish_journal("logos") in world.snapshot()
    run_shares(world, order=[FOUR[0], FOUR[2], FOUR[3]])
    assert moved in world.pictures
    run_shares(world, order=[FOUR[1]])
    assert left_in(world.store) == whole()


def test_a_share_that_does_not_get_the_lease_says_what_waits(world: World) -> None:
    """It is partial: the entries stay as they were, and the next run of the share makes them."""
    before = world.manifest
    leases = keeper(world.store, KEYS, world.folder.parent, "other")
    with leases.wait_for(JobName.LOGOS, 0.0):
        clock = FakeClock()
        report = world.run_in(share(world, FOUR[0], clock=clock))
    assert sum(clock.slept) == 900.0
    assert "`datafetch logos --shard 1/4` takes it from the stored pictures" in str(report.partial)
    assert (report.processed, report.changed, report.change_detected) == (4, 0, False)
    assert world.manifest == before
    report = world.run_in(share(world, FOUR[0]))
    assert (report.partial, report.changed) == (None, 1)
    assert DOMAINS[9] in world.manifest


def test_a_share_without_news_takes_no_lease(world: World) -> None:
    """An unchanged run of a share writes nothing, also while another has the lease."""
    run_shares(world, order=[FOUR[3]])
    before = world.snapshot()
    leases = keeper(world.store, KEYS, world.folder.parent, "other")
    with leases.wait_for(JobName.LOGOS, 0.0):
        report = world.run_in(share(world, FOUR[3], clock=FakeClock()))
    assert (report.partial, report.changed, report.processed) == (None, 0, 2)
    assert {**world.snapshot(), KEYS.lock("logos"): ""} == {**before, KEYS.lock("logos"): ""}


def test_a_share_that_is_stopped_saves_what_it_has(world: World) -> None:
    """It asks for the lease once, although it was asked to stop."""
    context, began = share(world, FOUR[0], width=1), int(world.clock.now() * 1000)

    def stop(_request: object) -> bool:
        context.cancel.cancel(Cancelled("enough"))
        return True

    last = DOMAINS[9]
    world.google.inject(faults.reply(403), lambda request: last in request.url and stop(request))
    with pytest.raises(Cancelled, match="enough"):
        world.run_in(context)
    later = {name for name, entry in world.manifest.items() if entry["fetchedAt"] >= began}
    assert later == {DOMAINS[3], DOMAINS[5]}


def test_a_share_drops_the_mark_of_what_only_visitors_asked_for(world: World) -> None:
    """A domain that is bookmarked since is known to the job, also when its logo is not due."""
    run_shares(world)
    world.store.put(
        KEYS.logo_manifest(),
        encode_json({name: {**entry, "onDemand": True} for name, entry in world.manifest.items()}),
    )
    run_shares(world, order=[FOUR[0]])
    marked = {name for name, entry in world.manifest.items() if "onDemand" in entry}
    own = {name for name in DOMAINS if FOUR[0].has(name)}
    assert marked == world.manifest.keys() - own


def test_a_share_saves_now_and_then(world: World) -> None:
    """A share that is killed after hours has lost little; while another has the lease it goes on."""
    context = share(world, Shard(1, 1))
    manifest, negative = LogoManifest(context, Shard(1, 1)), NegativeCache(context)
    manifest.load()
    negative.load()
    saving = ShareSaving(context, manifest, negative)
    known = manifest.get(DOMAINS[1])
    assert isinstance(known, Logo)
    for number in range(200):
        assert not saving.now_and_then()
        manifest.put(f"{number}.example.org", replace(known, key=f"images/logos/{number}.png"))
    negative.add("none.example.org", "nothing there")
    assert not saving.now_and_then()
    world.clock.advance(5.0)
    leases = keeper(world.store, KEYS, world.folder.parent, "other")
    with leases.wait_for(JobName.LOGOS, 0.0):
        assert not saving.now_and_then()
    assert "0.example.org" not in world.manifest
    world.clock.advance(5.0)
    assert saving.now_and_then()
    assert "199.example.org" in world.manifest
    assert "none.example.org" in world.negative
    before = world.snapshot()
    assert not saving.now_and_then()
    assert saving.save(0.0) is None
    assert world.snapshot() == before


def test_a_broken_manifest_is_kept_aside_by_who_has_the_lease(world: World) -> None:
    """Four shares find it at the same moment; the entries that can be read stay, the others come anew."""
    broken = encode_json({**world.manifest, DOMAINS[3]: {"cdnUrl": "x"}})
    world.store.put(KEYS.logo_manifest(), broken)
    run_shares(world, at_once)
    aside = [*world.store.list(KEYS.logo_manifest() + ".corrupt-")]
    assert [world.store.get(info.key).body for info in aside] == [broken]
    assert {GONE, *DOMAINS[:6], *DOMAINS[8:11]} == world.manifest.keys()
