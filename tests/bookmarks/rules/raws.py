"""Bookmarks as the server gives them, and addresses that nobody may be given."""

from typing import Any

from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import RawBookmark

RAW: dict[str, Any] = {
    "id": "b1",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "content": {"type": "link", "url": "https://www.example.com/a"},
}

NOTE: dict[str, Any] = {**RAW, "content": {"type": "text", "text": "x"}}

HOSTILE = [
    *("javascript:alert(1)", "JaVaScRiPt://e.com/%0aalert(1)", "data:text/html,<script>"),
    *("https://", "vbscript:x", "//evil.example/x", "/relative", "/api/assets/a1", "ftp://e.com/"),
    *("e.com", "file:///etc/passwd", ""),
]


def raw(content: dict[str, Any] | None = None, **fields: Any) -> RawBookmark:
    """The bare bookmark with more content and fields."""
    whole = {**RAW, **fields}
    whole["content"] = {**RAW["content"], **(content or {})}
    return read_bookmark(whole)
