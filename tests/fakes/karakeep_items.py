"""Bookmarks in the shapes of Karakeep's API: links, notes, files, and how times and tags are written."""

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]


def iso(moment: datetime) -> str:
    """A time as the server writes it: UTC, milliseconds, Z."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def tag(name: str, attached_by: str = "ai", tag_id: str | None = None) -> Json:
    """A tag of a bookmark; its id follows from its name unless given."""
    return {"id": tag_id or f"t{name.encode().hex()[:20]}", "name": name, "attachedBy": attached_by}


def _bookmark(bookmark_id: str, created: datetime, content: Json, fields: Json) -> Json:
    return {
        "id": bookmark_id,
        "createdAt": iso(created),
        "firstCreatedAt": iso(created),
        "modifiedAt": iso(created),
        "title": None,
        "archived": False,
        "favourited": False,
        "taggingStatus": "success",
        "summarizationStatus": None,
        "embeddingStatus": None,
        "note": None,
        "summary": None,
        "source": "web",
        "userId": "u1",
        "tags": [],
        "content": content,
        "assets": [],
        **fields,
    }


def link(
    bookmark_id: str, url: str, created: datetime, content: Json | None = None, **fields: Any
) -> Json:
    """A crawled link; `content` and `fields` override what it says by default."""
    default = {
        "type": "link",
        "url": url,
        "title": f"Title of {bookmark_id}",
        "description": f"Description of {bookmark_id}.",
        "imageUrl": None,
        "imageAssetId": None,
        "screenshotAssetId": None,
        "pdfAssetId": None,
        "fullPageArchiveAssetId": None,
        "precrawledArchiveAssetId": None,
        "videoAssetId": None,
        "favicon": None,
        "htmlContent": f"<p>{bookmark_id} at length.</p>",
        "contentAssetId": None,
        "crawledAt": iso(created + timedelta(minutes=1)),
        "crawlStatus": "success",
        "author": None,
        "publisher": None,
        "datePublished": None,
        "dateModified": None,
    }
    return _bookmark(bookmark_id, created, {**default, **(content or {})}, fields)


def bare_link(bookmark_id: str, url: str, created: datetime, **fields: Any) -> Json:
    """A link that was just saved: everything optional is null, nothing is crawled or tagged."""
    content = dict.fromkeys(link(bookmark_id, url, created)["content"])
    content.update(type="link", url=url, crawlStatus="pending")
    nulls = {"modifiedAt": None, "taggingStatus": "pending", "source": None}
    return _bookmark(bookmark_id, created, content, {**nulls, **fields})


def text(
    bookmark_id: str, body: str, created: datetime, source_url: str | None = None, **fields: Any
) -> Json:
    """A note."""
    return _bookmark(
        bookmark_id, created, {"type": "text", "text": body, "sourceUrl": source_url}, fields
    )


def asset(
    bookmark_id: str, asset_id: str, created: datetime, kind: str = "pdf", **fields: Any
) -> Json:
    """An uploaded file (`kind` is pdf or image)."""
    content = {
        "type": "asset",
        "assetType": kind,
        "assetId": asset_id,
        "fileName": f"{asset_id}.{kind}",
        "sourceUrl": None,
        "size": 4711,
        "content": None,
    }
    assets = [{"id": asset_id, "assetType": "bookmarkAsset", "fileName": content["fileName"]}]
    return _bookmark(bookmark_id, created, content, {"assets": assets, **fields})
