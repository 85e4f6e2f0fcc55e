"""The world whose bookmarks the predecessors stored: few, and each odd in its own way."""

from datetime import date, datetime, timedelta
from typing import Any

from tests.fakes import karakeep
from tests.fakes.pictures import photo
from tests.fakes.world import World
from tests.fakes.world_data import NEWEST

TODAY = date(2026, 11, 24)
"""The last day of the developer's activity: a recording has to stay as it is."""

BANNER = "11111111-2222-4333-8444-555555555555"


def make_world() -> World:
    """Not started yet; the same each time."""
    world = World(bookmarks=0, domains=12, repositories=3, today=TODAY)
    world.karakeep.put_asset(BANNER, photo(200, 105, (20, 120, 200)))
    for number, item in enumerate(_items(world.hosts[4:]), start=1):
        item["id"] = f"p{number:02}"
        world.karakeep.add(item)
    return world


def _items(hosts: list[str]) -> list[dict[str, Any]]:
    def at(number: int) -> datetime:
        return NEWEST - timedelta(hours=number)

    def link(number: int, url: str, *names: str, **content: Any) -> dict[str, Any]:
        given = content.pop("title", f"Page {number}")
        tags = [karakeep.tag(name, "human") for name in names]
        return karakeep.link("", url, at(number), {"title": given, **content}, tags=tags)

    banner = {"assets": [{"id": BANNER, "assetType": "bannerImage"}]}
    return [
        link(1, f"https://{hosts[0]}/posts/one", "C++", "Web Dev"),
        link(2, "https://www.youtube.com/watch?v=abc", "Видео", title="Приключения капитана"),
        {**link(3, f"https://{hosts[1]}/posts/banner", imageAssetId=BANNER), **banner},
        karakeep.text("", "Remember the milk.", at(4), title="A note"),
        karakeep.text("", "From there.", at(5), f"https://{hosts[2]}/source", title="A quotation"),
        link(6, "javascript:alert(1)", "Tools", title="A bookmarklet"),
        karakeep.asset("", "asset-file-1", at(7), title="A paper"),
        link(8, f"https://{hosts[3]}/posts/one", "日本語 AI", "日本語", "C++"),
        link(9, f"https://www.{hosts[5]}/posts/mixed", "Web Dev"),
        link(10, "https://x.com/somebody/status/1", title="Łódź – ein Bild"),
        link(11, f"https://{hosts[4]}/posts/one", imageUrl="https://elsewhere.example/a.png"),
        link(12, f"https://{hosts[0]}/posts/one?p=2", "C++"),
        link(13, f"https://{hosts[6]}/posts/relative", imageUrl="/img/cover.png"),
    ]
