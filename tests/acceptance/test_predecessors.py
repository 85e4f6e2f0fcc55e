"""Coming from those who wrote before: nothing good is lost, and readers take what is left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.predecessors import first_half, old_site
from tests.predecessors.old_site import MANUAL_SLUG, NO_LOGO_HOST
from tests.predecessors.world import make_world
from tests.processes import Finished, datafetch
from tests.readers import Site, refusals
from tests.readers.places import Place, place_of

Objects = dict[str, bytes]
CDN = "https://cdn.example.org"
UNPUBLISHED = {"p04", "p06", "p07"}
"""A note, a script and a file: they have no web address."""

STRANGERS = ("images/opengraph/somebody-else-", "images/other/", "images/logos/inverted/")
STATE = ("json/datafetch/", "json/rate-limit/")


@pytest.fixture
def old_world() -> Iterator[World]:
    """The world that the predecessors read."""
    with make_world() as world:
        yield world


def run(place: Place, folder: Path, world: World, environment: str) -> Finished:
    """All four jobs, and then the build."""
    done = datafetch(
        "prefetch-dev",
        "--json",
        cwd=folder,
        **world.environment(),
        **place.settings,
        S3_CDN_URL=CDN,
        DATAFETCH_ENV=environment,
        MIN_BOOKMARKS_THRESHOLD="1",
        GITHUB_STATS_PENDING_DELAY_MS="1",
        LOGO_BATCH_DELAY_MS="0",
    )
    assert done.code == 0, done.out + done.err[-3000:]
    return done


def read(objects: Objects, key: str) -> Any:
    """An object of JSON."""
    return json.loads(objects[key])


def slugs(objects: Objects, suffix: str) -> dict[str, str]:
    """The slug of each bookmark, by the mapping that routes look into."""
    mapping = read(objects, f"json/bookmarks/slug-mapping{suffix}.json")
    return {bookmark_id: entry["slug"] for bookmark_id, entry in mapping["slugs"].items()}


def items(objects: Objects, suffix: str) -> dict[str, dict[str, Any]]:
    """The bookmarks of the list by their ids."""
    return {item["id"]: item for item in read(objects, f"json/bookmarks/bookmarks{suffix}.json")}


def as_readers_see(before: Objects, after: Objects, site: Site) -> list[str]:
    """What readers refuse of the store that was taken over."""
    left_alone = {key for key in after if key.startswith(STRANGERS) or "refresh-lock" in key}
    earlier = frozenset(key for key in before if key.startswith("images/"))
    given = frozenset(slugs(before, site.suffix).values())
    kept = frozenset(
        key for key in before if key.startswith("json/opengraph/") and after.get(key) == before[key]
    )
    objects = {key: body for key, body in after.items() if key not in kept}
    return refusals(
        objects,
        Site(
            site.suffix,
            left_alone=frozenset(left_alone),
            earlier_pictures=earlier,
            earlier_slugs=given,
        ),
    )


def assert_kept(before: Objects, after: Objects, suffix: str) -> None:
    """Nothing good that was stored is gone, or was replaced by something worse."""
    assert [key for key in after if ".corrupt-" in key] == []
    old, new = slugs(before, suffix), slugs(after, suffix)
    assert new == {bookmark_id: old[bookmark_id] for bookmark_id in old if bookmark_id in new}
    assert set(old) - set(new) <= UNPUBLISHED
    for key in before:
        if key.startswith(("images/", "json/opengraph/overrides/")):
            assert key in after, key
    _assert_rows_kept(before, after)
    _assert_logos_kept(before, after, f"json/image-data/logos/manifest{suffix}.json")


def _assert_rows_kept(before: Objects, after: Objects) -> None:
    """Weeks of a repository only ever become more."""
    for key, body in before.items():
        if key.endswith(".csv"):
            assert set(body.splitlines()) <= set(after[key].splitlines()), key


def _assert_logos_kept(before: Objects, after: Objects, manifest: str) -> None:
    """Each domain that had a logo has one, in no smaller picture; fields of others stay."""
    for domain, entry in read(before, manifest).items():
        found = read(after, manifest)[domain]
        assert found["cdnUrl"].startswith(f"{CDN}/images/logos/")
        assert found.get("width", 0) >= entry.get("width", 0)
        assert found.get("invertedCdnUrl") == entry.get("invertedCdnUrl")


def settled(objects: Objects, suffix: str) -> Objects:
    """The objects that a run which finds nothing new leaves as they are."""
    times = {f"json/bookmarks/{name}{suffix}.json" for name in ("index", "heartbeat")}
    github = "json/github-activity/"
    times |= {key for key in objects if key.startswith((*STATE, github)) and "raw" not in key}
    return {key: body for key, body in objects.items() if key not in times}


def assert_at_rest(place: Place, folder: Path, world: World, environment: str, suffix: str) -> None:
    """The next run changes nothing."""
    before = settled(place.objects(), suffix)
    done = run(place, folder, world, environment)
    assert done.result("bookmarks")["status"] == "unchanged"
    for operation in ("bookmarks", "opengraph", "logos"):
        assert done.result(operation)["itemsChanged"] == 0, operation
    assert settled(place.objects(), suffix) == before


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_what_our_first_half_wrote(
    kind: str, tmp_path: Path, old_world: World, s3_fake: S3Fake
) -> None:
    """The rules reach what is stored: the code of before left a list that its readers refuse whole."""
    before = first_half()
    place = place_of(kind, tmp_path, s3_fake)
    place.fill(before)
    run(place, tmp_path, old_world, "development")
    after = place.objects()
    assert_kept(before, after, "-dev")
    assert set(items(after, "-dev")) == set(items(before, "-dev")) - UNPUBLISHED
    assert as_readers_see(before, after, Site("-dev")) == []
    was, found = items(before, "-dev"), items(after, "-dev")
    for bookmark_id, item in found.items():
        for name in ("ogTitle", "ogDescription", "ogImageLastFetchedAt"):
            assert item.get(name) or not was[bookmark_id].get(name), (bookmark_id, name)
        if str(was[bookmark_id].get("ogImage", "")).startswith(CDN):
            assert item["ogImage"].startswith(CDN), bookmark_id
    assert_at_rest(place, tmp_path, old_world, "development", "-dev")


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_what_the_old_site_wrote(
    kind: str, tmp_path: Path, old_world: World, s3_fake: S3Fake
) -> None:
    """A key that we would not write ended every run, and the old manifest was taken for corrupt."""
    served = [old_world.karakeep.bookmark(bookmark_id) for bookmark_id in old_world.karakeep.ids()]
    before = old_site(served)
    place = place_of(kind, tmp_path, s3_fake)
    place.fill(before)
    run(place, tmp_path, old_world, "production")
    after = place.objects()
    assert_kept(before, after, "")
    assert as_readers_see(before, after, Site()) == []
    found = items(after, "")
    assert found["p01"]["slug"] == MANUAL_SLUG
    assert found["p01"]["ogTitle"]
    assert found["p01"]["registryLinks"]
    assert found["p01"]["wordCount"] == 120
    assert found["p01"]["logoData"] == {"url": f"{CDN}/images/logos/a.png", "alt": "A"}
    assert found["p09"]["ogImage"].startswith(f"{CDN}/images/opengraph/")
    assert "ogImage" not in found["p11"] or found["p11"]["ogImage"].startswith("https://")
    logo = read(after, "json/image-data/logos/manifest.json")[NO_LOGO_HOST]
    assert logo["originalSource"] == "clearbit"
    assert not [key for key in after if "slug-shards" in key and "older" in key]
    assert not [key for key in after if "tags//" in key]
    assert_at_rest(place, tmp_path, old_world, "production", "")
