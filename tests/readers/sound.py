"""A small store of which the readers refuse nothing, made without any code of datafetch."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99"
    b"=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
MOMENT = "2026-11-24T08:00:00.000Z"
MOMENT_MS = 1_795_507_200_000
CDN = "https://cdn.example.org"
VERSION = hashlib.sha256(PIXEL).hexdigest()[:8]
LOGO = f"images/logos/example_com_google_{hashlib.sha256(b'example.com').hexdigest()[:8]}.png"
PAGE = "https://example.com/posts/1"
METADATA = f"json/opengraph/metadata/{hashlib.sha256(PAGE.encode()).hexdigest()}.json"


def preview_of(item: Json) -> str:
    """The key of a bookmark's picture."""
    digest = hashlib.sha256(f"{item['url']}:{item['id']}".encode()).hexdigest()[:8]
    return f"images/opengraph/example-com-{digest}.png"


def item(number: int) -> Json:
    """A bookmark with every field that readers know."""
    url = f"https://www.example.com/posts/{number}"
    made = {"id": f"b{number:03}", "url": url}
    return {
        **made,
        "title": f"Post {number}",
        "description": "Words.",
        "slug": f"example-com-posts-{number}",
        "domain": "example.com",
        "tags": [
            {"id": "t1", "name": "C++", "slug": "c-plus-plus", "attachedBy": "ai"},
            {"id": "t2", "name": "日本語", "slug": "日本語", "attachedBy": "user"},
        ],
        "ogImage": f"{CDN}/{preview_of(made)}?v={VERSION}",
        "ogImageExternal": "https://example.com/a.png",
        "ogTitle": None,
        "ogUrl": url,
        "ogImageLastFetchedAt": MOMENT,
        "ogImageEtag": '"e"',
        "dateBookmarked": MOMENT,
        "dateCreated": MOMENT,
        "datePublished": None,
        "modifiedAt": MOMENT,
        "sourceUpdatedAt": MOMENT,
        "archived": False,
        "isFavorite": True,
        "taggingStatus": "success",
        "note": None,
        "summary": None,
        "content": {"type": "link", "url": url, "title": None, "description": None},
        "assets": [{"id": "a1", "assetType": "screenshot"}],
        "wordCount": 3,
        "logoData": {"url": f"{CDN}/{LOGO}", "alt": None},
    }


def sound(change: Callable[[Json], object] = lambda _item: None) -> dict[str, bytes]:
    """The objects of a store with 25 bookmarks; `change` is laid upon the first one everywhere."""
    items = [item(number) for number in range(25)]
    change(items[0])
    objects: dict[str, object] = {**_bookmarks(items), **_github(), **_pictures(items)}
    bodies = {key: json.dumps(value, ensure_ascii=False) for key, value in objects.items()}
    stored = {key: body.encode() for key, body in bodies.items()}
    table = "json/github-activity/repo_raw_weekly_stats/ann_site.csv"
    pictures = dict.fromkeys([LOGO, *map(preview_of, items)], PIXEL)
    return {**stored, **pictures, table: b"1795392000,10,2,1\n1795996800,0,0,0\n"}


def index_of(items: list[Json]) -> Json:
    """The index of a list of bookmarks."""
    lines = sorted(f"{it.get('id')}:{it.get('modifiedAt', MOMENT)}" for it in items)
    return {
        "count": len(items),
        "totalPages": -(-len(items) // 24),
        "pageSize": 24,
        "lastModified": MOMENT,
        "lastFetchedAt": MOMENT_MS,
        "lastAttemptedAt": MOMENT_MS,
        "checksum": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "changeDetected": True,
    }


def _bookmarks(items: list[Json]) -> Json:
    root = "json/bookmarks/"
    pairs = sorted((it["id"], it["slug"]) for it in items)
    compact = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    mapping = {
        "version": "1.0.0",
        "generated": MOMENT,
        "count": len(items),
        "checksum": hashlib.md5(compact.encode()).hexdigest(),
        "slugs": {
            it["id"]: {
                "id": it["id"],
                "slug": it["slug"],
                "url": it.get("url"),
                "title": it.get("title"),
            }
            for it in items
        },
        "reverseMap": {slug: bookmark_id for bookmark_id, slug in pairs},
    }
    objects: Json = {
        f"{root}bookmarks.json": items,
        f"{root}index.json": index_of(items),
        f"{root}slug-mapping.json": mapping,
        f"{root}heartbeat.json": {"runAt": MOMENT_MS, "success": True, "changeDetected": True},
        **{f"{root}by-id/{it['id']}.json": it for it in items},
    }
    tagged: dict[str, list[Json]] = {}
    for it in items:
        for slug in dict.fromkeys(tag["slug"] for tag in it["tags"]):
            tagged.setdefault(slug, []).append(it)
    lists = {"pages": items, **{f"tags/{slug}": those for slug, those in tagged.items()}}
    for folder, those in lists.items():
        for at in range(0, len(those), 24):
            objects[f"{root}{folder}/page-{at // 24 + 1}.json"] = those[at : at + 24]
        if folder != "pages":
            objects[f"{root}{folder}/index.json"] = index_of(those)
    return objects


def _github() -> Json:
    root = "json/github-activity/"
    days = [{"date": f"2026-11-{day:02}", "count": day, "level": day % 5} for day in range(1, 25)]
    lines = {"linesAdded": 10, "linesRemoved": 2}
    segment = {"source": "api", "totalContributions": 300, **lines, "dataComplete": True}
    older = dict.fromkeys(
        ("totalCommits", "totalLinesAdded", "totalLinesRemoved", "publicCommits", "privateCommits"),
        1,
    )
    category = {**lines, "netChange": 8, "repoCount": 1}
    summary = {
        "lastUpdatedAtPacific": "04/03/2025, 05:16:45 AM PDT",
        "totalContributions": 300,
        "totalLinesAdded": 10,
        "totalLinesRemoved": 2,
        "netLinesOfCode": 8,
        "dataComplete": True,
        "totalRepositoriesContributedTo": 1,
        "linesOfCodeByCategory": dict.fromkeys(
            ("frontend", "backend", "dataEngineer", "other"), category
        ),
    }
    return {
        f"{root}activity_data.json": {
            "trailingYearData": {
                **segment,
                "data": days,
                "allCommitsOlderThanYear": {**older, "perRepo": {}},
            },
            "cumulativeAllTimeData": {**segment, "data": []},
        },
        f"{root}github_stats_summary.json": summary,
        f"{root}github_stats_summary_all_time.json": summary,
        f"{root}aggregated_weekly_activity.json": [
            {"weekStartDate": "2026-11-15", **lines},
            {"weekStartDate": "2026-11-22", **lines},
        ],
    }


def _pictures(items: list[Json]) -> Json:
    return {
        "json/image-data/logos/manifest.json": {
            "example.com": {"cdnUrl": f"{CDN}/{LOGO}?v={VERSION}", "originalSource": "google"}
        },
        "json/image-data/opengraph/manifest.json": [
            f"{CDN}/{preview_of(it)}?v={VERSION}" for it in items
        ],
        "json/image-data/blog/manifest.json": [],
        "json/rate-limit/logo-failed-domains.json": {
            "example.net": {
                "item": "example.net",
                "attempts": 3,
                "lastAttempt": MOMENT_MS,
                "reason": "no logo",
            }
        },
        METADATA: {
            "url": PAGE,
            "finalUrl": PAGE,
            "title": "A",
            "description": None,
            "imageUrl": None,
            "siteName": None,
            "locale": None,
            "timestamp": MOMENT_MS,
            "source": "external",
        },
    }
