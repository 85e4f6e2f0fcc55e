"""What the world is made of: hosts, sites, logos and bookmarks that are spread over them, with every oddity."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from tests.fakes import karakeep
from tests.fakes.pictures import photo, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import STYLES, Site

NEWEST = datetime(2025, 9, 1, 12, tzinfo=UTC)
"""When the newest bookmark was made; each further one 37 minutes earlier."""

TAGS = (
    "Python", "Rust", "C++", "C#", "F#", ".NET", "Node.js", "AT&T", "R&D", "Ünïcödé", "日本語", "Ελληνικά",
    "machine learning", "Machine-Learning", "Web Dev", "TypeScript", "Go", "Databases", "PostgreSQL", "DevOps",
    "Kubernetes", "Security", "Design", "CSS", "Accessibility", "AI", "LLM", "Startups", "Finance", "Travel", "Café",
    "Music", "snake_case tag", "@home", "g++", "Vue.js", "History", "🚀", "Science", "Testing",
)  # fmt: skip
"""Forty names; the 13th and 14th share a slug."""

WELL_KNOWN_HOSTS = (
    "youtube.com", "x.com", "netflix.com", "github.com", "stackoverflow.com", "reddit.com", "vimeo.com",
    "news.ycombinator.com", "xn--bcher-kva.example.de",
)  # fmt: skip
_FIRST = (
    "amber", "birch", "cedar", "delta", "elder", "fern", "golden", "hollow", "indigo", "jade", "keen", "lunar", "maple",
)  # fmt: skip
_SECOND = (
    "river",
    "forge",
    "studio",
    "press",
    "labs",
    "notes",
    "works",
    "field",
    "garden",
    "atlas",
    "signal",
)
_SUFFIXES = ("com", "org", "io", "dev", "co.uk", "de", "com.au", "net", "co.jp", "blog")
_SUBDOMAINS = ("shop.", "news.", "xn--bcher-kva.")
_SMALL_BANNER_EVERY = 15


@dataclass
class Icons:
    """Who has a logo of which domain; `direct` is what the sites have themselves, by path."""

    google: dict[str, Icon] = field(default_factory=dict)
    duckduckgo: dict[str, Icon] = field(default_factory=dict)
    direct: dict[str, dict[str, Icon]] = field(default_factory=dict)


def make_hosts(count: int, seed: int) -> list[str]:
    """Distinct hosts without `www.`: well-known ones first, then invented ones, one in twelve a subdomain."""
    hosts = list(WELL_KNOWN_HOSTS[: max(0, count // 3)])
    index = 0
    while len(hosts) < count:
        # Coprime lengths, so that the three lists run through all their combinations.
        name = f"{_FIRST[index % 13]}-{_SECOND[(index + seed) % 11]}"
        again = index // (13 * 11)
        host = f"{name}{again or ''}.{_SUFFIXES[index % 10]}"
        hosts.append(f"shop.{host}" if index % 12 == 11 else host)
        index += 1
    return hosts


def registrable(host: str) -> str:
    """The domain under which the world's logos are known: subdomains have none of their own."""
    return host.partition(".")[2] if host.startswith(_SUBDOMAINS) else host


def make_icons(hosts: list[str]) -> Icons:
    """Half of the domains are at Google; others only elsewhere, too small there, on the site itself, or nowhere."""
    icons = Icons()
    for index, host in enumerate(hosts):
        domain = registrable(host)
        match index % 10:
            case 0 | 1 | 2 | 3 | 4:
                icons.google[domain] = Icon(256 if index % 2 else 128)
            case 5:
                icons.google[domain] = Icon(32)
                icons.duckduckgo[domain] = Icon(96)
            case 6:
                icons.duckduckgo[domain] = Icon(64, "ico")
            case 7:
                icons.direct[host] = {"/apple-touch-icon.png": Icon(180)}
            case 8:
                kind = Icon(64, "svg") if index % 20 == 8 else Icon(192, "webp")
                icons.direct[host] = {
                    f"/static/icon.{kind.kind}": kind,
                    "/favicon.ico": Icon(48, "ico"),
                }
            case 9 if index % 20 == 19:
                icons.google[domain] = Icon(16)
    return icons


def make_sites(hosts: list[str], direct: dict[str, dict[str, Icon]]) -> list[Site]:
    """A site for each host and each domain above it, the styles taking turns; one in eleven lives at `www.`."""
    sites = [
        Site(host, index % len(STYLES), direct.get(host, {}), moves_to_www=index % 11 == 10)
        for index, host in enumerate(hosts)
    ]
    above = {registrable(host) for host in hosts} - set(hosts)
    return sites + [Site(domain, icons=direct.get(domain, {})) for domain in sorted(above)]


def bookmark_id(index: int, seed: int) -> str:
    """The id of a bookmark."""
    return "b" + sha256(f"{seed}:{index}".encode()).hexdigest()[:23]


def make_bookmarks(count: int, hosts: list[str], seed: int) -> Iterator[dict[str, Any]]:
    """Bookmarks, newest first: links over all hosts, a few notes and files, nulls, and slugs that collide."""
    for index in range(count):
        identity, created = bookmark_id(index, seed), NEWEST - timedelta(minutes=37 * index)
        url = _url(index, hosts)
        common = {
            "tags": _tags(index),
            "archived": index % 11 == 5,
            "favourited": index % 7 == 3,
            "note": f"Note {index}" if index % 13 == 0 else None,
            "summary": f"Summary of {index}." if index % 6 == 1 else None,
        }
        if index % 53 == 17:
            source = url if index % 2 else None
            yield karakeep.text(
                identity,
                f"A note, number {index}.",
                created,
                source,
                title=f"Note {index}",
                **common,
            )
        elif index % 61 == 29:
            yield karakeep.asset(identity, f"asset-file-{index % 8}", created, "pdf", **common)
        elif index % 41 == 8:
            yield karakeep.bare_link(identity, url, created)
        else:
            content, assets = _content(index, url, created)
            title = f"My title {index}" if index % 4 == 0 else None
            yield karakeep.link(
                identity, url, created, content, title=title, assets=assets, **common
            )


def make_assets(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """The files of the bookmarks: sixteen different pictures, and banners too small to be used."""
    bodies = [photo(colour=(15 * shade, 100, 255 - 15 * shade)) for shade in range(16)]
    for number in range(min(8, count)):
        yield f"asset-file-{number}", b"%PDF-1.4 a small document\n%%EOF\n"
    for index in range(count):
        small = index % _SMALL_BANNER_EVERY == 0
        if index % 3 == 0:
            yield f"banner-{index}", picture("jpeg", 64) if small else bodies[index % 16]
        if index % 5 == 0:
            yield f"shot-{index}", bodies[(index + seed) % 16]


def _content(
    index: int, url: str, created: datetime
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    host = url.split("/")[2]
    content: dict[str, Any] = {
        "title": "Same title everywhere" if index % 10 == 9 else f"Title {index} at {host}",
        "description": None if index % 6 == 1 else f"Description {index}.",
        "imageUrl": f"https://{host}/img/cover-{index}.png" if index % 2 else None,
        "favicon": f"https://{host}/favicon.ico" if index % 3 else None,
        "datePublished": karakeep.iso(created - timedelta(days=30)) if index % 4 == 2 else None,
        "author": "A. Writer" if index % 5 == 2 else None,
    }
    assets = []
    if index % 3 == 0:
        assets.append({"id": f"banner-{index}", "assetType": "bannerImage", "fileName": None})
        # Half of them are named by the list of assets only.
        content["imageAssetId"] = f"banner-{index}" if index % 2 else None
    if index % 5 == 0:
        assets.append({"id": f"shot-{index}", "assetType": "screenshot", "fileName": None})
        content["screenshotAssetId"] = f"shot-{index}" if index % 2 else None
    return content, assets


def _url(index: int, hosts: list[str]) -> str:
    host, number = hosts[index % len(hosts)], index // len(hosts)
    if host == "youtube.com":
        return f"https://www.youtube.com/watch?v=vid{index}"
    if host == "x.com":
        return f"https://x.com/somebody/status/{10**15 + index}"
    prefix = "www." if index % 8 == 3 and not host.startswith("shop.") else ""
    # Two addresses that differ in their query only have one slug.
    query = f"?page={number}" if index % len(hosts) % 5 == 3 and number in (1, 2) else ""
    if query:
        path = "collected/list"
    elif number == 0 and index % 3 == 0:
        path = ""
    else:
        path = (f"posts/{index}", f"docs/Chapter_{number}/Über%20uns/{index}")[(index + number) % 2]
    return f"https://{prefix}{host}/{path}{query}"


def _tags(index: int) -> list[dict[str, Any]]:
    names = [TAGS[(index * 7 + step * 11) % len(TAGS)] for step in range(index % 5)]
    if index % 20 == 0:
        names += ["machine learning", "Machine-Learning"]
    by = ("ai", "human")
    return [
        karakeep.tag(name, by[(index + place) % 2])
        for place, name in enumerate(dict.fromkeys(names))
    ]
