"""What all four jobs store, held against what its readers demand."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import karakeep
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.fakes.world_data import NEWEST
from tests.processes import datafetch
from tests.readers import Site, refusals
from tests.readers.places import place_of

QUICK = {"GITHUB_STATS_PENDING_DELAY_MS": "1", "LOGO_BATCH_DELAY_MS": "0"}
CDN = {"S3_CDN_URL": "https://cdn.example.org"}
ENVIRONMENTS = {"production": "", "development": "-dev"}


def add_oddities(world: World) -> None:
    """Bookmarks of which each breaks a demand when it is published as the server has it."""
    hosts = [host for host in world.hosts if "xn--" not in host]
    links: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("https://www.youtube.com/watch?v=ж1", {"title": "Приключения капитана"}, {}),
        (
            f"https://www.{hosts[4]}/a b/ü?x=1#y",
            {"title": "Łódź – ½ Café", "favicon": "/i.ico"},
            {},
        ),
        (f"https://{hosts[5]}/one", {"imageUrl": "/relative.png", "description": None}, {}),
        (f"https://{hosts[6]}/two", {"title": None, "favicon": "data:image/png;base64,AA"}, {}),
        ("https://bücher.example.de/", {"imageAssetId": "banner-3"}, {}),
        ("javascript:alert(1)", {"title": "A bookmarklet"}, {}),
        ("/relative/page", {"title": "Relative"}, {}),
        (f"https://{hosts[7]}/tags", {}, {"tags": tags(*(f"Tag {at}" for at in range(150)))}),
        (
            f"https://{hosts[8]}/mixed",
            {},
            {"tags": tags("日本語 AI", "日本語", "🚀", "Café", "a/b")},
        ),
        (f"https://{hosts[9]}/times", {"datePublished": "yesterday"}, {"modifiedAt": None}),
    ]
    for at, (url, content, fields) in enumerate(links):
        made = NEWEST + timedelta(minutes=at + 1)
        world.karakeep.add(karakeep.link(f"odd{at:02}", url, made, content, **fields))
    made = NEWEST + timedelta(hours=1)
    world.karakeep.add(
        karakeep.text("odd-note", "Remember the milk.", made),
        karakeep.asset("odd-file", "asset-file-1", made),
        karakeep.bare_link("odd-bare", f"https://{hosts[10]}/bare", made),
    )


def tags(*names: str) -> list[dict[str, Any]]:
    """Tags that a human attached."""
    return [karakeep.tag(name, "human") for name in names]


@pytest.mark.parametrize(("environment", "suffix"), ENVIRONMENTS.items())
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_every_object_is_as_its_readers_demand(
    kind: str, environment: str, suffix: str, tmp_path: Path, world: World, s3_fake: S3Fake
) -> None:
    """One item without a web address, or one relative picture, made readers refuse the whole list."""
    add_oddities(world)
    place = place_of(kind, tmp_path, s3_fake)
    variables = {**world.environment(), **QUICK, **CDN, **place.settings}
    done = datafetch("prefetch-dev", "--json", cwd=tmp_path, **variables, DATAFETCH_ENV=environment)
    assert done.code == 0, done.out + done.err[-3000:]
    assert refusals(place.objects(), Site(suffix)) == []
