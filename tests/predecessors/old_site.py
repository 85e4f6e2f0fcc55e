"""What the system in TypeScript left in its bucket, in its own shapes.

The shapes are those of its code of November 2025 (github.com/WilliamAGH/williamcallahan.com):
types/bookmark.ts, types/image.ts, lib/bookmarks/slug-manager.ts, lib/persistence. Nothing here
is made with the code of datafetch.
"""

import hashlib
import json
from typing import Any

from tests.fakes.pictures import photo, picture
from tests.predecessors.world import BANNER

Json = dict[str, Any]

CDN = "https://cdn.example.org"
MOMENT = "2025-08-30T10:00:00.000Z"
MOMENT_MS = 1_756_548_000_000
NO_LOGO_HOST = "gone-for-good.example.org"
"""A site that no provider knows any more; only the old system has its logo."""

MANUAL_SLUG = "chosen-by-hand"
"""A slug that no rule would make."""


def old_site(items: list[Json]) -> dict[str, bytes]:
    """The objects of production, of these items of the server's list.

    Args:
        items: bookmarks as the server's API gives them.
    """
    bookmarks = [_bookmark(item) for item in items]
    pictures = _pictures(bookmarks)
    described = {
        **_lists(bookmarks),
        **_shards(bookmarks),
        **_manifests(bookmarks),
        **_previews(bookmarks),
    }
    written = {
        key: json.dumps(value, ensure_ascii=False, indent=2) for key, value in described.items()
    }
    return {**{key: text.encode() for key, text in written.items()}, **pictures}


def _bookmark(item: Json) -> Json:
    """As its `normalize.ts` made it: relative pictures, `url: ""` for what has none."""
    content = item["content"]
    url = content.get("url") or content.get("sourceUrl") or ""
    bookmark: Json = {
        "id": item["id"],
        "url": url,
        "title": item["title"] or content.get("title") or "Untitled Bookmark",
        "description": content.get("description") or "No description available.",
        "tags": [
            {"id": tag["id"], "name": tag["name"], "slug": _tag_slug(tag["name"]), "color": "#aaa"}
            for tag in item["tags"]
        ],
        "dateBookmarked": item["createdAt"],
        "dateCreated": item["createdAt"],
        "dateUpdated": item["modifiedAt"],
        "modifiedAt": item["modifiedAt"],
        "sourceUpdatedAt": item["modifiedAt"],
        "archived": False,
        "isFavorite": False,
        "taggingStatus": "success",
        "note": None,
        "summary": None,
        "content": {
            "type": content["type"],
            "url": url,
            "title": content.get("title") or "Untitled Bookmark",
            "description": content.get("description") or "No description available.",
        },
        "assets": item["assets"],
        "domain": url.partition("://")[2].partition("/")[0],
        "slug": f"old-{item['id']}",
        "wordCount": 120,
        "readingTime": 1,
        "registryLinks": [{"type": "npm", "url": "https://www.npmjs.com/package/a"}],
    }
    if item["id"] == "p01":
        bookmark |= {"slug": MANUAL_SLUG, "ogTitle": "Kept title", "ogUrl": url}
        bookmark["logoData"] = {"url": f"{CDN}/images/logos/a.png", "alt": "A"}
    if content.get("imageAssetId"):
        bookmark["ogImage"] = f"/api/assets/{BANNER}"
    if item["id"] == "p09":
        bookmark["ogImage"] = f"{CDN}/{_preview_key(bookmark, www=True)}"
    if item["id"] == "p11":
        bookmark["ogImage"] = ""
    return bookmark


def _tag_slug(name: str) -> str:
    """As its `tagToSlug`, which keeps nothing of other scripts."""
    kept = name.replace("++", "-plus-plus").lower()
    return "-".join("".join(c if c.isascii() else "" for c in kept).split())


def _lists(bookmarks: list[Json]) -> Json:
    root = "json/bookmarks/"
    entries = {
        item["id"]: {name: item[name] for name in ("id", "slug", "url", "title")}
        for item in bookmarks
    }
    pairs = [[bookmark_id, entries[bookmark_id]["slug"]] for bookmark_id in sorted(entries)]
    made: Json = {
        f"{root}bookmarks.json": bookmarks,
        f"{root}index.json": _index(bookmarks),
        f"{root}pages/page-1.json": bookmarks,
        f"{root}slug-mapping.json": {
            "version": "1.0.0",
            "generated": MOMENT,
            "count": len(bookmarks),
            # Of the same pairs, but sorted by `localeCompare`: where ids have capitals, another one.
            "checksum": hashlib.md5(json.dumps(pairs[::-1]).encode()).hexdigest(),
            "slugs": entries,
            "reverseMap": {entry["slug"]: bookmark_id for bookmark_id, entry in entries.items()},
        },
        f"{root}heartbeat.json": {"runAt": MOMENT_MS, "success": True, "changeDetected": False},
        f"{root}refresh-lock.json": {
            "instanceId": "instance-1",
            "acquiredAt": MOMENT_MS,
            "ttlMs": 300_000,
        },
        **{f"{root}by-id/{item['id']}.json": item for item in bookmarks},
    }
    for slug in sorted({tag["slug"] for item in bookmarks for tag in item["tags"]}):
        tagged = [item for item in bookmarks if slug in [tag["slug"] for tag in item["tags"]]]
        # A tag wholly in another script had the empty slug.
        made[f"{root}tags/{slug}/index.json"] = _index(tagged)
        made[f"{root}tags/{slug}/page-1.json"] = tagged
    return made


def _index(bookmarks: list[Json]) -> Json:
    return {
        "count": len(bookmarks),
        "totalPages": 1,
        "pageSize": 24,
        "lastModified": MOMENT,
        "lastFetchedAt": MOMENT_MS,
        "lastAttemptedAt": MOMENT_MS,
        "checksum": "p01:1|p02:2",
    }


def _shards(bookmarks: list[Json]) -> Json:
    root = "json/bookmarks/slug-shards/"
    made = {
        f"{root}{item['slug'][:2]}/{item['slug']}.json": {
            name: item[name] for name in ("id", "slug", "url", "title")
        }
        for item in bookmarks
    }
    stale = {"id": "p01", "slug": "older-slug", "url": bookmarks[0]["url"], "title": "Old"}
    return {**made, f"{root}ol/older-slug.json": stale}


def _manifests(bookmarks: list[Json]) -> Json:
    return {
        "json/image-data/logos/manifest.json": {
            NO_LOGO_HOST: {
                "cdnUrl": f"{CDN}/{_logo_key(NO_LOGO_HOST, 'clearbit')}",
                "originalSource": "clearbit",
                "invertedCdnUrl": f"{CDN}/images/logos/inverted/{NO_LOGO_HOST}.png",
            },
            "github.com": {
                "cdnUrl": f"{CDN}/{_logo_key('github.com', 'ddg')}",
                "originalSource": "duckduckgo",
            },
        },
        "json/image-data/opengraph/manifest.json": [
            f"{CDN}/{_preview_key(bookmarks[8], www=True)}",
            f"{CDN}/images/opengraph/somebody-else-00000000.png",
        ],
    }


def _previews(bookmarks: list[Json]) -> Json:
    first, second = bookmarks[0]["url"], bookmarks[11]["url"]
    bare = second.partition("?")[0]
    return {
        # It hashed addresses without their query: what it kept of one page may be another's.
        f"json/opengraph/metadata/{_sha256(bare)}.json": {
            "url": first,
            "finalUrl": first,
            "title": "Kept title",
            "description": "Kept words.",
            "imageUrl": None,
            "siteName": None,
            "locale": None,
            "timestamp": MOMENT_MS,
            "source": "external",
            "urlHash": _sha256(bare),
            "ogMetadata": {"title": "Kept title"},
        },
        f"json/opengraph/overrides/{_sha256(bookmarks[2]['url'])}.json": {
            "url": bookmarks[2]["url"],
            "title": "Written by hand",
            "description": "By hand, too.",
            "imageUrl": None,
            "timestamp": MOMENT_MS,
            "source": "s3",
        },
    }


def _pictures(bookmarks: list[Json]) -> dict[str, bytes]:
    return {
        _logo_key(NO_LOGO_HOST, "clearbit"): picture("png", 128, 128, (1, 2, 3)),
        f"images/logos/inverted/{NO_LOGO_HOST}.png": picture("png", 128, 128, (3, 2, 1)),
        _logo_key("github.com", "ddg"): picture("png", 64, 64, (9, 9, 9)),
        _preview_key(bookmarks[8], www=True): photo(colour=(200, 10, 10)),
        "images/opengraph/somebody-else-00000000.png": picture("png", 600, 315, (5, 5, 5)),
        "images/other/me.png": picture("png", 64, 64, (7, 7, 7)),
    }


def _logo_key(domain: str, source: str) -> str:
    return f"images/logos/{domain.replace('.', '_')}_{source}_{_sha256(domain)[:8]}.png"


def _preview_key(bookmark: Json, *, www: bool) -> str:
    host = bookmark["url"].partition("://")[2].partition("/")[0]
    name = (host if www else host.removeprefix("www.")).replace(".", "-")
    return f"images/opengraph/{name}-{_sha256(bookmark['url'] + ':' + bookmark['id'])[:8]}.jpg"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
